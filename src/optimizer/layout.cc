// Batches of works, and their division among threads.
#include "optimizer/layout.h"

#include <algorithm>

namespace ngd {
namespace {

// What two passes over a batch may find again in the cache, by experience with 0.5 to 2 MB of L2 for each core.
constexpr size_t kNormedBatchBytes = size_t{4} << 20;

}  // namespace

void Layout::clear() {
  works.clear();
  before.assign(1, 0);
  batches.clear();
  first_work.assign(1, 0);
  closed_ = batch_bytes_ = 0;
}

void Layout::add(uint32_t tensor, size_t begin, size_t count, size_t elements) {
  works.push_back({tensor, begin, count});
  before.push_back(before.back() + elements);
}

void Layout::close(bool normed, size_t bytes) {
  const bool fits = !normed || batch_bytes_ + bytes <= kNormedBatchBytes;
  if (batches.empty() || batches.back().normed != normed || !fits) {
    batches.push_back({closed_, closed_, normed});
    batch_bytes_ = 0;
  }
  batches.back().last = closed_ = works.size();
  first_work.push_back(closed_);
  batch_bytes_ += bytes;
}

std::span<const Work> Layout::share(size_t first, size_t last, unsigned thread, unsigned threads) const {
  const size_t total = before[last] - before[first];
  const auto boundary = [&](unsigned t) {
    if (t == threads) return last;
    const size_t elements = before[first] + total / threads * t + total % threads * t / threads;
    return static_cast<size_t>(std::lower_bound(before.begin() + static_cast<ptrdiff_t>(first),
                                                before.begin() + static_cast<ptrdiff_t>(last), elements) -
                               before.begin());
  };
  const size_t begin = boundary(thread), end = boundary(thread + 1);
  return std::span(works).subspan(begin, end - begin);
}

}  // namespace ngd
