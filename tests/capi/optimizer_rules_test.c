/* Every rule against a plain float64 re-computation from its formula, and float32 against float64. */
#include "test.h"

#include <math.h>
#include <unistd.h>

enum { kCount = 37, kSteps = 60 }; /* an odd count, so that vector loops have a remainder */

typedef struct {
  double w, a, b, c; /* the parameter and up to three state values, as the formulas name them */
} element;

typedef void (*reference)(element *e, double g, double t);

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

/* The root of v with its bias correction, and epsilon where option eps_mode wants it. */
static double divisor(double v, double correction) {
  const double epsilon = option("epsilon");
  if (choice_is("eps_mode", "inside")) return sqrt(v / correction + epsilon);
  if (choice_is("eps_mode", "hat")) return (sqrt(v) + epsilon) / sqrt(correction);
  return sqrt(v / correction) + epsilon;
}
static double correction1(double t) {
  return 1 - pow(option("beta1"), t);
}
static double correction2(double t) {
  return 1 - pow(option("beta2"), t);
}

static void sgd(element *e, double g, double t) {
  (void)t;
  e->w = e->w - option("learning_rate") * (g + option("weight_decay") * e->w);
}

static void velocity(element *e, double g, double t) {
  const int whole = t == 1 && choice_is("first_step", "gradient");
  e->a = option("momentum") * e->a + (whole ? 1 : 1 - option("dampening")) * g;
}

static void momentum(element *e, double g, double t) {
  velocity(e, g + option("weight_decay") * e->w, t);
  e->w = e->w - option("learning_rate") * e->a;
}

static void nesterov(element *e, double g, double t) {
  g += option("weight_decay") * e->w;
  velocity(e, g, t);
  e->w = e->w - option("learning_rate") * (g + option("momentum") * e->a);
}

static void adagrad(element *e, double g, double t) {
  if (t == 1) e->a = option("initial_accumulator");
  g += option("weight_decay") * e->w;
  e->a = e->a + g * g;
  e->w = e->w - option("learning_rate") / (1 + (t - 1) * option("lr_decay")) * g / divisor(e->a, 1);
}

static void adadelta(element *e, double g, double t) {
  (void)t;
  const double rho = option("rho"), epsilon = option("epsilon");
  g += option("weight_decay") * e->w;
  e->a = rho * e->a + (1 - rho) * g * g;
  const double d = sqrt(e->b + epsilon) / sqrt(e->a + epsilon) * g;
  e->b = rho * e->b + (1 - rho) * d * d;
  e->w = e->w - option("learning_rate") * d;
}

static void rmsprop(element *e, double g, double t) {
  (void)t;
  const double rho = option("rho");
  g += option("weight_decay") * e->w;
  e->a = rho * e->a + (1 - rho) * g * g;
  e->b = rho * e->b + (1 - rho) * g;
  e->c = option("momentum") * e->c + g / divisor(e->a - option("centered") * e->b * e->b, 1);
  e->w = e->w - option("learning_rate") * e->c;
}

static void adam_moments(element *e, double g) {
  e->a = option("beta1") * e->a + (1 - option("beta1")) * g;
  e->b = option("beta2") * e->b + (1 - option("beta2")) * g * g;
}

static void adam(element *e, double g, double t) {
  adam_moments(e, g + option("weight_decay") * e->w);
  e->w = e->w - option("learning_rate") * e->a / correction1(t) / divisor(e->b, correction2(t));
}

static void adamw(element *e, double g, double t) {
  e->w = e->w - option("learning_rate") * option("weight_decay") * e->w;
  adam_moments(e, g);
  e->w = e->w - option("learning_rate") * e->a / correction1(t) / divisor(e->b, correction2(t));
}

static double sign(double x) {
  return x > 0 ? 1 : x < 0 ? -1 : 0;
}

