// Locking all shards, and the chances of single samples.
#include "icea/snapshot.h"

#include <algorithm>

namespace ngd {

Icea::Snapshot::Locks Icea::Snapshot::locked(const State &state) {
  Locks locks;
  for (size_t i = 0; i < kShards; i++) locks[i] = std::shared_lock(state.shards[i]->lock());
  return locks;
}

Ranking::Trees Icea::Snapshot::trees(const State &state) {
  Ranking::Trees trees;
  for (size_t i = 0; i < kShards; i++) trees[i] = &state.shards[i]->tree();
  return trees;
}

Icea::Snapshot::Snapshot(const State &state, OrderKey guess)
    : state_(state),
      locks_(locked(state)),
      ranking_(trees(state)),
      hard_(state.settings, ranking_, state.samples, guess),
      sampler_(make_sampler(state.settings, hard_, state.samples)),
      mass_(std::min(sampler_->mass(), 1.0)),
      share_(state.settings.mode == IceaMode::mix ? state.settings.rho * mass_
             : mass_ > 0                          ? 1
                                                  : 0) {}

Icea::Snapshot::~Snapshot() = default;

bool Icea::Snapshot::is_hard(uint64_t id) const {
  return eligible(state_.settings, sample(id)) && hard_.contains(key_of(id));
}

double Icea::Snapshot::probability(uint64_t id) const {
  const double chance = is_hard(id) ? sampler_->chance(key_of(id)) : 0;
  const double drawn = mass_ > 0 ? share_ / mass_ * chance : 0;
  return (1 - share_) / static_cast<double>(state_.samples) + drawn;
}

}  // namespace ngd
