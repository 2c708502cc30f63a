/* ICEA written out once more, the slow and plain way, to compare with: arrays, sorting, sums over everything. */
#ifndef NGD_ICEA_REFERENCE_H
#define NGD_ICEA_REFERENCE_H

#include "icea_helpers.h"

#define MOST 3000

struct options {
  double rho, cap, boost, gamma, error_cap, exponent, error_min, beta, pressure, power;
  int miss, admit, quarantine, top, phase, samples;
  const char *sampler, *remover;
};

static const struct options kDefaults = {.rho = 0.5,
                                         .cap = 0.1,
                                         .boost = 10,
                                         .gamma = 0,
                                         .error_cap = 3,
                                         .exponent = 1,
                                         .error_min = 0.01,
                                         .beta = 0,
                                         .pressure = 100,
                                         .power = 1,
                                         .quarantine = 3,
                                         .top = 256,
                                         .sampler = "proportional",
                                         .remover = "least"};

struct reference {
  struct options o;
  float score[MOST];
  int seen[MOST], errors[MOST], miss_run[MOST];
  /* Filled in by reference_chances(): */
  int hard[MOST], hard_count; /* by falling score */
  double q[MOST], mass;
};

static const char *spec_of(const struct options *o) {
  static char text[600];
  snprintf(text, sizeof text,
           "icea:warmup=0,rho=%.17g,cap=%.17g,boost=%.17g,gamma=%.17g,error_cap=%.17g,exponent=%.17g,error_min="
           "%.17g,"
           "beta=%.17g,pressure=%.17g,power=%.17g,score=%s,admit=%d,quarantine=%d,top=%d,mode=%s,plain_steps=0,"
           "sampler=%s,remover=%s",
           o->rho, o->cap, o->boost, o->gamma, o->error_cap, o->exponent, o->error_min, o->beta, o->pressure,
           o->power, o->miss ? "miss" : "loss", o->admit, o->quarantine, o->top, o->phase ? "phase" : "mix",
           o->sampler, o->remover);
  return text;
}

static void reference_record(struct reference *r, uint64_t id, float loss, int correct) {
  const double e = r->o.miss ? 1 - correct : fmin(fmax((double)loss, 0), r->o.error_cap);
  r->score[id] = (float)(r->o.gamma * (double)r->score[id] + e);
  r->seen[id]++;
  r->errors[id] += !correct;
  r->miss_run[id] = correct ? 0 : r->miss_run[id] + 1;
}

static int is_quarantined(const struct reference *r, int i) {
  return r->o.quarantine > 0 && r->miss_run[i] >= r->o.quarantine;
}

static int whole_set(const struct reference *r) {
  return strcmp(r->o.sampler, "prioritized") == 0;
}

static double standing_of(const struct reference *r, int i) {
  if (r->seen[i] == 0 && whole_set(r)) return r->o.miss ? 1 : (double)(float)r->o.error_cap;
  return (double)r->score[i];
}

static const struct reference *sorted_reference;
static int by_standing(const void *a, const void *b) {
  const int i = *(const int *)a, j = *(const int *)b;
  const double x = standing_of(sorted_reference, i), y = standing_of(sorted_reference, j);
  return x != y ? (x < y ? 1 : -1) : (i < j ? -1 : 1);
}

/* p of math.md 2.2 before the limit, for rank `rank` of n. */
static double raw_chance(const struct reference *r, int rank, int n, double sum) {
  const struct options *o = &r->o;
  if (strcmp(o->sampler, "uniform") == 0) return 1.0 / n;
  if (strcmp(o->sampler, "top_k") == 0) {
    const int k = o->top < n ? o->top : n;
    return rank < k ? 1.0 / k : 0;
  }
  if (strcmp(o->sampler, "rank") == 0) {
    double all = 0;
    for (int i = 0; i < n; i++) all += exp(-i * log(o->pressure) / n);
    return exp(-rank * log(o->pressure) / n) / all;
  }
  if (strcmp(o->sampler, "selective_backprop") == 0)
    return pow(1 - (double)rank / n, o->power + 1) - pow(1 - (double)(rank + 1) / n, o->power + 1);
  return pow(standing_of(r, r->hard[rank]) + o->error_min, o->exponent) / sum;
}

static void reference_chances(struct reference *r) {
  const struct options *o = &r->o;
  const int n = o->samples;
  int competing = 0;
  for (int i = 0; i < n; i++) {
    if (is_quarantined(r, i)) continue;
    if (!whole_set(r) && (r->seen[i] == 0 || !((double)r->score[i] > o->error_min) || r->errors[i] < o->admit))
      continue;
    r->hard[competing++] = i;
  }
  sorted_reference = r;
  qsort(r->hard, (size_t)competing, sizeof(int), by_standing);
  int most = (int)ceil(o->cap * n - 1e-9);
  if (strcmp(o->remover, "none") == 0) most = n;
  r->hard_count = competing < most ? competing : most;
  if (strcmp(o->remover, "most") == 0)
    memmove(r->hard, r->hard + competing - r->hard_count, (size_t)r->hard_count * sizeof(int));

  double sum = 0;
  for (int k = 0; k < r->hard_count; k++) sum += pow(standing_of(r, r->hard[k]) + o->error_min, o->exponent);
  static double p[MOST];
  r->mass = 0;
  for (int k = 0; k < r->hard_count; k++) {
    p[k] = raw_chance(r, k, r->hard_count, sum);
    if (o->boost > 0 && p[k] > o->boost / n) p[k] = o->boost / n;
    r->mass += p[k];
  }
  const double share = !o->phase ? o->rho * r->mass : r->mass > 0 ? 1 : 0;
  for (int i = 0; i < n; i++) r->q[i] = (1 - share) / n;
  for (int k = 0; k < r->hard_count; k++) r->q[r->hard[k]] += o->phase ? p[k] / r->mass : o->rho * p[k];
}

#endif