static void amsgrad(element *e, double g, double t) {
  adam_moments(e, g + option("weight_decay") * e->w);
  e->c = fmax(e->c, e->b);
  e->w = e->w - option("learning_rate") * e->a / correction1(t) / divisor(e->c, correction2(t));
}

static void adamax(element *e, double g, double t) {
  g += option("weight_decay") * e->w;
  e->a = option("beta1") * e->a + (1 - option("beta1")) * g;
  e->b = fmax(option("beta2") * e->b, fabs(g) + option("epsilon"));
  e->w = e->w - option("learning_rate") / (1 - pow(option("beta1"), t)) * e->a / e->b;
}

static double nadam_momentum(double t) {
  return option("beta1") * (1 - 0.5 * pow(0.96, t * option("momentum_decay")));
}

static void nadam(element *e, double g, double t) {
  g += option("weight_decay") * e->w;
  adam_moments(e, g);
  double product = 1;
  for (int i = 1; i <= (int)t; i++) product *= nadam_momentum(i);
  const double next = nadam_momentum(t + 1);
  const double n = (1 - nadam_momentum(t)) / (1 - product) * g + next / (1 - product * next) * e->a;
  e->w = e->w - option("learning_rate") * n / divisor(e->b, correction2(t));
}

static void radam(element *e, double g, double t) {
  adam_moments(e, g + option("weight_decay") * e->w);
  const double b2 = pow(option("beta2"), t), limit = 2 / (1 - option("beta2")) - 1;
  const double p = limit - 2 * t * b2 / (1 - b2), m = e->a / (1 - pow(option("beta1"), t));
  double factor = 1;
  if (p > 5) {
    const double r = sqrt((p - 4) * (p - 2) * limit / ((limit - 4) * (limit - 2) * p));
    factor = r / divisor(e->b, 1 - b2);
  }
  e->w = e->w - option("learning_rate") * m * factor;
}

static void adabelief(element *e, double g, double t) {
  const double b2 = option("beta2"), epsilon = option("epsilon");
  e->w = e->w - option("learning_rate") * option("weight_decay") * e->w;
  e->a = option("beta1") * e->a + (1 - option("beta1")) * g;
  e->b = b2 * e->b + (1 - b2) * (g - e->a) * (g - e->a) + epsilon;
  const double m = e->a / (1 - pow(option("beta1"), t));
  e->w = e->w - option("learning_rate") * m / divisor(e->b, correction2(t));
}

static void yogi(element *e, double g, double t) {
  if (t == 1) e->a = e->b = option("initial_accumulator");
  g += option("weight_decay") * e->w;
  e->a = option("beta1") * e->a + (1 - option("beta1")) * g;
  e->b = e->b - (1 - option("beta2")) * sign(e->b - g * g) * g * g;
  e->w = e->w - option("learning_rate") * e->a / correction1(t) / divisor(e->b, correction2(t));
}

static void qhadam(element *e, double g, double t) {
  const double nu1 = option("nu1"), nu2 = option("nu2");
  e->w = e->w - option("learning_rate") * option("weight_decay") * e->w;
  adam_moments(e, g);
  const double n = (1 - nu1) * g + nu1 * e->a / (1 - pow(option("beta1"), t));
  const double v = (1 - nu2) * g * g + nu2 * e->b / correction2(t);
  e->w = e->w - option("learning_rate") * n / divisor(v * correction2(t), correction2(t));
}

static void lion(element *e, double g, double t) {
  (void)t;
  const double u = sign(option("beta1") * e->a + (1 - option("beta1")) * g);
  e->w = e->w - option("learning_rate") * (u + option("weight_decay") * e->w);
  e->a = option("beta2") * e->a + (1 - option("beta2")) * g;
}

/* Without norms, as for ngd below. */
static void lars(element *e, double g, double t) {
  (void)t;
  e->a = option("momentum") * e->a + option("learning_rate") * (g + option("weight_decay") * e->w);
  e->w = e->w - e->a;
}

