// One state of all scores: every shard locked for reading, with the hard set and its sampler.
#pragma once

#include <array>
#include <shared_mutex>

#include "icea/state.h"

namespace ngd {

class Icea::Snapshot {
 public:
  Snapshot(const State &state, OrderKey guess);
  ~Snapshot();

  const HardSet &hard() const { return hard_; }
  const Sampler &sampler() const { return *sampler_; }
  double mass() const { return mass_; }
  double share() const { return share_; }  // of a batch, from the hard set

  const ScoredSample &sample(uint64_t id) const { return state_.shards[shard_of(id)]->sample(id); }
  bool is_hard(uint64_t id) const;
  // q = (1 - rho s) / N + rho p, and in the hard batches of mode=phase p / s.
  double probability(uint64_t id) const;

 private:
  using Locks = std::array<std::shared_lock<SharedLock>, kShards>;
  static Locks locked(const State &state);
  static Ranking::Trees trees(const State &state);
  OrderKey key_of(uint64_t id) const { return order_key(standing(state_.settings, sample(id)), id); }

  const State &state_;
  Locks locks_;
  Ranking ranking_;
  HardSet hard_;
  std::unique_ptr<Sampler> sampler_;
  double mass_, share_;
};

}  // namespace ngd
