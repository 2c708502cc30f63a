// What docs/scaling.md expects of a run, by counting messages, bytes and waits: no simulation.
#pragma once

#include <vector>

#include "scale_setup.h"

namespace scale {

struct Expected {
  double updates_per_s = 0, rows_per_s = 0;
  double root_limit = 0;                         // updates/s at which the root's processor has no time left
  double shard_limit = 0;                        // and at which a shard's processor or links have none
  double step_ms = 0, pull_ms = 0, push_ms = 0;  // medians
  double step99_ms = 0;                          // where nothing queues
  double root_messages = 0, root_bytes = 0;      // in and out, of an update
  double root_busy = 0;
  double worker_out_bytes = 0, worker_in_bytes = 0;
  double pause_s = 0;  // after a death
};

Expected expected(const Setup &setup);

// Of times: how likely each is, in steps of a width. Hops one after another add; of several at once the last counts.
class Spread {
 public:
  // One hop over the links of a setup.
  static Spread hop(const Links &links);
  Spread then(const Spread &next) const;
  Spread last_of(double count) const;
  double quantile(double p) const;  // in ms

 private:
  double width_ms_ = 0;
  std::vector<double> chance_;
};

}  // namespace scale
