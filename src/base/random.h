// Counter-based random numbers: Philox4x32-10, so that number n of stream s is a pure function of (seed, s, n).
//
// Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3". Nothing depends on threads or on the order
// in which streams are used, and the whole state of a generator is one counter.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace ngd {

class Random {
 public:
  using Block = std::array<uint32_t, 4>;
  // The function of the paper: ten rounds over a counter under a key.
  static Block philox(Block counter, std::array<uint32_t, 2> key) {
    for (int round = 0; round < 10; round++) {
      const uint64_t a = uint64_t{0xD2511F53} * counter[0];
      const uint64_t b = uint64_t{0xCD9E8D57} * counter[2];
      counter = {high(b) ^ counter[1] ^ key[0], low(b), high(a) ^ counter[3] ^ key[1], low(a)};
      key[0] += 0x9E3779B9;
      key[1] += 0xBB67AE85;
    }
    return counter;
  }

  Random(uint64_t seed, uint64_t stream) : key_{low(seed), high(seed)}, stream_(stream) {}

  // Sets the position: the next number drawn is number `position` of the stream, in units of 64 bits.
  void seek(uint64_t position) { position_ = position; }
  uint64_t position() const { return position_; }

  uint64_t next() {
    const uint64_t block = position_ / 2;
    if (block != block_index_) {
      block_ = philox({low(block), high(block), low(stream_), high(stream_)}, key_);
      block_index_ = block;
    }
    const size_t half = 2 * (position_++ % 2);
    return uint64_t{block_[half]} | uint64_t{block_[half + 1]} << 32;
  }
  // Uniform in [0, 1) with 53 bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  // Uniform whole number in [0, bound) without bias: Lemire 2019, "Fast random integer generation in an
  // interval".
  uint64_t below(uint64_t bound) {
    unsigned __int128 product = static_cast<unsigned __int128>(next()) * bound;
    if (static_cast<uint64_t>(product) < bound) {
      const uint64_t threshold = (0 - bound) % bound;
      while (static_cast<uint64_t>(product) < threshold)
        product = static_cast<unsigned __int128>(next()) * bound;
    }
    return static_cast<uint64_t>(product >> 64);
  }
  // Standard normal by Box and Muller 1958; takes exactly two uniforms, so positions stay predictable.
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  static uint32_t low(uint64_t value) { return static_cast<uint32_t>(value); }
  static uint32_t high(uint64_t value) { return static_cast<uint32_t>(value >> 32); }

  std::array<uint32_t, 2> key_;
  uint64_t stream_;
  uint64_t position_ = 0;
  uint64_t block_index_ = ~uint64_t{0};
  Block block_{};
};

}  // namespace ngd
