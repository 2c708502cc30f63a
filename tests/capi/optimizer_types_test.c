/* Element types, packed state, copies and threads: what the bits are, and that they do not depend on threads. */
#include "test.h"

#include <math.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kRows = 130, kColumns = 301, kCount = kRows * kColumns, kSteps = 12 };

static float w[kCount], g[kCount], other[kCount], copy_back[kCount];
static uint16_t halves[kCount], half_gradient[kCount], more_halves[kCount];

static float gradient(int i, int t) {
  return (float)(sin(1.7 * i + 0.37 * t) * (1 + i % 5));
}

static float of_bf16(uint16_t bits) {
  const uint32_t wide = (uint32_t)bits << 16;
  float value;
  memcpy(&value, &wide, sizeof value);
  return value;
}

static uint16_t to_bf16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

static ngd_optimizer *fresh(const char *spec) {
  ngd_error error;
  ngd_optimizer *optimizer = NULL;
  const int64_t matrix[2] = {kRows, kColumns - 1}, vector[1] = {kRows};
  check_ok(ngd_optimizer_create(spec, &optimizer, &error));
  check_ok(ngd_optimizer_add_f32(optimizer, "matrix", matrix, 2, &error));
  check_ok(ngd_optimizer_add_f32(optimizer, "vector", vector, 1, &error));
  return optimizer;
}

static void steps(ngd_optimizer *optimizer, float *to, int first, int last) {
  ngd_error error;
  float *parameters[2] = {to, to + kRows * (kColumns - 1)};
  const float *gradients[2] = {g, g + kRows * (kColumns - 1)};
  for (int t = first; t < last; t++) {
    for (int i = 0; i < kCount; i++) g[i] = gradient(i, t);
    check_ok(ngd_optimizer_step_f32(optimizer, parameters, gradients, 2, &error));
  }
}

static void begin(float *to) {
  for (int i = 0; i < kCount; i++) to[i] = (float)cos(0.9 * i);
}

static const char *const kSpecs[] = {"%s",
                                     "%s:clip=norm,clip_threshold=0.5",
                                     "%s:state=bf16",
                                     "%s:state=8bit",
                                     "%s:nonfinite=zero,average=ema",
                                     "%s:accumulate=2,average=lookahead",
                                     "%s:learning_rate=0.3"};

static void any_number_of_threads_gives_the_same_bits(void **state) {
  (void)state;
  for (size_t r = 0; ngd_optimizer_rule(r) != NULL; r++) {
    for (size_t s = 0; s < sizeof kSpecs / sizeof kSpecs[0]; s++) {
      char spec[128], threaded[160];
      snprintf(spec, sizeof spec, kSpecs[s], ngd_optimizer_rule(r));
      for (int threads = 2; threads <= 5; threads += 3) {
        snprintf(threaded, sizeof threaded, "%s%cthreads=%d", spec, strchr(spec, ':') ? ',' : ':', threads);
        ngd_optimizer *one = fresh(spec), *many = fresh(threaded);
        begin(w);
        begin(other);
        steps(one, w, 0, 4);
        steps(many, other, 0, 4);
        if (memcmp(w, other, sizeof w) != 0) fail_msg("%s differs from one thread", threaded);
        ngd_optimizer_destroy(one);
        ngd_optimizer_destroy(many);
      }
    }
  }
}

static void a_forked_child_steps_alone_with_the_same_bits(void **state) {
  (void)state;
  ngd_optimizer *optimizer = fresh("ngd:threads=3,clip=norm");
  begin(w);
  steps(optimizer, w, 0, 2);
  memcpy(other, w, sizeof w);
  int channel[2];
  assert_int_equal(pipe(channel), 0);
  const pid_t child = fork();
  if (child == 0) {
    steps(optimizer, w, 2, 4);
    ngd_optimizer_destroy(optimizer);
    size_t sent = 0;
    while (sent < sizeof w) {
      const ssize_t some = write(channel[1], (const char *)w + sent, sizeof w - sent);
      if (some <= 0) _exit(1);
      sent += (size_t)some;
    }
    _exit(0);
  }
  close(channel[1]);
  size_t got = 0;
  for (ssize_t some;
       got < sizeof other && (some = read(channel[0], (char *)copy_back + got, sizeof other - got)) > 0;)
    got += (size_t)some;
  close(channel[0]);
  int status = 1;
  waitpid(child, &status, 0);
  assert_int_equal(status, 0);
  assert_int_equal(got, sizeof other);
  steps(optimizer, w, 2, 4);
  assert_memory_equal(w, copy_back, sizeof w);
  ngd_optimizer_destroy(optimizer);
}

