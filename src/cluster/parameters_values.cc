// Values and deltas, and the blocks of which versions are made.
//
// Values of a dense tensor that are set or added to become blocks of the next version at once: those that were received
// whole and may be kept are kept, the others are written once, into blocks that are used again. The optimizer's own array
// learns of them only when it is needed.
#include <algorithm>
#include <cstring>

#include "cluster/parameters.h"

namespace ngd::cluster {
namespace {

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

std::shared_ptr<const Snapshot> Parameters::snapshot(uint64_t version, uint64_t lineage, bool initialised) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->version = version;
  snapshot->lineage = lineage;
  snapshot->initialised = initialised;
  snapshot->pieces = pieces_;
  if (last_ != nullptr) snapshot->blocks = last_->blocks;
  snapshot->blocks.resize(pieces_->size());
  for (size_t p = 0; p < pieces_->size(); p++) {
    auto &blocks = snapshot->blocks[p];
    blocks.resize(changed_[p].size());
    for (size_t b = 0; b < blocks.size(); b++) {
      if (changed_[p][b] == 0) continue;
      changed_[p][b] = 0;
      if (!(*pieces_)[p].table && stores_[p].ahead[b] != nullptr) {
        blocks[b] = stores_[p].ahead[b];
        continue;
      }
      const auto [first, count] = range(p, b);
      const std::shared_ptr<std::byte> copy = pool_.take(count * sizeof(float));
      std::memcpy(copy.get(), values(p) + first, count * sizeof(float));
      blocks[b] = block_of(copy, copy.get());
    }
  }
  last_ = snapshot;
  return snapshot;
}

}  // namespace ngd::cluster
