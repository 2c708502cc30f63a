// Values and deltas, and the blocks of which versions are made.
//
// Values of a dense tensor that are set or added to become blocks of the next version at once: those that were received
// whole and may be kept are kept, the others are written once, into blocks that are used again. The optimizer's own array
// learns of them only when it is needed.
#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "cluster/parameters.h"

namespace ngd::cluster {
namespace {

// Rows are anywhere in memory: so many later ones are asked for while one is copied.
constexpr size_t kRowsAhead = 8, kLineElements = 64 / sizeof(float);
constexpr size_t kShort = size_t{16} << 10;  // a dense tensor

// What is left of a slice's values, run after run.
class RunReader {
 public:
  explicit RunReader(const std::vector<Run<float>> &runs) : runs_(runs) {}

  // The run that holds all of the next `count`, or nullptr.
  const Run<float> *whole(size_t count) {
    skip_ended();
    return runs_[index_].size() - offset_ >= count ? &runs_[index_] : nullptr;
  }
  const float *data() const { return runs_[index_].data() + offset_; }
  void skip(size_t count) { offset_ += count; }
  // Calls `use(from, count)` for each run of the next `count`.
  template <class Use>
  void take(size_t count, Use use) {
    while (count > 0) {
      skip_ended();
      const size_t here = std::min(count, runs_[index_].size() - offset_);
      use(data(), here);
      offset_ += here;
      count -= here;
    }
  }

