// The order of the hard set as whole numbers, and the weight that a place in it has.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "icea/settings.h"

namespace ngd {

// Rising keys are falling scores, and of equal scores rising numbers. The bits of floats that are not negative rise
// with them.
using OrderKey = uint64_t;

inline OrderKey order_key(float score, uint64_t id) {
  return uint64_t{~std::bit_cast<uint32_t>(score)} << 32 | id;
}
inline float score_of(OrderKey key) {
  return std::bit_cast<float>(~static_cast<uint32_t>(key >> 32));
}
inline uint64_t id_of(OrderKey key) {
  return key & 0xFFFFFFFF;
}

// weight = 2^bits ((E + error_min) / (largest E + error_min))^exponent, as a whole number of at least 1.
//
// Sums of whole numbers are exact: they do not drift, do not depend on the order in which samples came, and a buffer
// that is built anew from its scores draws the very same. 2^bits N stays below 2^63, and bits below 53.
class Weigher {
 public:
  Weigher(const IceaSettings &settings, uint64_t samples)
      : minimum_(settings.error_min),
        factor_(1 / (settings.largest_score() + settings.error_min)),
        exponent_(settings.exponent),
        scale_(std::ldexp(1.0, std::min(52, 62 - static_cast<int>(std::bit_width(samples))))) {}

  uint64_t of_score(float score) const {
    double power = std::min((static_cast<double>(score) + minimum_) * factor_, 1.0);
    if (exponent_ != 1) power = std::pow(power, exponent_);
    return static_cast<uint64_t>(std::max(static_cast<int64_t>(power * scale_), int64_t{1}));
  }
  uint64_t operator()(OrderKey key) const { return of_score(score_of(key)); }

  friend bool operator==(const Weigher &, const Weigher &) = default;

 private:
  double minimum_, factor_, exponent_, scale_;
};

}  // namespace ngd
