// A buffer's options in the form that a visit or a draw can read at once.
#pragma once

#include <cstdint>
#include <span>

#include "base/option.h"

namespace ngd {

enum class IceaMode { mix, phase };
enum class IceaScore { loss, miss };
enum class IceaSampler { proportional, uniform, rank, top_k, selective_backprop, prioritized };
enum class IceaRemover { least, most, none };

struct IceaSettings {
  explicit IceaSettings(const OptionSet &options);

  IceaMode mode;
  IceaScore score;
  IceaSampler sampler;
  IceaRemover remover;
  double rho, cap, boost, beta;
  double gamma, error_cap, error_min, exponent;
  double warmup, pressure, power;
  uint64_t admit, quarantine, plain_steps, hard_steps, top, seed;

  // The largest score there can be: the sum of gamma^t e for the largest e.
  double largest_score() const { return (score == IceaScore::miss ? 1 : error_cap) / (1 - gamma); }
  // Whether the hard set is taken from all samples, seen or not, learned or not.
  bool whole_set() const { return sampler == IceaSampler::prioritized; }
};

std::span<const OptionSpec> icea_options();

}  // namespace ngd
