/* Rules on whole tensors against plain float64 re-computations, and L-BFGS by hand and on functions to minimise. */
#include "test.h"

#include <math.h>
#include <unistd.h>

enum { kLargest = 160, kWidest = 80, kMaximumRank = 4 };

typedef struct {
  int64_t shape[kMaximumRank];
  size_t rank, rows, columns, matrices; /* as adafactor sees it */
} form;

static const form forms[] = {
    {{1}, 0, 1, 1, 1},       {{7}, 1, 1, 7, 1},          {{33}, 1, 1, 33, 1},
    {{5, 7}, 2, 5, 7, 1},    {{9, 1}, 2, 9, 1, 1},       {{2, 80}, 2, 2, 80, 1},
    {{3, 5, 7}, 3, 5, 7, 3}, {{2, 3, 4, 5}, 4, 4, 5, 6}, {{1, 20, 3}, 3, 20, 3, 1},
};
enum { kForms = sizeof forms / sizeof forms[0] };

static size_t count_of(const form *f) {
  return f->rows * f->columns * f->matrices;
}

static ngd_optimizer *current; /* whose options the references read */

static double option(const char *name) {
  double value = 0;
  assert_int_equal(ngd_optimizer_get(current, name, &value, NULL), NGD_OK);
  return value;
}

static int choice_is(const char *name, const char *value) {
  char text[32];
  assert_int_equal(ngd_optimizer_get_text(current, name, text, sizeof text, NULL, NULL), NGD_OK);
  return strcmp(text, value) == 0;
}

static double gradient(size_t i, int t) {
  return exp(sin(2.3 * (double)i)) * sin(1.7 * (double)i + 0.37 * t);
}

static double mean_square(const double *values, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += values[i] * values[i];
  return sum / (double)count;
}

/* State of a reference: what adafactor calls r, c (or v) and m; what muon calls m and, of vectors, v. */
typedef struct {
  double w[kLargest], a[kLargest], b[kLargest], m[kLargest];
} whole;

typedef void (*reference)(whole *e, const double *g, const form *f, int t);

static void adafactor(whole *e, const double *g, const form *f, int t) {
  const double b = 1 - pow(t, -option("decay_exponent")), rate = option("learning_rate");
  const size_t count = count_of(f), size = f->rows * f->columns;
  double u[kLargest];
  for (size_t k = 0; k < f->matrices; k++) {
    const double *gk = g + k * size;
    double *r = e->a + k * f->rows, *c = e->b + k * f->columns, mean = 0;
    for (size_t i = 0; i < f->rows; i++) {
      double sum = 0;
      for (size_t j = 0; j < f->columns; j++) sum += gk[i * f->columns + j] * gk[i * f->columns + j] + 1e-30;
      r[i] = b * r[i] + (1 - b) * sum / (double)f->columns;
      mean += r[i] / (double)f->rows;
    }
    for (size_t j = 0; j < f->columns; j++) {
      double sum = 0;
      for (size_t i = 0; i < f->rows; i++) sum += gk[i * f->columns + j] * gk[i * f->columns + j] + 1e-30;
      c[j] = b * c[j] + (1 - b) * sum / (double)f->rows;
      for (size_t i = 0; i < f->rows; i++)
        u[k * size + i * f->columns + j] =
            gk[i * f->columns + j] / sqrt(f->rank < 2 ? c[j] : r[i] * c[j] / mean);
    }
  }
  double a = option("relative_step") ? fmin(rate, 1 / sqrt(t)) : rate;
  if (option("scale_parameter")) a *= fmax(option("epsilon2"), sqrt(mean_square(e->w, count)));
  a /= fmax(1, sqrt(mean_square(u, count)) / option("update_threshold"));
  for (size_t i = 0; i < count; i++) {
    e->m[i] = option("beta1") * e->m[i] + (1 - option("beta1")) * a * u[i];
    e->w[i] = (1 - rate * option("weight_decay")) * e->w[i] - e->m[i];
  }
}

