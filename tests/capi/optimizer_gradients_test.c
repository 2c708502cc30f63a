/* What happens to gradients before a rule sees them: checks, scaling, clipping, accumulation, zeroing. */
#include "test.h"

#include <math.h>

enum { kCount = 3000 }; /* more than one tile, and no multiple of a vector */

static ngd_optimizer *fresh(const char *spec, const int64_t *shape, size_t rank) {
  ngd_error error;
  ngd_optimizer *optimizer = NULL;
  check_ok(ngd_optimizer_create(spec, &optimizer, &error));
  check_ok(ngd_optimizer_add_f32(optimizer, "w", shape, rank, &error));
  return optimizer;
}

static void fill(float *w, float *g) {
  for (int i = 0; i < kCount; i++) {
    w[i] = (float)cos(0.9 * i);
    g[i] = (float)sin(1.7 * i);
  }
}

static void step(ngd_optimizer *optimizer, float *w, const float *g) {
  ngd_error error;
  float *parameters[1] = {w};
  const float *gradients[1] = {g};
  check_ok(ngd_optimizer_step_f32(optimizer, parameters, gradients, 1, &error));
}

static const char *const kPlaces[] = {"first", "middle", "last"};

/* Every rule, a bad element anywhere, each policy: state and parameters are those of a run without that step. */
static void a_gradient_that_is_not_finite_never_reaches_the_state(void **state) {
  (void)state;
  ngd_error error;
  const int64_t shape[2] = {kCount / 30, 30};
  static float w[kCount], clean[kCount], g[kCount], bad[kCount];
  const float values[] = {NAN, INFINITY, -INFINITY};
  for (size_t r = 0; ngd_optimizer_rule(r) != NULL; r++) {
    for (size_t p = 0; p < 3; p++) {
      ngd_optimizer *one = fresh(ngd_optimizer_rule(r), shape, 2),
                    *other = fresh(ngd_optimizer_rule(r), shape, 2);
      fill(w, g);
      memcpy(clean, w, sizeof w);
      memcpy(bad, g, sizeof g);
      bad[p == 0 ? 0 : p == 1 ? kCount / 2 : kCount - 1] = values[p];
      for (int t = 0; t < 3; t++) {
        step(one, w, g);
        step(other, clean, g);
        step(one, w, bad); /* nonfinite=skip: as if it had not been */
      }
      if (memcmp(w, clean, sizeof w) != 0) fail_msg("%s, %s", ngd_optimizer_rule(r), kPlaces[p]);
      assert_int_equal(ngd_optimizer_skip_count(one), 3);
      assert_int_equal(ngd_optimizer_step_count(one), 3);
      float *parameters[1] = {w};
      const float *gradients[1] = {bad};
      check_ok(ngd_optimizer_set_text(one, "nonfinite", "error", &error));
      check_error(ngd_optimizer_step_f32(one, parameters, gradients, 1, &error), NGD_E_NOT_FINITE,
                  "the gradient of tensor \"w\" is not finite at step 4; nothing was changed. Lower the "
                  "learning_rate, or "
                  "set nonfinite=skip");
      assert_memory_equal(w, clean, sizeof w);
      /* zero: as if the element had been 0. */
      check_ok(ngd_optimizer_set_text(one, "nonfinite", "zero", &error));
      memcpy(bad, g, sizeof g);
      const size_t place = p == 0 ? 0 : p == 1 ? kCount / 2 : kCount - 1;
      bad[place] = values[p];
      step(one, w, bad);
      bad[place] = 0;
      step(other, clean, bad);
      if (memcmp(w, clean, sizeof w) != 0) fail_msg("%s, %s, zero", ngd_optimizer_rule(r), kPlaces[p]);
      assert_int_equal(ngd_optimizer_zero_count(one), 1);
      step(one, w, g);
      step(other, clean, g);
      assert_memory_equal(w, clean, sizeof w);
      ngd_optimizer_destroy(one);
      ngd_optimizer_destroy(other);
    }
  }
}

static void huge_gradients_do_not_overflow_the_second_moment(void **state) {
  (void)state;
  const int64_t shape[1] = {1};
  ngd_optimizer *optimizer = fresh("adam:learning_rate=0.1,beta1=0.5,beta2=0.9", shape, 1);
  float w = 0;
  const float huge = 1e38f, small = 1;
  step(optimizer, &w, &huge);
  assert_true(fabsf(w + 0.1f) < 1e-5f);
  for (int t = 0; t < 1000; t++) step(optimizer, &w, &small);
  const float before = w;
  step(optimizer, &w, &small);
  assert_true(before - w > 0.09f); /* the moments have come back */
  ngd_optimizer_destroy(optimizer);
}

