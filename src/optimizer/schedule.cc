// Schedules of the learning rate. With s the step from 0, n = steps, w = warmup, t = s - w and m = minimum:
//
//   s < w              first (s + 1) / w           rises to the first factor, which is 1, of one_cycle 1 / start_divisor
//
//   constant           1
//   step               gamma^floor(t / interval)                                                     StepLR [1]
//   multi_step         gamma^(number of milestones that are s or less)                               MultiStepLR [1]
//   exponential        gamma^t                                                                       ExponentialLR [1]
//   polynomial         m + (1 - m) left^power                  left = (n - s) / (n - w)              PolynomialLR [1]
//   linear             m + (1 - m) left                                                              LinearLR [1]
//   cosine             m + (1 - m) (1 - cos(pi left)) / 2      = m + (1 - m) sin^2(pi left / 2)      [2]
//   cosine_restarts    as cosine, left = (T - c) / T           c steps into a period of T; T = interval, and
//                                                              multiplier times as long each next time [2]
//   one_cycle          from 1 / start_divisor to 1 within u = rise (n - w) - 1 steps, then to
//                      1 / (start_divisor end_divisor) at the last step, both along half a cosine     [3], OneCycleLR [1]
//   inverse_sqrt       sqrt(max(w, 1) / (s + 1))                                                     [4]
//   plateau            1, times Plateau::factor(): ReduceLROnPlateau of [1], mode min, threshold_mode rel
//
// The powers of gamma, inverse_sqrt and the plateau are held above m. `left` falls from 1 towards 0, which it would
// reach one step after the last; so no step has a rate of zero.
//
// [1] torch.optim.lr_scheduler of PyTorch 1.13. [2] Loshchilov and Hutter 2017, "SGDR". [3] Smith 2018, "A disciplined
// approach to neural network hyper-parameters". [4] Vaswani et al. 2017, "Attention is all you need", section 5.3.
#include "optimizer/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace ngd {
namespace {

// From 1 at left = 1 to 0. The sine stays exact where one minus a cosine would cancel.
double half_cosine(double left) {
  const double sine = std::sin(std::numbers::pi / 2 * left);
  return sine * sine;
}

double ratio(uint64_t part, uint64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

double left_of_period(uint64_t step, uint64_t period, uint64_t multiplier) {
  if (multiplier <= 1) {
    step %= period;
  } else {
    while (step >= period) {
      step -= period;
      period = period > UINT64_MAX / multiplier ? UINT64_MAX : period * multiplier;
    }
  }
  return ratio(period - step, period);
}

double one_cycle(const ScheduleSettings &settings, uint64_t step, uint64_t steps) {
  const double start = 1 / settings.start_divisor;
  const double end = start / settings.end_divisor;
  const double at = static_cast<double>(step), last = static_cast<double>(steps - 1);
  const double top = std::max(settings.rise * static_cast<double>(steps) - 1, 0.0);
  if (at < top) return start + (1 - start) * half_cosine(at / top);
  return top < last ? end + (1 - end) * half_cosine((last - at) / (last - top)) : 1;
}

}  // namespace

Schedule schedule_named(std::string_view name) {
  std::string_view rest = kScheduleNames;
  for (uint8_t kind = 0; !rest.empty(); kind++) {
    const size_t length = std::min(rest.find('|'), rest.size());
    if (rest.substr(0, length) == name) return static_cast<Schedule>(kind);
    rest.remove_prefix(std::min(length + 1, rest.size()));
  }
  fail(NGD_E_OPTION, "no schedule is called \"", name, "\"; there are: ", kScheduleNames);
}

double schedule_factor(const ScheduleSettings &settings, uint64_t step) {
  const uint64_t warmup = settings.warmup;
  if (step < warmup) {
    const double first = settings.kind == Schedule::one_cycle ? 1 / settings.start_divisor : 1;
    return first * ratio(step + 1, warmup);
  }
  const uint64_t after = step - warmup;
  const uint64_t interval = std::max<uint64_t>(settings.interval, 1);
  // Of the schedules that end with the run. One that the warm-up fills stays at 1.
  const uint64_t whole = settings.steps > warmup ? settings.steps - warmup : 1;
  const uint64_t now = std::min(after, whole - 1);
  const double left = ratio(whole - now, whole);

  const double minimum = settings.minimum;
  const auto from_minimum = [&](double factor) { return minimum + (1 - minimum) * factor; };
  const auto power_of_gamma = [&](double falls) { return std::max(minimum, std::pow(settings.gamma, falls)); };
  switch (settings.kind) {
    case Schedule::step:
      return power_of_gamma(static_cast<double>(after / interval));
    case Schedule::multi_step:
      return power_of_gamma(static_cast<double>(
          std::ranges::count_if(settings.milestones, [&](uint64_t milestone) { return milestone <= step; })));
    case Schedule::exponential:
      return power_of_gamma(static_cast<double>(after));
    case Schedule::polynomial:
      return from_minimum(std::pow(left, settings.power));
    case Schedule::linear:
      return from_minimum(left);
    case Schedule::cosine:
      return from_minimum(half_cosine(left));
    case Schedule::cosine_restarts:
      return from_minimum(half_cosine(left_of_period(after, interval, settings.multiplier)));
    case Schedule::one_cycle:
      return std::max(minimum, one_cycle(settings, now, whole));
    case Schedule::inverse_sqrt:
      return std::max(minimum, std::sqrt(static_cast<double>(std::max<uint64_t>(warmup, 1)) /
                                         (static_cast<double>(step) + 1)));
    case Schedule::constant:
    case Schedule::plateau:
      break;
  }
  return 1;
}

double Plateau::report(double loss) {
  // The first loss that is a number is better than none. The size of the best makes this right for negative losses too.
  if (loss < state_.best &&
      (std::isinf(state_.best) || loss < state_.best - threshold_ * std::fabs(state_.best))) {
    state_.best = loss;
    state_.bad = 0;
  } else {
    state_.bad++;
  }
  if (state_.cooldown_left > 0) {
    state_.cooldown_left--;
    state_.bad = 0;
  }
  if (state_.bad > patience_) {
    state_.factor = std::max(minimum_, state_.factor * fall_);
    state_.cooldown_left = cooldown_;
    state_.bad = 0;
  }
  return state_.factor;
}

}  // namespace ngd