static void lamb(element *e, double g, double t) {
  adam_moments(e, g);
  const double u = e->a / correction1(t) / divisor(e->b, correction2(t));
  e->w = e->w - option("learning_rate") * (u + option("weight_decay") * e->w);
}

/* The paper's three sequences: a is z, b is v, c is x; the sums of weights are of all steps before. */
static void schedule_free(element *e, double g, double t) {
  if (t == 1) e->a = e->c = e->w;
  const double rate = option("learning_rate"), beta1 = option("beta1");
  double sum = 0, weight = 0;
  for (int i = 1; i <= (int)t; i++)
    sum += weight = pow(i, option("step_power")) * pow(rate, option("rate_power"));
  e->b = option("beta2") * e->b + (1 - option("beta2")) * g * g;
  e->a = e->a - rate * (g / divisor(e->b, correction2(t)) + option("weight_decay") * e->w);
  e->c = (1 - weight / sum) * e->c + weight / sum * e->a;
  e->w = (1 - beta1) * e->a + beta1 * e->c;
}

static void rprop(element *e, double g, double t) {
  if (t == 1) e->b = option("learning_rate");
  const double s = sign(g * e->a);
  const double factor = s > 0 ? option("eta_plus") : s < 0 ? option("eta_minus") : 1;
  e->b = fmin(fmax(e->b * factor, option("step_minimum")), option("step_maximum"));
  if (s < 0) g = 0;
  e->w = e->w - sign(g) * e->b;
  e->a = g;
}

/* The average is checked by averages_of_asgd_are_saved. */
static void asgd(element *e, double g, double t) {
  const double rate = option("learning_rate"), lambda = option("lambda");
  const double eta = rate / pow(1 + lambda * rate * (t - 1), option("power"));
  g += option("weight_decay") * e->w;
  e->w = (1 - lambda * eta) * e->w - eta * g;
}

static void ftrl(element *e, double g, double t) {
  (void)t;
  const double alpha = option("learning_rate"), l1 = option("l1");
  e->a = e->a + g - (sqrt(e->b + g * g) - sqrt(e->b)) / alpha * e->w;
  e->b = e->b + g * g;
  e->w =
      fabs(e->a) <= l1 ? 0 : (sign(e->a) * l1 - e->a) / ((option("beta") + sqrt(e->b)) / alpha + option("l2"));
}

/* Rule ngd without norms: the tensor of this test is a vector, to which trust does not apply. */
static void ngd(element *e, double g, double t) {
  const double b1 = option("beta1"), b2 = option("beta2"), alpha = option("alpha"), delta = option("delta");
  const double m_old = e->a, v_old = e->b, c1 = 1 - pow(b1, t);
  e->a = b1 * m_old + (1 - b1) * g;
  const double z = choice_is("second", "centered") ? g - e->a : g;
  e->b = b2 * v_old + (1 - b2) * z * z;
  const double root = divisor(e->b, correction2(t));
  double u;
  if (choice_is("accel", "none")) {
    u = e->a / c1 / root;
  } else if (choice_is("accel", "nesterov")) {
    u = (b1 * e->a / (1 - pow(b1, t + 1)) + (1 - b1) * g / c1) / root;
  } else if (choice_is("accel", "seed")) {
    const double k = alpha * b2 / c1 - delta / (delta * t - 1);
    u = (alpha * g + k * m_old) / (alpha + k * (1 - pow(b1, t - 1))) / root;
  } else {
    u = alpha * (g + b2 * v_old / c1 * m_old) + delta * v_old / (1 - delta * t) * m_old;
  }
  e->w = (1 - option("learning_rate") * option("weight_decay")) * e->w - option("learning_rate") * u;
}

