/* Groups, schedules, averages, tables of rows and lenient loading, through the contract. */
#include "test.h"

#include <math.h>
#include <unistd.h>

static void one_step(ngd_optimizer *optimizer, double *w, const double *g, size_t count) {
  ngd_error error;
  double *parameters[8];
  const double *gradients[8];
  for (size_t i = 0; i < count; i++) {
    parameters[i] = &w[i];
    gradients[i] = &g[i];
  }
  check_ok(ngd_optimizer_step_f64(optimizer, parameters, gradients, count, &error));
}

static ngd_optimizer *scalars(const char *spec, const char *const *names, size_t count) {
  ngd_error error;
  ngd_optimizer *optimizer = NULL;
  check_ok(ngd_optimizer_create(spec, &optimizer, &error));
  for (size_t i = 0; i < count; i++) check_ok(ngd_optimizer_add_f64(optimizer, names[i], NULL, 0, &error));
  return optimizer;
}

static const char *const kNames[] = {"layer.weight", "layer.bias", "head.weight", "head.bias"};

static void groups_inherit_and_override(void **state) {
  (void)state;
  ngd_error error;
  ngd_optimizer *optimizer = scalars("sgd:learning_rate=0.1,weight_decay=1", kNames, 4);
  check_ok(ngd_optimizer_add_group(optimizer, "bias", "*.bias", "weight_decay=0", &error));
  check_ok(ngd_optimizer_add_group(optimizer, "head", "head.*", "learning_rate=0.01", &error));
  double w[4] = {1, 1, 1, 1};
  const double g[4] = {0, 0, 0, 0};
  one_step(optimizer, w, g, 4);
  assert_true(fabs(w[0] - 0.9) < 1e-15 && w[1] == 1); /* the bias does not decay */
  assert_true(fabs(w[2] - 0.99) < 1e-15);
  assert_true(w[3] == 1); /* head.bias belongs to the first group that matches */
  check_ok(ngd_optimizer_set(optimizer, "weight_decay", 2, &error));
  check_ok(ngd_optimizer_set(optimizer, "learning_rate", 0.2, &error));
  for (int i = 0; i < 4; i++) w[i] = 1;
  one_step(optimizer, w, g, 4);
  assert_true(fabs(w[0] - 0.6) < 1e-15 && w[1] == 1 && fabs(w[2] - 0.98) < 1e-15);
  check_ok(ngd_optimizer_set_group(optimizer, "bias", "weight_decay", 1, &error));
  for (int i = 0; i < 4; i++) w[i] = 1;
  one_step(optimizer, w, g, 4);
  assert_true(fabs(w[1] - 0.8) < 1e-15 && fabs(w[3] - 0.8) < 1e-15);
  char text[32];
  check_ok(ngd_optimizer_get_group_text(optimizer, "head", "learning_rate", text, sizeof text, NULL, &error));
  assert_string_equal(text, "0.01");
  ngd_optimizer_destroy(optimizer);
}

static void mistakes_with_groups_are_told(void **state) {
  (void)state;
  ngd_error error;
  ngd_optimizer *optimizer = scalars("adam", kNames, 4);
  check_error(ngd_optimizer_set_group(optimizer, "x", "beta1", 0.5, &error), NGD_E_NOT_FOUND,
              "there is no group \"x\"; the optimizer has no groups");
  check_error(
      ngd_optimizer_add_group(optimizer, "g", "*", "threads=2", &error), NGD_E_UNSUPPORTED,
      "option \"threads\" belongs to the whole step; a group may have its own options of the rule, clip and "
      "clip_threshold");
  check_error(ngd_optimizer_add_group(optimizer, "g", "", "beta1=0.5", &error), NGD_E_ARGUMENT,
              "the pattern of group \"g\" is empty; \"*\" matches all names");
  check_error(ngd_optimizer_add_group(optimizer, "g", "*", "beta1=2", &error), NGD_E_RANGE,
              "option \"beta1\" of rule \"adam\" is 2, outside its range [0, 1)");
  check_ok(ngd_optimizer_add_group(optimizer, "bias", "*.bias", "", &error));
  check_error(ngd_optimizer_add_group(optimizer, "bias", "*", "", &error), NGD_E_ARGUMENT,
              "there is already a group \"bias\"; names must differ");
  check_error(ngd_optimizer_set_group(optimizer, "bais", "beta1", 0.5, &error), NGD_E_OPTION,
              "unknown group \"bais\"; did you mean \"bias\"? Known: bias");
  double w[4] = {1, 1, 1, 1};
  one_step(optimizer, w, w, 4);
  check_error(ngd_optimizer_add_group(optimizer, "late", "*", "", &error), NGD_E_STATE,
              "group \"late\" cannot be added after the first step; add groups first");
  ngd_optimizer_destroy(optimizer);
}

