// One state of all scores: every shard locked for reading, with the hard set and its sampler.
#pragma once

#include <array>
#include <cmath>
#include <shared_mutex>

#include "icea/state.h"

namespace ngd {

class Icea::Snapshot {
 public:
  Snapshot(const State &state, OrderKey guess)
      : state_(state),
        locks_(locked(state)),
        ranking_(trees(state)),
        hard_(state.settings, ranking_, state.samples, guess),
        sampler_(make_sampler(state.settings, hard_, state.samples)),
        mass_(std::min(sampler_->mass(), 1.0)),
        share_(state.settings.mode == IceaMode::mix ? state.settings.rho * mass_
               : mass_ > 0                          ? 1
                                                    : 0) {}

  const HardSet &hard() const { return hard_; }
  const Sampler &sampler() const { return *sampler_; }
  double mass() const { return mass_; }
  double share() const { return share_; }  // of a batch, from the hard set

  const ScoredSample &sample(uint64_t id) const { return state_.shards[shard_of(id)]->sample(id); }
  bool is_hard(uint64_t id) const {
    const ScoredSample &known = sample(id);
    return eligible(state_.settings, known) && hard_.contains(key_of(id));
  }
  OrderKey key_of(uint64_t id) const { return order_key(standing(state_.settings, sample(id)), id); }

  // q = (1 - rho s) / N + rho p, and in the hard batches of mode=phase p / s.
  double probability(uint64_t id) const {
    const double chance = is_hard(id) ? sampler_->chance(key_of(id)) : 0;
    const double drawn = mass_ > 0 ? share_ / mass_ * chance : 0;
    return (1 - share_) / static_cast<double>(state_.samples) + drawn;
  }

 private:
  using Locks = std::array<std::shared_lock<SharedLock>, kShards>;
  static Locks locked(const State &state) {
    Locks locks;
    for (size_t i = 0; i < kShards; i++) locks[i] = std::shared_lock(state.shards[i]->lock());
    return locks;
  }
  static Ranking::Trees trees(const State &state) {
    Ranking::Trees trees;
    for (size_t i = 0; i < kShards; i++) trees[i] = &state.shards[i]->tree();
    return trees;
  }

  const State &state_;
  Locks locks_;
  Ranking ranking_;
  HardSet hard_;
  std::unique_ptr<Sampler> sampler_;
  double mass_, share_;
};

}  // namespace ngd
