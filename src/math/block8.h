// Optimizer state in 8 bits an element: tiny floating-point codes, with one scale for each block of 256 elements.
//
// With s the block's scale, a power of two, E the bits of the exponent and M the three bits of the mantissa:
//
//   first     sign, 4 bits E, 3 bits M, for first moments
//     E > 0   +- (1 + M / 8) 2^(E - 15) s              from 2^-14 s to 1.875 s: 4.5 decades
//     E = 0   +- M 2^-17 s
//   second    5 bits E, 3 bits M, for second moments, which are not negative
//     E > 0   (1 + M / 8) 2^(E - 31) s                 from 2^-30 s to 1.875 s: 9.3 decades
//     E = 0   M 2^-33 s
//
// s is the least power of two for which the block's largest magnitude is at most 1.875 s, kept within 2^-93 and 2^126.
// So decoding is exact, a scale never rounds, and all decoded numbers are normal ones.
//
// Error: nearest is off by at most 1/17 of the number where E > 0 and by 2^-18 s or 2^-34 s below; stochastic takes one
// of the two neighbours (at most 1/8 of the number apart where E > 0) and is right on average.
// A second moment above zero is never coded as zero, but as 2^-33 s: a parameter whose second moment vanished while its
// first did not would be thrown far. Not finite numbers are coded as the block's largest code; the sign of a second
// moment is not looked at. Decoding never yields NaN or an infinity.
//
// Why floating point, why 5 + 3 bits, and why a moving average must be encoded stochastically stands with figures
// in docs/rationale.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include "math/simd.h"

namespace ngd {

enum class Block8 : uint8_t { first, second };
inline constexpr size_t kBlock8 = 256;  // elements of a block; the last block of an array may be shorter

// One scale per block: (count + 255) / 256 of them.
void decode(Target target, Block8 kind, const uint8_t *codes, const float *scales, float *to, size_t count);

// To the nearest code, ties away from zero. What decode gave is encoded to decode to the same again. For states that
// are set or loaded, not for those that are averaged: steps smaller than half a code's would be lost every time.
void encode_nearest(Target target, Block8 kind, const float *from, uint8_t *codes, float *scales, size_t count);

// Stochastic rounding: the code of element i depends on its block and on (seed, stream, position + i) alone.
// `position` is a multiple of 256.
void encode_stochastic(Target target, Block8 kind, const float *from, uint8_t *codes, float *scales,
                       size_t count, uint64_t seed, uint64_t stream, uint64_t position);

}  // namespace ngd
