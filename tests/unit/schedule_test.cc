// Schedules of the learning rate: PyTorch's numbers, the properties the header promises, the edges of a run.
//
// The tables come from torch.optim.lr_scheduler of PyTorch 1.13 in float64, with a base rate of 1.
#include "optimizer/schedule.h"

#include <cmath>
#include <limits>

#include "raises.h"
#include "train/schedule.h"

using namespace ngd;

namespace {

struct Row {
  uint64_t step;
  double factor;
};

ScheduleSettings of(Schedule kind, uint64_t steps = 0, uint64_t warmup = 0) {
  ScheduleSettings settings;
  settings.kind = kind;
  settings.steps = steps;
  settings.warmup = warmup;
  return settings;
}

bool near(double got, double expected) {
  return std::fabs(got - expected) <= 1e-12 * std::fabs(expected) + 1e-15;
}

void check_rows(const ScheduleSettings &settings, std::initializer_list<Row> rows) {
  for (const Row &row : rows) {
    const double got = schedule_factor(settings, row.step);
    if (!near(got, row.factor))
      fail_msg("step %d has the factor %.17g, not %.17g", static_cast<int>(row.step), got, row.factor);
  }
}

// Each with the last of all kinds, by number, so that a new one is not forgotten here.
template <class Body>
void for_each_kind(const Body &body) {
  for (int kind = 0; kind <= static_cast<int>(Schedule::plateau); kind++) body(static_cast<Schedule>(kind));
}

void step_schedules_are_pytorchs(void **) {
  ScheduleSettings step = of(Schedule::step);
  step.gamma = 0.3;
  step.interval = 7;
  check_rows(step, {{0, 1}, {6, 1}, {7, 0.3}, {13, 0.3}, {14, 0.09}, {39, 0.00243}});
  ScheduleSettings multi = of(Schedule::multi_step);
  multi.gamma = 0.3;
  multi.milestones = {5, 9, 30};
  check_rows(multi, {{0, 1}, {4, 1}, {5, 0.3}, {8, 0.3}, {9, 0.09}, {29, 0.09}, {30, 0.027}, {39, 0.027}});
  ScheduleSettings exponential = of(Schedule::exponential);
  exponential.gamma = 0.97;
  check_rows(exponential, {{0, 1}, {1, 0.97}, {17, 0.595826043858805}, {59, 0.16578007115626464}});
}

void schedules_over_the_run_are_pytorchs(void **) {
  ScheduleSettings polynomial = of(Schedule::polynomial, 50);
  polynomial.power = 2.5;
  check_rows(polynomial, {{0, 1}, {1, 0.9507474937121843}, {13, 0.4710633316232542}, {25, 0.1767766952966369}});
  ScheduleSettings linear = of(Schedule::linear, 50);
  linear.minimum = 0.1;
  check_rows(linear, {{0, 1}, {1, 0.982}, {13, 0.766}, {25, 0.55}, {49, 0.118}});
  ScheduleSettings cosine = of(Schedule::cosine, 50);
  cosine.minimum = 0.02;
  check_rows(
      cosine,
      {{0, 1}, {1, 0.9990330969298531}, {13, 0.8454280819050574}, {25, 0.51}, {49, 0.020966903070146935}});
}

void restarts_are_pytorchs(void **) {
  ScheduleSettings restarts = of(Schedule::cosine_restarts);
  restarts.minimum = 0.05;
  restarts.interval = 10;
  check_rows(restarts, {{0, 1},
                        {3, 0.8041979948389247},
                        {9, 0.07324815475980208},
                        {10, 1},
                        {13, 0.8041979948389247},
                        {29, 0.07324815475980208},
                        {39, 0.07324815475980208}});
  restarts.interval = 5;
  restarts.multiplier = 3;
  check_rows(restarts, {{0, 1},
                        {4, 0.14071692767190003},
                        {5, 1},
                        {12, 0.5746510200521354},
                        {19, 0.0603798896514423},
                        {20, 1},
                        {42, 0.5415772609336881},
                        {64, 0.05115707612658351},
                        {65, 1},
                        {79, 0.9750134051943063}});
}

void one_cycle_is_pytorchs(void **) {
  ScheduleSettings cycle = of(Schedule::one_cycle, 50);
  check_rows(cycle, {{0, 0.04},
                     {1, 0.05203460215272471},
                     {7, 0.52},
                     {14, 1},
                     {15, 0.9979871550490316},
                     {31, 0.5224343254455969},
                     {49, 4e-06}});
  cycle = of(Schedule::one_cycle, 33);
  cycle.rise = 0.45;
  cycle.start_divisor = 10;
  cycle.end_divisor = 100;
  check_rows(cycle, {{0, 0.1},
                     {1, 0.11152709351683565},
                     {13, 0.991661752478557},
                     {14, 0.9998316511691046},
                     {20, 0.7427254182010712},
                     {32, 0.001}});
}

// min(k^-0.5, k w^-1.5) of the paper, k from 1, relative to its largest value.
void inverse_square_root_is_the_papers(void **) {
  for (const double warmup : {1.0, 40.0}) {
    const ScheduleSettings settings = of(Schedule::inverse_sqrt, 0, static_cast<uint64_t>(warmup));
    for (double k = 1; k < 1000; k++) {
      const double paper = std::min(std::pow(k, -0.5), k * std::pow(warmup, -1.5)) / std::pow(warmup, -0.5);
      assert_true(near(schedule_factor(settings, static_cast<uint64_t>(k) - 1), paper));
    }
  }
  assert_true(near(schedule_factor(of(Schedule::inverse_sqrt), 3), 0.5));
}

// The losses and the rates of ReduceLROnPlateau(factor=0.5, patience=2, threshold=0.01, cooldown=3, min_lr=0.1).
void plateau_is_pytorchs(void **) {
  ScheduleSettings settings = of(Schedule::plateau);
  settings.factor = 0.5;
  settings.patience = 2;
  settings.threshold = 0.01;
  settings.cooldown = 3;
  settings.minimum = 0.1;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double losses[] = {3,   2, 1.99, 1.985, 1.981, 1.97, 2, 2, 2, 2, 2, 2, 1.9,
                           nan, 2, 2,    5,     5,     5,    5, 5, 5, 5, 5, 5, 5};
  const double factors[] = {1,    1,    1,    1,     0.5,   0.5,   0.5,   0.5,   0.5,   0.5, 0.25, 0.25, 0.25,
                            0.25, 0.25, 0.25, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.1, 0.1,  0.1,  0.1};
  Plateau plateau(settings);
  assert_true(plateau.factor() == 1);
  for (size_t i = 0; i < std::size(losses); i++) {
    assert_true(plateau.report(losses[i]) == factors[i] && plateau.factor() == factors[i]);
    // Saved and restored between any two reports.
    Plateau other(settings);
    other.restore(plateau.state());
    plateau = other;
  }
  assert_true(schedule_factor(settings, 5) == 1);
}

void an_improvement_of_a_negative_loss_is_downwards(void **) {
  ScheduleSettings settings = of(Schedule::plateau);
  settings.patience = 0;
  settings.threshold = 0.1;
  Plateau plateau(settings);
  assert_true(plateau.report(-1) == 1 && plateau.report(-1.2) == 1);
  assert_true(plateau.report(-1.25) == 0.1);
  assert_true(plateau.state().best == -1.2);
}

void the_warm_up_rises_to_the_schedule(void **) {
  for_each_kind([](Schedule kind) {
    const ScheduleSettings settings = of(kind, 100, 8);
    const double first = kind == Schedule::one_cycle ? 1.0 / 25 : 1;
    for (uint64_t step = 0; step < 8; step++)
      assert_true(schedule_factor(settings, step) == first * (static_cast<double>(step + 1) / 8));
    // It goes on from there, less one step of inverse_sqrt's fall.
    const double next = kind == Schedule::inverse_sqrt ? std::sqrt(8.0 / 9) : first;
    assert_true(near(schedule_factor(settings, 8), next));
    // What comes after a warm-up is what comes without one, as many steps later; milestones are steps of the run.
    if (kind == Schedule::inverse_sqrt) return;
    for (uint64_t step = 0; step < 92; step++)
      assert_true(schedule_factor(settings, step + 8) == schedule_factor(of(kind, 92), step));
  });
  ScheduleSettings multi = of(Schedule::multi_step, 100, 8);
  multi.milestones = {50, 4};
  check_rows(multi, {{7, 1}, {8, 0.1}, {49, 0.1}, {50, 0.01}});
}

void factors_are_positive_and_fall(void **) {
  for_each_kind([](Schedule kind) {
    for (const uint64_t steps : {1, 2, 3, 10, 1000}) {
      ScheduleSettings settings = of(kind, steps);
      settings.gamma = 0.99;
      settings.milestones = {1, 5, 900};
      double before = 1;
      for (uint64_t step = 0; step < steps + 20; step++) {
        const double factor = schedule_factor(settings, step);
        assert_true(factor > 0 && factor <= 1);
        const bool rises =
            kind == Schedule::one_cycle && static_cast<double>(step) < 0.3 * static_cast<double>(steps);
        if (!rises && kind != Schedule::cosine_restarts) assert_true(factor <= before);
        before = factor;
      }
    }
  });
}

void a_minimum_is_kept(void **) {
  for_each_kind([](Schedule kind) {
    ScheduleSettings settings = of(kind, 5000);
    settings.minimum = 0.2;
    settings.interval = 7;
    settings.milestones = {1, 2, 3};
    double least = 1;
    for (uint64_t step = 0; step < 5100; step++) least = std::min(least, schedule_factor(settings, step));
    const bool falls = kind != Schedule::constant && kind != Schedule::plateau;
    if (falls ? least < 0.2 || least > 0.25 : least != 1)
      fail_msg("kind %d falls to %g", static_cast<int>(kind), least);
  });
}

void past_its_end_a_run_stays_at_its_last_factor(void **) {
  for (const Schedule kind : {Schedule::polynomial, Schedule::linear, Schedule::cosine, Schedule::one_cycle}) {
    const ScheduleSettings settings = of(kind, 30, 10);
    const double last = schedule_factor(settings, 29);
    assert_true(last > 0 && last < 0.06);
    for (const uint64_t step : {uint64_t{30}, uint64_t{31}, UINT64_MAX})
      assert_true(schedule_factor(settings, step) == last);
    // Without a known end, or where the warm-up fills the run, there is nothing to fall over.
    for (const uint64_t steps : {0, 4, 10}) assert_true(schedule_factor(of(kind, steps, 10), 10) == 1);
  }
}

void extreme_numbers_end(void **) {
  ScheduleSettings restarts = of(Schedule::cosine_restarts);
  restarts.multiplier = UINT64_MAX;
  assert_true(schedule_factor(restarts, UINT64_MAX) > 0);
  restarts.multiplier = 1;
  assert_true(schedule_factor(restarts, UINT64_MAX) == 1);
  // A period too long for a whole number lasts for ever.
  restarts.interval = 3;
  restarts.multiplier = uint64_t{1} << 63;
  assert_true(near(schedule_factor(restarts, 3 + (uint64_t{1} << 63)), 0.5));
  restarts.interval = restarts.multiplier = 0;
  assert_true(schedule_factor(restarts, 5) == 1);
  ScheduleSettings step = of(Schedule::step);
  step.interval = 0;
  assert_true(near(schedule_factor(step, 2), 0.01));
  ScheduleSettings cycle = of(Schedule::one_cycle, 10);
  cycle.rise = 1;
  check_rows(cycle, {{0, 0.04}, {9, 1}, {10, 1}});
  cycle.rise = 0;
  check_rows(cycle, {{0, 1}, {9, 4e-6}});
}

// The formulas that stood here before, to the last bit: a resumed run must go on as it would have.
void the_trainers_schedules_kept_their_bits(void **) {
  const double pi = std::acos(-1.0);
  for (const uint64_t warmup : {0, 7}) {
    for (uint64_t step = warmup; step < 1000; step++) {
      const double left = static_cast<double>(1000 - step) / static_cast<double>(1000 - warmup);
      const double sine = std::sin(pi / 2 * left);
      assert_true(schedule_factor("linear", step, 1000, warmup) == left);
      assert_true(schedule_factor("cosine", step, 1000, warmup) == sine * sine);
      assert_true(schedule_factor("constant", step, 1000, warmup) == 1);
    }
  }
}

void schedules_have_names(void **) {
  assert_true(schedule_named("constant") == Schedule::constant && schedule_named("step") == Schedule::step);
  assert_true(schedule_named("cosine") == Schedule::cosine);
  assert_true(schedule_named("cosine_restarts") == Schedule::cosine_restarts);
  assert_true(schedule_named("plateau") == Schedule::plateau);
  for (const char *name : {"", "cos", "plateau|", "linear|cosine"}) {
    check_raises(
        NGD_E_OPTION,
        "no schedule is called \"" + std::string(name) +
            "\"; there are: constant|step|multi_step|exponential|polynomial|linear|cosine|cosine_restarts|"
            "one_cycle|inverse_sqrt|plateau",
        [&] { schedule_named(name); });
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(step_schedules_are_pytorchs),
      cmocka_unit_test(schedules_over_the_run_are_pytorchs),
      cmocka_unit_test(restarts_are_pytorchs),
      cmocka_unit_test(one_cycle_is_pytorchs),
      cmocka_unit_test(inverse_square_root_is_the_papers),
      cmocka_unit_test(plateau_is_pytorchs),
      cmocka_unit_test(an_improvement_of_a_negative_loss_is_downwards),
      cmocka_unit_test(the_warm_up_rises_to_the_schedule),
      cmocka_unit_test(factors_are_positive_and_fall),
      cmocka_unit_test(a_minimum_is_kept),
      cmocka_unit_test(past_its_end_a_run_stays_at_its_last_factor),
      cmocka_unit_test(extreme_numbers_end),
      cmocka_unit_test(the_trainers_schedules_kept_their_bits),
      cmocka_unit_test(schedules_have_names),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