static void schedules_move_the_rate_of_every_group(void **state) {
  (void)state;
  ngd_error error;
  ngd_optimizer *optimizer =
      scalars("sgd:learning_rate=1,schedule=step,schedule_interval=2,schedule_gamma=0.5", kNames, 4);
  check_ok(ngd_optimizer_add_group(optimizer, "head", "head.*", "learning_rate=10", &error));
  const double g[4] = {1, 1, 1, 1};
  const double factors[6] = {1, 1, 0.5, 0.5, 0.25, 0.25};
  for (int t = 0; t < 6; t++) {
    double w[4] = {0, 0, 0, 0};
    assert_true(ngd_optimizer_learning_rate(optimizer) == factors[t]);
    one_step(optimizer, w, g, 4);
    assert_true(w[0] == -factors[t] && w[2] == -10 * factors[t]);
  }
  check_error(ngd_optimizer_report(optimizer, 1, &error), NGD_E_STATE,
              "losses are reported for schedule=plateau, but schedule is step");
  check_error(
      ngd_optimizer_set_text(optimizer, "schedule", "cosine", &error), NGD_E_RANGE,
      "schedule=cosine needs schedule_steps above schedule_warmup, but they are 0 and 0; set schedule_steps "
      "first, to the steps of the whole run");
  check_error(
      ngd_optimizer_set_text(optimizer, "schedule_milestones", "3 2", &error), NGD_E_RANGE,
      "option \"schedule_milestones\" is \"3 2\"; it takes rising step numbers from 1, separated by blanks");
  ngd_optimizer_destroy(optimizer);

  optimizer = scalars("sgd:learning_rate=1,schedule=plateau,schedule_patience=1,schedule_gamma=0.1", kNames, 1);
  for (int t = 0; t < 3; t++) check_ok(ngd_optimizer_report(optimizer, 5, &error));
  assert_true(fabs(ngd_optimizer_learning_rate(optimizer) - 0.1) < 1e-15);
  check_ok(ngd_optimizer_set(optimizer, "learning_rate", 2, &error)); /* what was reached stays */
  assert_true(fabs(ngd_optimizer_learning_rate(optimizer) - 0.2) < 1e-15);
  ngd_optimizer_destroy(optimizer);
}

static void averages_follow_their_formulas(void **state) {
  (void)state;
  ngd_error error;
  const char *specs[] = {"sgd:learning_rate=1,average=ema,average_decay=0.75",
                         "sgd:learning_rate=1,average=swa,average_start=2",
                         "sgd:learning_rate=1,average=lookahead,average_interval=3,lookahead_alpha=0.5"};
  for (int s = 0; s < 3; s++) {
    ngd_optimizer *optimizer = scalars(specs[s], kNames, 1);
    double w = 4, expected = 4, average = 4, slow = 4, sum = 0, got = 0, *out = &got;
    const double *in = &w;
    for (int t = 1; t <= 8; t++) {
      const double g = t % 3 - 0.5;
      one_step(optimizer, &w, &g, 1);
      expected -= g;
      if (s == 0) average = t == 1 ? expected : average + 0.25 * (expected - average);
      if (s == 1) {
        sum += t > 2 ? expected : 0;
        average = t > 2 ? sum / (t - 2) : expected;
      }
      if (s == 2 && t % 3 == 0) average = slow = expected = slow + 0.5 * (expected - slow);
      assert_true(fabs(w - expected) < 1e-13);
      check_ok(ngd_optimizer_average_f64(optimizer, &in, &out, 1, &error));
      if (fabs(got - average) > 1e-13) fail_msg("%s step %d: %g, expected %g", specs[s], t, got, average);
    }
    ngd_optimizer_destroy(optimizer);
  }
  ngd_optimizer *none = scalars("sgd", kNames, 1);
  double w = 0, *out = &w;
  const double *in = &w;
  check_error(ngd_optimizer_average_f64(none, &in, &out, 1, &error), NGD_E_STATE,
              "no average is kept; set the option average, or use a rule that has one");
  ngd_optimizer_destroy(none);
}

