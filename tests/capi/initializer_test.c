/* Initialisers through the contract: golden values of every kind, moments, independence of order and of other tensors. */
#include <math.h>

#include "test.h"

enum { kInputs = 250, kOutputs = 160, kCount = kInputs * kOutputs };

/* Seed 42, tensor 7, 3 inputs, 2 outputs: computed by another program from the definitions in initializer.h. */
static const struct {
  const char *spec;
  double values[6];
} kGolden[] = {
    {"uniform",
     {0.039581398954754266, -0.016620488012586501, -0.012476530137986009, -0.032594536394771736,
      0.04375101805534775, 0.03242437740183074}},
    {"normal",
     {-0.053436254212592127, 0.022273159144594767, 0.052955779348621251, 0.058119750045476148,
      0.013966373070222544, -0.099068471391211888}},
    {"truncated_normal",
     {-0.060748857814997399, 0.025321179373515086, 0.060202631294722905, 0.066073277099647748,
      0.015877632598622991, -0.11262571771124764}},
    {"xavier_normal",
     {-0.67592109175823412, 0.28173565433730829, 0.66984351204380388, 0.73516314873351751, 0.17666219821416804,
      -1.2531280556298383}},
    {"xavier_uniform",
     {0.86718500260521258, -0.36413664804951329, -0.27334707983871914, -0.71411051339358356,
      0.95853678010919063, 0.71038251664173779}},
    {"kaiming_normal",
     {-0.87261037724332546, 0.36371916576041485, 0.86476425557024672, 0.94909154393010664, 0.22806991719595551,
      -1.6177813633732152}},
    {"kaiming_uniform",
     {1.1195310243902747, -0.47009839121318553, -0.35288956264992954, -0.92191270857499275, 1.2374656620300588,
      0.91709988546345467}},
    {"orthogonal",
     {-0.6810708526968654, -0.21747240035477775, 0.28388216416725293, 0.80176508386525847, 0.67494696863863457,
      -0.55666732019983556}},
    {"zeros", {0, 0, 0, 0, 0, 0}},
};

static void every_kind_has_its_golden_values(void **state) {
  (void)state;
  ngd_error error;
  for (size_t i = 0; i < sizeof kGolden / sizeof *kGolden; i++) {
    double doubles[6];
    float floats[6];
    check_ok(ngd_initializer_fill_f64(kGolden[i].spec, 42, 7, 3, 2, doubles, 6, &error));
    check_ok(ngd_initializer_fill_f32(kGolden[i].spec, 42, 7, 3, 2, floats, 6, &error));
    assert_string_equal(ngd_initializer_kind(i), kGolden[i].spec);
    for (size_t k = 0; k < 6; k++) {
      if (!(fabs(doubles[k] - kGolden[i].values[k]) <= 1e-15))
        fail_msg("%s: element %zu is %.17g, not %.17g", kGolden[i].spec, k, doubles[k], kGolden[i].values[k]);
      assert_true(floats[k] == (float)doubles[k]);
    }
  }
  assert_null(ngd_initializer_kind(sizeof kGolden / sizeof *kGolden));
}

typedef struct moments {
  double mean, deviation, largest;
} moments;

static moments moments_of(const char *spec, double *values) {
  ngd_error error;
  check_ok(ngd_initializer_fill_f64(spec, 5, 1, kInputs, kOutputs, values, kCount, &error));
  moments m = {0, 0, 0};
  for (size_t i = 0; i < kCount; i++) {
    m.mean += values[i] / kCount;
    m.largest = fmax(m.largest, fabs(values[i]));
  }
  for (size_t i = 0; i < kCount; i++) m.deviation += (values[i] - m.mean) * (values[i] - m.mean) / kCount;
  m.deviation = sqrt(m.deviation);
  return m;
}

