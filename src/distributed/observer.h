// Who looks on while workers train: it evaluates the servers' model after each epoch, keeps the run directory, and ends the
// training when it no longer gets better or is cancelled.
#pragma once

#include <chrono>
#include <memory>

#include "distributed/link.h"
#include "distributed/note.h"
#include "distributed/shares.h"
#include "train/position.h"
#include "train/run_directory.h"
#include "train/training_run.h"

namespace ngd::distributed {

class Observer final : public TrainingRun {
 public:
  Observer(Connection connection, const RunInputs &inputs);

  void begin(const std::atomic<bool> &cancelled) override;
  bool advance(uint64_t steps, const std::atomic<bool> &cancelled) override;
  const std::shared_ptr<Icea> &icea() const override { return icea_; }
  void note_failure(const Error &error) noexcept override;

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr uint64_t kNever = ~uint64_t{0};
  struct Speed {
    uint64_t rows = 0;
    double seconds = 0;
  };

  void recall();
  bool look();  // false: the training has ended
  void end_epochs(uint64_t until);
  void evaluate();
  void checkpoint();
  void gather_scores();
  void save(StateWriter &writer);
  void announce(const std::string &path);
  void tell_of_workers(bool at_once);
  void tell_of_settings();
  void tell_of_change(const cluster::Change &change);
  void end(const char *reason);
  double learning_rate() const;
  double seconds() const;
  double speed_since(Speed &last) const;
  ngd_event event(int32_t kind) const;
  double loss_of(uint64_t epoch) const;

  const RunInputs inputs_;
  Link link_;
  Shares shares_;
  RunDirectory directory_;
  const uint64_t epochs_, partitions_, updates_;
  uint64_t epoch_rows_ = 0;     // of all partitions
  std::shared_ptr<Icea> icea_;  // of all rows, as the partitions' own were at the last checkpoint
  SavedIcea saved_icea_;        // what a checkpoint being written looks at
  Position position_;
  std::vector<Note> notes_;
  cluster::Change change_;  // of the optimizer's settings, the last that was told
  uint64_t version_ = 0;
  uint64_t done_ = 0;  // steps of all partitions: in rounds one may be behind, and position_ tells of the first
  uint64_t ended_epochs_ = 0;                     // that have been told
  uint64_t evaluated_ = kNever, saved_ = kNever;  // at how many steps of all partitions
  std::string last_checkpoint_, ended_;
  Clock::time_point begun_, told_, logged_;
  double earlier_seconds_ = 0;
  uint64_t earlier_rows_ = 0;
  Speed progress_speed_, epoch_speed_, whole_speed_;
};

}  // namespace ngd::distributed
