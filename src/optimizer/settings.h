// What the common options of an optimizer say, read once and not by name in every step.
#pragma once

#include <cstdint>

#include "base/option.h"
#include "optimizer/schedule.h"

namespace ngd {

enum class NonFinite : uint8_t { skip, error, zero };
enum class Clip : uint8_t { none, value, norm, group_norm, adaptive };
enum class Average : uint8_t { none, ema, swa, lookahead };
enum class CopyFormat : uint8_t { none, bf16, f16 };
enum class StateFormat : uint8_t { same, bf16, block8 };

struct Settings {
  explicit Settings(const OptionSet &options);

  NonFinite nonfinite;
  bool loss_scale_dynamic, zero_gradient, stochastic_rounding, master;
  double loss_scale, loss_scale_factor;
  uint64_t loss_scale_interval, accumulate;
  Average average;
  double average_decay, lookahead_alpha;
  uint64_t average_start, average_interval;
  CopyFormat copy;
  StateFormat state;
  uint64_t seed;
  unsigned threads;  // 0 is resolved to the number of CPUs
};

// The options schedule and schedule_...; throws when they do not go together.
ScheduleSettings schedule_settings(const OptionSet &options);

// Clipping is a matter of a group: some tensors may stay out of it.
struct ClipSettings {
  explicit ClipSettings(const OptionSet &options);

  Clip clip;
  double threshold;
};

}  // namespace ngd