/* x <- x (a + b x'x + c (x'x)^2), as written: no transposition, no products of a library. */
static void newton_schulz(double *x, size_t rows, size_t columns) {
  static double gram[kWidest * kWidest], square[kWidest * kWidest];
  double next[kLargest] = {0};
  memset(gram, 0, sizeof gram);
  memset(square, 0, sizeof square);
  for (size_t i = 0; i < columns; i++) {
    for (size_t j = 0; j < columns; j++) {
      for (size_t k = 0; k < rows; k++) gram[i * columns + j] += x[k * columns + i] * x[k * columns + j];
    }
  }
  for (size_t i = 0; i < columns; i++) {
    for (size_t j = 0; j < columns; j++) {
      for (size_t k = 0; k < columns; k++)
        square[i * columns + j] += gram[i * columns + k] * gram[k * columns + j];
    }
  }
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < columns; j++) {
      next[i * columns + j] = 3.4445 * x[i * columns + j];
      for (size_t k = 0; k < columns; k++)
        next[i * columns + j] +=
            x[i * columns + k] * (-4.775 * gram[k * columns + j] + 2.0315 * square[k * columns + j]);
    }
  }
  memcpy(x, next, rows * columns * sizeof *x);
}

static void muon(whole *e, const double *g, const form *f, int t) {
  const size_t count = count_of(f);
  size_t rows = 1, columns = 1; /* the first dimension above 1 against the others */
  for (size_t k = 0; k < f->rank; k++) *(rows == 1 ? &rows : &columns) *= (size_t)f->shape[k];
  if (rows == 1 || columns == 1 || choice_is("matrices", "adamw")) {
    const double b1 = option("adam_beta1"), b2 = option("adam_beta2"), rate = option("adam_learning_rate");
    for (size_t i = 0; i < count; i++) {
      e->a[i] = b1 * e->a[i] + (1 - b1) * g[i];
      e->b[i] = b2 * e->b[i] + (1 - b2) * g[i] * g[i];
      const double v = sqrt(e->b[i] / (1 - pow(b2, t))) + option("adam_epsilon");
      e->w[i] = (1 - rate * option("adam_weight_decay")) * e->w[i] - rate * e->a[i] / (1 - pow(b1, t)) / v;
    }
    return;
  }
  const double keep = option("momentum"), rate = option("learning_rate");
  double x[kLargest];
  for (size_t i = 0; i < count; i++) {
    e->a[i] = keep * e->a[i] + (1 - keep) * g[i];
    x[i] = option("nesterov") ? (1 - keep) * g[i] + keep * e->a[i] : e->a[i];
  }
  const double norm = sqrt(mean_square(x, count) * (double)count) + 1e-7;
  for (size_t i = 0; i < count; i++) x[i] /= norm;
  for (int k = 0; k < (int)option("iterations"); k++) newton_schulz(x, rows, columns);
  const double shape = (double)rows / (double)columns, longer = (double)(rows > columns ? rows : columns);
  const double q = choice_is("scale", "original")    ? sqrt(fmax(1, shape))
                   : choice_is("scale", "match_rms") ? 0.2 * sqrt(longer)
                                                     : 1;
  for (size_t i = 0; i < count; i++) e->w[i] = (1 - rate * option("weight_decay")) * e->w[i] - rate * q * x[i];
}

static const struct {
  const char *spec;
  reference rule;
  double tolerance; /* muon's iteration is not stable: it multiplies rounding by up to 3.4^5 */
} cases[] = {
    {"adafactor", adafactor, 1e-12},
    {"adafactor:learning_rate=0.5,beta1=0.9,weight_decay=0.1,update_threshold=0.7,epsilon2=0.5", adafactor,
     1e-12},
    {"adafactor:relative_step=0,scale_parameter=0,decay_exponent=0.5", adafactor, 1e-12},
    {"muon", muon, 1e-11},
    {"muon:nesterov=0,iterations=3,scale=match_rms,weight_decay=0.2,momentum=0.5", muon, 1e-11},
    {"muon:scale=none,adam_learning_rate=0.01,adam_beta1=0.5,adam_beta2=0.8,adam_weight_decay=0.1", muon,
     1e-11},
    {"muon:matrices=adamw,adam_epsilon=0.1", muon, 1e-12},
};