static const struct {
  const char *spec;
  reference rule;
} cases[] = {
    {"sgd:learning_rate=0.1", sgd},
    {"sgd:learning_rate=0.05,weight_decay=0.3", sgd},
    {"momentum:learning_rate=0.02", momentum},
    {"momentum:learning_rate=0.02,momentum=0.5,weight_decay=0.1", momentum},
    {"momentum:dampening=0.4", momentum},
    {"momentum:dampening=0.9,first_step=damped", momentum},
    {"nesterov:learning_rate=0.02", nesterov},
    {"nesterov:learning_rate=0.02,momentum=0.99,weight_decay=0.01", nesterov},
    {"nesterov:dampening=0.4,first_step=damped", nesterov},
    {"adagrad:learning_rate=0.1", adagrad},
    {"adagrad:learning_rate=0.1,initial_accumulator=0.1,epsilon=0.001,weight_decay=0.1", adagrad},
    {"adagrad:learning_rate=0.1,epsilon=0.1,eps_mode=inside,lr_decay=0.3", adagrad},
    {"adadelta", adadelta},
    {"adadelta:learning_rate=0.5,rho=0.95,epsilon=1e-4,weight_decay=0.1", adadelta},
    {"rmsprop", rmsprop},
    {"rmsprop:learning_rate=0.01,rho=0.9,epsilon=0.01,weight_decay=0.1", rmsprop},
    {"rmsprop:rho=0.9,epsilon=0.1,eps_mode=inside", rmsprop},
    {"rmsprop:rho=0.9,epsilon=0.01,centered=1", rmsprop},
    {"rmsprop:rho=0.9,epsilon=0.1,momentum=0.8", rmsprop},
    {"rmsprop:rho=0.9,epsilon=0.01,eps_mode=inside,centered=1,momentum=0.5,weight_decay=0.1", rmsprop},
    {"adam", adam},
    {"adam:learning_rate=0.01,beta1=0.5,beta2=0.9,epsilon=0.1,weight_decay=0.2", adam},
    {"adam:beta1=0,beta2=0", adam},
    {"adamw", adamw},
    {"adamw:learning_rate=0.01,beta1=0.8,weight_decay=0.5", adamw},
    {"amsgrad", amsgrad},
    {"amsgrad:learning_rate=0.01,beta2=0.5,weight_decay=0.1", amsgrad},
    {"adamax", adamax},
    {"adamax:learning_rate=0.01,beta2=0.7,epsilon=0.1,weight_decay=0.1", adamax},
    {"nadam", nadam},
    {"nadam:learning_rate=0.01,beta1=0.7,momentum_decay=0.5,weight_decay=0.1", nadam},
    {"radam", radam},
    {"radam:learning_rate=0.01,beta2=0.9,epsilon=0.01,weight_decay=0.1", radam},
    {"adabelief", adabelief},
    {"adabelief:learning_rate=0.01,epsilon=0.001,weight_decay=0.1", adabelief},
    {"yogi", yogi},
    {"yogi:beta2=0.9,initial_accumulator=0.5,weight_decay=0.1", yogi},
    {"qhadam", qhadam},
    {"qhadam:learning_rate=0.01,nu1=0.3,nu2=0.6,weight_decay=0.1", qhadam},
    {"lion", lion},
    {"lion:learning_rate=0.01,beta1=0.5,weight_decay=0.1", lion},
    {"lars", lars},
    {"lars:learning_rate=0.01,momentum=0.5,weight_decay=0.1", lars},
    {"lamb", lamb},
    {"lamb:learning_rate=0.01,weight_decay=0.1", lamb},
    {"schedule_free_adamw", schedule_free},
    {"schedule_free_adamw:beta1=0.5,step_power=1,weight_decay=0.1", schedule_free},
    {"schedule_free_adamw:epsilon=0.1,eps_mode=hat,beta2=0.9,rate_power=0,step_power=0.5", schedule_free},
    {"rprop", rprop},
    {"rprop:learning_rate=0.1,eta_plus=1.5,eta_minus=0.25,step_maximum=0.2,step_minimum=0.05", rprop},
    {"asgd", asgd},
    {"asgd:lambda=0.1,power=0.5,average_after=5,weight_decay=0.1", asgd},
    {"ftrl", ftrl},
    {"ftrl:learning_rate=0.5,beta=0.1,l1=0.3,l2=0.2", ftrl},
    {"ngd", ngd},
    {"ngd:accel=none,beta1=0.7,weight_decay=0.3", ngd},
    {"ngd:accel=seed,alpha=2,delta=3", ngd},
    {"ngd:accel=seed-literal,learning_rate=0.01", ngd},
    {"ngd:second=centered,epsilon=1e-4", ngd},
    {"ngd:beta1=0,beta2=0.5", ngd},
    {"adam:beta2=0.9,epsilon=0.1,eps_mode=hat", adam},
    {"adam:beta2=0.9,epsilon=0.1,eps_mode=inside", adam},
    {"adamw:beta2=0.9,epsilon=0.1,eps_mode=hat", adamw},
    {"adamw:beta2=0.9,epsilon=0.1,eps_mode=inside", adamw},
    {"amsgrad:beta2=0.9,epsilon=0.1,eps_mode=hat", amsgrad},
    {"amsgrad:beta2=0.9,epsilon=0.1,eps_mode=inside", amsgrad},
    {"nadam:beta2=0.9,epsilon=0.1,eps_mode=hat", nadam},
    {"nadam:beta2=0.9,epsilon=0.1,eps_mode=inside", nadam},
    {"radam:beta2=0.9,epsilon=0.1,eps_mode=outside", radam},
    {"radam:beta2=0.9,epsilon=0.1,eps_mode=inside", radam},
    {"adabelief:beta2=0.9,epsilon=0.1,eps_mode=hat", adabelief},
    {"adabelief:beta2=0.9,epsilon=0.1,eps_mode=inside", adabelief},
    {"yogi:beta2=0.9,epsilon=0.1,eps_mode=hat", yogi},
    {"yogi:beta2=0.9,epsilon=0.1,eps_mode=inside", yogi},
    {"qhadam:beta2=0.9,epsilon=0.1,eps_mode=hat,nu2=0.6", qhadam},
    {"qhadam:beta2=0.9,epsilon=0.1,eps_mode=inside,nu2=0.6", qhadam},
    {"lamb:beta2=0.9,epsilon=0.1,eps_mode=hat", lamb},
    {"lamb:beta2=0.9,epsilon=0.1,eps_mode=inside", lamb},
    {"ngd:beta2=0.9,epsilon=0.1,eps_mode=hat", ngd},
    {"ngd:beta2=0.9,epsilon=0.1,eps_mode=outside", ngd},
};

