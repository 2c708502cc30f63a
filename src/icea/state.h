// What a buffer is at a time: its options, and the shards made for them.
#pragma once

#include <memory>
#include <vector>

#include "icea/icea.h"

namespace ngd {

inline constexpr uint64_t kMostSamples = 0xFFFFFFFF;  // numbers are the lower half of a key

struct Icea::State {
  // Shards for samples of which `known` (at most so many, in order) have been seen.
  State(const OptionSet &options, uint64_t samples, std::vector<ScoredSample> known);

  Shard &shard(uint64_t id) { return *shards[shard_of(id)]; }
  std::vector<ScoredSample> all() const;  // in order

  OptionSet options;
  IceaSettings settings;
  uint64_t samples;
  std::vector<std::unique_ptr<Shard>> shards;
};

}  // namespace ngd
