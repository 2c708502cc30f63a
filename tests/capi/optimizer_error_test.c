/* The error of float32: how far each rule's parameters are from those of the same steps in float64, in units of the last
   place. docs/optimizers.md has the table that this prints. */
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

/* The largest errors after 1 and after 100 steps that the test lets pass. */
static const struct {
  const char *rule;
  double first, hundredth;
} bounds[] = {
    {"sgd", 1, 1},
};

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
  print_message("| rule | largest, 1 step | mean | largest, 100 steps | mean |\n|---|---|---|---|---|\n");
  for (size_t r = 0; ngd_optimizer_rule(r) != NULL; r++) {
    const char *rule = ngd_optimizer_rule(r);
    ngd_optimizer *narrow = NULL, *wide = NULL;
    check_ok(ngd_optimizer_create(rule, &narrow, &error));
    check_ok(ngd_optimizer_create(rule, &wide, &error));
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
    print_message("| `%s` | %.2f | %.2f | %.1f | %.2f |\n", rule, first.largest, first.mean, last.largest,
                  last.mean);
    size_t b = 0;
    while (b < sizeof bounds / sizeof bounds[0] && strcmp(bounds[b].rule, rule) != 0) b++;
    if (b == sizeof bounds / sizeof bounds[0] || !(first.largest <= bounds[b].first) ||
        !(last.largest <= bounds[b].hundredth)) {
      print_message("rule %s has no bound or is above it\n", rule);
      failures++;
    }
    ngd_optimizer_destroy(narrow);
    ngd_optimizer_destroy(wide);
  }
  assert_int_equal(failures, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(float32_stays_near_float64)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
