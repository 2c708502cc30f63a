// The random bits of stochastic rounding: a hash of the element's position, cheap enough for every element of every
// step.
//
//   (k0, k1, k2) = Philox4x32-10 of (seed, stream, position / 2^33)
//   x = counter ^ k0;         x ^= x >> 16;  x *= 0x7FEB352D
//   x ^= (x >> 15) ^ k1;      x *= 0x846CA68B;  x ^= k2
//   u = x >> (32 - bits);     v = (x ^ u) mod 2^bits
//
// One x serves two elements, 16 lanes apart: of 32 elements, number j below 16 takes u of counter
// 16 (position / 32) + j, and number 16 + j takes v. 16 lanes are the widest vector, so each target does this without
// moving anything between lanes.
//
// Shifts and multipliers are those of Wellons 2018, "Prospecting for hash functions" (lowbias32). Rounding needs bits
// that are uniform and uncorrelated with the data, not a generator for simulation: this takes 0.8 vector instructions
// an element, Philox itself 2. Under one key x is a bijection of the counter, so u and v take each value equally often
// in 2^32 counters. tests/unit/half_test.cc measures uniformity and correlation.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/random.h"

namespace ngd {

inline constexpr size_t kDitherLanes = 16;
inline constexpr uint64_t kDitherPeriod = uint64_t{1} << 33;  // positions under one key

struct DitherKey {
  uint32_t before, between, factor, after;
};

inline DitherKey dither_key(uint64_t seed, uint64_t stream, uint64_t position) {
  const auto low = [](uint64_t value) { return static_cast<uint32_t>(value); };
  const auto high = [](uint64_t value) { return static_cast<uint32_t>(value >> 32); };
  // The number in the second place keeps these apart from the blocks of Random with the same seed and stream.
  const Random::Block block = Random::philox(
      {low(position / kDitherPeriod), 0xD17E4000, low(stream), high(stream)}, {low(seed), high(seed)});
  return {block[0], block[1], 0x846CA68B, block[2]};
}

// With this key every number is one half of its range: rounding to the nearest.
inline constexpr DitherKey kNoDither = {0, 0, 0, 0x80000000};

// The counter of the first of the 32 elements to which this position belongs.
inline uint32_t dither_counter(uint64_t position) {
  return static_cast<uint32_t>(position / (2 * kDitherLanes) * kDitherLanes);
}

}  // namespace ngd