static void moments_are_those_of_the_definitions(void **state) {
  (void)state;
  /* bound: the largest magnitude that can be; 0 where there is none. */
  const struct {
    const char *spec;
    double deviation, bound;
  } cases[] = {
      {"uniform:scale=0.3", 0.3 / sqrt(3), 0.3},
      {"normal:scale=0.2", 0.2, 0},
      {"truncated_normal:scale=0.2", 0.2, 2 * 0.2 / 0.8796256610342398},
      {"xavier_normal", sqrt(2.0 / (kInputs + kOutputs)), 0},
      {"xavier_uniform:scale=2", 2 * sqrt(2.0 / (kInputs + kOutputs)), 2 * sqrt(6.0 / (kInputs + kOutputs))},
      {"kaiming_normal", sqrt(2.0 / kInputs), 0},
      {"kaiming_uniform:scale=1", sqrt(1.0 / kInputs), sqrt(3.0 / kInputs)},
      {"orthogonal:scale=3", 3 / sqrt(kInputs), 0}};
  double *values = malloc(kCount * sizeof *values);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const moments m = moments_of(cases[i].spec, values);
    const double error_of_mean = 5 * cases[i].deviation / sqrt(kCount);
    if (!(fabs(m.mean) < error_of_mean)) fail_msg("%s: the mean is %g", cases[i].spec, m.mean);
    if (!(fabs(m.deviation / cases[i].deviation - 1) < 5 / sqrt(2.0 * kCount)))
      fail_msg("%s: the deviation is %g, not %g", cases[i].spec, m.deviation, cases[i].deviation);
    if (cases[i].bound > 0 && !(m.largest <= cases[i].bound && m.largest > 0.995 * cases[i].bound))
      fail_msg("%s: the largest is %g, not %g", cases[i].spec, m.largest, cases[i].bound);
    if (cases[i].bound == 0) assert_true(m.largest > 3.5 * cases[i].deviation);
  }
  free(values);
}

static void distributions_pass_the_test_of_kolmogorov_and_smirnov(void **state) {
  (void)state;
  /* The largest distance of the empirical distribution from the true one, times sqrt(n), exceeds 1.95 once in 1000. */
  double *values = malloc(kCount * sizeof *values);
  for (int which = 0; which < 3; which++) {
    const char *spec = which == 0   ? "uniform:scale=1"
                       : which == 1 ? "normal:scale=1"
                                    : "truncated_normal:scale=1";
    moments_of(spec, values);
    enum { kBins = 200 };
    size_t below[kBins] = {0};
    const double width = 6.0 / kBins;
    for (size_t i = 0; i < kCount; i++) {
      for (size_t b = 0; b < kBins; b++) below[b] += values[i] <= -3 + width * (double)(b + 1);
    }
    double distance = 0;
    for (size_t b = 0; b < kBins; b++) {
      const double x = -3 + width * (double)(b + 1), t = x * 0.8796256610342398;
      const double cut = 0.5 * erfc(2 / sqrt(2));
      double expected = which == 0 ? (x + 1) / 2 : 0.5 * erfc(-x / sqrt(2));
      if (which == 2) expected = (0.5 * erfc(-t / sqrt(2)) - cut) / (1 - 2 * cut);
      expected = fmin(1, fmax(0, expected));
      distance = fmax(distance, fabs((double)below[b] / kCount - expected));
    }
    if (!(distance * sqrt(kCount) < 1.95)) fail_msg("%s: the distance is %g", spec, distance * sqrt(kCount));
  }
  free(values);
}

static void order_and_other_tensors_do_not_matter(void **state) {
  (void)state;
  ngd_error error;
  double first[12], second[12], again[12];
  check_ok(ngd_initializer_fill_f64("kaiming_normal", 1, 0, 4, 3, first, 12, &error));
  check_ok(ngd_initializer_fill_f64("kaiming_normal", 1, 1, 4, 3, second, 12, &error));
  check_ok(ngd_initializer_fill_f64("kaiming_normal", 1, 0, 4, 3, again, 12, &error));
  assert_memory_equal(first, again, sizeof first);
  for (size_t i = 0; i < 12; i++) assert_true(first[i] != second[i]);
  check_ok(ngd_initializer_fill_f64("kaiming_normal", 2, 0, 4, 3, again, 12, &error));
  for (size_t i = 0; i < 12; i++) assert_true(first[i] != again[i]);
}