static void rows_that_rest_stay_and_decay(void **state) {
  (void)state;
  ngd_error error;
  ngd_optimizer *optimizer = NULL;
  enum { kRows = 50, kWidth = 5 };
  const int64_t shape[2] = {kRows, kWidth}, scalar[1] = {1};
  check_ok(ngd_optimizer_create("adam:learning_rate=0.1,threads=2", &optimizer, &error));
  check_ok(ngd_optimizer_add_rows_f32(optimizer, "table", shape, 2, &error));
  check_ok(ngd_optimizer_add_f32(optimizer, "b", scalar, 1, &error));
  float table[kRows * kWidth] = {0}, b = 0, g[3 * kWidth], gb = 1;
  for (int i = 0; i < 3 * kWidth; i++) g[i] = 1;
  float *parameters[2] = {table, &b};
  const float *gradients[2] = {g, &gb};
  const uint32_t rows[3] = {0, 7, 49};
  const uint32_t *row_lists[2] = {rows, NULL};
  size_t counts[2] = {3, 0};
  check_ok(ngd_optimizer_step_rows_f32(optimizer, parameters, gradients, row_lists, counts, 2, &error));
  for (int i = 0; i < kRows * kWidth; i++) {
    const int row = i / kWidth, touched = row == 0 || row == 7 || row == 49;
    assert_true(touched ? fabsf(table[i] + 0.1f) < 1e-6f : table[i] == 0);
  }
  /* Row 7 rests for two steps: its moments are those of gradients 1, 0, 0, 1. */
  counts[0] = 1;
  for (int t = 2; t <= 3; t++)
    check_ok(ngd_optimizer_step_rows_f32(optimizer, parameters, gradients, row_lists, counts, 2, &error));
  const uint32_t seven[1] = {7};
  row_lists[0] = seven;
  const float before = table[7 * kWidth];
  check_ok(ngd_optimizer_step_rows_f32(optimizer, parameters, gradients, row_lists, counts, 2, &error));
  const double m = (0.1 * pow(0.9, 3) + 0.1) / (1 - pow(0.9, 4)),
               v = (0.001 * pow(0.999, 3) + 0.001) / (1 - pow(0.999, 4));
  assert_true(fabs(before - table[7 * kWidth] - 0.1 * m / sqrt(v)) < 1e-6);

  const uint32_t falling[2] = {9, 3}, far[1] = {50};
  row_lists[0] = falling;
  counts[0] = 2;
  check_error(ngd_optimizer_step_rows_f32(optimizer, parameters, gradients, row_lists, counts, 2, &error),
              NGD_E_SHAPE, "the rows of tensor \"table\" must rise, but row 3 follows 9");
  row_lists[0] = far;
  counts[0] = 1;
  check_error(ngd_optimizer_step_rows_f32(optimizer, parameters, gradients, row_lists, counts, 2, &error),
              NGD_E_SHAPE, "row 50 of tensor \"table\" is past its 50 rows");
  counts[0] = 0; /* no row at all: only the other tensors move */
  row_lists[0] = NULL;
  const float last = b;
  check_ok(ngd_optimizer_step_rows_f32(optimizer, parameters, gradients, row_lists, counts, 2, &error));
  assert_true(b < last);
  ngd_optimizer_destroy(optimizer);
}

