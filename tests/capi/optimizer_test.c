/* The contract of optimizers: options, declarations, errors with their exact text, skipped steps, the penalty,
 * state. */
#include "test.h"

#include <math.h>
#include <unistd.h>

static const int64_t shape_four[1] = {4};

static ngd_optimizer *create(const char *spec) {
  ngd_error error;
  ngd_optimizer *optimizer = NULL;
  check_ok(ngd_optimizer_create(spec, &optimizer, &error));
  assert_non_null(optimizer);
  return optimizer;
}

static ngd_optimizer *create_with_tensor(const char *spec) {
  ngd_error error;
  ngd_optimizer *optimizer = create(spec);
  check_ok(ngd_optimizer_add_f32(optimizer, "w", shape_four, 1, &error));
  return optimizer;
}

static void unknown_names_get_the_nearest(void **state) {
  (void)state;
  ngd_error error;
  ngd_optimizer *optimizer = (ngd_optimizer *)&error;
  check_error(
      ngd_optimizer_create("adem", &optimizer, &error), NGD_E_OPTION,
      "unknown optimizer rule \"adem\"; did you mean \"adam\"? Known: sgd, momentum, nesterov, adagrad, "
      "adadelta, rmsprop, adam, adamw, amsgrad, adamax, nadam, radam, adabelief, yogi, qhadam, lion, lars, "
      "lamb, schedule_free_adamw, adafactor, muon, rprop, lbfgs, asgd, ftrl, ngd");
  assert_null(optimizer);
  check_error(ngd_optimizer_create("adam:learning_rat=0.1", &optimizer, &error), NGD_E_OPTION,
              "unknown option \"learning_rat\" for rule \"adam\"; did you mean \"learning_rate\"? (column 6)");
  check_error(
      ngd_optimizer_create("ngd:accel=nestrov", &optimizer, &error), NGD_E_OPTION,
      "option \"accel\" of rule \"ngd\" cannot be \"nestrov\"; did you mean \"nesterov\"? It takes: none, "
      "nesterov, seed, seed-literal (column 5)");
  check_error(
      ngd_optimizer_create("sgd:learning_rate=fast", &optimizer, &error), NGD_E_RANGE,
      "option \"learning_rate\" of rule \"sgd\" is \"fast\", but takes a number such as 0.01 (column 5)");
  check_error(ngd_optimizer_create("", &optimizer, &error), NGD_E_ARGUMENT,
              "the spec \"\" has no name before its options; write name:option=value,...");
}

static void values_outside_their_range_are_refused(void **state) {
  (void)state;
  ngd_error error;
  ngd_optimizer *optimizer = create("ngd");
  check_error(ngd_optimizer_set(optimizer, "learning_rate", 0, &error), NGD_E_RANGE,
              "option \"learning_rate\" of rule \"ngd\" is 0, outside its range (0, inf)");
  check_error(ngd_optimizer_set(optimizer, "beta1", 1, &error), NGD_E_RANGE,
              "option \"beta1\" of rule \"ngd\" is 1, outside its range [0, 1)");
  check_error(ngd_optimizer_set(optimizer, "learning_rate", NAN, &error), NGD_E_RANGE,
              "option \"learning_rate\" of rule \"ngd\" is nan, outside its range (0, inf)");
  check_error(ngd_optimizer_set(optimizer, "delta", 1, &error), NGD_E_RANGE,
              "option \"delta\" of rule \"ngd\" is 1, outside its range (1, inf)");
  check_error(ngd_optimizer_set(optimizer, "lo", 11, &error), NGD_E_RANGE,
              "options \"lo\" and \"hi\" of rule \"ngd\" are 11 and 10; lo must not exceed hi");
  check_error(
      ngd_optimizer_set(optimizer, "accel", 1, &error), NGD_E_OPTION,
      "option \"accel\" of rule \"ngd\" takes text, not a number; use set_text with one of: none, nesterov, "
      "seed, seed-literal");
  double value = 0;
  check_error(ngd_optimizer_get(optimizer, "accel", &value, &error), NGD_E_OPTION,
              "option \"accel\" of rule \"ngd\" holds text, not a number; use get_text");
  check_ok(ngd_optimizer_get(optimizer, "lo", &value, &error));
  assert_true(value == 0);
  ngd_optimizer_destroy(optimizer);
}

