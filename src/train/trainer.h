// The trainer: a run as a sequence of steps that can be advanced, watched, cancelled, saved and resumed.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/option.h"
#include "data/dataset.h"
#include "icea/icea.h"
#include "model/model.h"
#include "ngd/trainer.h"
#include "optimizer/optimizer.h"
#include "train/events.h"
#include "train/training_run.h"

namespace ngd {

class Trainer {
 public:
  explicit Trainer(std::string_view spec);
  ~Trainer();

  const OptionSet &options() const { return options_; }
  void set(std::string_view name, double value) { options_.set(name, value); }
  void set_text(std::string_view name, std::string_view value);

  void on_event(ngd_event_callback callback, void *user_data, ngd_finalizer finalizer) {
    events_.on_event(callback, user_data, finalizer);
  }
  // Runs from now on are made by `maker`; an empty one brings back those on this machine.
  void use_runs_of(RunMaker maker);
  bool poll(ngd_event *event) { return events_.poll(event); }
  void start(std::shared_ptr<Model> model, std::shared_ptr<Optimizer> optimizer,
             std::shared_ptr<Dataset> training, std::shared_ptr<Dataset> held_out);
  bool advance(uint64_t steps);  // true while there is more to do
  // Of the run in progress, else of the last.
  std::shared_ptr<Icea> icea() const;
  // The next step is not taken. Stays asked for until a run has ended.
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }

 private:
  // Runs a part of the run; when that throws, or the run has no more to do, the run is over.
  template <class Part>
  bool take_part(Part part);
  void end();

  OptionSet options_;
  EventQueue events_;
  std::unique_ptr<TrainingRun> run_;
  RunMaker maker_;  // empty: runs on this machine
  std::shared_ptr<Icea> icea_;
  std::atomic<bool> cancelled_{false};
};

std::span<const OptionSpec> trainer_options();

}  // namespace ngd
