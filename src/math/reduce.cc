// Fixed-shape sums and the finite check, written so that the compiler can use vector instructions.
#include "math/reduce.h"

#include <algorithm>
#include <bit>
#include <cstdint>

namespace ngd {
namespace {

constexpr size_t kLanes = 16;
constexpr size_t kBlock = 4096;

template <class T>
double block_sum_of_squares(const T *values, size_t count) {
  double lanes[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; lane++) {
      const double value = values[i + lane];
      lanes[lane] += value * value;
    }
  }
  for (size_t lane = 0; i < count; i++, lane++) lanes[lane] += static_cast<double>(values[i]) * values[i];
  for (size_t half = kLanes / 2; half > 0; half /= 2) {
    for (size_t lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}

template <class T>
double tree_sum_of_squares(const T *values, size_t count) {
  double sum = 0;
  for (size_t start = 0; start < count; start += kBlock)
    sum += block_sum_of_squares(values + start, std::min(kBlock, count - start));
  return sum;
}

// A number is finite when not all bits of its exponent are set; the bits do not depend on compiler flags about
// NaN.
template <class T, class Bits, Bits kExponent>
bool finite(const T *values, size_t count) {
  for (size_t start = 0; start < count; start += kBlock) {
    const size_t end = std::min(start + kBlock, count);
    Bits bad = 0;
    for (size_t i = start; i < end; i++) bad |= Bits{(std::bit_cast<Bits>(values[i]) & kExponent) == kExponent};
    if (bad != 0) return false;
  }
  return true;
}

}  // namespace

double sum_of_squares(const float *values, size_t count) {
  return tree_sum_of_squares(values, count);
}
double sum_of_squares(const double *values, size_t count) {
  return tree_sum_of_squares(values, count);
}

bool all_finite(const float *values, size_t count) {
  return finite<float, uint32_t, 0x7F800000u>(values, count);
}
bool all_finite(const double *values, size_t count) {
  return finite<double, uint64_t, 0x7FF0000000000000u>(values, count);
}

}  // namespace ngd
