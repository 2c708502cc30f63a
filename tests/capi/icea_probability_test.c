/* The chances and weights of ICEA against the same formulas written out plainly, sample by sample, and the draws
 * against the chances. */
#include "icea_reference.h"

static ngd_icea *make_both(struct reference *r, const struct options *o) {
  ngd_error error;
  ngd_icea *icea;
  memset(r, 0, sizeof *r);
  r->o = *o;
  check_ok(ngd_icea_create(spec_of(o), (uint64_t)o->samples, &icea, &error));
  return icea;
}

/* Losses as training has them: most small, some large, ties, wrong answers where the loss is large. */
static void record_some(ngd_icea *icea, struct reference *r, int batches, int size, uint64_t *state) {
  ngd_error error;
  uint64_t ids[300];
  float losses[300];
  int32_t correct[300];
  for (int b = 0; b < batches; b++) {
    for (int i = 0; i < size; i++) {
      ids[i] = next_random(state) % (uint64_t)r->o.samples;
      const double u = next_uniform(state);
      losses[i] = u < 0.1 ? 0.5f : u < 0.15 ? 0 : (float)(5 * u * u * u * u);
      correct[i] = (double)losses[i] < 0.9 ? 1 : next_uniform(state) < 0.2;
    }
    check_ok(ngd_icea_record_f32(icea, ids, losses, correct, (size_t)size, &error));
    for (int i = 0; i < size; i++) reference_record(r, ids[i], losses[i], correct[i]);
  }
}

static void assert_near(double got, double expected, double tolerance, const char *what, int index) {
  if (!(fabs(got - expected) <= tolerance))
    fail_msg("%s %d: %.17g, expected %.17g", what, index, got, expected);
}

/* Everything that the buffer tells of its samples is what the reference says. */
static void check_all(ngd_icea *icea, struct reference *r) {
  ngd_error error;
  static uint64_t ids[MOST];
  size_t count;
  reference_chances(r);
  check_ok(ngd_icea_get_hard_set(icea, ids, MOST, &count, &error));
  assert_int_equal(count, r->hard_count);
  for (int k = 0; k < r->hard_count; k++) assert_int_equal(ids[k], r->hard[k]);
  double sum = 0;
  int quarantined = 0, seen = 0;
  for (int i = 0; i < r->o.samples; i++) {
    ngd_icea_sample sample = {.struct_size = sizeof sample};
    check_ok(ngd_icea_get_sample(icea, (uint64_t)i, &sample, &error));
    assert_near(sample.score, (double)r->score[i], 0, "score", i);
    assert_int_equal(sample.seen, r->seen[i]);
    assert_int_equal(sample.errors, r->errors[i]);
    assert_int_equal(sample.miss_run, r->miss_run[i]);
    assert_int_equal(sample.quarantined, is_quarantined(r, i));
    assert_near(sample.probability, r->q[i], 1e-9, "probability", i);
    sum += sample.probability;
    quarantined += is_quarantined(r, i);
    seen += r->seen[i] > 0;
  }
  assert_near(sum, 1, 1e-9, "sum of probabilities", 0);
  ngd_icea_info info = {.struct_size = sizeof info};
  check_ok(ngd_icea_get_info(icea, &info, &error));
  assert_near(info.hard_mass, r->mass, 1e-9, "mass", 0);
  assert_int_equal(info.hard, r->hard_count);
  assert_int_equal(info.quarantined, quarantined);
  assert_int_equal(info.seen, seen);
}

/* The settings that all tests below go through: each option away from its default at least once. */
static size_t settings(struct options *list, int samples) {
  size_t count = 0;
#define WITH(...)                 \
  do {                            \
    struct options o = kDefaults; \
    o.samples = samples;          \
    __VA_ARGS__;                  \
    list[count++] = o;            \
  } while (0)
  WITH((void)o);
  WITH(o.rho = 0.9; o.boost = 0; o.cap = 0.3);
  WITH(o.boost = 3; o.cap = 0.5; o.gamma = 0.9);
  WITH(o.gamma = 0.5; o.exponent = 2.5; o.cap = 0.25);
  WITH(o.exponent = 0; o.cap = 0.2; o.boost = 4);
  WITH(o.exponent = 0; o.cap = 0.2; o.boost = 6);
  WITH(o.miss = 1; o.admit = 1; o.gamma = 0.7; o.cap = 1; o.quarantine = 0);
  WITH(o.miss = 1; o.cap = 0.05);
  WITH(o.error_cap = 0.7; o.error_min = 0.2; o.cap = 1; o.boost = 1.5);
  WITH(o.error_min = 0; o.exponent = 0.5; o.remover = "none");
  WITH(o.remover = "most"; o.cap = 0.2);
  WITH(o.quarantine = 1; o.admit = 2; o.cap = 1; o.boost = 0);
  WITH(o.sampler = "uniform"; o.cap = 0.3);
  WITH(o.sampler = "uniform"; o.cap = 0.3; o.boost = 2);
  WITH(o.sampler = "top_k"; o.top = 7);
  WITH(o.sampler = "top_k"; o.top = 9; o.boost = 0; o.remover = "most");
  WITH(o.sampler = "rank"; o.cap = 0.4);
  WITH(o.sampler = "rank"; o.cap = 0.4; o.boost = 0; o.pressure = 5);
  WITH(o.sampler = "rank"; o.cap = 0.05; o.boost = 4);
  WITH(o.sampler = "selective_backprop"; o.cap = 1; o.boost = 0; o.power = 2);
  WITH(o.sampler = "selective_backprop"; o.cap = 0.3; o.boost = 5; o.remover = "most");
  WITH(o.sampler = "prioritized"; o.cap = 1; o.boost = 0; o.rho = 0.9; o.exponent = 0.6; o.beta = 0.4);
  WITH(o.sampler = "prioritized"; o.cap = 1; o.boost = 0; o.exponent = 0);
  WITH(o.sampler = "prioritized"; o.cap = 0.2; o.miss = 1);
  WITH(o.phase = 1);
  WITH(o.phase = 1; o.sampler = "rank"; o.boost = 3);
  WITH(o.phase = 1; o.sampler = "uniform"; o.cap = 1);
#undef WITH
  return count;
}

