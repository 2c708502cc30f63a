// The buffer at work: recording and drawing.
#include "icea/icea.h"

#include <algorithm>
#include <cmath>
#include <shared_mutex>

#include "base/error.h"
#include "icea/shuffle.h"
#include "icea/snapshot.h"

namespace ngd {
namespace {

// Streams of random numbers that nothing else with the same seed uses.
constexpr uint64_t kDrawStream = uint64_t{3} << 62;

}  // namespace

// ---- recording

void Icea::record(std::span<const uint64_t> ids, const float *losses, const int32_t *correct) {
  const std::shared_lock frame(frame_);
  const IceaSettings &settings = state_->settings;
  if (ids.empty()) return;
  if (settings.score == IceaScore::loss && losses == nullptr)
    fail(NGD_E_ARGUMENT, "argument \"losses\" is NULL, but may not be with score=loss");
  if (settings.score == IceaScore::miss && correct == nullptr)
    fail(NGD_E_ARGUMENT, "argument \"correct\" is NULL, but may not be with score=miss");
  std::array<size_t, kShards + 1> begin{};
  for (size_t i = 0; i < ids.size(); i++) {
    if (ids[i] >= state_->samples)
      fail(NGD_E_RANGE, "sample ", ids[i], " (number ", i, " of the batch) does not exist; the buffer has ",
           state_->samples, " samples; nothing of the batch was recorded");
    if (losses != nullptr && !std::isfinite(losses[i]))
      fail(NGD_E_NOT_FINITE, "the loss of sample ", ids[i], " (number ", i, " of the batch) is ",
           static_cast<double>(losses[i]), "; nothing of the batch was recorded");
    begin[shard_of(ids[i]) + 1]++;
  }
  for (size_t i = 0; i < kShards; i++) begin[i + 1] += begin[i];

  // By shards, in the order given.
  std::vector<Visit> visits(ids.size());
  std::array<size_t, kShards> end;
  std::copy_n(begin.begin(), kShards, end.begin());
  for (size_t i = 0; i < ids.size(); i++) {
    state_->shard(ids[i]).prefetch(ids[i]);
    visits[end[shard_of(ids[i])]++] = {ids[i], losses != nullptr ? losses[i] : 0,
                                       correct == nullptr || correct[i] != 0};
  }
  size_t promised = 0;
  try {
    for (; promised < kShards; promised++) {
      const std::unique_lock lock(state_->shards[promised]->lock());
      state_->shards[promised]->promise(end[promised] - begin[promised]);
    }
  } catch (...) {
    while (promised-- > 0) {
      const std::unique_lock lock(state_->shards[promised]->lock());
      state_->shards[promised]->withdraw(end[promised] - begin[promised]);
    }
    throw;
  }
  // From here on nothing can fail. Threads begin with different shards.
  const size_t first = shard_of(ids[0]);
  for (size_t i = 0; i < kShards; i++) {
    const size_t which = (first + i) % kShards;
    const std::span<const Visit> own = std::span(visits).subspan(begin[which], end[which] - begin[which]);
    Shard &shard = *state_->shards[which];
    const std::unique_lock lock(shard.lock());
    shard.withdraw(own.size());
    shard.record(settings, own);
  }
  records_.fetch_add(ids.size(), std::memory_order_relaxed);
}

// ---- drawing

void Icea::draw(std::span<uint64_t> ids, float *weights) {
  const std::shared_lock frame(frame_);
  const State &state = *state_;
  if (ids.empty()) fail(NGD_E_ARGUMENT, "argument \"count\" is 0; draw at least 1 sample");
  if (state.samples == 0)
    fail(NGD_E_STATE, "there are no samples to draw; give the buffer some with ngd_icea_resize");
  const auto take_turn = [&] { return turns_.take(state.settings, state.samples, ids.size()); };
  {
    const std::lock_guard turn_guard(turn_lock_);
    if (turns_.next(state.settings, state.samples) == BatchKind::plain) {
      draw_plain(take_turn(), ids);
      if (weights != nullptr) std::fill_n(weights, ids.size(), 1.0f);
      return;
    }
  }
  // Memory first: once the turn is taken nothing may fail.
  std::vector<OrderKey> keys(ids.size());
  const Snapshot snapshot(state, boundary_.load(std::memory_order_relaxed));
  boundary_.store(snapshot.hard().boundary(), std::memory_order_relaxed);
  Turn turn;
  {
    const std::lock_guard turn_guard(turn_lock_);
    turn = take_turn();
  }
  if (turn.kind == BatchKind::plain) {  // another thread was faster
    draw_plain(turn, ids);
    if (weights != nullptr) std::fill_n(weights, ids.size(), 1.0f);
    return;
  }
  const uint64_t hard_draws = draw_mixed(turn, snapshot, ids, keys);
  if (weights != nullptr) {
    const double samples = static_cast<double>(state.samples), beta = state.settings.beta;
    for (size_t i = 0; i < ids.size(); i++)
      weights[i] =
          beta == 0 ? 1.0f : static_cast<float>(std::pow(samples * snapshot.probability(ids[i]), -beta));
  }
  const std::lock_guard turn_guard(turn_lock_);
  turns_.hard_draws += hard_draws;
}

void Icea::draw_plain(const Turn &turn, std::span<uint64_t> ids) const {
  uint64_t pass = turn.pass, place = turn.place;
  Shuffle shuffle(state_->samples, state_->settings.seed, pass);
  for (uint64_t &id : ids) {
    id = shuffle[place++];
    if (place == state_->samples) {
      place = 0;
      shuffle = Shuffle(state_->samples, state_->settings.seed, ++pass);
    }
  }
}

// Returns how many slots came from the hard set.
uint64_t Icea::draw_mixed(const Turn &turn, const Snapshot &snapshot, std::span<uint64_t> ids,
                          std::span<OrderKey> keys) const {
  constexpr uint64_t kHard = ~uint64_t{0};
  Random random(state_->settings.seed, kDrawStream + turn.batch);
  size_t hard = 0;
  for (uint64_t &id : ids) {
    const bool from_hard = random.uniform() < snapshot.share();
    id = from_hard ? kHard : random.below(state_->samples);
    hard += from_hard;
  }
  if (hard > 0) snapshot.sampler().draw(random, keys.first(hard));
  size_t next = 0;
  for (uint64_t &id : ids) {
    if (id == kHard) id = id_of(keys[next++]);
  }
  return hard;
}

}  // namespace ngd
