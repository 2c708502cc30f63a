// Removers: which of the samples that compete stay in the hard set when there are more than it may hold.
//
// Samples are ranked by falling score, so what stays is a window of ranks. Nothing is moved when a score changes: the
// window slides.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "icea/settings.h"

namespace ngd {

// K = ceil(cap N). What a product misses by rounding, such as 0.1 * 30 = 3.0000000000000004, is no further place.
inline uint64_t hard_capacity(const IceaSettings &settings, uint64_t samples) {
  if (settings.remover == IceaRemover::none) return samples;
  const double exact = settings.cap * static_cast<double>(samples);
  return std::min(samples, static_cast<uint64_t>(std::ceil(exact * (1 - 1e-12))));
}

struct RankWindow {
  uint64_t first = 0, last = 0;  // ranks first to last - 1
};

inline RankWindow kept_ranks(const IceaSettings &settings, uint64_t competing, uint64_t samples) {
  const uint64_t kept = std::min(competing, hard_capacity(settings, samples));
  if (settings.remover == IceaRemover::most) return {competing - kept, competing};
  return {0, kept};
}

}  // namespace ngd