static double gradient(size_t i, int t) {
  return sin(1.7 * (double)i + 0.37 * t) + 0.1 * cos(0.05 * (double)(i * i));
}

static void every_rule_equals_its_formula(void **state) {
  (void)state;
  ngd_error error;
  for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
    check_ok(ngd_optimizer_create(cases[c].spec, &current, &error));
    const int64_t shape[1] = {kCount};
    check_ok(ngd_optimizer_add_f64(current, "w", shape, 1, &error));
    double w[kCount], g[kCount];
    element expected[kCount];
    memset(expected, 0, sizeof expected);
    for (size_t i = 0; i < kCount; i++) w[i] = expected[i].w = cos(0.9 * (double)i);
    double *parameters[1] = {w};
    const double *gradients[1] = {g};
    for (int t = 1; t <= kSteps; t++) {
      for (size_t i = 0; i < kCount; i++) g[i] = gradient(i, t);
      check_ok(ngd_optimizer_step_f64(current, parameters, gradients, 1, &error));
      for (size_t i = 0; i < kCount; i++) {
        cases[c].rule(&expected[i], g[i], t);
        if (!(fabs(w[i] - expected[i].w) <= 1e-12 * (1 + fabs(expected[i].w))))
          fail_msg("%s step %d element %zu: expected %.17g, got %.17g", cases[c].spec, t, i, expected[i].w,
                   w[i]);
      }
    }
    ngd_optimizer_destroy(current);
  }
}