static void options_read_back_as_set(void **state) {
  (void)state;
  ngd_error error;
  ngd_optimizer *optimizer = create("ngd: learning_rate = 0.25 , accel=\"seed\"");
  double value = 0;
  check_ok(ngd_optimizer_get(optimizer, "learning_rate", &value, &error));
  assert_true(value == 0.25);
  check_ok(ngd_optimizer_set_text(optimizer, "beta1", "0.5", &error));
  size_t needed = 0;
  check_ok(ngd_optimizer_get_text(optimizer, "spec", NULL, 0, &needed, &error));
  const char *expected = "ngd:learning_rate=0.25,beta1=0.5,accel=seed";
  assert_int_equal(needed, strlen(expected) + 1);
  char text[64];
  check_error(ngd_optimizer_get_text(optimizer, "spec", text, 10, &needed, &error), NGD_E_BUFFER,
              "the buffer has 10 bytes, but the text needs 44");
  check_ok(ngd_optimizer_get_text(optimizer, "spec", text, sizeof text, NULL, &error));
  assert_string_equal(text, expected);
  ngd_optimizer_destroy(optimizer);
}

static void describe_lists_every_option_of_every_rule(void **state) {
  (void)state;
  ngd_error error;
  for (size_t r = 0; ngd_optimizer_rule(r) != NULL; r++) {
    const char *rule = ngd_optimizer_rule(r);
    ngd_optimizer *optimizer = create(rule);
    size_t index = 0;
    for (;; index++) {
      ngd_option_info info = {0};
      info.struct_size = sizeof info;
      const ngd_status status = ngd_optimizer_describe(rule, index, &info, &error);
      if (status == NGD_E_NOT_FOUND) break;
      assert_int_equal(status, NGD_OK);
      assert_true(strlen(info.help) > 10);
      char text[64];
      check_ok(ngd_optimizer_get_text(optimizer, info.name, text, sizeof text, NULL, &error));
      if (info.type == NGD_OPTION_CHOICE) assert_string_equal(text, info.default_text);
      if (info.type == NGD_OPTION_NUMBER) {
        double value = 0;
        check_ok(ngd_optimizer_get(optimizer, info.name, &value, &error));
        assert_true(value == info.default_number);
        assert_true(value >= info.minimum && value <= info.maximum);
      }
    }
    assert_true(index >= 3);
    ngd_optimizer_destroy(optimizer);
  }
  ngd_option_info info = {0};
  check_error(ngd_optimizer_describe("sgd", 0, &info, &error), NGD_E_ARGUMENT,
              "ngd_option_info.struct_size is 0; set it to sizeof(ngd_option_info) before the call");
  info.struct_size = sizeof info;
  check_error(ngd_optimizer_describe("sgd", 99, &info, &error), NGD_E_NOT_FOUND,
              "rule \"sgd\" has 37 options; there is no option number 99");
}

static void describe_writes_within_the_callers_struct_size(void **state) {
  (void)state;
  ngd_error error;
  ngd_option_info info;
  memset(&info, 0x5A, sizeof info);
  info.struct_size = offsetof(ngd_option_info, choices);
  check_ok(ngd_optimizer_describe("sgd", 0, &info, &error));
  assert_string_equal(info.name, "learning_rate");
  unsigned char *rest = (unsigned char *)&info + offsetof(ngd_option_info, choices);
  for (size_t i = 0; i < sizeof info - offsetof(ngd_option_info, choices); i++) assert_int_equal(rest[i], 0x5A);
}