static void lenient_loading_takes_what_fits(void **state) {
  (void)state;
  ngd_error error;
  char path[] = "/tmp/ngd_match_XXXXXX";
  close(mkstemp(path));
  ngd_optimizer *old = scalars("adam", kNames, 3);
  double w[4] = {1, 2, 3, 4}, again[4];
  const double g[4] = {0.5, -0.5, 0.25, 1};
  one_step(old, w, g, 3);
  one_step(old, w, g, 3);
  check_ok(ngd_optimizer_save(old, path, &error));
  const char *const names[] = {"layer.weight", "new", "head.weight"};
  ngd_optimizer *changed = scalars("adam:learning_rate=0.5", names, 3);
  size_t matched = 0;
  check_ok(ngd_optimizer_load_matching(changed, path, &matched, &error));
  assert_int_equal(matched, 2);
  assert_int_equal(ngd_optimizer_step_count(changed), 2);
  check_ok(ngd_optimizer_set(changed, "learning_rate", 0.001, &error));
  memcpy(again, w, sizeof w);
  one_step(old, w, g, 3);
  one_step(changed, again, g, 3);
  assert_true(again[0] == w[0] && again[2] == w[2] && again[1] != w[1]);
  const char *const strangers[] = {"a", "b"};
  ngd_optimizer *stranger = scalars("adam", strangers, 2);
  check_ok(ngd_optimizer_load_matching(stranger, path, &matched, &error));
  assert_int_equal(matched, 0);
  assert_int_equal(ngd_optimizer_step_count(stranger), 0);
  ngd_optimizer *foreign = scalars("sgd", kNames, 3);
  check_error(ngd_optimizer_load_matching(foreign, path, &matched, &error), NGD_E_CHECKPOINT,
              "the checkpoint is of rule \"adam\", but this optimizer has rule \"sgd\"");
  ngd_optimizer_destroy(old);
  ngd_optimizer_destroy(changed);
  ngd_optimizer_destroy(stranger);
  ngd_optimizer_destroy(foreign);
  unlink(path);
}

/* Groups, schedule and averages are saved with the rest. */
static void a_saved_optimizer_brings_its_groups_and_schedule(void **state) {
  (void)state;
  ngd_error error;
  char path[] = "/tmp/ngd_groups_XXXXXX";
  close(mkstemp(path));
  ngd_optimizer *one = scalars(
      "ngd:schedule=plateau,schedule_patience=0,average=swa,loss_scale=4,loss_scale_dynamic=1", kNames, 4);
  check_ok(ngd_optimizer_add_group(one, "bias", "*.bias", "weight_decay=0.5,accel=none", &error));
  double w[4] = {1, 2, 3, 4}, again[4];
  const double g[4] = {0.5, -0.5, 0.25, 1};
  for (int t = 0; t < 3; t++) one_step(one, w, g, 4);
  check_ok(ngd_optimizer_report(one, 1, &error));
  check_ok(ngd_optimizer_report(one, 1, &error));
  check_ok(ngd_optimizer_save(one, path, &error));
  ngd_optimizer *two = NULL;
  check_ok(ngd_optimizer_create("ngd", &two, &error));
  check_ok(ngd_optimizer_load(two, path, &error));
  assert_true(ngd_optimizer_learning_rate(two) == ngd_optimizer_learning_rate(one));
  memcpy(again, w, sizeof w);
  for (int t = 0; t < 3; t++) {
    one_step(one, w, g, 4);
    one_step(two, again, g, 4);
  }
  assert_memory_equal(w, again, sizeof w);
  ngd_optimizer_destroy(one);
  ngd_optimizer_destroy(two);
  unlink(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(groups_inherit_and_override),
      cmocka_unit_test(mistakes_with_groups_are_told),
      cmocka_unit_test(schedules_move_the_rate_of_every_group),
      cmocka_unit_test(averages_follow_their_formulas),
      cmocka_unit_test(rows_that_rest_stay_and_decay),
      cmocka_unit_test(lenient_loading_takes_what_fits),
      cmocka_unit_test(a_saved_optimizer_brings_its_groups_and_schedule),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