static void float32_follows_float64(void **state) {
  (void)state;
  ngd_error error;
  for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
    ngd_optimizer *narrow = NULL, *wide = NULL;
    check_ok(ngd_optimizer_create(cases[c].spec, &narrow, &error));
    check_ok(ngd_optimizer_create(cases[c].spec, &wide, &error));
    const int64_t shape[1] = {kCount};
    check_ok(ngd_optimizer_add_f32(narrow, "w", shape, 1, &error));
    check_ok(ngd_optimizer_add_f64(wide, "w", shape, 1, &error));
    float w32[kCount], g32[kCount], *p32[1] = {w32};
    double w64[kCount], g64[kCount], *p64[1] = {w64};
    const float *q32[1] = {g32};
    const double *q64[1] = {g64};
    for (size_t i = 0; i < kCount; i++) w64[i] = w32[i] = (float)cos(0.9 * (double)i);
    for (int t = 1; t <= kSteps; t++) {
      for (size_t i = 0; i < kCount; i++) g64[i] = g32[i] = (float)gradient(i, t);
      check_ok(ngd_optimizer_step_f32(narrow, p32, q32, 1, &error));
      check_ok(ngd_optimizer_step_f64(wide, p64, q64, 1, &error));
    }
    for (size_t i = 0; i < kCount; i++) {
      if (!(fabs(w32[i] - w64[i]) <= 2e-5 * (1 + fabs(w64[i]))))
        fail_msg("%s element %zu: float64 %.9g, float32 %.9g", cases[c].spec, i, w64[i], (double)w32[i]);
    }
    ngd_optimizer_destroy(narrow);
    ngd_optimizer_destroy(wide);
  }
}

/* The ratios of norms of lamb and lars, by hand, for one 2 x 2 matrix and one step. */
static void lamb_and_lars_scale_a_matrix_by_its_norm(void **state) {
  (void)state;
  ngd_error error;
  const int64_t shape[2] = {2, 2};
  const double start[4] = {3, 0, 0, 4}, g[4] = {0, 6, 8, 0};
  const double *gradients[1] = {g};
  double w[4], *parameters[1] = {w};

  memcpy(w, start, sizeof w);
  check_ok(ngd_optimizer_create("lars:learning_rate=1,trust=0.1,weight_decay=0.5", &current, &error));
  check_ok(ngd_optimizer_add_f64(current, "w", shape, 2, &error));
  check_ok(ngd_optimizer_step_f64(current, parameters, gradients, 1, &error));
  const double q = 0.1 * 5 / (10 + 0.5 * 5);
  for (int i = 0; i < 4; i++) assert_true(fabs(w[i] - (start[i] - q * (g[i] + 0.5 * start[i]))) < 1e-14);
  ngd_optimizer_destroy(current);

  memcpy(w, start, sizeof w);
  check_ok(ngd_optimizer_create("lamb:learning_rate=0.1,epsilon=1e-30", &current, &error));
  check_ok(ngd_optimizer_add_f64(current, "w", shape, 2, &error));
  check_ok(ngd_optimizer_step_f64(current, parameters, gradients, 1, &error));
  /* The first direction is the sign of the gradient: norm sqrt(2). */
  for (int i = 0; i < 4; i++) assert_true(fabs(w[i] - (start[i] - 0.1 * 5 / sqrt(2) * sign(g[i]))) < 1e-12);
  check_error(ngd_optimizer_set(current, "lo", 20, &error), NGD_E_RANGE,
              "options \"lo\" and \"hi\" of rule \"lamb\" are 20 and 10; lo must not exceed hi");
  ngd_optimizer_destroy(current);
}

