// One training run in progress: which rows come next, the steps, what falls due between them, and its end.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/option.h"
#include "data/dataset.h"
#include "icea/icea.h"
#include "model/model.h"
#include "optimizer/optimizer.h"
#include "train/events.h"
#include "train/position.h"
#include "train/run_directory.h"
#include "train/training_run.h"

namespace ngd {

// The trainer's options in the form that a step can read at once.
struct RunSettings {
  explicit RunSettings(const OptionSet &options);
  uint64_t epochs, seed, warmup_steps, checkpoint_epochs, checkpoint_steps, log_steps, patience, freeze_epochs;
  double progress_seconds;
  bool shuffle, save_best, resume;
  std::string schedule;
};

class Run final : public TrainingRun {
 public:
  // Takes what check_run() has passed. Prepares the model; loads the checkpoint when the run is to be resumed.
  explicit Run(const RunInputs &inputs);
  ~Run() override;  // takes the schedule from the optimizer again
  Run(const Run &) = delete;
  Run &operator=(const Run &) = delete;

  void begin(const std::atomic<bool> &cancelled) override;
  bool advance(uint64_t steps, const std::atomic<bool> &cancelled) override;
  const std::shared_ptr<Icea> &icea() const override { return icea_; }
  void note_failure(const Error &error) noexcept override;

 private:
  using Clock = std::chrono::steady_clock;
  // Training speed between two events of a kind.
  struct Speed {
    uint64_t rows = 0;
    double seconds = 0;
  };

  void prepare();
  void resume();
  void take_up(const std::string &checkpoint);
  bool finished() const;
  void step();
  std::span<const uint64_t> next_rows(uint64_t count);
  double train(std::span<const uint64_t> rows);
  void apply_schedule();
  void restore_rate();
  void count_skips(uint64_t skipped_before);
  void end_epoch();
  bool evaluate();  // true when the held-out loss is the best so far
  void checkpoint();
  void save(StateWriter &writer);
  void announce(const std::string &checkpoint);
  void warn_of_quarantine();
  void end(const char *reason);
  void check_finite() const;
  [[noreturn]] void diverge(const std::string &what, uint64_t step, uint64_t epoch) const;

  double seconds() const;  // wall time since the run began
  double mean_loss() const;
  double speed_since(Speed &last) const;  // and sets `last` to now
  ngd_event event(int32_t kind) const;

  const OptionSet &options_;
  EventQueue &events_;
  std::shared_ptr<Model> model_;
  std::shared_ptr<Optimizer> optimizer_;
  std::shared_ptr<Dataset> training_, held_out_;
  RunDirectory directory_;

  const RunSettings settings_;
  const uint64_t rows_, batch_rows_, batches_;  // of the training data, as the run began
  Position position_;
  double rate_ = 0;  // of the last step

  const std::shared_ptr<Icea> icea_;
  SavedIcea saved_icea_;  // what a checkpoint being written looks at
  std::vector<float> weights_, losses_;
  std::vector<int32_t> correct_;
  std::vector<uint64_t> order_;  // of the epoch; with icea_, of the batch
  uint64_t order_epoch_ = ~uint64_t{0};
  std::string last_checkpoint_;
  uint64_t last_checkpoint_step_ = ~uint64_t{0};

  Clock::time_point begun_;
  Clock::time_point last_progress_;
  double earlier_seconds_ = 0;  // of the parts before this one
  uint64_t earlier_steps_ = 0;
  double training_seconds_ = 0;  // within steps
  Speed progress_speed_, epoch_speed_, step_speed_, whole_speed_;
};

}  // namespace ngd
