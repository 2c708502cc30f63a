// Constant, linear and cosine schedules with a linear warm-up.
#include "train/schedule.h"

#include <cmath>
#include <numbers>

namespace ngd {

double schedule_factor(std::string_view schedule, uint64_t step, uint64_t steps, uint64_t warmup) {
  if (step < warmup) return static_cast<double>(step + 1) / static_cast<double>(warmup);
  if (schedule == "constant" || step >= steps) return 1;
  const double left = static_cast<double>(steps - step) / static_cast<double>(steps - warmup);
  if (schedule == "linear") return left;
  // The sine stays exact where one minus a cosine would cancel.
  const double sine = std::sin(std::numbers::pi / 2 * left);
  return sine * sine;
}

}  // namespace ngd