/* All forms in one optimizer, so that none disturbs another. */
static void every_rule_equals_its_formula(void **state) {
  (void)state;
  ngd_error error;
  static whole expected[kForms];
  static double w[kForms][kLargest], g[kForms][kLargest];
  double *parameters[kForms];
  const double *gradients[kForms];
  for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
    memset(expected, 0, sizeof expected);
    check_ok(ngd_optimizer_create(cases[c].spec, &current, &error));
    for (size_t k = 0; k < kForms; k++) {
      char name[8];
      snprintf(name, sizeof name, "%zu", k);
      check_ok(ngd_optimizer_add_f64(current, name, forms[k].shape, forms[k].rank, &error));
      for (size_t i = 0; i < count_of(&forms[k]); i++) w[k][i] = expected[k].w[i] = cos(0.9 * (double)(i + k));
      parameters[k] = w[k];
      gradients[k] = g[k];
    }
    for (int t = 1; t <= 40; t++) {
      for (size_t k = 0; k < kForms; k++) {
        for (size_t i = 0; i < count_of(&forms[k]); i++) g[k][i] = gradient(i + 5 * k, t);
      }
      check_ok(ngd_optimizer_step_f64(current, parameters, gradients, kForms, &error));
      for (size_t k = 0; k < kForms; k++) {
        cases[c].rule(&expected[k], g[k], &forms[k], t);
        for (size_t i = 0; i < count_of(&forms[k]); i++) {
          if (!(fabs(w[k][i] - expected[k].w[i]) <= cases[c].tolerance * (1 + fabs(expected[k].w[i]))))
            fail_msg("%s step %d tensor %zu element %zu: expected %.17g, got %.17g", cases[c].spec, t, k, i,
                     expected[k].w[i], w[k][i]);
        }
      }
    }
    ngd_optimizer_destroy(current);
  }
}

static void a_group_of_muon_may_be_stepped_by_adamw(void **state) {
  (void)state;
  ngd_error error;
  const int64_t shape[2] = {3, 4};
  double w[12], v[12], u[12], g[12], *parameters[1] = {w}, *others[1] = {v}, *thirds[1] = {u};
  const double *gradients[1] = {g};
  ngd_optimizer *matrix = NULL, *plain = NULL, *adamw = NULL;
  check_ok(ngd_optimizer_create("muon", &matrix, &error));
  check_ok(ngd_optimizer_create("muon:matrices=adamw", &plain, &error));
  check_ok(ngd_optimizer_create("adamw:learning_rate=0.0003,beta2=0.95,epsilon=1e-10,weight_decay=0", &adamw,
                                &error));
  ngd_optimizer *all[3] = {matrix, plain, adamw};
  for (int k = 0; k < 3; k++) check_ok(ngd_optimizer_add_f64(all[k], "w", shape, 2, &error));
  for (int i = 0; i < 12; i++) w[i] = v[i] = u[i] = i;
  for (int t = 0; t < 9; t++) {
    for (size_t i = 0; i < 12; i++) g[i] = gradient(i, t);
    check_ok(ngd_optimizer_step_f64(matrix, parameters, gradients, 1, &error));
    check_ok(ngd_optimizer_step_f64(plain, others, gradients, 1, &error));
    check_ok(ngd_optimizer_step_f64(adamw, thirds, gradients, 1, &error));
  }
  assert_memory_equal(v, u, sizeof v);
  assert_true(fabs(w[0] - v[0]) > 1e-3);
  for (int k = 0; k < 3; k++) ngd_optimizer_destroy(all[k]);
}

/* --- L-BFGS ---------------------------------------------------------------------------------------------------- */

typedef void (*slope)(const double *w, double *g, size_t count);

/* A sum of w_i^4 / 4 and a quadratic form: neither separable nor quadratic. */
static void quartic(const double *w, double *g, size_t count) {
  for (size_t i = 0; i < count; i++) {
    g[i] = w[i] * w[i] * w[i] + (double)(i + 1) * w[i] - 1;
    if (i > 0) g[i] += 0.5 * w[i - 1];
    if (i + 1 < count) g[i] += 0.5 * w[i + 1];
  }
}

