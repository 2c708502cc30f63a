/* Random options, shapes, types and calls: nothing crashes, and a call that fails changes nothing. Run it under the sanitizers. */
#include "test.h"

#include <math.h>
#include <unistd.h>

enum { kTensors = 4, kMost = 700 };

static uint64_t random_state;

/* Splitmix64: Steele et al. 2014. */
static uint64_t next(void) {
  uint64_t z = (random_state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}
static size_t below(size_t bound) {
  return (size_t)(next() % bound);
}
static double uniform(void) {
  return (double)(next() >> 11) * 0x1p-53;
}

static const char *random_rule(void) {
  size_t count = 0;
  while (ngd_optimizer_rule(count) != NULL) count++;
  return ngd_optimizer_rule(below(count));
}

/* One option with a value that is mostly within its range. */
static void random_setting(ngd_optimizer *optimizer, const char *rule) {
  size_t count = 0;
  ngd_option_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  while (ngd_optimizer_describe(rule, count, &info, NULL) == NGD_OK) count++;
  assert_int_equal(ngd_optimizer_describe(rule, below(count), &info, NULL), NGD_OK);
  if (info.type == NGD_OPTION_CHOICE) {
    char choice[64];
    const char *from = info.choices;
    for (size_t skip = below(6); skip > 0 && strchr(from, '|') != NULL; skip--) from = strchr(from, '|') + 1;
    snprintf(choice, sizeof choice, "%.*s", (int)strcspn(from, "|"), from);
    ngd_optimizer_set_text(optimizer, info.name, choice, NULL);
  } else if (info.type == NGD_OPTION_TEXT) {
    ngd_optimizer_set_text(optimizer, info.name, below(2) ? "2 5 9" : "x", NULL);
  } else if (strcmp(info.name, "threads") == 0) {
    ngd_optimizer_set(optimizer, info.name, (double)(1 + below(3)), NULL);
  } else {
    const double values[] = {0, 1, 0.5, 0.9, 2, 3, -1, 1e-8, 1e30, NAN, info.minimum, info.maximum};
    double value = values[below(sizeof values / sizeof values[0])];
    if (strcmp(info.name, "history") == 0) value = 1 + (double)below(5); /* memory is not what is tested */
    ngd_optimizer_set(optimizer, info.name, value, NULL);
  }
}

typedef struct {
  int type; /* 0 to 3: f32, f64, bf16, f16 */
  int rows;
  size_t count[kTensors], width[kTensors];
  unsigned char parameters[kTensors][8 * kMost], gradients[kTensors][8 * kMost], before[kTensors][8 * kMost];
} arrays;

static arrays a;
static uint16_t copies[kTensors][kMost];

static void random_arrays(void *to, size_t count, double bad) {
  const double specials[] = {NAN, INFINITY, -INFINITY, 1e38, -1e38, 0};
  for (size_t i = 0; i < count; i++) {
    const double value = uniform() < bad ? specials[below(6)] : 2 * uniform() - 1;
    if (a.type == 1) {
      ((double *)to)[i] = value;
    } else if (a.type == 0) {
      ((float *)to)[i] = (float)value;
    } else {
      ((uint16_t *)to)[i] = uniform() < bad ? (uint16_t)next() : (uint16_t)(0x3800 + below(0x400));
    }
  }
}

static ngd_status call_step(ngd_optimizer *optimizer) {
  ngd_error error;
  void *parameters[kTensors], *gradients[kTensors];
  uint16_t *outs[kTensors];
  const uint32_t *rows[kTensors];
  static uint32_t lists[kTensors][kMost];
  size_t row_counts[kTensors], count = below(12) == 0 ? below(kTensors) : kTensors;
  for (size_t i = 0; i < kTensors; i++) {
    parameters[i] = a.parameters[i];
    gradients[i] = a.gradients[i];
    outs[i] = copies[i];
    rows[i] = NULL;
    row_counts[i] = 0;
    if (a.rows && i % 2 == 0) {
      uint32_t row = 0;
      for (size_t r = 0; r < a.count[i] / a.width[i]; r++, row++) {
        if (below(2)) lists[i][row_counts[i]++] = row + (below(200) == 0);
      }
      rows[i] = lists[i];
    }
  }
  const int sweeps = (int)below(3);
  uint16_t *const *out = below(2) ? outs : NULL;
  switch (a.type) {
    case 0:
      if (a.rows)
        return ngd_optimizer_step_rows_f32(optimizer, (float *const *)parameters,
                                           (const float *const *)gradients, rows, row_counts, count, &error);
      return sweeps ? ngd_optimizer_sweep_f32(optimizer, (float *const *)parameters, (float *const *)gradients,
                                              out, count, &error)
                    : ngd_optimizer_step_f32(optimizer, (float *const *)parameters,
                                             (const float *const *)gradients, count, &error);
    case 1:
      if (a.rows)
        return ngd_optimizer_step_rows_f64(optimizer, (double *const *)parameters,
                                           (const double *const *)gradients, rows, row_counts, count, &error);
      return sweeps ? ngd_optimizer_sweep_f64(optimizer, (double *const *)parameters,
                                              (double *const *)gradients, NULL, count, &error)
                    : ngd_optimizer_step_f64(optimizer, (double *const *)parameters,
                                             (const double *const *)gradients, count, &error);
    case 2:
      return ngd_optimizer_sweep_bf16(optimizer, (uint16_t *const *)parameters, (uint16_t *const *)gradients,
                                      out, count, &error);
    default:
      return ngd_optimizer_step_f16(optimizer, (uint16_t *const *)parameters,
                                    (const uint16_t *const *)gradients, count, &error);
  }
}

static void one_life(uint64_t seed, const char *path) {
  random_state = seed;
  const char *rule = random_rule();
  ngd_optimizer *optimizer = NULL;
  if (ngd_optimizer_create(rule, &optimizer, NULL) != NGD_OK) fail_msg("%s", rule);
  for (size_t k = below(6); k > 0; k--) random_setting(optimizer, rule);
  if (below(3) == 0)
    ngd_optimizer_add_group(optimizer, "g", below(2) ? "t1|t2" : "@vectors", "learning_rate=0.01", NULL);
  a.type = (int)below(4);
  a.rows = a.type < 2 && below(4) == 0;
  size_t declared = 0;
  for (size_t i = 0; i < kTensors; i++) {
    char name[8];
    snprintf(name, sizeof name, "t%zu", i);
    a.width[i] = 1 + below(25);
    a.count[i] = a.width[i] * (1 + below(25));
    const int64_t shape[3] = {(int64_t)(a.count[i] / a.width[i]), (int64_t)a.width[i], 1};
    const size_t rank = 2 + below(2);
    ngd_status status;
    if (a.rows && i % 2 == 0)
      status = a.type == 0 ? ngd_optimizer_add_rows_f32(optimizer, name, shape, 2, NULL)
                           : ngd_optimizer_add_rows_f64(optimizer, name, shape, 2, NULL);
    else if (a.type == 0)
      status = ngd_optimizer_add_f32(optimizer, name, shape, rank, NULL);
    else if (a.type == 1)
      status = ngd_optimizer_add_f64(optimizer, name, shape, rank, NULL);
    else if (a.type == 2)
      status = ngd_optimizer_add_bf16(optimizer, name, shape, rank, NULL);
    else
      status = ngd_optimizer_add_f16(optimizer, name, shape, rank, NULL);
    declared += status == NGD_OK;
    random_arrays(a.parameters[i], a.count[i], 0);
  }
  if (declared != kTensors) { /* an option does not go with the type: that is an answer too */
    ngd_optimizer_destroy(optimizer);
    return;
  }
  for (int t = 0; t < 12; t++) {
    for (size_t i = 0; i < kTensors; i++) random_arrays(a.gradients[i], a.count[i], below(6) == 0 ? 0.05 : 0);
    memcpy(a.before, a.parameters, sizeof a.before);
    const uint64_t steps = ngd_optimizer_step_count(optimizer);
    const ngd_status status = call_step(optimizer);
    if (status != NGD_OK && memcmp(a.before, a.parameters, sizeof a.before) != 0)
      fail_msg("seed %llu: a step of %s failed and changed parameters", (unsigned long long)seed, rule);
    if (status != NGD_OK && ngd_optimizer_step_count(optimizer) != steps)
      fail_msg("seed %llu: a step of %s failed and was counted", (unsigned long long)seed, rule);
    switch (below(6)) {
      case 0:
        random_setting(optimizer, rule);
        break;
      case 1:
        if (ngd_optimizer_save(optimizer, path, NULL) == NGD_OK) {
          ngd_error error;
          check_ok(ngd_optimizer_load(optimizer, path, &error));
        }
        break;
      case 2:
        ngd_optimizer_report(optimizer, uniform(), NULL);
        break;
      default:
        break;
    }
  }
  ngd_optimizer_destroy(optimizer);
}

static void random_lives_end_well(void **state) {
  (void)state;
  char path[] = "/tmp/ngd_fuzz_XXXXXX";
  close(mkstemp(path));
  const char *lives = getenv("NGD_FUZZ_LIVES");
  const uint64_t count = lives != NULL ? strtoull(lives, NULL, 10) : 3000;
  for (uint64_t seed = 1; seed <= count; seed++) one_life(seed, path);
  unlink(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(random_lives_end_well)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
