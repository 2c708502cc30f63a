// Whose turn it is: which batches are plain passes, which draw from the hard set, and where the random numbers stand.
#pragma once

#include <cstdint>

#include "icea/settings.h"

namespace ngd {

enum class BatchKind { plain, mixed, hard };

// One batch, as it was decided when its turn came.
struct Turn {
  uint64_t batch = 0;  // its number: that of its stream of random numbers
  BatchKind kind = BatchKind::plain;
  uint64_t pass = 0, place = 0;  // plain: where in which shuffled pass it begins
};

// All counters of a buffer that a batch moves. Guarded by its owner.
struct Turns {
  uint64_t batches = 0;     // drawn
  uint64_t draws = 0;       // slots drawn
  uint64_t hard_draws = 0;  // of them, from the hard set
  uint64_t warm_draws = 0;  // of the warm-up
  uint64_t steps = 0;       // batches since the warm-up, that mode=phase counts by
  uint64_t pass = 0;        // shuffled passes begun before the one at hand
  uint64_t place = 0;       // places taken of the one at hand

  bool warm(const IceaSettings &settings, uint64_t samples) const {
    return static_cast<double>(warm_draws) >= settings.warmup * static_cast<double>(samples);
  }

  BatchKind next(const IceaSettings &settings, uint64_t samples) const {
    if (!warm(settings, samples)) return BatchKind::plain;
    if (settings.mode == IceaMode::mix) return BatchKind::mixed;
    return steps % (settings.plain_steps + settings.hard_steps) < settings.plain_steps ? BatchKind::plain
                                                                                       : BatchKind::hard;
  }

  Turn take(const IceaSettings &settings, uint64_t samples, uint64_t slots) {
    const Turn turn = {batches, next(settings, samples), pass, place};
    if (warm(settings, samples))
      steps++;
    else
      warm_draws += slots;
    if (turn.kind == BatchKind::plain) {
      pass += (place + slots) / samples;
      place = (place + slots) % samples;
    }
    batches++;
    draws += slots;
    return turn;
  }

  // The number of samples has changed: the pass at hand begins anew, as another one.
  void begin_pass() {
    pass++;
    place = 0;
  }
};

}  // namespace ngd