/* sgd with rate 1 shows the gradient that the rule saw: w_before - w_after. */
static void clipping_limits_what_the_rule_sees(void **state) {
  (void)state;
  ngd_error error;
  static float w[kCount], g[kCount], before[kCount];
  const int64_t matrix[2] = {kCount / 30, 30};
  fill(before, g);
  double squares = 0;
  for (int i = 0; i < kCount; i++) squares += (double)g[i] * g[i];

  memcpy(w, before, sizeof w);
  ngd_optimizer *optimizer = fresh("sgd:learning_rate=1,clip=value,clip_threshold=0.25", matrix, 2);
  step(optimizer, w, g);
  for (int i = 0; i < kCount; i++)
    assert_true(fabsf(before[i] - w[i] - fmaxf(-0.25f, fminf(0.25f, g[i]))) < 1e-6f);
  assert_true(isnan(ngd_optimizer_gradient_norm(optimizer)));
  ngd_optimizer_destroy(optimizer);

  memcpy(w, before, sizeof w);
  optimizer = fresh("sgd:learning_rate=1,clip=norm,clip_threshold=2", matrix, 2);
  step(optimizer, w, g);
  for (int i = 0; i < kCount; i++) assert_true(fabs(before[i] - w[i] - 2 / sqrt(squares) * g[i]) < 1e-6);
  assert_true(fabs(ngd_optimizer_gradient_norm(optimizer) / sqrt(squares) - 1) < 1e-12);
  check_ok(ngd_optimizer_set(optimizer, "clip_threshold", 1000, &error)); /* above the norm: nothing happens */
  memcpy(w, before, sizeof w);
  step(optimizer, w, g);
  for (int i = 0; i < kCount; i++) assert_true(w[i] == before[i] - g[i]);
  ngd_optimizer_destroy(optimizer);

  memcpy(w, before, sizeof w);
  optimizer = fresh("sgd:learning_rate=1,clip=adaptive,clip_threshold=0.5", matrix, 2);
  step(optimizer, w, g);
  for (int row = 0; row < kCount / 30; row++) {
    double w_squares = 0, g_squares = 0;
    for (int k = 0; k < 30; k++) {
      w_squares += pow(before[30 * row + k], 2);
      g_squares += pow(g[30 * row + k], 2);
    }
    const double factor = fmin(1, 0.5 * sqrt(w_squares) / sqrt(g_squares));
    for (int i = 30 * row; i < 30 * row + 30; i++) assert_true(fabs(before[i] - w[i] - factor * g[i]) < 1e-6);
  }
  ngd_optimizer_destroy(optimizer);
}

static void group_norms_and_exclusion_from_clipping(void **state) {
  (void)state;
  ngd_error error;
  ngd_optimizer *optimizer = NULL;
  check_ok(ngd_optimizer_create("sgd:learning_rate=1,clip=norm", &optimizer, &error));
  check_ok(ngd_optimizer_add_group(optimizer, "free", "free.*", "clip=none", &error));
  check_ok(ngd_optimizer_add_group(optimizer, "own", "own.*", "clip=group_norm,clip_threshold=2", &error));
  const int64_t shape[1] = {1};
  const char *names[] = {"a", "b", "free.c", "own.d", "own.e"};
  for (int i = 0; i < 5; i++) check_ok(ngd_optimizer_add_f32(optimizer, names[i], shape, 1, &error));
  float w[5] = {0}, g[5] = {3, 4, 100, 6, 8}, *parameters[5];
  const float *gradients[5];
  for (int i = 0; i < 5; i++) {
    parameters[i] = &w[i];
    gradients[i] = &g[i];
  }
  check_ok(ngd_optimizer_step_f32(optimizer, parameters, gradients, 5, &error));
  const float expected[5] = {-0.6f, -0.8f, -100, -1.2f, -1.6f};
  for (int i = 0; i < 5; i++) assert_true(fabsf(w[i] - expected[i]) < 1e-5f);
  ngd_optimizer_destroy(optimizer);
}

