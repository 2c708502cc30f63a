// Loops that the compiler turns into vector code, and the choice of the largest numbers.
#include "cluster/compress_loops.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>

namespace ngd::cluster {
namespace {

constexpr float kMost = std::numeric_limits<float>::max();

uint32_t magnitude(float value) {
  return std::bit_cast<uint32_t>(value) & 0x7FFFFFFF;
}

bool any_above(const float *values, size_t count, uint32_t bits) {
  int any = 0;
  for (size_t i = 0; i < count; i++)
    any |= static_cast<int32_t>(magnitude(values[i])) > static_cast<int32_t>(bits);
  return any != 0;
}

}  // namespace

void add_bounded(const float *__restrict a, const float *__restrict b, float *__restrict to, size_t count) {
  for (size_t i = 0; i < count; i++) to[i] = std::max(-kMost, std::min(kMost, a[i] + b[i]));
}
void subtract(const float *__restrict a, const float *__restrict b, float *__restrict to, size_t count) {
  for (size_t i = 0; i < count; i++) to[i] = a[i] - b[i];
}
// r += read - pushed
void take_back(float *residual, const float *read, const float *pushed, size_t count) {
  for (size_t i = 0; i < count; i++) residual[i] += (read == nullptr ? 0 : read[i]) - pushed[i];
}

void saturate(uint16_t *numbers, size_t count, uint16_t infinity) {
  for (size_t i = 0; i < count; i++)
    numbers[i] = static_cast<uint16_t>(numbers[i] - ((numbers[i] & 0x7FFF) == infinity));
}

void largest_places(const float *values, size_t size, size_t count, std::vector<uint64_t> &places) {
  constexpr unsigned kShift = 19;  // what is left are the exponent and 4 bits of the mantissa
  constexpr size_t kRun = 64;
  std::vector<uint32_t> histogram(size_t{1} << (31 - kShift));
  for (size_t i = 0; i < size; i++) histogram[magnitude(values[i]) >> kShift]++;
  places.clear();
  size_t bin = histogram.size(), above = 0;
  while (bin > 0 && above < count) above += histogram[--bin];
  // Candidates: all of the bins from there up, but zeros.
  const uint32_t below = bin == 0 ? 0 : (static_cast<uint32_t>(bin) << kShift) - 1;
  for (size_t first = 0; first < size; first += kRun) {
    const size_t run = std::min(kRun, size - first);
    if (!any_above(values + first, run, below)) continue;
    for (size_t i = first; i < first + run; i++) {
      if (magnitude(values[i]) > below) places.push_back(i);
    }
  }
  if (places.size() <= count) return;
  std::vector<uint32_t> magnitudes(places.size());
  std::ranges::transform(places, magnitudes.begin(), [&](uint64_t place) { return magnitude(values[place]); });
  const auto last = magnitudes.begin() + static_cast<ptrdiff_t>(count) - 1;
  std::nth_element(magnitudes.begin(), last, magnitudes.end(), std::greater());
  const uint32_t least = *last;
  size_t equal = static_cast<size_t>(std::count(magnitudes.begin(), last + 1, least));
  std::erase_if(places, [&](uint64_t place) {
    const uint32_t size_there = magnitude(values[place]);
    if (size_there != least) return size_there < least;
    return equal == 0 || equal-- == 0;
  });
}

}  // namespace ngd::cluster
