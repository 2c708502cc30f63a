// Reading versions that stand still.
#include "cluster/snapshot.h"

#include <algorithm>
#include <cstring>

#include "base/random.h"
#include "base/text.h"
#include "cluster/coding.h"
#include "cluster/payload.h"
#include "wire/limits.h"

namespace ngd::cluster {

void fill_initial(const wire::Initial &initial, uint32_t tensor, uint64_t first, std::span<float> values) {
  using Kind = wire::Initial::Kind;
  if (initial.kind == Kind::zero || initial.kind == Kind::constant) {
    std::ranges::fill(values, initial.kind == Kind::zero ? 0.0f : initial.scale);
    return;
  }
  // Two numbers for each element, whatever the kind, so that its place alone says which.
  Random random(initial.seed, tensor);
  random.seek(2 * first);
  for (float &value : values) {
    if (initial.kind == Kind::normal) {
      value = static_cast<float>(random.normal() * initial.scale);
    } else {
      value = static_cast<float>((2 * random.uniform() - 1) * initial.scale);
      random.seek(random.position() + 1);
    }
  }
}

void Snapshot::append_dense(size_t piece, std::vector<wire::Bytes> &payload) const {
  const PieceShape &shape = (*pieces)[piece];
  uint64_t left = shape.piece.count;
  for (size_t b = 0; b < blocks[piece].size(); b++) {
    const uint64_t count = std::min(left, shape.block_elements);
    const Block &block = blocks[piece][b];
    if (block != nullptr) {
      payload.push_back({block, block.get(), count * sizeof(float)});
    } else {
      const wire::Buffer buffer(count * sizeof(float));
      fill_initial(shape.initial, shape.piece.tensor, shape.piece.first + b * shape.block_elements,
                   {reinterpret_cast<float *>(buffer.data()), count});
      payload.push_back(buffer.bytes());
    }
    left -= count;
  }
}

void Snapshot::copy_row(size_t piece, uint64_t row, float *to) const {
  const PieceShape &shape = (*pieces)[piece];
  const uint64_t element = (row - shape.first_row()) * shape.width;
  const Block &block = blocks[piece][element / shape.block_elements];
  if (block == nullptr)
    return fill_initial(shape.initial, shape.piece.tensor, row * shape.width, {to, shape.width});
  std::memcpy(to, block.get() + element % shape.block_elements * sizeof(float), shape.width * sizeof(float));
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
      append_dense(piece, payload);
      answer.push_back(part);
      continue;
    }
    const auto rows = reader.take<uint32_t>(part.rows);
    if (!rows) return ReadError{NGD_E_PROTOCOL, "the payload of a pull is shorter than its list of rows"};
    const wire::Buffer buffer(part.rows * found->width * sizeof(float));
    for (size_t i = 0; i < part.rows; i++) {
      const uint64_t row = rows->data()[i];
      if (row < found->first_row() || row - found->first_row() >= found->rows())
        return ReadError{NGD_E_RANGE, concat("row ", row, " of table ", quoted(found->name),
                                             " is not on this shard, which has ", found->rows(), " rows from ",
                                             found->first_row())};
      copy_row(piece, row, reinterpret_cast<float *>(buffer.data()) + i * found->width);
    }
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

void Published::publish(std::shared_ptr<const Snapshot> snapshot) {
  std::shared_ptr<const Snapshot> dying;  // freed after the lock
  const std::lock_guard lock(mutex_);
  dying = std::move(newest_);
  newest_ = std::move(snapshot);
}

void Published::pin(uint64_t version) {
  const std::lock_guard lock(mutex_);
  if (newest_ == nullptr || newest_->version != version) return;
  if (std::ranges::find(pinned_, version, [](const auto &one) { return one->version; }) == pinned_.end())
    pinned_.push_back(newest_);
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

std::optional<wire::Message> Published::answer(const wire::Envelope &envelope, const wire::Pull &pull,
                                               const std::vector<wire::Bytes> &payload) const {
  std::shared_ptr<const Snapshot> snapshot;
  {
    const std::lock_guard lock(mutex_);
    snapshot = newest_;
  }
  if (snapshot == nullptr || !snapshot->initialised || pull.lineage != snapshot->lineage) return std::nullopt;
  if (pull.version != 0) snapshot = at(pull.version);
  if (snapshot == nullptr || snapshot->version < pull.min_version) return std::nullopt;
  wire::Message message{envelope, {}, {}};
  wire::Pulled pulled;
  pulled.version = snapshot->version;
  if (const auto error = snapshot->read(pull.tensors, payload, pulled.tensors, message.payload)) {
    message.payload.clear();
    wire::Refused refused;
    refused.status = error->status;
    refused.text = error->text;
    message.body = std::move(refused);
  } else {
    pulled.coding = pull.coding;
    if (pull.coding != wire::Coding::float32) message.payload = narrowed(message.payload, pull.coding);
    message.body = std::move(pulled);
  }
  return message;
}

std::optional<wire::Message> Published::answer_at_once(const wire::Envelope &envelope, const wire::Pull &pull,
                                                       const std::vector<wire::Bytes> &payload,
                                                       Time now) const {
  const Time allowed = allowed_.load(std::memory_order_acquire);
  if (now >= allowed || (pull.confirm && allowed != kNever)) return std::nullopt;
  return answer(envelope, pull, payload);
}

}  // namespace ngd::cluster
