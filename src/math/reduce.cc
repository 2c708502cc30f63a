// Fixed-shape sums and checks of magnitudes, once per vector target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "math/reduce.cc"
#include "math/reduce.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Running sums of a block, and the elements of a block.
constexpr size_t kRunningSums = 16;
constexpr size_t kBlock = 4096;

template <class T>
HWY_INLINE double block_sum_of_squares(const T *values, size_t count) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<T, decltype(d)> from;
  constexpr size_t kLanes = hn::MaxLanes(d), kVectors = kRunningSums / kLanes;
  hn::Vec<decltype(d)> sums[kVectors];
  for (size_t v = 0; v < kVectors; v++) sums[v] = hn::Zero(d);
  size_t i = 0;
  for (; i + kRunningSums <= count; i += kRunningSums) {
    __builtin_prefetch(values + i + 512 / sizeof(T));
    // Unrolled, or the sums would go through memory.
#if defined(__GNUC__)
#pragma GCC unroll 16
#endif
    for (size_t v = 0; v < kVectors; v++) {
      hn::Vec<decltype(d)> value;
      if constexpr (std::is_same_v<T, double>)
        value = hn::LoadU(d, values + i + v * kLanes);
      else
        value = hn::PromoteTo(d, hn::LoadU(from, values + i + v * kLanes));
      sums[v] = sums[v] + value * value;
    }
  }
  double lanes[kRunningSums];
  for (size_t v = 0; v < kVectors; v++) hn::StoreU(sums[v], d, lanes + v * kLanes);
  for (size_t lane = 0; i < count; i++, lane++) lanes[lane] += static_cast<double>(values[i]) * values[i];
  for (size_t half = kRunningSums / 2; half > 0; half /= 2) {
    for (size_t lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}

template <class T>
HWY_INLINE double tree_sum_of_squares(const T *values, size_t count) {
  double sum = 0;
  for (size_t start = 0; start < count; start += kBlock)
    sum += block_sum_of_squares(values + start, std::min(kBlock, count - start));
  return sum;
}

// The bits of magnitudes, as integers, are in the order of the magnitudes, and those of NaN above all others.
template <class T>
HWY_INLINE bool magnitudes_within(const T *values, size_t count, T bound) {
  using Bits = std::conditional_t<std::is_same_v<T, float>, int32_t, int64_t>;
  constexpr Bits kMagnitude = std::numeric_limits<Bits>::max();
  const hn::ScalableTag<Bits> d;
  const auto magnitude = hn::Set(d, kMagnitude);
  const Bits *bits = reinterpret_cast<const Bits *>(values);
  constexpr size_t kLanes = hn::MaxLanes(d);
  auto largest = hn::Zero(d), largest_of_odd = hn::Zero(d);
  size_t i = 0;
  for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
    __builtin_prefetch(bits + i + 512 / sizeof(T));
    largest = hn::Max(largest, hn::And(magnitude, hn::LoadU(d, bits + i)));
    largest_of_odd = hn::Max(largest_of_odd, hn::And(magnitude, hn::LoadU(d, bits + i + kLanes)));
  }
  Bits lanes[kLanes];
  hn::StoreU(hn::Max(largest, largest_of_odd), d, lanes);
  Bits most = *std::max_element(lanes, lanes + kLanes);
  for (; i < count; i++) most = std::max<Bits>(most, std::bit_cast<Bits>(values[i]) & kMagnitude);
  return most <= std::bit_cast<Bits>(bound);
}

HWY_NOINLINE double sum_of_squares_f32(const float *values, size_t count) {
  return tree_sum_of_squares(values, count);
}
HWY_NOINLINE double sum_of_squares_f64(const double *values, size_t count) {
  return tree_sum_of_squares(values, count);
}
HWY_NOINLINE bool within_f32(const float *values, size_t count, float bound) {
  return magnitudes_within(values, count, bound);
}
HWY_NOINLINE bool within_f64(const double *values, size_t count, double bound) {
  return magnitudes_within(values, count, bound);
}

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

template <class T>
using Sum = double (*)(const T *, size_t);
template <class T>
using Within = bool (*)(const T *, size_t, T);

constexpr PerTarget<Sum<float>> kSumF32 = NGD_PER_TARGET(sum_of_squares_f32);
constexpr PerTarget<Sum<double>> kSumF64 = NGD_PER_TARGET(sum_of_squares_f64);
constexpr PerTarget<Within<float>> kWithinF32 = NGD_PER_TARGET(within_f32);
constexpr PerTarget<Within<double>> kWithinF64 = NGD_PER_TARGET(within_f64);

}  // namespace

double sum_of_squares(Target target, const float *values, size_t count) {
  return kSumF32[target](values, count);
}
double sum_of_squares(Target target, const double *values, size_t count) {
  return kSumF64[target](values, count);
}
bool all_within(Target target, const float *values, size_t count, float bound) {
  return kWithinF32[target](values, count, bound);
}
bool all_within(Target target, const double *values, size_t count, double bound) {
  return kWithinF64[target](values, count, bound);
}

double sum_of_squares(const float *values, size_t count) {
  return sum_of_squares(best_target(), values, count);
}
double sum_of_squares(const double *values, size_t count) {
  return sum_of_squares(best_target(), values, count);
}
bool all_finite(const float *values, size_t count) {
  return all_within(best_target(), values, count, std::numeric_limits<float>::max());
}
bool all_finite(const double *values, size_t count) {
  return all_within(best_target(), values, count, std::numeric_limits<double>::max());
}

}  // namespace ngd
#endif