/* Every rule and state format: saved in the middle and loaded elsewhere, it goes on bit for bit. */
static void a_resumed_optimizer_goes_on_bit_for_bit(void **state) {
  (void)state;
  ngd_error error;
  char path[] = "/tmp/ngd_types_XXXXXX";
  close(mkstemp(path));
  for (size_t r = 0; ngd_optimizer_rule(r) != NULL; r++) {
    for (size_t s = 0; s < sizeof kSpecs / sizeof kSpecs[0]; s++) {
      char spec[128];
      snprintf(spec, sizeof spec, kSpecs[s], ngd_optimizer_rule(r));
      ngd_optimizer *one = fresh(spec), *two = NULL;
      begin(w);
      steps(one, w, 0, 5); /* in the middle of accumulating, where it accumulates */
      check_ok(ngd_optimizer_save(one, path, &error));
      check_ok(ngd_optimizer_create(ngd_optimizer_rule(r), &two, &error));
      check_ok(ngd_optimizer_load(two, path, &error));
      memcpy(other, w, sizeof w);
      steps(one, w, 5, 9);
      steps(two, other, 5, 9);
      if (memcmp(w, other, sizeof w) != 0) fail_msg("%s does not go on where it was", spec);
      ngd_optimizer_destroy(one);
      ngd_optimizer_destroy(two);
    }
  }
  unlink(path);
}

/* ngd may step first and take back what its cap forbids. An average keeps it from doing so: both ways must agree. */
static void a_step_that_is_taken_back_equals_one_that_was_measured_first(void **state) {
  (void)state;
  ngd_error error;
  enum { kMany = 20000 };
  static double a[kMany], b[kMany], gradients_of[kMany];
  const int64_t shape[2] = {kMany / 100, 100};
  const char *specs[] = {"ngd:learning_rate=1e-5,weight_decay=0.01%s",
                         "ngd:learning_rate=1e-5,accel=none,second=centered%s",
                         "ngd:learning_rate=1e-5,damp=0.01%s"};
  for (int s = 0; s < 3; s++) {
    char spec[96];
    ngd_optimizer *settles = NULL, *measures = NULL;
    snprintf(spec, sizeof spec, specs[s], "");
    check_ok(ngd_optimizer_create(spec, &settles, &error));
    snprintf(spec, sizeof spec, specs[s], ",average=ema");
    check_ok(ngd_optimizer_create(spec, &measures, &error));
    check_ok(ngd_optimizer_add_f64(settles, "w", shape, 2, &error));
    check_ok(ngd_optimizer_add_f64(measures, "w", shape, 2, &error));
    for (int i = 0; i < kMany; i++) a[i] = b[i] = 0.1 * cos(0.9 * i);
    double *pa[1] = {a}, *pb[1] = {b};
    const double *gradients[1] = {gradients_of};
    for (int t = 0; t < 8; t++) {
      /* The cap comes into force in the fifth step, where the one before was far from it. */
      if (t == 4) {
        check_ok(ngd_optimizer_set(settles, "learning_rate", 0.1, &error));
        check_ok(ngd_optimizer_set(measures, "learning_rate", 0.1, &error));
      }
      for (int i = 0; i < kMany; i++) gradients_of[i] = gradient(i, t);
      check_ok(ngd_optimizer_step_f64(settles, pa, gradients, 1, &error));
      check_ok(ngd_optimizer_step_f64(measures, pb, gradients, 1, &error));
      for (int i = 0; i < kMany; i++) {
        if (!(fabs(a[i] - b[i]) <= 1e-14)) fail_msg("%s step %d: %.17g, %.17g", specs[s], t, a[i], b[i]);
      }
    }
    ngd_optimizer_destroy(settles);
    ngd_optimizer_destroy(measures);
  }
}

static double distance(const float *a, const float *b) {
  double squares = 0, norm = 0;
  for (int i = 0; i < kCount; i++) {
    squares += pow((double)a[i] - b[i], 2);
    norm += pow((double)b[i] - cos(0.9 * i), 2); /* of the way that was gone */
  }
  return sqrt(squares / norm);
}

