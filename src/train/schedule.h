// The learning rate over a run, as a factor on the optimizer's own rate.
#pragma once

#include <cstdint>
#include <string_view>

namespace ngd {

// With s = `step` from 0, n = `steps` of the whole run, w = `warmup`:
//
//   s < w                (s + 1) / w                          rises to 1
//   constant             1
//   linear               left                                 left = (n - s) / (n - w)
//   cosine               (1 - cos(pi left)) / 2 = sin^2(pi left / 2)
//
// `left` falls from 1 towards 0, which it would reach one step after the last; so no step has a rate of zero.
double schedule_factor(std::string_view schedule, uint64_t step, uint64_t steps, uint64_t warmup);

}  // namespace ngd
