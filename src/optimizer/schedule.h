// The learning rate over a run, as a factor on the optimizer's own rate: a pure function of the step.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace ngd {

enum class Schedule : uint8_t {
  constant,
  step,
  multi_step,
  exponential,
  polynomial,
  linear,
  cosine,
  cosine_restarts,
  one_cycle,
  inverse_sqrt,
  plateau
};
// The names in the order of the enumeration, as choice_option() takes them.
inline constexpr char kScheduleNames[] =
    "constant|step|multi_step|exponential|polynomial|linear|cosine|cosine_restarts|one_cycle|inverse_sqrt|"
    "plateau";
// Throws NGD_E_OPTION for any other name.
Schedule schedule_named(std::string_view name);

struct ScheduleSettings {
  Schedule kind = Schedule::constant;
  uint64_t steps = 0;     // n, of the whole run
  uint64_t warmup = 0;    // w, steps of a linear rise before any schedule
  double minimum = 0;     // no factor after the warm-up is below this; where the run's end has one, the last
  double gamma = 0.1;     // step, multi_step, exponential: what each fall multiplies by
  uint64_t interval = 1;  // step: steps between falls; cosine_restarts: the first period
  std::vector<uint64_t> milestones;  // multi_step: the steps of the run, counted from 0, at which it falls
  double power = 1;                  // polynomial
  uint64_t multiplier = 1;           // cosine_restarts: each period is so many times the one before
  double rise = 0.3;                 // one_cycle: the part of the steps that rises,
  double start_divisor = 25;         //   from 1 / start_divisor to 1,
  double end_divisor = 1e4;          //   and then falls to 1 / (start_divisor end_divisor)
  uint64_t patience = 10;            // plateau: reports without improvement that are put up with
  uint64_t cooldown = 0;             // plateau: reports after a fall that are not judged
  double threshold = 1e-4;           // plateau: an improvement is by more than this part of the best loss
  double factor = 0.1;               // plateau: what each fall multiplies by
};

// The factor for step number `step`, counted from 0; formulas stand in schedule.cc. Never negative, never NaN for
// settings that are not, and above zero wherever gamma, power and the divisors are. Past the end of the run
// polynomial, linear, cosine and one_cycle stay at the last step's factor; the others know no end.
double schedule_factor(const ScheduleSettings &settings, uint64_t step);

// The factor of Schedule::plateau, which depends on the losses reported and not on the step.
class Plateau {
 public:
  struct State {
    double best = std::numeric_limits<double>::infinity();
    uint64_t bad = 0;            // reports since the last improvement
    uint64_t cooldown_left = 0;  // reports not to judge
    double factor = 1;
  };

  explicit Plateau(const ScheduleSettings &settings)
      : patience_(settings.patience),
        cooldown_(settings.cooldown),
        threshold_(settings.threshold),
        fall_(settings.factor),
        minimum_(settings.minimum) {}
  // Returns the factor from now on. A loss that is NaN is no improvement.
  double report(double loss);
  double factor() const { return state_.factor; }

  // All that has to be saved.
  const State &state() const { return state_; }
  void restore(const State &state) { state_ = state; }

 private:
  uint64_t patience_, cooldown_;
  double threshold_, fall_, minimum_;
  State state_;
};

}  // namespace ngd