 private:
  void skip_ended() {
    while (offset_ == runs_[index_].size()) {
      index_++;
      offset_ = 0;
    }
  }
  const std::vector<Run<float>> &runs_;
  size_t index_ = 0, offset_ = 0;
};

Snapshot::Block block_of(const std::shared_ptr<const void> &owner, const void *data) {
  return std::shared_ptr<const std::byte[]>(owner, static_cast<const std::byte *>(data));
}

}  // namespace

Parameters::Range Parameters::range(size_t piece, size_t block) const {
  const PieceShape &shape = (*pieces_)[piece];
  const uint64_t first = block * shape.block_elements;
  return {first, static_cast<size_t>(std::min(shape.block_elements, shape.piece.count - first))};
}

std::vector<Snapshot::Block> Parameters::set_or_added(wire::UpdateKind kind, const UpdatePart::Slice &slice) {
  const std::vector<Snapshot::Block> &ahead = stores_[slice.piece].ahead;
  std::vector<Snapshot::Block> blocks(ahead.size());
  const bool adds = kind == wire::UpdateKind::delta;
  RunReader reader(slice.values);
  for (size_t b = 0; b < blocks.size(); b++) {
    const auto [first, count] = range(slice.piece, b);
    if (const Run<float> *run = reader.whole(count); run != nullptr && run->keepable() && !adds) {
      blocks[b] = block_of(run->owner(), reader.data());
      reader.skip(count);
      continue;
    }
    const std::shared_ptr<std::byte> block = pool_.take(count * sizeof(float));
    auto *to = reinterpret_cast<float *>(block.get());
    const float *old =
        ahead[b] != nullptr ? reinterpret_cast<const float *>(ahead[b].get()) : values(slice.piece) + first;
    reader.take(count, [&](const float *from, size_t here) {
      if (adds) {
        for (size_t i = 0; i < here; i++) to[i] = old[i] + from[i];
      } else {
        std::memcpy(to, from, here * sizeof(float));
      }
      to += here;
      old += here;
    });
    blocks[b] = block_of(block, block.get());
  }
  return blocks;
}

void Parameters::set_or_add_rows(wire::UpdateKind kind, const UpdatePart::Slice &slice) {
  const uint64_t width = (*pieces_)[slice.piece].width;
  const float *from = slice.values.front().data();
  for (const uint32_t row : slice.rows) {
    float *to = values(slice.piece) + row * width;
    if (kind == wire::UpdateKind::delta) {
      for (size_t i = 0; i < width; i++) to[i] += from[i];
    } else {
      std::memcpy(to, from, width * sizeof(float));
    }
    from += width;
  }
}

void Parameters::bring_home() {
  for (size_t p = 0; p < stores_.size(); p++) {
    std::vector<Snapshot::Block> &ahead = stores_[p].ahead;
    for (size_t b = 0; b < ahead.size(); b++) {
      if (ahead[b] == nullptr) continue;
      const auto [first, count] = range(p, b);
      std::memcpy(values(p) + first, ahead[b].get(), count * sizeof(float));
      ahead[b] = nullptr;
    }
  }
}

void Parameters::check_wanted(const std::vector<wire::TensorPart> &tensors,
                              std::span<const uint32_t> rows) const {
  size_t left = rows.size();
  for (const wire::TensorPart &part : tensors) {
    const auto found =
        std::ranges::find(*pieces_, part.tensor, [](const PieceShape &one) { return one.piece.tensor; });
    if (found == pieces_->end()) fail(NGD_E_NOT_FOUND, "the shard has nothing of tensor number ", part.tensor);
    if (found->table != (part.rows != 0) || part.all_rows)
      fail(NGD_E_ARGUMENT, "with an update dense tensors are read whole and tables by rows, but of tensor ",
           quoted(found->name), " ", part.rows, " rows are asked for");
    if (part.rows > left) fail(NGD_E_PROTOCOL, "an update asks for more rows than it names");
    for (const uint32_t row : rows.subspan(rows.size() - left, part.rows)) {
      if (row < found->first_row() || row - found->first_row() >= found->rows())
        fail(NGD_E_RANGE, "row ", row, " of table ", quoted(found->name), " is not on this shard, which has ",
             found->rows(), " rows from ", found->first_row());
    }
    left -= part.rows;
  }
  if (left != 0) fail(NGD_E_PROTOCOL, "an update names ", left, " rows of no table");
}

size_t Parameters::bytes_beside(const wire::TensorPart &part) const {
  const auto found =
      std::ranges::find(*pieces_, part.tensor, [](const PieceShape &one) { return one.piece.tensor; });
  const size_t bytes = (found->table ? part.rows * found->width : found->piece.count) * sizeof(float);
  return found->table || bytes <= kShort ? bytes : 0;
}

void Parameters::copy_rows(uint32_t tensor, std::span<const uint32_t> rows, float *to) const {
  const auto found =
      std::ranges::find(*pieces_, tensor, [](const PieceShape &one) { return one.piece.tensor; });
  const auto piece = static_cast<size_t>(found - pieces_->begin());
  const PieceShape &shape = *found;
  const size_t width = shape.width;
  const auto a_block = static_cast<uint32_t>(shape.block_elements / width);
  const auto first = static_cast<uint32_t>(shape.first_row());
  const float *table = values(piece);
  for (size_t i = 0; i < rows.size(); i++, to += width) {
    if (i + kRowsAhead < rows.size()) {
      const float *later = table + (rows[i + kRowsAhead] - first) * width;
      for (size_t at = 0; at < width; at += kLineElements) __builtin_prefetch(later + at);
    }
    const uint32_t row = rows[i] - first;
    if (stores_[piece].exists[row / a_block] != 0)
      std::memcpy(to, table + row * width, width * sizeof(float));
    else
      fill_initial(shape.initial, shape.piece.tensor, shape.piece.first + row * width, {to, width});
  }
}

std::shared_ptr<Snapshot> Parameters::snapshot(uint64_t version, uint64_t lineage, bool initialised,
                                               bool rows) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->version = version;
  snapshot->lineage = lineage;
  snapshot->initialised = initialised;
  snapshot->pieces = pieces_;
  snapshot->tables = rows_;
  if (last_ != nullptr) snapshot->blocks = last_->blocks;
  snapshot->blocks.resize(pieces_->size());
  for (size_t p = 0; p < pieces_->size(); p++) {
    if ((*pieces_)[p].table || changed_[p] == 0) continue;
    auto &blocks = snapshot->blocks[p];
    blocks.resize((*pieces_)[p].blocks());
    for (size_t b = 0; b < blocks.size(); b++) {
      if (stores_[p].ahead[b] != nullptr) {
        blocks[b] = stores_[p].ahead[b];
        continue;
      }
      const auto [first, count] = range(p, b);
      const std::shared_ptr<std::byte> copy = pool_.take(count * sizeof(float));
      std::memcpy(copy.get(), values(p) + first, count * sizeof(float));
      blocks[b] = block_of(copy, copy.get());
    }
  }
  for (size_t p = 0; p < pieces_->size() && rows; p++) {
    if (!stores_[p].unseen.rows.empty()) snapshot->changes.push_back({p, {}, values(p), {}});
  }
  // From here on nothing can fail.
  if (rows && rows_ != nullptr) snapshot->number = ++number_;
  for (RowChanges &change : snapshot->changes) {
    Unseen &unseen = stores_[change.piece].unseen;
    change.rows.swap(unseen.rows);
    for (const uint32_t row : change.rows) unseen.listed[row] = 0;
  }
  std::ranges::fill(changed_, 0);
  last_ = snapshot;
  return snapshot;
}

void Parameters::withdraw(const Snapshot &snapshot) {
  if (snapshot.tables != rows_) return;  // of other parameters, which these have replaced
  for (const RowChanges &change : snapshot.changes) {
    Unseen &unseen = stores_[change.piece].unseen;
    for (const uint32_t row : change.rows) {
      if (unseen.listed[row] == 0) unseen.rows.push_back(row);
      unseen.listed[row] = 1;
    }
  }
}

}  // namespace ngd::cluster
