// Reading versions that stand still.
#include "cluster/snapshot.h"

#include <algorithm>

#include "base/text.h"
#include "cluster/coding.h"
#include "cluster/payload.h"
#include "wire/limits.h"

namespace ngd::cluster {

void Snapshot::append_dense(size_t piece, std::vector<wire::Bytes> &payload) const {
  const PieceShape &shape = (*pieces)[piece];
  uint64_t left = shape.piece.count;
  for (const Block &block : blocks[piece]) {
    const uint64_t count = std::min(left, shape.block_elements);
    payload.push_back({block, block.get(), count * sizeof(float)});
    left -= count;
  }
}

bool Snapshot::append_table(size_t piece, std::vector<wire::Bytes> &payload) const {
  const auto rows = standing != nullptr ? standing : tables->stand(number);
  if (rows == nullptr) return false;
  rows->append_all(piece, payload);
  return true;
}

void Snapshot::keep_changes() {
  for (RowChanges &change : changes) change.keep((*pieces)[change.piece].width);
}

std::shared_ptr<const Snapshot> Snapshot::stand() const {
  auto same = std::make_shared<Snapshot>(*this);
  same->changes.clear();
  if (number == 0 || standing != nullptr) return same;
  same->standing = tables->stand(number);
  return same->standing == nullptr ? nullptr : same;
}

std::optional<ReadError> Snapshot::read(const std::vector<wire::TensorPart> &parts,
                                        const std::vector<wire::Bytes> &request,
                                        std::vector<wire::TensorPart> &answer,
                                        std::vector<wire::Bytes> &payload) const {
  PayloadReader reader(request);
  for (const wire::TensorPart &part : parts) {
    const auto found =
        std::ranges::find(*pieces, part.tensor, [](const PieceShape &one) { return one.piece.tensor; });
    if (found == pieces->end())
      return ReadError{NGD_E_NOT_FOUND, concat("the shard has nothing of tensor number ", part.tensor)};
    const size_t piece = static_cast<size_t>(found - pieces->begin());
    if (!found->table || part.all_rows) {
      if (part.rows != 0)
        return ReadError{NGD_E_ARGUMENT,
                         concat("tensor ", quoted(found->name), " is no table; it is read whole")};
      if (!found->table)
        append_dense(piece, payload);
      else if (number == 0)
        return ReadError{NGD_E_NOT_FOUND, {}, ReadError::Rows::not_shown};
      else if (!append_table(piece, payload))
        return ReadError{NGD_E_NOT_FOUND, {}, ReadError::Rows::gone_on};
      answer.push_back(part);
      continue;
    }
    const auto rows = reader.take<uint32_t>(part.rows);
    if (!rows) return ReadError{NGD_E_PROTOCOL, "the payload of a pull is shorter than its list of rows"};
    std::vector<uint32_t> own(part.rows);
    for (size_t i = 0; i < part.rows; i++) {
      const uint64_t row = rows->data()[i];
      if (row < found->first_row() || row - found->first_row() >= found->rows())
        return ReadError{NGD_E_RANGE, concat("row ", row, " of table ", quoted(found->name),
                                             " is not on this shard, which has ", found->rows(), " rows from ",
                                             found->first_row())};
      own[i] = static_cast<uint32_t>(row - found->first_row());
    }
    const wire::Buffer buffer(own.size() * found->width * sizeof(float));
    auto *to = reinterpret_cast<float *>(buffer.data());
    if (number == 0) return ReadError{NGD_E_NOT_FOUND, {}, ReadError::Rows::not_shown};
    if (standing != nullptr)
      standing->copy(piece, own, to);
    else if (!tables->copy(number, piece, own, to))
      return ReadError{NGD_E_NOT_FOUND, {}, ReadError::Rows::gone_on};
    payload.push_back(buffer.bytes());
    answer.push_back(part);
  }
  if (reader.left() != 0)
    return ReadError{NGD_E_PROTOCOL, "the payload of a pull is longer than its list of rows"};
  return std::nullopt;
}

std::shared_ptr<const Snapshot> Published::newest() const {
  const std::lock_guard lock(mutex_);
  return newest_;
}

std::shared_ptr<const Snapshot> Published::at(uint64_t version) const {
  const std::lock_guard lock(mutex_);
  if (newest_ != nullptr && newest_->version == version) return newest_;
  for (const auto &one : pinned_) {
    if (one->version == version) return one;
  }
  return nullptr;
}

std::shared_ptr<const Snapshot> Published::stand() const {
  const std::lock_guard lock(mutex_);
  return newest_ == nullptr ? nullptr : newest_->stand();
}

// Whoever reads rows meanwhile ends first; whoever comes finds the new version.
void Published::publish(std::shared_ptr<Snapshot> snapshot) {
  std::shared_ptr<const Snapshot> dying;  // freed after the lock
  const std::lock_guard lock(mutex_);
  if (snapshot->number != 0) snapshot->tables->advance(snapshot->number, snapshot->changes);
  snapshot->changes.clear();
  dying = std::move(newest_);
  newest_ = std::move(snapshot);
}

void Published::pin(uint64_t version) {
  const std::lock_guard lock(mutex_);
  if (newest_ == nullptr || newest_->version != version) return;
  if (std::ranges::find(pinned_, version, [](const auto &one) { return one->version; }) == pinned_.end())
    pinned_.push_back(newest_->stand());
}

void Published::unpin(uint64_t version) {
  const std::lock_guard lock(mutex_);
  std::erase_if(pinned_, [&](const auto &one) { return one->version == version; });
}

void Published::unpin_all() {
  const std::lock_guard lock(mutex_);
  pinned_.clear();
}

size_t Published::pins() const {
  const std::lock_guard lock(mutex_);
  return pinned_.size();
}

bool asks_for_rows(const wire::Pull &pull) {
  return std::ranges::any_of(pull.tensors,
                             [](const wire::TensorPart &part) { return part.rows != 0 || part.all_rows; });
}

std::optional<wire::Message> Published::answer(const wire::Envelope &envelope, const wire::Pull &pull,
                                               const std::vector<wire::Bytes> &payload) const {
  if (asks_for_rows(pull)) count_row_read();
  for (;;) {
    std::shared_ptr<const Snapshot> snapshot = newest();
    if (snapshot == nullptr || !snapshot->initialised || pull.lineage != snapshot->lineage) return std::nullopt;
    if (pull.version != 0) snapshot = at(pull.version);
    if (snapshot == nullptr || snapshot->version < pull.min_version) return std::nullopt;
    wire::Message message{envelope, {}, {}};
    wire::Pulled pulled;
    pulled.version = snapshot->version;
    const auto error = snapshot->read(pull.tensors, payload, pulled.tensors, message.payload);
    if (!error) {
      pulled.coding = pull.coding;
      if (pull.coding != wire::Coding::float32) message.payload = narrowed(message.payload, pull.coding);
      message.body = std::move(pulled);
      return message;
    }
    if (error->rows == ReadError::Rows::gone_on) continue;  // there is a newer one
    if (error->rows == ReadError::Rows::not_shown) return std::nullopt;
    wire::Refused refused;
    refused.status = error->status;
    refused.text = error->text;
    return wire::Message{envelope, std::move(refused), {}};
  }
}

std::optional<wire::Message> Published::answer_at_once(const wire::Envelope &envelope, const wire::Pull &pull,
                                                       const std::vector<wire::Bytes> &payload,
                                                       Time now) const {
  const Time allowed = allowed_.load(std::memory_order_acquire);
  if (now >= allowed || (pull.confirm && allowed != kNever)) return std::nullopt;
  return answer(envelope, pull, payload);
}

}  // namespace ngd::cluster