static void a_model_begins_with_the_same_values(void **state) {
  (void)state;
  ngd_error error;
  for (size_t kind = 0; ngd_initializer_kind(kind); kind++) {
    char spec[128];
    snprintf(spec, sizeof spec, "mlp:inputs=4,outputs=2,hidden=3,seed=9,init=%s", ngd_initializer_kind(kind));
    ngd_model *model = NULL;
    check_ok(ngd_model_create(spec, &model, &error));
    check_ok(ngd_model_prepare(model, NULL, &error));
    float own[12], of_model[12];
    check_ok(ngd_initializer_fill_f32(ngd_initializer_kind(kind), 9, 0, 4, 3, own, 12, &error));
    check_ok(ngd_model_get_tensor_f32(model, 0, of_model, 12, &error));
    assert_memory_equal(own, of_model, sizeof own);
    check_ok(ngd_initializer_fill_f32(ngd_initializer_kind(kind), 9, 2, 3, 2, own, 6, &error));
    check_ok(ngd_model_get_tensor_f32(model, 2, of_model, 6, &error));
    assert_memory_equal(own, of_model, 6 * sizeof *own);
    ngd_model_destroy(model);
  }
}

static void bad_input_is_refused_and_changes_nothing(void **state) {
  (void)state;
  ngd_error error;
  double values[6] = {1, 2, 3, 4, 5, 6}, before[6] = {1, 2, 3, 4, 5, 6};
  check_error(
      ngd_initializer_fill_f64("kaiming", 1, 0, 3, 2, values, 6, &error), NGD_E_OPTION,
      "unknown initializer \"kaiming\"; did you mean \"kaiming_normal\"? Known: uniform, normal, "
      "truncated_normal, xavier_normal, xavier_uniform, kaiming_normal, kaiming_uniform, orthogonal, zeros");
  check_error(ngd_initializer_fill_f64("normal:scale=-1", 1, 0, 3, 2, values, 6, &error), NGD_E_RANGE,
              "option \"scale\" of initializer \"normal\" is -1, outside its range (0, 1e+06] (column 8)");
  check_error(ngd_initializer_fill_f64("zeros:scale=1", 1, 0, 3, 2, values, 6, &error), NGD_E_OPTION,
              "unknown option \"scale\" for initializer \"zeros\"; it has none (column 7)");
  check_error(
      ngd_initializer_fill_f64("normal", 1, 0, 3, 2, values, 5, &error), NGD_E_SHAPE,
      "argument \"count\" is 5, but a weight of 3 inputs and 2 outputs has as many elements as their product");
  check_error(ngd_initializer_fill_f64("normal", 1, 0, 0, 2, values, 0, &error), NGD_E_SHAPE,
              "the weight has 0 inputs and 2 outputs; both must be at least 1");
  check_error(
      ngd_initializer_fill_f64("normal", 1, 0, (size_t)-1, 2, values, 6, &error), NGD_E_SHAPE,
      "argument \"count\" is 6, but a weight of 18446744073709551615 inputs and 2 outputs has as many elements "
      "as their product");
  check_error(ngd_initializer_fill_f64(NULL, 1, 0, 3, 2, values, 6, &error), NGD_E_ARGUMENT,
              "argument \"spec\" is NULL, but may not be");
  check_error(ngd_initializer_fill_f32("normal", 1, 0, 3, 2, NULL, 6, &error), NGD_E_ARGUMENT,
              "argument \"values\" is NULL, but may not be");
  assert_memory_equal(values, before, sizeof values);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_kind_has_its_golden_values),
      cmocka_unit_test(moments_are_those_of_the_definitions),
      cmocka_unit_test(distributions_pass_the_test_of_kolmogorov_and_smirnov),
      cmocka_unit_test(order_and_other_tensors_do_not_matter),
      cmocka_unit_test(a_model_begins_with_the_same_values),
      cmocka_unit_test(bad_input_is_refused_and_changes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
