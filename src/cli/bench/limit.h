// What a step is measured against: loops that move the same bytes and do next to nothing with them.
#pragma once

#include <cstdint>

#include "bench/crew.h"
#include "bench/memory.h"

namespace cli {

constexpr size_t kMaximumStreams = 6;  // the parameters and five arrays of state

// s[i] += g[i] for each stream s: reads one gradient, reads and writes every stream. No rule that keeps so many
// arrays can move less.
void add_to_streams(const float *gradient, float *const *streams, size_t stream_count, size_t begin,
                    size_t end);

// The cheapest look at every element: the bits that any of them has. A step that refuses gradients which are not
// finite must have seen all before it changes anything.
uint32_t bits_of_all(const float *values, size_t begin, size_t end);

// w[row] += g for each listed row of each stream; `gradient` holds the listed rows one after another.
void add_to_rows(const float *gradient, float *const *streams, size_t stream_count, const uint32_t *rows,
                 size_t width, size_t begin, size_t end);

// The first two on a crew's threads, each a fixed part of the elements.
class Limit {
 public:
  Limit(size_t streams, size_t count, size_t threads);
  // With `look` the gradient is read once more beforehand.
  void step(const Floats &gradient, bool look);

 private:
  std::vector<Floats> streams_;
  Crew crew_;
  std::atomic<uint32_t> seen_ = 0;
};

}  // namespace cli