static void chances_are_those_of_the_formula(void **state) {
  (void)state;
  struct options list[40];
  static struct reference r;
  const int sizes[] = {1, 2, 9, 40, 300, 1500};
  for (size_t s = 0; s < 6; s++) {
    const size_t count = settings(list, sizes[s]);
    for (size_t k = 0; k < count; k++) {
      uint64_t random = 100 * k + s;
      ngd_icea *icea = make_both(&r, &list[k]);
      check_all(icea, &r); /* nothing recorded yet */
      record_some(icea, &r, 3, sizes[s] / 10 + 1, &random);
      check_all(icea, &r);
      record_some(icea, &r, 40, sizes[s] / 10 + 1, &random);
      check_all(icea, &r);
      ngd_icea_destroy(icea);
    }
  }
}

/* Draws many slots, counts each sample, and compares with the chances: sum of (observed - expected)^2 / expected is
 * about `samples` with variance twice that. Samples of small expectation are joined. */
static void check_draws(ngd_icea *icea, const struct reference *r, int batches, int size) {
  ngd_error error;
  static double counts[MOST];
  static uint64_t ids[512];
  memset(counts, 0, sizeof counts);
  for (int b = 0; b < batches; b++) {
    check_ok(ngd_icea_draw_f32(icea, (size_t)size, ids, NULL, &error));
    for (int i = 0; i < size; i++) counts[ids[i]]++;
  }
  double statistic = 0, expected = 0, observed = 0;
  int cells = 0;
  for (int i = 0; i < r->o.samples; i++) {
    const double here = r->q[i] * batches * size;
    if (r->q[i] == 0) assert_true(counts[i] == 0);
    expected += here;
    observed += counts[i];
    if (expected >= 20 || (i == r->o.samples - 1 && expected > 0)) {
      statistic += (observed - expected) * (observed - expected) / expected;
      cells++;
      expected = observed = 0;
    }
  }
  const double bound = cells + 5 * sqrt(2.0 * cells) + 10;
  if (statistic > bound) fail_msg("%s: chi-square %.1f of %d cells", spec_of(&r->o), statistic, cells);
}

static void draws_follow_the_chances(void **state) {
  (void)state;
  struct options list[40];
  static struct reference r;
  const int sizes[] = {2, 40, 2000};
  for (size_t s = 0; s < 3; s++) {
    const size_t count = settings(list, sizes[s]);
    for (size_t k = 0; k < count; k++) {
      uint64_t random = 1000 * k + s;
      ngd_icea *icea = make_both(&r, &list[k]);
      record_some(icea, &r, 60, sizes[s] / 10 + 1, &random);
      reference_chances(&r);
      check_draws(icea, &r, sizes[s] > 1000 ? 400 : 200, 256);
      ngd_icea_destroy(icea);
    }
  }
}

/* Every sample i has a gradient g_i. With beta = 1 the weighted gradient of a slot, w_i g_i for i drawn by q, has as its
 * mean over all that can be drawn, enumerated, the mean of all g_i. */
