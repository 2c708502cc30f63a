// Random numbers of a simulation: one seed, one sequence.
#pragma once

#include <cstdint>

#include "cluster/environment.h"

namespace simulation {

// SplitMix64 (Steele, Lea, Flood 2014).
class Seeded : public ngd::cluster::Rng {
 public:
  explicit Seeded(uint64_t seed) : state_(seed) {}
  uint64_t next() override {
    uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
  }
  uint64_t below(uint64_t bound) { return next() % bound; }
  uint64_t between(uint64_t low, uint64_t high) { return low + below(high - low + 1); }
  bool chance(double probability) { return static_cast<double>(next() >> 11) * 0x1p-53 < probability; }

 private:
  uint64_t state_;
};

}  // namespace simulation
