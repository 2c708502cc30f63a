// The state of a buffer: made from options and scores, replaced whole; and what it tells of itself.
#include "icea/state.h"

#include <algorithm>
#include <shared_mutex>

#include "base/error.h"
#include "icea/snapshot.h"

namespace ngd {
namespace {

OptionSet parsed(std::string_view spec_text) {
  const SpecText spec = parse_spec(spec_text);
  if (spec.kind != "icea") fail_unknown("kind of buffer", spec.kind, {"icea"});
  OptionSet options(icea_options(), "the buffer", "icea");
  options.set_all(spec);
  return options;
}

// Whether the same samples compete, in the same order and with the same weights.
bool same_order(const IceaSettings &a, const IceaSettings &b) {
  return Weigher(a, 0) == Weigher(b, 0) && a.quarantine == b.quarantine && a.admit == b.admit &&
         a.error_min == b.error_min && a.whole_set() == b.whole_set() && a.score == b.score &&
         a.error_cap == b.error_cap;
}

void check_count(uint64_t samples) {
  if (samples > kMostSamples)
    fail(NGD_E_RANGE, "a buffer of ", samples, " samples is not possible; it holds at most ", kMostSamples);
}

}  // namespace

Icea::State::State(const OptionSet &given, uint64_t count, std::vector<ScoredSample> known)
    : options(given), settings(given), samples(count) {
  const Weigher weigher(settings, samples);
  const float largest = static_cast<float>(settings.largest_score());
  for (size_t i = 0; i < kShards; i++) {
    std::vector<ScoredSample> own(shard_size(i, samples));
    for (uint64_t id = i; id < std::min<uint64_t>(samples, known.size()); id += kShards) {
      own[id / kShards] = known[id];
      own[id / kShards].score = std::min(known[id].score, largest);
    }
    shards.push_back(std::make_unique<Shard>(settings, weigher, i, std::move(own)));
  }
}

std::vector<ScoredSample> Icea::State::all() const {
  std::vector<ScoredSample> known(samples);
  for (uint64_t id = 0; id < samples; id++) known[id] = shards[shard_of(id)]->sample(id);
  return known;
}

Icea::Icea(std::string_view spec, uint64_t samples) {
  const OptionSet options = parsed(spec);
  check_count(samples);
  state_ = std::make_unique<State>(options, samples, std::vector<ScoredSample>());
}

Icea::~Icea() = default;

OptionSet Icea::changeable_options() const {
  OptionSet options = state_->options;
  if (turns_.batches > 0) options.lock();
  return options;
}

void Icea::configure(OptionSet options) {
  const IceaSettings settings(options);
  if (same_order(settings, state_->settings)) {
    state_->options = std::move(options);
    state_->settings = settings;
  } else {
    state_ = std::make_unique<State>(options, state_->samples, state_->all());
  }
}

void Icea::set(std::string_view name, double value) {
  const std::unique_lock alone(frame_);
  OptionSet options = changeable_options();
  options.set(name, value);
  configure(std::move(options));
}

void Icea::set_text(std::string_view name, std::string_view value) {
  const std::unique_lock alone(frame_);
  OptionSet options = changeable_options();
  options.set_text(name, value);
  configure(std::move(options));
}

OptionSet Icea::options() const {
  const std::shared_lock frame(frame_);
  return state_->options;
}

void Icea::resize(uint64_t samples) {
  check_count(samples);
  const std::unique_lock alone(frame_);
  if (samples == state_->samples) return;
  state_ = std::make_unique<State>(state_->options, samples, state_->all());
  turns_.begin_pass();
}

void Icea::reset() {
  const std::unique_lock alone(frame_);
  OptionSet options = state_->options;
  options.unlock();
  state_ = std::make_unique<State>(options, state_->samples, std::vector<ScoredSample>());
  turns_ = {};
  records_ = 0;
}

// ---- what it tells

IceaInfo Icea::info() const {
  const std::shared_lock frame(frame_);
  IceaInfo info;
  info.samples = state_->samples;
  info.capacity = hard_capacity(state_->settings, state_->samples);
  info.bytes = sizeof *this + sizeof *state_;
  {
    const Snapshot snapshot(*state_, boundary_.load(std::memory_order_relaxed));
    info.hard = snapshot.hard().size();
    info.hard_mass = snapshot.mass();
    for (const std::unique_ptr<Shard> &shard : state_->shards) {
      info.seen += shard->seen();
      info.quarantined += shard->quarantined();
      info.bytes += shard->bytes();
    }
  }
  info.records = records_.load(std::memory_order_relaxed);
  const std::lock_guard turn_guard(turn_lock_);
  info.batches = turns_.batches;
  info.draws = turns_.draws;
  info.hard_draws = turns_.hard_draws;
  info.warming = !turns_.warm(state_->settings, state_->samples);
  info.plain = turns_.next(state_->settings, state_->samples) == BatchKind::plain;
  return info;
}

IceaSample Icea::sample(uint64_t id) const {
  const std::shared_lock frame(frame_);
  if (id >= state_->samples)
    fail(NGD_E_RANGE, "sample ", id, " does not exist; the buffer has ", state_->samples, " samples");
  const Snapshot snapshot(*state_, boundary_.load(std::memory_order_relaxed));
  const ScoredSample &known = snapshot.sample(id);
  return {known, snapshot.probability(id), snapshot.is_hard(id), quarantined(state_->settings, known)};
}

std::vector<uint64_t> Icea::quarantine() const {
  const std::shared_lock frame(frame_);
  const Snapshot snapshot(*state_, boundary_.load(std::memory_order_relaxed));
  std::vector<uint64_t> ids;
  for (uint64_t id = 0; id < state_->samples; id++) {
    if (quarantined(state_->settings, snapshot.sample(id))) ids.push_back(id);
  }
  return ids;
}

std::vector<uint64_t> Icea::hard_set() const {
  const std::shared_lock frame(frame_);
  const Snapshot snapshot(*state_, boundary_.load(std::memory_order_relaxed));
  const HardSet &hard = snapshot.hard();
  const Stretch all(hard.ranking(), hard.first_cut(), hard.last_cut());
  std::vector<OrderKey> keys(hard.size());
  for (size_t i = 0; i < keys.size(); i++) keys[i] = key_at(all.place_of_number(i));
  std::ranges::sort(keys);
  std::vector<uint64_t> ids(keys.size());
  std::ranges::transform(keys, ids.begin(), id_of);
  return ids;
}

}  // namespace ngd
