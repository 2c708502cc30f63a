// Cutting a vector into blocks, and the walk of the threads over them.
#include "optimizer/rules/blocks.h"

#include <algorithm>

namespace ngd {

void Blocks::cut(std::span<const Shape> shapes) {
  constexpr size_t kSize = 16384;
  blocks_.clear();
  for (size_t i = 0; i < shapes.size(); i++) {
    const size_t count = element_count(shapes[i]);
    for (size_t start = 0; start < count; start += kSize)
      blocks_.push_back({i, start, std::min(kSize, count - start)});
  }
  parts_.resize(blocks_.size());
}

void Blocks::share(void (*body)(void *context, const Block &block, double &part), void *context) {
  auto part = [&](unsigned thread) noexcept {
    const size_t end = blocks_.size() * (thread + 1) / team_->size();
    for (size_t b = blocks_.size() * thread / team_->size(); b < end; b++) body(context, blocks_[b], parts_[b]);
  };
  team_->run(part);
}

double Blocks::total() const {
  double sum = 0;
  for (const double part : parts_) sum += part;
  return sum;
}

}  // namespace ngd
