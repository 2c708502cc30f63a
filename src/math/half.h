// Sixteen-bit floats, and their conversion from and to float32: the same bits on every vector target.
#pragma once

#include <cstddef>
#include <cstdint>

#include "math/simd.h"

namespace ngd {

enum class Bf16 : uint16_t {};  // 1 sign, 8 exponent, 7 mantissa bits: the upper half of a float32
enum class F16 : uint16_t {};   // 1 sign, 5 exponent, 10 mantissa bits: IEEE 754 binary16

// Exact: subnormal numbers, infinities and NaN with its payload are kept.
void widen(Target target, const Bf16 *from, float *to, size_t count);
void widen(Target target, const F16 *from, float *to, size_t count);

// To the nearest, ties to even; past the largest finite number infinity; NaN stays a quiet NaN.
void narrow(Target target, const float *from, Bf16 *to, size_t count);
void narrow(Target target, const float *from, F16 *to, size_t count);

// Stochastic rounding to one of the two neighbours, with probabilities that make the expected result the number
// itself (to 2^-16 of their distance). Element i depends on its value and (seed, stream, position + i) alone.
// Infinities are kept, NaN stays a quiet NaN; a finite number past the largest of bf16 may become infinity, as
// when rounding to nearest.
void narrow_stochastic(Target target, const float *from, Bf16 *to, size_t count, uint64_t seed, uint64_t stream,
                       uint64_t position);

// State in bf16 stands in groups of kBf16Group numbers: word j of a group holds number j in its lower half and number
// 16 + j in its upper. So two vectors are unpacked and packed with two operations each. A whole group is kept for the last
// numbers too.
inline constexpr size_t kBf16Group = 32;
inline constexpr size_t bf16_place(size_t number) {
  const size_t in_group = number % kBf16Group;
  return number - in_group + (in_group < kBf16Group / 2 ? 2 * in_group : 2 * in_group - (kBf16Group - 1));
}
// Numbers `begin` and after, of a grouped array. Rounds to the nearest, ties away from 0, or at random as
// narrow_stochastic().
void widen_grouped(const Bf16 *array, size_t begin, size_t count, float *to);
void narrow_grouped(const float *from, Bf16 *array, size_t begin, size_t count);
void narrow_grouped_stochastic(Target target, const float *from, Bf16 *array, size_t begin, size_t count,
                               uint64_t seed, uint64_t stream);

}  // namespace ngd
