// The learning rate over a run, as a factor on the optimizer's own rate.
#pragma once

#include <cstdint>
#include <string_view>

namespace ngd {

// A schedule of optimizer/schedule.h by its name, for step number `step`, counted from 0, of `steps` in the whole run,
// the first `warmup` of which rise.
double schedule_factor(std::string_view schedule, uint64_t step, uint64_t steps, uint64_t warmup);

}  // namespace ngd
