/* Rule ngd against golden values, every option, at 1e-12 in float64, through the contract. */
#include "test.h"

#include <math.h>

#include "../golden/ngd_golden.h"

static void gradient_at(int t, double *g) {
  static const double c[4] = {1, 0.5, -0.25, 2}, w[4] = {0.3, 0.7, 1.1, 0.2}, d[4] = {0.1, -0.2, 0, 0.05};
  for (int i = 0; i < 4; i++) g[i] = c[i] * cos(w[i] * t) + d[i];
}

static void norm_step(const double *g, double radius, double *second) {
  double squares = 0;
  for (int i = 0; i < 4; i++) squares += g[i] * g[i];
  for (int i = 0; i < 4; i++) second[i] = g[i] + radius * g[i] / sqrt(squares);
}

static void ngd_equals_golden_values_for_every_option(void **state) {
  (void)state;
  ngd_error error;
  for (size_t row = 0; row < sizeof golden_rows / sizeof golden_rows[0]; row++) {
    char spec[160];
    snprintf(spec, sizeof spec, "ngd:learning_rate=0.01,%s", golden_rows[row].options);
    ngd_optimizer *optimizer = NULL;
    check_ok(ngd_optimizer_create(spec, &optimizer, &error));
    const int64_t shape[2] = {2, 2};
    check_ok(ngd_optimizer_add_f64(optimizer, "w", shape, 2, &error));
    double penalty = 0;
    check_ok(ngd_optimizer_get(optimizer, "grad_penalty", &penalty, &error));

    double w[4] = {1, -2, 0.5, 3}, g[4];
    double *parameters[1] = {w}, *gradients[1] = {g};
    const double *const_gradients[1] = {g};
    int golden = 0;
    for (int t = 1; t <= 10; t++) {
      gradient_at(t, g);
      if (penalty > 0) {
        double second[4], before[4];
        memcpy(before, w, sizeof w);
        norm_step(g, 0.05, second);
        check_ok(ngd_optimizer_perturb_f64(optimizer, parameters, const_gradients, 1, &error));
        assert_memory_not_equal(before, w, sizeof w);
        memcpy(g, second, sizeof g);
        check_ok(ngd_optimizer_restore_f64(optimizer, parameters, gradients, 1, &error));
        assert_memory_equal(before, w, sizeof w);
      }
      check_ok(ngd_optimizer_step_f64(optimizer, parameters, const_gradients, 1, &error));
      if (t != golden_steps[golden]) continue;
      for (int i = 0; i < 4; i++) {
        const double expected = golden_rows[row].parameters[golden][i];
        if (fabs(w[i] - expected) > 1e-12 * fabs(expected))
          fail_msg("%s step %d element %d: expected %.17g, got %.17g", spec, t, i, expected, w[i]);
      }
      golden++;
    }
    assert_int_equal(golden, 4);
    assert_int_equal(ngd_optimizer_step_count(optimizer), 10);
    ngd_optimizer_destroy(optimizer);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(ngd_equals_golden_values_for_every_option)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