static void gradients_accumulate_to_their_mean(void **state) {
  (void)state;
  ngd_error error;
  static float w[kCount], expected[kCount], g[kCount], mean[kCount];
  const int64_t shape[2] = {kCount / 30, 30};
  ngd_optimizer *optimizer = fresh("adamw:accumulate=4,clip=norm,clip_threshold=3,weight_decay=0.1", shape, 2);
  ngd_optimizer *plain = fresh("adamw:clip=norm,clip_threshold=3,weight_decay=0.1", shape, 2);
  fill(w, g);
  memcpy(expected, w, sizeof w);
  for (int t = 0; t < 3; t++) {
    memset(mean, 0, sizeof mean);
    for (int k = 0; k < 4; k++) {
      for (int i = 0; i < kCount; i++) {
        g[i] = (float)((i * 7 + k * 3 + t) % 16 - 8); /* sums of these are exact */
        mean[i] += 0.25f * g[i];
      }
      assert_memory_equal(w, expected, sizeof w); /* nothing moves before the fourth */
      step(optimizer, w, g);
    }
    assert_int_equal(ngd_optimizer_step_count(optimizer), t + 1);
    step(plain, expected, mean);
    assert_memory_equal(w, expected, sizeof w);
  }
  step(optimizer, w, g);
  check_error(ngd_optimizer_set(optimizer, "accumulate", 1, &error), NGD_E_STATE,
              "accumulate is 1, but 1 gradients are accumulated already; change it after a real step");
  ngd_optimizer_destroy(optimizer);
  ngd_optimizer_destroy(plain);
}

static void a_dynamic_loss_scale_falls_and_rises(void **state) {
  (void)state;
  ngd_error error;
  const int64_t shape[1] = {2};
  ngd_optimizer *optimizer =
      fresh("sgd:learning_rate=1,loss_scale=1024,loss_scale_dynamic=1,loss_scale_interval=3", shape, 1);
  float w[2] = {0, 0};
  const float scaled[2] = {1024, 2048}, overflown[2] = {INFINITY, 0};
  double scale = 0;
  step(optimizer, w, scaled);
  assert_true(w[0] == -1 && w[1] == -2);
  step(optimizer, w, overflown);
  check_ok(ngd_optimizer_get(optimizer, "loss_scale", &scale, &error));
  assert_true(scale == 512);
  for (int t = 0; t < 3; t++) step(optimizer, w, scaled);
  check_ok(ngd_optimizer_get(optimizer, "loss_scale", &scale, &error));
  assert_true(scale == 1024);
  assert_true(w[0] == -7);
  ngd_optimizer_destroy(optimizer);
}

static void a_sweep_zeroes_gradients_also_when_it_skips(void **state) {
  (void)state;
  ngd_error error;
  static float w[kCount], g[kCount];
  const int64_t shape[2] = {kCount / 30, 30};
  const char *specs[] = {"adam:zero_gradient=1", "ngd:zero_gradient=1", "ngd:zero_gradient=1,trust=none",
                         "adam:zero_gradient=1,accumulate=3", "muon:zero_gradient=1"};
  for (size_t s = 0; s < sizeof specs / sizeof specs[0]; s++) {
    ngd_optimizer *optimizer = fresh(specs[s], shape, 2);
    float *parameters[1] = {w}, *gradients[1] = {g};
    for (int t = 0; t < 4; t++) {
      fill(w, g);
      if (t == 3) g[kCount - 1] = NAN;
      check_ok(ngd_optimizer_sweep_f32(optimizer, parameters, gradients, NULL, 1, &error));
      for (int i = 0; i < kCount; i++) assert_true(g[i] == 0);
    }
    assert_int_equal(ngd_optimizer_skip_count(optimizer), 1);
    fill(w, g);
    step(optimizer, w, g); /* step only reads them */
    assert_true(g[1] != 0);
    ngd_optimizer_destroy(optimizer);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_gradient_that_is_not_finite_never_reaches_the_state),
      cmocka_unit_test(huge_gradients_do_not_overflow_the_second_moment),
      cmocka_unit_test(clipping_limits_what_the_rule_sees),
      cmocka_unit_test(group_norms_and_exclusion_from_clipping),
      cmocka_unit_test(gradients_accumulate_to_their_mean),
      cmocka_unit_test(a_dynamic_loss_scale_falls_and_rises),
      cmocka_unit_test(a_sweep_zeroes_gradients_also_when_it_skips),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
