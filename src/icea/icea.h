// Incremental error accumulation: scores of samples, and batches that come back to what is hard.
//
// Made of: score.h (what a visit does), shard.h (samples and their order), remover.h (who stays in the hard set),
// sampler.h (who of it comes next), turns.h (when).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/option.h"
#include "base/state.h"
#include "icea/sampler.h"
#include "icea/shard.h"
#include "icea/turns.h"

namespace ngd {

struct IceaInfo {
  uint64_t samples = 0, seen = 0, hard = 0, capacity = 0, quarantined = 0, records = 0, batches = 0, draws = 0,
           hard_draws = 0, bytes = 0;
  double hard_mass = 0;
  bool plain = false, warming = false;
};

struct IceaSample {
  ScoredSample sample;
  double probability = 0;
  bool hard = false, quarantined = false;
};

// What is known of samples that follow each other, for another buffer: one number a sample in each array.
template <class Score, class Count>
struct IceaArrays {
  Score *scores;
  Count *seen, *errors, *miss_runs;
};

// What a buffer's state was at one moment, to be written: the writer's views are of its arrays.
struct SavedIcea {
  std::vector<float> scores;
  std::vector<uint32_t> seen, errors, miss_runs;
};

// All functions may be called by several threads at once.
class Icea {
 public:
  Icea(std::string_view spec, uint64_t samples);
  ~Icea();

  void set(std::string_view name, double value);
  void set_text(std::string_view name, std::string_view value);
  OptionSet options() const;

  void resize(uint64_t samples);
  void reset();
  // `losses` may be null with score=miss, `correct` with score=loss.
  void record(std::span<const uint64_t> ids, const float *losses, const int32_t *correct);
  // `weights` may be null.
  void draw(std::span<uint64_t> ids, float *weights);

  IceaInfo info() const;
  IceaSample sample(uint64_t id) const;
  std::vector<uint64_t> quarantine() const;
  std::vector<uint64_t> hard_set() const;
  // Samples `first` to `first + count - 1`. Arrays that are null are left out.
  void copy_out(uint64_t first, size_t count, const IceaArrays<float, uint32_t> &to) const;
  void copy_in(uint64_t first, size_t count, const IceaArrays<const float, const uint32_t> &from);

  // Takes what others have counted: visits, and draws.
  void count_in(const IceaInfo &other);

  void save(StateWriter &writer, SavedIcea &saved) const;  // `saved` must outlive the writer
  void load(const StateReader &reader);

 private:
  struct State;  // state.h: options and shards, which are replaced whole
  class Snapshot;

  OptionSet changeable_options() const;
  void configure(OptionSet options);  // with frame_ held alone, as the one above
  void draw_plain(const Turn &turn, std::span<uint64_t> ids) const;
  uint64_t draw_mixed(const Turn &turn, const Snapshot &snapshot, std::span<uint64_t> ids,
                      std::span<OrderKey> keys) const;

  mutable SharedLock frame_;  // alone: whoever replaces the state
  std::unique_ptr<State> state_;
  mutable std::mutex turn_lock_;
  Turns turns_;
  std::atomic<uint64_t> records_{0};
  mutable std::atomic<OrderKey> boundary_{
      0};  // where the hard set ended last: a guess, which no result depends on
};

}  // namespace ngd
