/* The error of float32: how far each rule's parameters are from those of the same steps in float64, in units of the last
   place of a parameter between 1 and 2. docs/optimizers.md has the table that this prints. */
#include "test.h"

#include <math.h>

enum { kSide = 64, kCount = kSide * kSide };

/* Pseudo-random numbers in [-1, 1), a mixing of a counter's bits (splitmix64). */
static double noise(uint64_t counter) {
  uint64_t x = (counter + 1) * 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  x ^= x >> 31;
  return (double)(int64_t)x / 9223372036854775808.0;
}

typedef struct {
  double largest, mean;
} distance;

static distance between(const float *narrow, const double *wide) {
  distance result = {0, 0};
  for (int i = 0; i < kCount; i++) {
    int exponent;
    frexp(fmax(1, fabs(wide[i])), &exponent); /* parameters near 0 are measured in the units of 1 */
    const double units = fabs(narrow[i] - wide[i]) / ldexp(1, exponent - 24);
    result.largest = fmax(result.largest, units);
    result.mean += units / kCount;
  }
  return result;
}

/* The largest errors after 1 and after 100 steps that the test lets pass. Rounding a parameter in each step alone gives 0.5
   after one, and after 100 a random walk whose mean is 2.3 and whose largest of 4096 is about 11. */
static const struct {
  const char *spec;
  double first, hundredth;
} bounds[] = {
    {"sgd", 0.6, 13},
    {"momentum", 0.6, 17},
    {"nesterov", 0.6, 15},
    {"adagrad", 0.6, 14},
    {"adadelta", 0.6, 13},
    {"rmsprop", 0.6, 12},
    {"rmsprop:centered=1,momentum=0.9", 0.6, 30},
    {"adam", 0.6, 12},
    {"adam:eps_mode=inside", 0.6, 12},
    {"adamw", 0.6, 12},
    {"amsgrad", 0.6, 12},
    {"adamax", 0.6, 13},
    {"nadam", 0.6, 13},
    {"radam", 0.6, 14},
    {"adabelief", 0.6, 14},
    {"yogi", 0.6, 14},
    {"qhadam", 0.6, 12},
    {"lion", 0.6, 22},
    {"lion:weight_decay=0.1", 0.6, 45}, /* steps of one length are rounded the same way each time */
    {"lars", 0.6, 13},
    {"lamb", 0.6, 14},
    {"schedule_free_adamw", 0.6, 20},
    {"adafactor", 0.7, 13},
    {"muon", 0.8, 15},
    {"rprop", 0.6, 12},
    {"lbfgs", 0.6, 250}, /* directions follow from all the steps before */
    {"asgd", 0.6, 13},
    {"ftrl", 2, 12},
    {"ngd", 0.6, 13},
    {"ngd:weight_decay=0.01", 0.6, 13},
};
enum { kBounds = sizeof bounds / sizeof bounds[0] };

static void float32_stays_near_float64(void **state) {
  (void)state;
  ngd_error error;
  static float w32[kCount], g32[kCount];
  static double w64[kCount], g64[kCount];
  float *p32[1] = {w32};
  double *p64[1] = {w64};
  const float *q32[1] = {g32};
  const double *q64[1] = {g64};
  const int64_t shape[2] = {kSide, kSide};
  int failures = 0;
  print_message("| rule | 1 step: largest | mean | 100 steps: largest | mean |\n|---|---|---|---|---|\n");
  for (size_t b = 0; b < kBounds; b++) {
    ngd_optimizer *narrow = NULL, *wide = NULL;
    check_ok(ngd_optimizer_create(bounds[b].spec, &narrow, &error));
    check_ok(ngd_optimizer_create(bounds[b].spec, &wide, &error));
    check_ok(ngd_optimizer_add_f32(narrow, "w", shape, 2, &error));
    check_ok(ngd_optimizer_add_f64(wide, "w", shape, 2, &error));
    for (int i = 0; i < kCount; i++) w64[i] = w32[i] = (float)(1.5 + 0.5 * noise((uint64_t)i));
    distance first = {0, 0};
    for (int t = 1; t <= 100; t++) {
      for (int i = 0; i < kCount; i++) g64[i] = g32[i] = (float)noise((uint64_t)t * kCount + (uint64_t)i);
      check_ok(ngd_optimizer_step_f32(narrow, p32, q32, 1, &error));
      check_ok(ngd_optimizer_step_f64(wide, p64, q64, 1, &error));
      if (t == 1) first = between(w32, w64);
    }
    const distance last = between(w32, w64);
    const int fails = !(first.largest <= bounds[b].first && last.largest <= bounds[b].hundredth);
    failures += fails;
    print_message("| `%s` | %.2f | %.2f | %.1f | %.2f |%s\n", bounds[b].spec, first.largest, first.mean,
                  last.largest, last.mean, fails ? " above its bound" : "");
    ngd_optimizer_destroy(narrow);
    ngd_optimizer_destroy(wide);
  }
  assert_int_equal(failures, 0);
}

static void every_rule_has_a_bound(void **state) {
  (void)state;
  for (size_t r = 0; ngd_optimizer_rule(r) != NULL; r++) {
    size_t b = 0;
    while (b < kBounds && strcmp(bounds[b].spec, ngd_optimizer_rule(r)) != 0) b++;
    if (b == kBounds) fail_msg("rule %s has no bound in this test", ngd_optimizer_rule(r));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(float32_stays_near_float64),
                                     cmocka_unit_test(every_rule_has_a_bound)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
