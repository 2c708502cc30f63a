// A worker's part in a training on servers: it claims partitions of the data, computes gradients on the newest parameters
// and sends them, until every partition has had all its epochs.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "distributed/link.h"
#include "distributed/note.h"
#include "distributed/shares.h"
#include "optimizer/live_options.h"
#include "train/training_run.h"

namespace ngd::distributed {

class Worker final : public TrainingRun {
 public:
  Worker(Connection connection, const RunInputs &inputs);

  void begin(const std::atomic<bool> &cancelled) override;
  bool advance(uint64_t steps, const std::atomic<bool> &cancelled) override;
  const std::shared_ptr<Icea> &icea() const override { return icea_; }
  void note_failure(const Error &) noexcept override {}

 private:
  using Clock = std::chrono::steady_clock;
  struct Part {
    Claimed claim;       // its offset: steps that have happened
    uint64_t begun = 0;  // and those that were begun
    std::shared_ptr<Icea> icea;
    Note note;
    Clock::time_point stored;
  };
  // What a step has of one partition.
  struct Piece {
    Part *part = nullptr;
    std::vector<uint64_t> ids;    // of its buffer
    uint64_t at = 0;              // which step of the partition
    size_t first = 0, count = 0;  // of the step's rows
  };
  struct Step {
    std::vector<Piece> pieces;
    std::vector<uint64_t> rows;  // of the data
    std::vector<float> weights, losses;
    std::vector<int32_t> correct;
    double divisor = 0;
  };
  // An update on its way, and a step whose parameters are on theirs: with the answer to an update, or on their own.
  struct Flight {
    std::vector<Step> steps;
    std::vector<Note> notes;
    cluster::Ticket ticket = 0;
    uint64_t version = 0;
  };
  struct Ahead {
    Step step;
    cluster::Ticket ticket = 0;
    bool with_update = false;
  };
  // Of rounds: what the next one reads came with the answer to the last.
  struct NextRound {
    std::vector<uint64_t> rows;     // of the data
    std::vector<uint32_t> touched;  // of tables
    uint64_t version = 0;
  };

  bool step();  // false: all is done
  void take_partitions();
  void take(uint64_t number);
  void give_back(size_t index);
  Step next_step(uint64_t ahead = 0);
  void train();
  Step begin_step();  // the next, which counts as begun
  bool may_begin() const;
  std::vector<uint32_t> touched(const Step &step);
  void train_round();
  std::optional<NextRound> next_round();
  // Ends the first update that is on its way, or all up to one; returns the version that was read with it.
  uint64_t land(cluster::Ticket until = 0);
  void land_all();
  void forget();  // after a failure
  void train_here();
  void compute(Step &step);
  void check_loss(const Step &step);
  std::vector<TensorStep<float>> empty_gradients();
  // The notes that go with an update: what they are after the step.
  std::vector<Note> notes_of(std::span<const Step> steps);
  std::vector<wire::Progress> progress_of(std::span<const Step> steps, const std::vector<Note> &notes) const;
  void happened(std::span<const Step> steps, std::vector<Note> notes, uint64_t version, uint64_t made);
  void record(const Step &step);
  bool store_due(const Part &part) const;
  void keep_scores(Part &part);
  void share_out();
  double use_settings(const std::vector<uint32_t> &touched);
  void look_around();
  void leave() noexcept;
  void say(int32_t kind);
  uint64_t total(uint64_t partition) const { return shares_.steps(partition) * epochs_; }

  const RunInputs inputs_;
  Link link_;
  Shares shares_;
  const uint64_t epochs_, local_steps_;
  const size_t prefetch_;  // steps
  std::vector<std::unique_ptr<Part>> parts_;
  std::shared_ptr<Icea> icea_;  // of the partition that was claimed last
  std::deque<Flight> flights_;
  std::deque<Ahead> ahead_;
  std::optional<NextRound> next_round_;
  bool leaving_ = false;      // what is begun is ended, and nothing more is begun
  bool standing_by_ = false;  // nothing to do but to wait for partitions of the dead: nobody waits for this one
  bool done_ = false;         // every partition has had all its epochs, or the training was ended
  std::vector<float> zeros_;
  std::vector<std::vector<float>> changes_;  // local steps: what was read, then what was changed
  LiveOptions live_;                         // of the optimizer, for local steps
  uint64_t version_ = 0;                     // of the parameters that the gradients are computed on
  uint64_t rows_ = 0, steps_ = 0, staleness_ = 0;
  uint64_t bytes_out_ = 0, bytes_in_ = 0;  // when notes were last written
  double loss_ = 0;
  Clock::time_point begun_, told_, looked_, asked_, counted_, idle_;
  uint64_t counted_rows_ = 0;
  double speed_ = 0;
};

}  // namespace ngd::distributed