/* The two-loop recursion as Nocedal and Wright print it, algorithm 7.4, with all pairs kept apart. */
static void lbfgs_without_search_equals_its_formula(void **state) {
  (void)state;
  enum { kCount = 11, kHistory = 3, kSteps = 25 };
  ngd_error error;
  double w[kCount], x[kCount], g[kCount], s[kSteps][kCount], y[kSteps][kCount], last[kCount], d[kCount];
  const int64_t first[1] = {4}, second[2] = {7, 1};
  double *parameters[2] = {w, w + 4};
  const double *gradients[2] = {g, g + 4};
  check_ok(ngd_optimizer_create("lbfgs:line_search=none,history=3,learning_rate=0.8", &current, &error));
  check_ok(ngd_optimizer_add_f64(current, "a", first, 1, &error));
  check_ok(ngd_optimizer_add_f64(current, "b", second, 2, &error));
  for (size_t i = 0; i < kCount; i++) w[i] = x[i] = 1 + sin((double)i);
  double t = 0;
  for (int k = 0; k < kSteps; k++) {
    quartic(x, g, kCount);
    double shares[kSteps], norm = 0, scale = 1;
    for (size_t i = 0; i < kCount; i++) {
      norm += fabs(g[i]);
      if (k > 0) {
        s[k - 1][i] = t * d[i];
        y[k - 1][i] = g[i] - last[i];
      }
      last[i] = g[i];
      d[i] = -g[i];
    }
    const int oldest = k > kHistory ? k - kHistory : 0;
    for (int p = k - 1; p >= oldest; p--) {
      double sd = 0, sy = 0, yy = 0;
      for (size_t i = 0; i < kCount; i++)
        sd += s[p][i] * d[i], sy += s[p][i] * y[p][i], yy += y[p][i] * y[p][i];
      shares[p] = sd / sy;
      if (p == k - 1) scale = sy / yy;
      for (size_t i = 0; i < kCount; i++) d[i] -= shares[p] * y[p][i];
    }
    for (size_t i = 0; i < kCount; i++) d[i] *= scale;
    for (int p = oldest; p < k; p++) {
      double yd = 0, sy = 0;
      for (size_t i = 0; i < kCount; i++) yd += y[p][i] * d[i], sy += s[p][i] * y[p][i];
      for (size_t i = 0; i < kCount; i++) d[i] += (shares[p] - yd / sy) * s[p][i];
    }
    t = 0.8 * (k == 0 ? fmin(1, 1 / norm) : 1);
    for (size_t i = 0; i < kCount; i++) x[i] += t * d[i];
    check_ok(ngd_optimizer_step_f64(current, parameters, gradients, 2, &error));
    for (size_t i = 0; i < kCount; i++) {
      if (!(fabs(w[i] - x[i]) <= 1e-12))
        fail_msg("step %d element %zu: expected %.17g, got %.17g", k, i, x[i], w[i]);
    }
  }
  ngd_optimizer_destroy(current);
}

/* Steps one number with the given slopes and compares where it goes. */
static void follow(const char *spec, const double *slopes, const double *expected, int count) {
  ngd_error error;
  check_ok(ngd_optimizer_create(spec, &current, &error));
  check_ok(ngd_optimizer_add_f64(current, "w", NULL, 0, &error));
  double w = 0, *parameters[1] = {&w};
  for (int k = 0; k < count; k++) {
    const double *gradients[1] = {&slopes[k]};
    check_ok(ngd_optimizer_step_f64(current, parameters, gradients, 1, &error));
    if (!(fabs(w - expected[k]) <= 1e-13 * (1 + fabs(w))))
      fail_msg("%s step %d: expected %.17g, got %.17g", spec, k, expected[k], w);
  }
  ngd_optimizer_destroy(current);
}

static void the_search_finds_the_minimum_of_a_parabola(void **state) {
  (void)state;
  /* f' = w - 20. The first step has length 1; its slope is 0.95 of the first, too steep: ten times further, where the
     secant would be at 20. There it is half: accepted, and the pair makes the next step exact. */
  const double slopes[] = {-20, -19, -10, 0, 0}, expected[] = {1, 10, 20, 20, 20};
  follow("lbfgs", slopes, expected, 5);
  /* Too far by the factor 4: the secant is at 20, the middle at 40, and half-way between them is accepted. */
  const double far[] = {-20, 60, 10}, back[] = {80, 30, 20};
  follow("lbfgs:learning_rate=80", far, back, 2);
}

