// Where a run is: all that a checkpoint holds beside model and optimizer, exact to the bit.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "base/option.h"
#include "base/samples.h"
#include "base/state.h"

namespace ngd {

struct Position {
  uint64_t epoch = 0;             // epochs finished
  uint64_t batch = 0;             // batches taken of the epoch in hand
  uint64_t step = 0;              // steps since the run began
  uint64_t rows = 0;              // samples seen since the run began
  uint64_t epoch_rows = 0;        // samples in `loss_sum`
  uint64_t logged_rows = 0;       // samples in `logged_loss_sum`
  uint64_t stalled = 0;           // evaluations since the best one
  uint64_t skipped_before = 0;    // the optimizer's skip count when the run began
  uint64_t skipped_in_a_row = 0;  // steps skipped just before this position
  uint64_t hard_before = 0;       // the buffer's hard draws when the epoch began
  uint64_t warned = 0;            // 1 once the share in quarantine has been warned of
  double loss_sum = 0;            // of losses times rows, since the epoch began
  double logged_loss_sum = 0;     // the same, since the last step line of the log
  double learning_rate = 0;       // the optimizer's own, before the schedule
  double seconds = 0;
  double best_loss = kInfinity;
  double held_out_loss = std::numeric_limits<double>::quiet_NaN();
  double held_out_accuracy = std::numeric_limits<double>::quiet_NaN();
  double majority = std::numeric_limits<double>::quiet_NaN();

  void save(StateWriter &writer) const;  // views of this object: it must outlive the writer
  static Position load(const StateReader &reader);
};

// What must be the same for a run to go on: the data's shape, and the options that decide the order of rows.
void save_terms(StateWriter &writer, const Samples &training, const OptionSet &trainer);
void check_terms(const StateReader &reader, const Samples &training, const OptionSet &trainer);

}  // namespace ngd
