// What a trainer has in hand: a run on this machine (run.h), or a part in a training on servers (src/distributed).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/error.h"
#include "base/option.h"
#include "data/dataset.h"
#include "icea/icea.h"
#include "model/model.h"
#include "optimizer/optimizer.h"
#include "train/events.h"

namespace ngd {

// What a run is made of. `options` and `events` outlive it, and the options stay as they are.
struct RunInputs {
  const OptionSet &options;
  EventQueue &events;
  std::shared_ptr<Model> model;
  std::shared_ptr<Optimizer> optimizer;
  std::shared_ptr<Dataset> training;
  std::shared_ptr<Dataset> held_out;  // may be null
};

class TrainingRun {
 public:
  virtual ~TrainingRun() = default;
  virtual void begin(const std::atomic<bool> &cancelled) = 0;
  // At most so many steps; false: the run has ended.
  virtual bool advance(uint64_t steps, const std::atomic<bool> &cancelled) = 0;
  virtual const std::shared_ptr<Icea> &icea() const = 0;  // may be null
  // Notes in the log why the run ended early.
  virtual void note_failure(const Error &error) noexcept = 0;
};

using RunMaker = std::function<std::unique_ptr<TrainingRun>(const RunInputs &)>;

// The order of `rows` rows in an epoch, by Fisher and Yates 1938 (Durstenfeld 1964): a function of these alone.
std::vector<uint64_t> shuffled_rows(uint64_t rows, uint64_t seed, uint64_t epoch);

// Throws when data and options do not fit each other. `held_out` may be null.
void check_run(const OptionSet &options, const Dataset &training, const Dataset *held_out);

// The buffer that the option `icea` asks for, or none; `seed` counts where its spec has none.
std::shared_ptr<Icea> make_icea(const OptionSet &options, uint64_t rows, double seed);

}  // namespace ngd
