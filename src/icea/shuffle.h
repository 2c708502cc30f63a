// A shuffled pass without a list of it: a permutation of 0 to N - 1 that is computed place by place.
//
// A Feistel network over the smallest square that holds N, and cycle walking: what falls outside is permuted again,
// until it falls inside (Black and Rogaway 2002, "Ciphers with arbitrary finite domains"). A list of ten million places
// would take more memory than a third of all scores.
#pragma once

#include <bit>
#include <cstdint>

namespace ngd {

class Shuffle {
 public:
  Shuffle(uint64_t count, uint64_t seed, uint64_t pass)
      : count_(count), half_bits_(static_cast<uint32_t>(std::bit_width(count - (count > 0)) + 1) / 2) {
    if (half_bits_ == 0) half_bits_ = 1;
    mask_ = (uint64_t{1} << half_bits_) - 1;
    key_ = mixed(seed ^ mixed(pass));
  }

  // The sample at a place below the count.
  uint64_t operator[](uint64_t place) const {
    do place = permuted(place);
    while (place >= count_);
    return place;
  }

 private:
  static constexpr uint32_t kRounds = 8;

  // The finalizer of splitmix64: Steele, Lea and Flood 2014.
  static uint64_t mixed(uint64_t value) {
    value += 0x9E3779B97F4A7C15;
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
    value = (value ^ value >> 27) * 0x94D049BB133111EB;
    return value ^ value >> 31;
  }
  uint64_t permuted(uint64_t value) const {
    uint64_t left = value >> half_bits_, right = value & mask_;
    for (uint32_t round = 0; round < kRounds; round++) {
      const uint64_t next = left ^ (mixed(key_ + (right << 8 | round)) & mask_);
      left = right;
      right = next;
    }
    return left << half_bits_ | right;
  }

  uint64_t count_;
  uint32_t half_bits_;
  uint64_t mask_, key_;
};

}  // namespace ngd
