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

}  // namespace ngd
