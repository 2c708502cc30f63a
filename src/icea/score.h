// Scoring: what one visit does to what is known of a sample, and who may be in the hard set.
//
//   e = min(max(l, 0), error_cap) | 1 - c      E <- gamma E + e
//   seen += 1     errors += 1 - c              miss_run <- c ? 0 : miss_run + 1
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "icea/settings.h"

namespace ngd {

// 16 bytes, so that a visit touches one line of the cache. The counts stop at their largest value.
struct ScoredSample {
  float score = 0;
  uint32_t seen = 0, errors = 0, miss_run = 0;
};
static_assert(sizeof(ScoredSample) == 16);

inline void count_up(uint32_t &count) {
  if (count != std::numeric_limits<uint32_t>::max()) count++;
}

inline void visit(const IceaSettings &settings, float loss, bool correct, ScoredSample &sample) {
  const double error = settings.score == IceaScore::miss
                           ? (correct ? 0.0 : 1.0)
                           : std::min(std::max(static_cast<double>(loss), 0.0), settings.error_cap);
  const double score = settings.gamma * static_cast<double>(sample.score) + error;
  sample.score = static_cast<float>(std::min(score, settings.largest_score()));
  count_up(sample.seen);
  if (correct) {
    sample.miss_run = 0;
  } else {
    count_up(sample.errors);
    count_up(sample.miss_run);
  }
}

inline bool quarantined(const IceaSettings &settings, const ScoredSample &sample) {
  return settings.quarantine != 0 && sample.miss_run >= settings.quarantine;
}

// Whether the sample competes for the hard set.
inline bool eligible(const IceaSettings &settings, const ScoredSample &sample) {
  if (quarantined(settings, sample)) return false;
  if (settings.whole_set()) return true;
  return sample.seen != 0 && static_cast<double>(sample.score) > settings.error_min &&
         sample.errors >= settings.admit;
}

// The score that it competes with: of the whole set, samples never seen count as the worst visit there is.
inline float standing(const IceaSettings &settings, const ScoredSample &sample) {
  if (sample.seen != 0 || !settings.whole_set()) return sample.score;
  return static_cast<float>(settings.score == IceaScore::miss ? 1 : settings.error_cap);
}

}  // namespace ngd