static void a_search_without_end_is_given_up(void **state) {
  (void)state;
  /* A slope that never changes: after two trials the step is taken as it is, and gives no pair. */
  const double falling[] = {-1, -1, -1, -1, -1}, further[] = {1, 10, 100, 101, 110};
  follow("lbfgs:trials=2", falling, further, 5);
  /* |w - 1.5|: two trials, then back to the largest w that is known to fall, and a new search from there. */
  const double kink[] = {-1, -1, 1, 1, -1}, around[] = {1, 10, 5.5, 1, 2};
  follow("lbfgs:trials=2", kink, around, 5);
}

static void a_gradient_of_zero_stays(void **state) {
  (void)state;
  const double slopes[] = {0, 0, 0, -0.5, -0.5}, expected[] = {0, 0, 0, 0.5, 1.0};
  follow("lbfgs:line_search=none", slopes, expected, 5);
}

static void rosenbrock(const double *w, double *g, size_t count) {
  memset(g, 0, count * sizeof *g);
  for (size_t i = 0; i + 1 < count; i += 2) {
    const double miss = w[i + 1] - w[i] * w[i];
    g[i] = -400 * miss * w[i] - 2 * (1 - w[i]);
    g[i + 1] = 200 * miss;
  }
}

/* Curvatures from 1 to 1000. */
static void bowl(const double *w, double *g, size_t count) {
  for (size_t i = 0; i < count; i++) g[i] = w[i] * pow(1000, (double)i / (double)(count - 1));
}

/* Logistic regression with an L2 penalty, 200 samples whose features have scales from 0.1 to 10. */
static void logistic(const double *w, double *g, size_t count) {
  for (size_t j = 0; j < count; j++) g[j] = 1e-3 * w[j];
  for (size_t i = 0; i < 200; i++) {
    double x[32], z = 0;
    for (size_t j = 0; j < count; j++) {
      x[j] = sin(1.3 * (double)(i * 7 + j * j * 3 + i * j)) * pow(10, 2 * (double)j / (double)(count - 1) - 1);
      z += x[j] * w[j];
    }
    const double label = x[0] * 10 + x[1] + 0.3 * sin((double)(i * i)) > 0 ? 1 : 0;
    const double miss = (1 / (1 + exp(-z)) - label) / 200;
    for (size_t j = 0; j < count; j++) g[j] += miss * x[j];
  }
}

/* How many gradients until none of their elements is above the tolerance. */
static int gradients_needed(const char *spec, slope function, size_t count, double start, double tolerance) {
  ngd_error error;
  double w[64], g[64], *parameters[1] = {w};
  const double *gradients[1] = {g};
  const int64_t shape[1] = {(int64_t)count};
  check_ok(ngd_optimizer_create(spec, &current, &error));
  check_ok(ngd_optimizer_add_f64(current, "w", shape, 1, &error));
  for (size_t i = 0; i < count; i++) w[i] = i % 2 == 0 ? start : 1;
  int steps = 0;
  for (double largest = 1; largest > tolerance && steps < 5000; steps++) {
    function(w, g, count);
    largest = 0;
    for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs(g[i]));
    check_ok(ngd_optimizer_step_f64(current, parameters, gradients, 1, &error));
  }
  ngd_optimizer_destroy(current);
  return steps;
}

/* Beside what PyTorch 1.13's LBFGS needs with its strong-Wolfe search, which also knows function values, the same history
   of 10 and no tolerances of its own. */
static void lbfgs_converges_in_few_gradients(void **state) {
  (void)state;
  static const struct {
    const char *name;
    slope function;
    size_t count;
    double start;
    int torch, most;
  } problems[] = {
      {"rosenbrock 2", rosenbrock, 2, -1.2, 45, 50},
      {"rosenbrock 64", rosenbrock, 64, -1.2, 51, 56},
      {"bowl 50", bowl, 50, 1, 736, 300},
      {"logistic 20", logistic, 20, 0, 414, 380},
      {"quartic 40", quartic, 40, 2, 50, 50},
  };
  for (size_t p = 0; p < sizeof problems / sizeof problems[0]; p++) {
    const int steps =
        gradients_needed("lbfgs", problems[p].function, problems[p].count, problems[p].start, 1e-6);
    print_message("%s: %d gradients, PyTorch's %d\n", problems[p].name, steps, problems[p].torch);
    if (steps > problems[p].most) fail_msg("%s needed %d gradients", problems[p].name, steps);
  }
}