static void packed_state_stays_near_float32_state(void **state) {
  (void)state;
  const struct {
    const char *spec;
    double most;
  } cases[] = {{"adam:state=bf16", 0.02}, {"adam:state=bf16,stochastic_rounding=0", 0.02},
               {"adam:state=8bit", 0.15}, {"lamb:state=bf16", 0.02},
               {"ngd:state=8bit", 0.15},  {"momentum:state=8bit", 0.3}};
  for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
    char exact[32];
    snprintf(exact, sizeof exact, "%.*s", (int)strcspn(cases[c].spec, ":"), cases[c].spec);
    ngd_optimizer *packed = fresh(cases[c].spec), *plain = fresh(exact);
    begin(w);
    begin(other);
    steps(packed, w, 0, 60);
    steps(plain, other, 0, 60);
    const double away = distance(w, other);
    if (!(away > 0 && away < cases[c].most)) fail_msg("%s: %g of the way", cases[c].spec, away);
    ngd_optimizer_destroy(packed);
    ngd_optimizer_destroy(plain);
  }
}

/* A second moment that falls by less than its last bit in a step: only random rounding lets it fall. */
static void random_rounding_keeps_slow_changes(void **state) {
  (void)state;
  ngd_error error;
  const char *specs[] = {"rmsprop:rho=0.999,state=bf16", "rmsprop:rho=0.999,state=8bit",
                         "rmsprop:rho=0.999,state=bf16,stochastic_rounding=0"};
  double moved[3];
  for (int s = 0; s < 3; s++) {
    ngd_optimizer *optimizer = NULL;
    const int64_t shape[1] = {512};
    check_ok(ngd_optimizer_create(specs[s], &optimizer, &error));
    check_ok(ngd_optimizer_add_f32(optimizer, "w", shape, 1, &error));
    float *parameters[1] = {w};
    const float *gradients[1] = {g};
    memset(w, 0, sizeof w);
    for (int t = 0; t < 3000; t++) {
      for (int i = 0; i < 512; i++) g[i] = t == 0 ? 1.0f : 0.001f;
      check_ok(ngd_optimizer_step_f32(optimizer, parameters, gradients, 1, &error));
    }
    double mean = 0;
    for (int i = 0; i < 512; i++) mean -= w[i] / 512;
    moved[s] = mean;
    ngd_optimizer_destroy(optimizer);
  }
  ngd_optimizer *exact = NULL;
  const int64_t shape[1] = {1};
  check_ok(ngd_optimizer_create("rmsprop:rho=0.999", &exact, &error));
  check_ok(ngd_optimizer_add_f32(exact, "w", shape, 1, &error));
  float x = 0, h, *parameters[1] = {&x};
  const float *gradients[1] = {&h};
  for (int t = 0; t < 3000; t++) {
    h = t == 0 ? 1.0f : 0.001f;
    check_ok(ngd_optimizer_step_f32(exact, parameters, gradients, 1, &error));
  }
  ngd_optimizer_destroy(exact);
  print_message("bf16 %.4f, 8bit %.4f, bf16 rounded to the nearest %.4f of the way\n", moved[0] / -x,
                moved[1] / -x, moved[2] / -x);
  assert_true(fabs(moved[0] / -x - 1) < 0.02);
  assert_true(fabs(moved[1] / -x - 1) < 0.1);
  assert_true(fabs(moved[2] / -x - 1) > 0.2); /* what the random numbers are for */
}