static void with_beta_1_the_mean_gradient_is_unbiased(void **state) {
  (void)state;
  struct options list[40];
  static struct reference r;
  static double weight[MOST];
  for (int samples = 1; samples <= 60; samples += samples < 5 ? 1 : 11) {
    const size_t count = settings(list, samples);
    for (size_t k = 0; k < count; k++) {
      if (list[k].phase) continue; /* all slots from the hard set: biased by its nature */
      list[k].beta = 1;
      uint64_t random = 7 * k;
      ngd_error error;
      ngd_icea *icea = make_both(&r, &list[k]);
      record_some(icea, &r, 30, samples / 10 + 1, &random);
      reference_chances(&r);
      /* The weight of each sample, as a draw returns it; until each has been drawn. */
      int missing = samples;
      for (int i = 0; i < samples; i++) weight[i] = -1;
      for (int tries = 0; missing > 0; tries++) {
        uint64_t ids[64];
        float weights[64];
        assert_true(tries < 10000);
        check_ok(ngd_icea_draw_f32(icea, 64, ids, weights, &error));
        for (int i = 0; i < 64; i++) {
          if (weight[ids[i]] < 0) missing--;
          if (weight[ids[i]] >= 0) assert_true(weight[ids[i]] == (double)weights[i]);
          weight[ids[i]] = (double)weights[i];
        }
      }
      double mean = 0, drawn = 0, largest = 0;
      for (int i = 0; i < samples; i++) {
        const double gradient = sin(3.0 * i) + (i == 3 ? 50 : 0);
        ngd_icea_sample sample = {.struct_size = sizeof sample};
        check_ok(ngd_icea_get_sample(icea, (uint64_t)i, &sample, &error));
        mean += gradient / samples;
        drawn += sample.probability * weight[i] * gradient;
        largest = fmax(largest, fabs(gradient));
        assert_near(weight[i], 1 / (samples * r.q[i]), 1e-6 * weight[i], "weight", i);
        /* The bounds of math.md 2.2 */
        assert_true(weight[i] <= 1 / (1 - r.o.rho) * (1 + 1e-6));
        if (r.o.boost > 0) assert_true(weight[i] >= 1 / (1 + r.o.rho * r.o.boost) * (1 - 1e-6));
      }
      assert_near(drawn, mean, 1e-6 * largest, "mean gradient", samples);
      ngd_icea_destroy(icea);
    }
  }
}

static void weights_are_powers_of_one_over_n_q(void **state) {
  (void)state;
  struct options o = kDefaults;
  static struct reference r;
  uint64_t random = 5, ids[400];
  float weights[400];
  ngd_error error;
  o.samples = 200;
  o.beta = 0.4;
  ngd_icea *icea = make_both(&r, &o);
  record_some(icea, &r, 30, 20, &random);
  reference_chances(&r);
  check_ok(ngd_icea_draw_f32(icea, 400, ids, weights, &error));
  for (int i = 0; i < 400; i++)
    assert_near((double)weights[i], pow(1 / (200 * r.q[ids[i]]), 0.4), 1e-6, "weight", i);
  check_ok(ngd_icea_set(icea, "beta", 0, &error));
  check_ok(ngd_icea_draw_f32(icea, 400, ids, weights, &error));
  for (int i = 0; i < 400; i++) assert_true(weights[i] == 1.0f);
  ngd_icea_destroy(icea);
}

static void hard_draws_are_counted(void **state) {
  (void)state;
  struct options o = kDefaults;
  static struct reference r;
  uint64_t random = 5, ids[1000];
  ngd_error error;
  o.samples = 500;
  ngd_icea *icea = make_both(&r, &o);
  record_some(icea, &r, 30, 50, &random);
  reference_chances(&r);
  for (int b = 0; b < 100; b++) check_ok(ngd_icea_draw_f32(icea, 1000, ids, NULL, &error));
  ngd_icea_info info = {.struct_size = sizeof info};
  check_ok(ngd_icea_get_info(icea, &info, &error));
  assert_int_equal(info.batches, 100);
  assert_int_equal(info.draws, 100000);
  const double expected = 100000 * r.o.rho * r.mass;
  assert_near((double)info.hard_draws, expected, 5 * sqrt(expected), "hard draws", 0);
  ngd_icea_destroy(icea);
}

static void options_that_change_the_order_take_effect_at_once(void **state) {
  (void)state;
  struct options o = kDefaults;
  static struct reference r;
  uint64_t random = 11;
  ngd_error error;
  o.samples = 300;
  o.gamma = 0.5;
  ngd_icea *icea = make_both(&r, &o);
  record_some(icea, &r, 30, 50, &random);
  check_all(icea, &r);
#define SET(field, value)                                \
  do {                                                   \
    check_ok(ngd_icea_set(icea, #field, value, &error)); \
    r.o.field = value;                                   \
    check_all(icea, &r);                                 \
  } while (0)
  SET(rho, 0.7);
  SET(cap, 0.5);
  SET(boost, 2);
  SET(quarantine, 1);
  SET(quarantine, 0);
  SET(admit, 1);
  SET(exponent, 2);
  SET(error_min, 0.3);
  SET(top, 3);
#undef SET
  for (int k = 0; k < 6; k++) {
    static const char *const names[] = {"uniform",     "rank",        "top_k", "selective_backprop",
                                        "prioritized", "proportional"};
    check_ok(ngd_icea_set_text(icea, "sampler", names[k], &error));
    r.o.sampler = names[k];
    check_all(icea, &r);
    record_some(icea, &r, 3, 50, &random);
    check_all(icea, &r);
  }
  ngd_icea_destroy(icea);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(chances_are_those_of_the_formula),
      cmocka_unit_test(draws_follow_the_chances),
      cmocka_unit_test(with_beta_1_the_mean_gradient_is_unbiased),
      cmocka_unit_test(weights_are_powers_of_one_over_n_q),
      cmocka_unit_test(hard_draws_are_counted),
      cmocka_unit_test(options_that_change_the_order_take_effect_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
