/* What the tests of random search share: a space, an objective, and crews of workers that end in any order. */
#ifndef NGD_SEARCH_HELPERS_H
#define NGD_SEARCH_HELPERS_H

#include <math.h>

#include "test.h"

static inline ngd_search *new_search(const char *spec) {
  ngd_error error;
  ngd_search *search = NULL;
  check_ok(ngd_search_create(spec, &search, &error));
  check_ok(ngd_search_add(search, "rate", "log_uniform:low=1e-4,high=0.1", &error));
  check_ok(ngd_search_add(search, "rule", "categorical:values=sgd|ngd|adam", &error));
  check_ok(ngd_search_add(search, "delta", "uniform:low=1,high=2,when=rule=ngd", &error));
  check_ok(ngd_search_add(search, "units", "log_integer:low=8,high=512", &error));
  return search;
}

static inline double value_of(const ngd_search *search, uint64_t trial, const char *name) {
  ngd_error error;
  double value = 0;
  check_ok(ngd_search_get_value(search, trial, name, &value, &error));
  return value;
}

static inline void text_of(const ngd_search *search, uint64_t trial, const char *name, char text[64]) {
  ngd_error error;
  check_ok(ngd_search_get_value_text(search, trial, name, text, 64, NULL, &error));
}

static inline ngd_search_info info_of(const ngd_search *search) {
  ngd_error error;
  ngd_search_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  check_ok(ngd_search_get_info(search, &info, &error));
  return info;
}

static inline ngd_trial_info trial_of(const ngd_search *search, uint64_t trial) {
  ngd_error error;
  ngd_trial_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  check_ok(ngd_search_get_trial(search, trial, &info, &error));
  return info;
}

/* Least at a rate of 0.01 with many units; every seventh trial or so fails. */
static inline double loss_of(const ngd_search *search, uint64_t trial) {
  const double distance = log10(value_of(search, trial, "rate")) + 2;
  char rule[64];
  text_of(search, trial, "rule", rule);
  const double units = value_of(search, trial, "units");
  if ((uint64_t)units % 7 == 0) return NAN;
  return distance * distance + 3 / units +
         (strcmp(rule, "ngd") == 0 ? 0.1 * value_of(search, trial, "delta") : 0.3);
}

/* Loss after a step of a trial of `steps`: it falls to loss_of() from above. */
static inline double loss_at(const ngd_search *search, uint64_t trial, uint64_t step) {
  return loss_of(search, trial) + 2.0 / (double)step;
}

static inline uint32_t next_random(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

/* Runs a search to its end with `workers` at once; who ends next is drawn from `order`. Trials have 5 steps that report.
 * Stops before its end after `most` tells, when that is not 0. Returns the tells. */
static inline int run_search(ngd_search *search, int workers, uint32_t order, int most) {
  ngd_error error;
  enum { kMost = 64, kSteps = 5 };
  uint64_t at_work[kMost], steps[kMost];
  int count = 0, tells = 0, more = 1;
  assert_true(workers <= kMost);
  while (more || count > 0) {
    while (more && count < workers) {
      uint64_t trial = UINT64_MAX;
      int32_t answer = 0;
      check_ok(ngd_search_ask(search, &trial, &answer, &error));
      if (answer == NGD_SEARCH_END) more = 0;
      if (answer != NGD_SEARCH_TRIAL) break;
      at_work[count] = trial;
      steps[count++] = 0;
    }
    if (count == 0) break;
    const int who = (int)(next_random(&order) % (uint32_t)count);
    int32_t stop = 0;
    steps[who]++;
    check_ok(ngd_search_report(search, at_work[who], steps[who], loss_at(search, at_work[who], steps[who]),
                               &stop, &error));
    if (!stop && steps[who] < kSteps) continue;
    check_ok(ngd_search_tell(search, at_work[who], loss_of(search, at_work[who]), 10 * steps[who], &error));
    at_work[who] = at_work[--count];
    steps[who] = steps[count];
    if (++tells == most) break;
  }
  return tells;
}

/* Fails unless both have counted the same trials with the same results. */
static inline void same_answer(const ngd_search *a, const ngd_search *b) {
  const ngd_search_info x = info_of(a), y = info_of(b);
  assert_int_equal(x.counted, y.counted);
  assert_int_equal(x.finished, y.finished);
  assert_int_equal(x.pruned, y.pruned);
  assert_int_equal(x.failed, y.failed);
  assert_int_equal(x.gradients, y.gradients);
  assert_int_equal(x.best_trial, y.best_trial);
  assert_int_equal(x.reason, y.reason);
  assert_memory_equal(&x.best_value, &y.best_value, sizeof x.best_value);
  for (uint64_t i = 0; i < x.counted; i++) {
    const ngd_trial_info s = trial_of(a, i), t = trial_of(b, i);
    assert_int_equal(s.state, t.state);
    assert_int_equal(s.reports, t.reports);
    assert_true(s.value == t.value || (isnan(s.value) && isnan(t.value)));
  }
}

#endif
