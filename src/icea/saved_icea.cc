// Saving and loading a buffer, and handing over what is known of a range of samples.
//
// Texts:   format, spec (every option), samples, records, batches, draws, hard_draws, warm_draws, steps, pass, place
// Tensors: scores (F32), seen, errors, miss_runs (U32), each [samples]; none when there are no samples
//
// The order of the samples is not saved: it follows from the scores.
#include <algorithm>
#include <cmath>
#include <mutex>
#include <shared_mutex>

#include "base/error.h"
#include "icea/snapshot.h"
#include "icea/state.h"

namespace ngd {
namespace {

constexpr const char *kFormat = "1";

struct Counter {
  const char *name;
  uint64_t Turns::*member;
};
constexpr Counter kCounters[] = {{"batches", &Turns::batches},
                                 {"draws", &Turns::draws},
                                 {"hard_draws", &Turns::hard_draws},
                                 {"warm_draws", &Turns::warm_draws},
                                 {"steps", &Turns::steps},
                                 {"pass", &Turns::pass},
                                 {"place", &Turns::place}};

// What is wrong with a sample's numbers, or nothing.
const char *fault(const ScoredSample &sample) {
  if (std::signbit(sample.score)) return "a score below 0";
  if (sample.seen == 0 && sample.score > 0) return "a score, but was never seen";
  if (sample.errors > sample.seen) return "more wrong answers than visits";
  if (sample.miss_run > sample.errors) return "more wrong answers in a row than wrong answers";
  return nullptr;
}

}  // namespace

void Icea::save(StateWriter &writer, SavedIcea &saved) const {
  const std::unique_lock alone(frame_);
  const uint64_t samples = state_->samples;
  saved.scores.resize(samples);
  for (auto *counts : {&saved.seen, &saved.errors, &saved.miss_runs}) counts->resize(samples);
  for (uint64_t id = 0; id < samples; id++) {
    const ScoredSample &sample = state_->shard(id).sample(id);
    saved.scores[id] = sample.score;
    saved.seen[id] = sample.seen;
    saved.errors[id] = sample.errors;
    saved.miss_runs[id] = sample.miss_run;
  }
  writer.text("format", kFormat);
  writer.text("spec", state_->options.full_spec());
  writer.text("samples", std::to_string(samples));
  writer.text("records", std::to_string(records_.load()));
  for (const Counter &counter : kCounters) writer.text(counter.name, std::to_string(turns_.*counter.member));
  if (samples == 0) return;
  const Shape shape = {static_cast<int64_t>(samples)};
  writer.tensor<float>("scores", shape, saved.scores);
  writer.tensor<uint32_t>("seen", shape, saved.seen);
  writer.tensor<uint32_t>("errors", shape, saved.errors);
  writer.tensor<uint32_t>("miss_runs", shape, saved.miss_runs);
}

void Icea::load(const StateReader &reader) {
  if (reader.text("format") != kFormat)
    fail(NGD_E_CHECKPOINT, "the checkpoint's buffer is of format ", quoted(reader.text("format")),
         ", but this version of libngd reads format \"", kFormat, "\"");
  const uint64_t samples = reader.counter("samples");
  if (samples > kMostSamples)
    fail(NGD_E_CHECKPOINT, "the checkpoint's buffer has ", samples, " samples, which is too many");
  OptionSet options(icea_options(), "the buffer", "icea");
  try {
    const SpecText spec = parse_spec(reader.text("spec"));
    if (spec.kind != "icea") fail_unknown("kind of buffer", spec.kind, {"icea"});
    options.set_all(spec);
  } catch (const Error &error) {
    fail(NGD_E_CHECKPOINT, "the checkpoint's buffer cannot be made: ", error.what());
  }
  std::vector<ScoredSample> known;
  if (samples > 0) {
    const int64_t shape[] = {static_cast<int64_t>(samples)};
    const auto scores = reader.values<float>("scores", shape);
    const auto seen = reader.values<uint32_t>("seen", shape);
    const auto errors = reader.values<uint32_t>("errors", shape);
    const auto miss_runs = reader.values<uint32_t>("miss_runs", shape);
    const double largest = static_cast<double>(static_cast<float>(IceaSettings(options).largest_score()));
    known.resize(samples);
    for (size_t i = 0; i < samples; i++) {
      known[i] = {scores[i], seen[i], errors[i], miss_runs[i]};
      if (!(static_cast<double>(scores[i]) <= largest))
        fail(NGD_E_CHECKPOINT, "the checkpoint's buffer gives sample ", i, " the score ",
             static_cast<double>(scores[i]), "; with its options none is above ", largest);
      if (const char *what = fault(known[i]))
        fail(NGD_E_CHECKPOINT, "the checkpoint's buffer gives sample ", i, " ", what);
    }
  }
  Turns turns;
  for (const Counter &counter : kCounters) turns.*counter.member = reader.counter(counter.name);
  if (turns.hard_draws > turns.draws || turns.place >= std::max<uint64_t>(samples, 1))
    fail(NGD_E_CHECKPOINT, "the counters of the checkpoint's buffer do not agree with each other");
  const uint64_t records = reader.counter("records");
  auto state = std::make_unique<State>(options, samples, std::move(known));
  // Nothing can fail from here on.
  const std::unique_lock alone(frame_);
  state_ = std::move(state);
  turns_ = turns;
  records_ = records;
}

void Icea::count_in(const IceaInfo &other) {
  records_ += other.records;
  const std::scoped_lock lock(turn_lock_);
  turns_.batches += other.batches;
  turns_.draws += other.draws;
  turns_.hard_draws += other.hard_draws;
}

namespace {

void check_range(uint64_t first, size_t count, uint64_t samples) {
  if (first > samples || count > samples - first)
    fail(NGD_E_RANGE, "samples ", first, " to ", first, " + ", count, " do not all exist; the buffer has ",
         samples, " samples");
}

}  // namespace

void Icea::copy_out(uint64_t first, size_t count, const IceaArrays<float, uint32_t> &to) const {
  const std::shared_lock frame(frame_);
  check_range(first, count, state_->samples);
  const Snapshot snapshot(*state_, boundary_.load(std::memory_order_relaxed));
  for (size_t i = 0; i < count; i++) {
    const ScoredSample &sample = snapshot.sample(first + i);
    if (to.scores != nullptr) to.scores[i] = sample.score;
    if (to.seen != nullptr) to.seen[i] = sample.seen;
    if (to.errors != nullptr) to.errors[i] = sample.errors;
    if (to.miss_runs != nullptr) to.miss_runs[i] = sample.miss_run;
  }
}

void Icea::copy_in(uint64_t first, size_t count, const IceaArrays<const float, const uint32_t> &from) {
  const std::unique_lock alone(frame_);
  check_range(first, count, state_->samples);
  const float largest = static_cast<float>(state_->settings.largest_score());
  std::vector<ScoredSample> known(count);
  std::array<size_t, kShards> counts{};
  for (size_t i = 0; i < count; i++) {
    known[i] = {from.scores[i], from.seen[i], from.errors[i], from.miss_runs[i]};
    if (!std::isfinite(known[i].score))
      fail(NGD_E_NOT_FINITE, "the score of sample ", first + i, " is ", static_cast<double>(known[i].score),
           "; nothing was taken");
    if (const char *what = fault(known[i]))
      fail(NGD_E_RANGE, "sample ", first + i, " would have ", what, "; nothing was taken");
    known[i].score = std::min(known[i].score, largest);
    counts[shard_of(first + i)]++;
  }
  // A promise that is not kept only leaves room behind.
  for (size_t i = 0; i < kShards; i++) {
    state_->shards[i]->promise(counts[i]);
    state_->shards[i]->withdraw(counts[i]);
  }
  for (size_t i = 0; i < count; i++) state_->shard(first + i).put(state_->settings, first + i, known[i]);
}

}  // namespace ngd