static void sixteen_bit_parameters_with_a_master_follow_float32(void **state) {
  (void)state;
  ngd_error error;
  ngd_optimizer *half = NULL, *plain = NULL;
  const int64_t shape[1] = {kCount};
  check_ok(ngd_optimizer_create("adamw:master=1,weight_decay=0.1", &half, &error));
  check_ok(ngd_optimizer_create("adamw:weight_decay=0.1", &plain, &error));
  check_ok(ngd_optimizer_add_bf16(half, "w", shape, 1, &error));
  check_ok(ngd_optimizer_add_f32(plain, "w", shape, 1, &error));
  for (int i = 0; i < kCount; i++) {
    halves[i] = to_bf16((float)cos(0.9 * i));
    w[i] = of_bf16(halves[i]);
  }
  uint16_t *half_parameters[1] = {halves};
  const uint16_t *half_gradients[1] = {half_gradient};
  float *parameters[1] = {w};
  const float *gradients[1] = {g};
  for (int t = 0; t < kSteps; t++) {
    for (int i = 0; i < kCount; i++) g[i] = of_bf16(half_gradient[i] = to_bf16(gradient(i, t)));
    check_ok(ngd_optimizer_step_bf16(half, half_parameters, half_gradients, 1, &error));
    check_ok(ngd_optimizer_step_f32(plain, parameters, gradients, 1, &error));
  }
  for (int i = 0; i < kCount; i++) assert_int_equal(halves[i], to_bf16(w[i]));
  ngd_optimizer_destroy(half);
  ngd_optimizer_destroy(plain);
}

static void sixteen_bit_parameters_move_on_average(void **state) {
  (void)state;
  ngd_error error;
  const int64_t shape[1] = {kCount};
  ngd_optimizer *optimizer = NULL;
  check_ok(ngd_optimizer_create("sgd:learning_rate=0.0001", &optimizer, &error));
  check_ok(ngd_optimizer_add_bf16(optimizer, "w", shape, 1, &error));
  uint16_t *parameters[1] = {halves};
  const uint16_t *gradients[1] = {half_gradient};
  for (int i = 0; i < kCount; i++) {
    halves[i] = to_bf16(1);
    half_gradient[i] = to_bf16(1);
  }
  for (int t = 0; t < 100; t++) check_ok(ngd_optimizer_step_bf16(optimizer, parameters, gradients, 1, &error));
  double mean = 0;
  for (int i = 0; i < kCount; i++) mean += of_bf16(halves[i]) / kCount;
  assert_true(fabs(mean - 0.99) < 0.0005); /* each step is a fortieth of the last bit */
  ngd_optimizer_destroy(optimizer);

  check_ok(ngd_optimizer_create("sgd:learning_rate=0.5", &optimizer, &error));
  check_ok(ngd_optimizer_add_f16(optimizer, "w", shape, 1, &error));
  for (int i = 0; i < kCount; i++) halves[i] = 0x3C00, half_gradient[i] = 0x3800; /* 1 and 0.5 */
  check_ok(ngd_optimizer_step_f16(optimizer, parameters, gradients, 1, &error));
  for (int i = 0; i < kCount; i++) assert_int_equal(halves[i], 0x3A00); /* 0.75 */
  ngd_optimizer_destroy(optimizer);
}

static void copies_are_the_rounded_parameters(void **state) {
  (void)state;
  ngd_error error;
  ngd_optimizer *optimizer = NULL;
  const int64_t shape[1] = {kCount};
  check_ok(ngd_optimizer_create("adam", &optimizer, &error));
  check_ok(ngd_optimizer_add_f32(optimizer, "w", shape, 1, &error));
  begin(w);
  for (int i = 0; i < kCount; i++) g[i] = gradient(i, 0);
  float *parameters[1] = {w}, *gradients[1] = {g};
  uint16_t *copies[1] = {more_halves};
  check_error(ngd_optimizer_sweep_f32(optimizer, parameters, gradients, copies, 1, &error), NGD_E_STATE,
              "the step is to write copies, but in no format; set copy=bf16 or copy=f16");
  check_ok(ngd_optimizer_set_text(optimizer, "copy", "bf16", &error));
  check_ok(ngd_optimizer_sweep_f32(optimizer, parameters, gradients, copies, 1, &error));
  for (int i = 0; i < kCount; i++) assert_int_equal(more_halves[i], to_bf16(w[i]));
  ngd_optimizer_destroy(optimizer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
      cmocka_unit_test(a_forked_child_steps_alone_with_the_same_bits),
      cmocka_unit_test(a_resumed_optimizer_goes_on_bit_for_bit),
      cmocka_unit_test(a_step_that_is_taken_back_equals_one_that_was_measured_first),
      cmocka_unit_test(packed_state_stays_near_float32_state),
      cmocka_unit_test(random_rounding_keeps_slow_changes),
      cmocka_unit_test(sixteen_bit_parameters_with_a_master_follow_float32),
      cmocka_unit_test(sixteen_bit_parameters_move_on_average),
      cmocka_unit_test(copies_are_the_rounded_parameters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