static void declarations_are_checked(void **state) {
  (void)state;
  ngd_error error;
  ngd_optimizer *optimizer = create("adam");
  float w[4] = {0}, g[4] = {0}, *parameters[2] = {w, w};
  const float *gradients[2] = {g, g};
  check_error(ngd_optimizer_step_f32(optimizer, parameters, gradients, 1, &error), NGD_E_STATE,
              "the optimizer has no tensors; declare them first");
  check_error(ngd_optimizer_add_f32(optimizer, "", shape_four, 1, &error), NGD_E_ARGUMENT,
              "a tensor's name has 1 to 255 bytes, not 0");
  const int64_t empty[2] = {3, 0};
  check_error(ngd_optimizer_add_f32(optimizer, "w", empty, 2, &error), NGD_E_SHAPE,
              "a tensor of shape [3, 0] is not possible: every size is at least 1");
  const int64_t huge[2] = {INT64_MAX, INT64_MAX};
  check_error(
      ngd_optimizer_add_f32(optimizer, "w", huge, 2, &error), NGD_E_SHAPE,
      "a tensor of shape [9223372036854775807, 9223372036854775807] is too large for this machine's addresses");
  const int64_t nine[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  check_error(ngd_optimizer_add_f32(optimizer, "w", nine, 9, &error), NGD_E_SHAPE,
              "tensor \"w\" has 9 dimensions; at most 8 are possible");
  assert_int_equal(ngd_optimizer_tensor_count(optimizer), 0);
  check_ok(ngd_optimizer_add_f32(optimizer, "w", shape_four, 1, &error));
  check_error(ngd_optimizer_add_f32(optimizer, "w", shape_four, 1, &error), NGD_E_ARGUMENT,
              "there is already a tensor \"w\"; names must differ");
  check_error(
      ngd_optimizer_add_f64(optimizer, "v", shape_four, 1, &error), NGD_E_STATE,
      "tensor \"v\" is float64, but the tensors before it are not; use one optimizer for each element type");
  check_error(ngd_optimizer_step_f32(optimizer, parameters, gradients, 2, &error), NGD_E_SHAPE,
              "the step has 2 tensors, but 1 were declared");
  double *wide[1] = {NULL};
  check_error(ngd_optimizer_step_f64(optimizer, wide, (const double *const *)wide, 1, &error), NGD_E_ARGUMENT,
              "parameters[0] is NULL, but may not be");
  double values[4] = {0};
  wide[0] = values;
  check_error(ngd_optimizer_step_f64(optimizer, wide, (const double *const *)wide, 1, &error), NGD_E_STATE,
              "the tensors were declared as float32; use the functions of that type");
  check_ok(ngd_optimizer_step_f32(optimizer, parameters, gradients, 1, &error));
  check_error(ngd_optimizer_add_f32(optimizer, "late", shape_four, 1, &error), NGD_E_STATE,
              "tensor \"late\" cannot be added after the first step; declare all tensors first");
  ngd_optimizer_destroy(optimizer);

  optimizer = create_with_tensor("adagrad");
  check_ok(ngd_optimizer_set(optimizer, "initial_accumulator", 0.1, &error));
  check_ok(ngd_optimizer_step_f32(optimizer, parameters, gradients, 1, &error));
  check_error(ngd_optimizer_set(optimizer, "initial_accumulator", 0.2, &error), NGD_E_STATE,
              "option \"initial_accumulator\" of rule \"adagrad\" is fixed once it is in use; set it right "
              "after creation");
  ngd_optimizer_destroy(optimizer);
}

static void null_arguments_are_named(void **state) {
  (void)state;
  ngd_error error;
  ngd_optimizer *optimizer = create_with_tensor("sgd"), *out = NULL;
  float w[4] = {0}, *parameters[1] = {w};
  const float *gradients[1] = {w};
  float *writable[1] = {w};
  double value = 0;
  ngd_option_info info = {0};
  info.struct_size = sizeof info;
#define NULL_IS_NAMED(call, name) \
  check_error(call, NGD_E_ARGUMENT, "argument \"" name "\" is NULL, but may not be")
  NULL_IS_NAMED(ngd_optimizer_describe(NULL, 0, &info, &error), "rule");
  NULL_IS_NAMED(ngd_optimizer_describe("sgd", 0, NULL, &error), "info");
  NULL_IS_NAMED(ngd_optimizer_create(NULL, &out, &error), "spec");
  NULL_IS_NAMED(ngd_optimizer_create("sgd", NULL, &error), "out");
  NULL_IS_NAMED(ngd_optimizer_set(NULL, "learning_rate", 1, &error), "optimizer");
  NULL_IS_NAMED(ngd_optimizer_set(optimizer, NULL, 1, &error), "name");
  NULL_IS_NAMED(ngd_optimizer_set_text(NULL, "learning_rate", "1", &error), "optimizer");
  NULL_IS_NAMED(ngd_optimizer_set_text(optimizer, NULL, "1", &error), "name");
  NULL_IS_NAMED(ngd_optimizer_set_text(optimizer, "learning_rate", NULL, &error), "value");
  NULL_IS_NAMED(ngd_optimizer_get(NULL, "learning_rate", &value, &error), "optimizer");
  NULL_IS_NAMED(ngd_optimizer_get(optimizer, NULL, &value, &error), "name");
  NULL_IS_NAMED(ngd_optimizer_get(optimizer, "learning_rate", NULL, &error), "value");
  NULL_IS_NAMED(ngd_optimizer_get_text(NULL, "spec", NULL, 0, NULL, &error), "optimizer");
  NULL_IS_NAMED(ngd_optimizer_get_text(optimizer, NULL, NULL, 0, NULL, &error), "name");
  NULL_IS_NAMED(ngd_optimizer_get_text(optimizer, "spec", NULL, 5, NULL, &error), "buffer");
  NULL_IS_NAMED(ngd_optimizer_add_f32(NULL, "v", shape_four, 1, &error), "optimizer");
  NULL_IS_NAMED(ngd_optimizer_add_f32(optimizer, NULL, shape_four, 1, &error), "name");
  NULL_IS_NAMED(ngd_optimizer_add_f32(optimizer, "v", NULL, 1, &error), "shape");
  NULL_IS_NAMED(ngd_optimizer_step_f32(NULL, parameters, gradients, 1, &error), "optimizer");
  NULL_IS_NAMED(ngd_optimizer_step_f32(optimizer, NULL, gradients, 1, &error), "parameters");
  NULL_IS_NAMED(ngd_optimizer_step_f32(optimizer, parameters, NULL, 1, &error), "gradients");
  NULL_IS_NAMED(ngd_optimizer_perturb_f32(NULL, parameters, gradients, 1, &error), "optimizer");
  NULL_IS_NAMED(ngd_optimizer_restore_f32(NULL, parameters, writable, 1, &error), "optimizer");
  NULL_IS_NAMED(ngd_optimizer_save(NULL, "x", &error), "optimizer");
  NULL_IS_NAMED(ngd_optimizer_save(optimizer, NULL, &error), "path");
  NULL_IS_NAMED(ngd_optimizer_load(NULL, "x", &error), "optimizer");
  NULL_IS_NAMED(ngd_optimizer_load(optimizer, NULL, &error), "path");
#undef NULL_IS_NAMED
  assert_int_equal(ngd_optimizer_create("adem", &out, NULL), NGD_E_OPTION); /* a NULL error is fine */
  ngd_optimizer_destroy(NULL);
  assert_int_equal(ngd_optimizer_tensor_count(NULL), 0);
  assert_int_equal(ngd_optimizer_step_count(NULL), 0);
  assert_int_equal(ngd_optimizer_skip_count(NULL), 0);
  ngd_optimizer_destroy(optimizer);
}

static void a_gradient_that_is_not_finite_changes_nothing(void **state) {
  (void)state;
  ngd_error error;
  const float bad[3] = {NAN, INFINITY, -INFINITY};
  for (size_t r = 0; ngd_optimizer_rule(r) != NULL; r++) {
    /* Two optimizers see the same finite gradients; one also sees bad ones between them. */
    ngd_optimizer *plain = create_with_tensor(ngd_optimizer_rule(r)),
                  *hit = create_with_tensor(ngd_optimizer_rule(r));
    float a[4] = {1, -2, 0.5f, 3}, b[4] = {1, -2, 0.5f, 3}, g[4], *pa[1] = {a}, *pb[1] = {b};
    const float *q[1] = {g};
    for (int t = 0; t < 9; t++) {
      for (int i = 0; i < 4; i++) g[i] = 0.1f * (float)(t - i);
      check_ok(ngd_optimizer_step_f32(plain, pa, q, 1, &error));
      check_ok(ngd_optimizer_step_f32(hit, pb, q, 1, &error));
      g[t % 4] = bad[t % 3];
      check_ok(ngd_optimizer_step_f32(hit, pb, q, 1, &error));
      assert_memory_equal(a, b, sizeof a);
    }
    assert_int_equal(ngd_optimizer_step_count(hit), 9);
    assert_int_equal(ngd_optimizer_skip_count(hit), 9);
    check_ok(ngd_optimizer_set_text(hit, "nonfinite", "error", &error));
    check_error(
        ngd_optimizer_step_f32(hit, pb, q, 1, &error), NGD_E_NOT_FINITE,
        "the gradient of tensor \"w\" is not finite at step 10; nothing was changed. Lower the learning_rate, "
        "or set nonfinite=skip");
    assert_memory_equal(a, b, sizeof a);
    ngd_optimizer_destroy(plain);
    ngd_optimizer_destroy(hit);
  }
}

static void trust_cap_bounds_the_change_of_a_matrix_but_not_of_a_vector(void **state) {
  (void)state;
  ngd_error error;
  ngd_optimizer *optimizer = create("ngd:learning_rate=10,tau=0.1");
  const int64_t matrix[2] = {2, 2};
  check_ok(ngd_optimizer_add_f32(optimizer, "matrix", matrix, 2, &error));
  check_ok(ngd_optimizer_add_f32(optimizer, "vector", shape_four, 1, &error));
  float w[4] = {3, 0, 0, 4}, v[4] = {3, 0, 0, 4}, g[4] = {1, -2, 3, 0.5f}, *parameters[2] = {w, v};
  const float *gradients[2] = {g, g};
  check_ok(ngd_optimizer_step_f32(optimizer, parameters, gradients, 2, &error));
  const float start[4] = {3, 0, 0, 4};
  double matrix_change = 0, vector_change = 0;
  for (int i = 0; i < 4; i++) {
    matrix_change += (w[i] - start[i]) * (w[i] - start[i]);
    vector_change += (v[i] - start[i]) * (v[i] - start[i]);
  }
  assert_true(fabs(sqrt(matrix_change) - 0.5) < 1e-5); /* tau times the norm 5 */
  assert_true(sqrt(vector_change) > 15);
  ngd_optimizer_destroy(optimizer);
}

static void the_penalty_needs_its_calls_in_order(void **state) {
  (void)state;
  ngd_error error;
  float w[4] = {1, 2, 3, 4}, g[4] = {0, 0, 3, 4}, *parameters[1] = {w}, *gradients[1] = {g};
  const float *q[1] = {g};
  ngd_optimizer *adam = create_with_tensor("adam");
  check_error(ngd_optimizer_perturb_f32(adam, parameters, q, 1, &error), NGD_E_UNSUPPORTED,
              "rule \"adam\" has no gradient-norm penalty; use rule \"ngd\"");
  ngd_optimizer_destroy(adam);
  ngd_optimizer *optimizer = create_with_tensor("ngd");
  check_error(ngd_optimizer_perturb_f32(optimizer, parameters, q, 1, &error), NGD_E_STATE,
              "grad_penalty is 0; set it above 0 before perturb");
  check_ok(ngd_optimizer_set(optimizer, "grad_penalty", 0.5, &error));
  check_ok(ngd_optimizer_set(optimizer, "penalty_radius", 5, &error));
  check_error(ngd_optimizer_step_f32(optimizer, parameters, q, 1, &error), NGD_E_STATE,
              "grad_penalty is on: call perturb and restore before each step, or set it to 0");
  check_error(ngd_optimizer_restore_f32(optimizer, parameters, gradients, 1, &error), NGD_E_STATE,
              "the parameters are not perturbed; call perturb first");
  check_ok(ngd_optimizer_perturb_f32(optimizer, parameters, q, 1, &error));
  const float moved[4] = {1, 2, 6, 8};
  assert_memory_equal(w, moved, sizeof w);
  check_error(ngd_optimizer_perturb_f32(optimizer, parameters, q, 1, &error), NGD_E_STATE,
              "the parameters are already perturbed; call restore first");
  check_error(ngd_optimizer_step_f32(optimizer, parameters, q, 1, &error), NGD_E_STATE,
              "the parameters are still perturbed; call restore before the step");
  check_error(ngd_optimizer_save(optimizer, "unused", &error), NGD_E_STATE,
              "the parameters are perturbed; call restore before saving");
  check_error(ngd_optimizer_load(optimizer, "/nonexistent/x", &error), NGD_E_IO,
              "cannot read \"/nonexistent/x\": No such file or directory");
  g[0] = 8;
  check_ok(ngd_optimizer_restore_f32(optimizer, parameters, gradients, 1, &error));
  const float back[4] = {1, 2, 3, 4}, combined[4] = {4, 0, 3, 4};
  assert_memory_equal(w, back, sizeof w);
  assert_memory_equal(g, combined, sizeof g);
  check_ok(ngd_optimizer_step_f32(optimizer, parameters, q, 1, &error));
  check_error(ngd_optimizer_step_f32(optimizer, parameters, q, 1, &error), NGD_E_STATE,
              "grad_penalty is on: call perturb and restore before each step, or set it to 0");
  g[0] = NAN;
  check_error(ngd_optimizer_perturb_f32(optimizer, parameters, q, 1, &error), NGD_E_NOT_FINITE,
              "the gradient's norm is nan; nothing was moved");
  ngd_optimizer_destroy(optimizer);
}

static void saved_state_restores_bit_for_bit(void **state) {
  (void)state;
  ngd_error error;
  char path[] = "/tmp/ngd_optimizer_XXXXXX";
  const int descriptor = mkstemp(path);
  assert_true(descriptor >= 0);
  close(descriptor);
  const int64_t matrix[2] = {2, 2};
  for (size_t r = 0; ngd_optimizer_rule(r) != NULL; r++) {
    ngd_optimizer *first = create(ngd_optimizer_rule(r));
    check_ok(ngd_optimizer_set(first, "learning_rate", 0.03, &error));
    check_ok(ngd_optimizer_add_f64(first, "w", matrix, 2, &error));
    check_ok(ngd_optimizer_add_f64(first, "b", shape_four, 1, &error));
    double w[4] = {1, -2, 0.5, 3}, b[4] = {0, 1, 2, 3}, g[4], *parameters[2] = {w, b};
    const double *gradients[2] = {g, g};
    for (int t = 0; t < 7; t++) {
      for (int i = 0; i < 4; i++) g[i] = sin(t + i);
      check_ok(ngd_optimizer_step_f64(first, parameters, gradients, 2, &error));
    }
    g[0] = INFINITY;
    check_ok(ngd_optimizer_step_f64(first, parameters, gradients, 2, &error));
    check_ok(ngd_optimizer_save(first, path, &error));

    ngd_optimizer *fresh = create(ngd_optimizer_rule(r));  /* takes the declarations from the file */
    ngd_optimizer *turned = create(ngd_optimizer_rule(r)); /* has declared them in another order */
    check_ok(ngd_optimizer_add_f64(turned, "b", shape_four, 1, &error));
    check_ok(ngd_optimizer_add_f64(turned, "w", matrix, 2, &error));
    check_ok(ngd_optimizer_load(fresh, path, &error));
    check_ok(ngd_optimizer_load(turned, path, &error));
    assert_int_equal(ngd_optimizer_step_count(fresh), 7);
    assert_int_equal(ngd_optimizer_skip_count(fresh), 1);
    double w2[4], b2[4], w3[4], b3[4], *parameters2[2] = {w2, b2}, *parameters3[2] = {b3, w3};
    memcpy(w2, w, sizeof w), memcpy(b2, b, sizeof b), memcpy(w3, w, sizeof w), memcpy(b3, b, sizeof b);
    for (int t = 7; t < 20; t++) {
      for (int i = 0; i < 4; i++) g[i] = sin(t + i);
      check_ok(ngd_optimizer_step_f64(first, parameters, gradients, 2, &error));
      check_ok(ngd_optimizer_step_f64(fresh, parameters2, gradients, 2, &error));
      check_ok(ngd_optimizer_step_f64(turned, parameters3, gradients, 2, &error));
    }
    assert_memory_equal(w, w2, sizeof w);
    assert_memory_equal(b, b2, sizeof b);
    assert_memory_equal(w, w3, sizeof w);
    assert_memory_equal(b, b3, sizeof b);
    ngd_optimizer_destroy(first);
    ngd_optimizer_destroy(fresh);
    ngd_optimizer_destroy(turned);
  }
  unlink(path);
}

static void state_that_does_not_fit_is_refused_whole(void **state) {
  (void)state;
  ngd_error error;
  char path[] = "/tmp/ngd_optimizer_XXXXXX";
  close(mkstemp(path));
  ngd_optimizer *saved = create_with_tensor("adam"), *other = create("adamw");
  check_ok(ngd_optimizer_save(saved, path, &error));
  check_error(ngd_optimizer_load(other, path, &error), NGD_E_CHECKPOINT,
              "the checkpoint is of rule \"adam\", but this optimizer has rule \"adamw\"");
  ngd_optimizer_destroy(other);

  other = create("adam");
  const int64_t shape_five[1] = {5};
  check_ok(ngd_optimizer_add_f32(other, "w", shape_five, 1, &error));
  check_error(ngd_optimizer_load(other, path, &error), NGD_E_CHECKPOINT,
              "the checkpoint's tensor \"w\" is [4], but this optimizer's is [5]");
  ngd_optimizer_destroy(other);

  other = create_with_tensor("adam");
  check_ok(ngd_optimizer_add_f32(other, "z", shape_five, 1, &error));
  check_error(ngd_optimizer_load(other, path, &error), NGD_E_CHECKPOINT, "the checkpoint has no tensor \"z\"");
  ngd_optimizer_destroy(other);

  other = create("adam");
  check_ok(ngd_optimizer_add_f32(other, "x", shape_four, 1, &error));
  check_error(ngd_optimizer_load(other, path, &error), NGD_E_CHECKPOINT,
              "the checkpoint has a tensor \"w\" that this optimizer has not");
  ngd_optimizer_destroy(other);

  other = create("adam");
  check_ok(ngd_optimizer_add_f64(other, "w", shape_four, 1, &error));
  check_error(ngd_optimizer_load(other, path, &error), NGD_E_CHECKPOINT,
              "the checkpoint's tensors are F32, but this optimizer's are F64");
  ngd_optimizer_destroy(other);
  ngd_optimizer_destroy(saved);
  unlink(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(unknown_names_get_the_nearest),
      cmocka_unit_test(values_outside_their_range_are_refused),
      cmocka_unit_test(options_read_back_as_set),
      cmocka_unit_test(describe_lists_every_option_of_every_rule),
      cmocka_unit_test(describe_writes_within_the_callers_struct_size),
      cmocka_unit_test(declarations_are_checked),
      cmocka_unit_test(null_arguments_are_named),
      cmocka_unit_test(a_gradient_that_is_not_finite_changes_nothing),
      cmocka_unit_test(trust_cap_bounds_the_change_of_a_matrix_but_not_of_a_vector),
      cmocka_unit_test(the_penalty_needs_its_calls_in_order),
      cmocka_unit_test(saved_state_restores_bit_for_bit),
      cmocka_unit_test(state_that_does_not_fit_is_refused_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