/* --- saved state ----------------------------------------------------------------------------------------------- */

static void quartic_f32(const float *w, float *g, size_t count) {
  double wide[64], slopes[64];
  for (size_t i = 0; i < count; i++) wide[i] = w[i];
  quartic(wide, slopes, count);
  for (size_t i = 0; i < count; i++) g[i] = (float)slopes[i];
}

static ngd_optimizer *with_tensors(const char *spec) {
  ngd_error error;
  ngd_optimizer *optimizer = NULL;
  const int64_t matrix[2] = {5, 6}, vector[1] = {9};
  check_ok(ngd_optimizer_create(spec, &optimizer, &error));
  check_ok(ngd_optimizer_add_f32(optimizer, "matrix", matrix, 2, &error));
  check_ok(ngd_optimizer_add_f32(optimizer, "vector", vector, 1, &error));
  return optimizer;
}

static void steps_f32(ngd_optimizer *optimizer, float *w, int steps) {
  ngd_error error;
  float g[39], *parameters[2] = {w, w + 30};
  const float *gradients[2] = {g, g + 30};
  for (int t = 0; t < steps; t++) {
    quartic_f32(w, g, 39);
    check_ok(ngd_optimizer_step_f32(optimizer, parameters, gradients, 2, &error));
  }
}

/* Saved after every number of steps, so that L-BFGS is also met in the middle of a search. */
static void saved_state_resumes_bit_for_bit(void **state) {
  (void)state;
  ngd_error error;
  const char *const specs[] = {"adafactor", "adafactor:beta1=0.8", "muon", "lbfgs:history=3,curvature=0.1",
                               "lbfgs:line_search=none,learning_rate=0.5"};
  for (size_t s = 0; s < sizeof specs / sizeof specs[0]; s++) {
    for (int before = 1; before < 12; before++) {
      ngd_optimizer *first = with_tensors(specs[s]), *second = with_tensors(specs[s]);
      float a[39], b[39];
      for (int i = 0; i < 39; i++) a[i] = (float)(3 * cos(0.9 * i));
      steps_f32(first, a, before);
      char path[] = "/tmp/ngd_whole_XXXXXX";
      close(mkstemp(path));
      check_ok(ngd_optimizer_save(first, path, &error));
      check_ok(ngd_optimizer_load(second, path, &error));
      unlink(path);
      memcpy(b, a, sizeof a);
      steps_f32(first, a, 12);
      steps_f32(second, b, 12);
      assert_memory_equal(a, b, sizeof a);
      ngd_optimizer_destroy(first);
      ngd_optimizer_destroy(second);
    }
  }
}

static void threads_do_not_change_bits(void **state) {
  (void)state;
  ngd_error error;
  const char *const specs[] = {"adafactor:beta1=0.8", "muon", "lbfgs"};
  for (size_t s = 0; s < sizeof specs / sizeof specs[0]; s++) {
    ngd_optimizer *one = with_tensors(specs[s]), *three = with_tensors(specs[s]);
    check_ok(ngd_optimizer_set(three, "threads", 3, &error));
    float a[39], b[39];
    for (int i = 0; i < 39; i++) a[i] = b[i] = (float)(3 * cos(0.9 * i));
    steps_f32(one, a, 20);
    steps_f32(three, b, 20);
    assert_memory_equal(a, b, sizeof a);
    ngd_optimizer_destroy(one);
    ngd_optimizer_destroy(three);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_rule_equals_its_formula),
      cmocka_unit_test(a_group_of_muon_may_be_stepped_by_adamw),
      cmocka_unit_test(lbfgs_without_search_equals_its_formula),
      cmocka_unit_test(the_search_finds_the_minimum_of_a_parabola),
      cmocka_unit_test(a_search_without_end_is_given_up),
      cmocka_unit_test(a_gradient_of_zero_stays),
      cmocka_unit_test(lbfgs_converges_in_few_gradients),
      cmocka_unit_test(saved_state_resumes_bit_for_bit),
      cmocka_unit_test(threads_do_not_change_bits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