static void averages_of_asgd_are_saved(void **state) {
  (void)state;
  ngd_error error;
  check_ok(ngd_optimizer_create("asgd:average_after=2,lambda=0", &current, &error));
  check_ok(ngd_optimizer_add_f64(current, "w", NULL, 0, &error));
  double w = 1, g = 1, average = 0, *parameters[1] = {&w};
  const double *gradients[1] = {&g};
  for (int t = 1; t <= 9; t++) {
    g = t;
    check_ok(ngd_optimizer_step_f64(current, parameters, gradients, 1, &error));
    average += (w - average) / fmax(1, t - 1 - 2);
  }
  char path[] = "/tmp/ngd_average_XXXXXX";
  close(mkstemp(path));
  check_ok(ngd_optimizer_save(current, path, &error));
  ngd_checkpoint *checkpoint = NULL;
  check_ok(ngd_checkpoint_open(path, &checkpoint, &error));
  double saved = 0;
  check_ok(ngd_checkpoint_read_f64(checkpoint, 0, &saved, 1, &error));
  assert_true(fabs(saved - average) < 1e-14);
  ngd_checkpoint_destroy(checkpoint);
  ngd_optimizer_destroy(current);
  unlink(path);
}

/* Options that need other arrays may be set after the tensors were declared. */
static void arrays_follow_the_options_until_the_first_step(void **state) {
  (void)state;
  ngd_error error;
  const int64_t shape[1] = {kCount};
  double a[kCount], b[kCount], g[kCount];
  double *parameters[2] = {a, b};
  const double *gradients[1] = {g};
  ngd_optimizer *late = NULL, *early = NULL;
  check_ok(ngd_optimizer_create("rmsprop", &late, &error));
  check_ok(ngd_optimizer_create("rmsprop:centered=1,momentum=0.5", &early, &error));
  check_ok(ngd_optimizer_add_f64(late, "w", shape, 1, &error));
  check_ok(ngd_optimizer_add_f64(early, "w", shape, 1, &error));
  check_ok(ngd_optimizer_set(late, "centered", 1, &error));
  check_ok(ngd_optimizer_set(late, "momentum", 0.5, &error));
  for (size_t i = 0; i < kCount; i++) a[i] = b[i] = cos(0.9 * (double)i);
  for (int t = 1; t <= 5; t++) {
    for (size_t i = 0; i < kCount; i++) g[i] = gradient(i, t);
    check_ok(ngd_optimizer_step_f64(late, parameters, gradients, 1, &error));
    check_ok(ngd_optimizer_step_f64(early, parameters + 1, gradients, 1, &error));
  }
  assert_memory_equal(a, b, sizeof a);
  check_error(ngd_optimizer_set(late, "centered", 0, &error), NGD_E_STATE,
              "option \"centered\" of rule \"rmsprop\" is fixed once it is in use; set it right after creation");
  ngd_optimizer_destroy(late);
  ngd_optimizer_destroy(early);
}

/* Rules whose elements depend on each other: optimizer_whole_test.c. */
static const char *const elsewhere[] = {"adafactor", "muon", "lbfgs"};

static void every_rule_of_the_library_has_a_case(void **state) {
  (void)state;
  for (size_t i = 0; ngd_optimizer_rule(i) != NULL; i++) {
    const char *rule = ngd_optimizer_rule(i);
    int found = 0;
    for (size_t k = 0; k < sizeof elsewhere / sizeof elsewhere[0]; k++)
      found |= strcmp(rule, elsewhere[k]) == 0;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
      const size_t length = strcspn(cases[c].spec, ":");
      found |= strlen(rule) == length && strncmp(rule, cases[c].spec, length) == 0;
    }
    if (!found) fail_msg("rule %s has no case in this test", rule);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_rule_equals_its_formula),
      cmocka_unit_test(float32_follows_float64),
      cmocka_unit_test(lamb_and_lars_scale_a_matrix_by_its_norm),
      cmocka_unit_test(averages_of_asgd_are_saved),
      cmocka_unit_test(arrays_follow_the_options_until_the_first_step),
      cmocka_unit_test(every_rule_of_the_library_has_a_case),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
