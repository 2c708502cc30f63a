/* Models through the contract: both ways in, tensors, classes, saving, and every argument that may not be NULL.
 */
#include <math.h>
#include <unistd.h>

#include "test.h"

static ngd_error error;

static ngd_model *model_of(const char *spec) {
  ngd_model *model = NULL;
  check_ok(ngd_model_create(spec, &model, &error));
  return model;
}

static ngd_optimizer *optimizer_of(const char *spec) {
  ngd_optimizer *optimizer = NULL;
  check_ok(ngd_optimizer_create(spec, &optimizer, &error));
  return optimizer;
}

/* Two words a class. */
static ngd_dataset *animals(void) {
  ngd_dataset *dataset = NULL;
  check_ok(ngd_dataset_create("text", &dataset, &error));
  check_ok(ngd_dataset_append_text(dataset, "meow purr", "cat", &error));
  check_ok(ngd_dataset_append_text(dataset, "bark growl", "dog", &error));
  check_ok(ngd_dataset_append_text(dataset, "hoot fly", "owl", &error));
  return dataset;
}

static void kinds_are_listed(void **state) {
  (void)state;
  assert_string_equal(ngd_model_kind(0), "linear");
  assert_string_equal(ngd_model_kind(1), "mlp");
  assert_string_equal(ngd_model_kind(2), "text");
  assert_null(ngd_model_kind(3));
}

static void describe_tells_every_option(void **state) {
  (void)state;
  ngd_option_info info;
  for (size_t kind = 0; ngd_model_kind(kind) != NULL; kind++) {
    size_t count = 0;
    for (;; count++) {
      memset(&info, 0, sizeof info);
      info.struct_size = sizeof info;
      if (ngd_model_describe(ngd_model_kind(kind), count, &info, &error) != NGD_OK) break;
      assert_true(strlen(info.name) > 0 && strlen(info.help) > 0);
      assert_int_equal(info.fixed, strcmp(info.name, "table_rate") != 0);
    }
    assert_int_equal(error.code, NGD_E_NOT_FOUND);
    assert_in_range(count, 8, 12);
  }
  info.struct_size = sizeof info;
  check_error(ngd_model_describe("linear", 99, &info, &error), NGD_E_NOT_FOUND,
              "kind \"linear\" has 8 options; there is no option number 99");
  check_error(ngd_model_describe("none", 0, &info, &error), NGD_E_OPTION,
              "unknown kind of model \"none\"; Known: linear, mlp, text");
  info.struct_size = 0;
  check_error(ngd_model_describe("linear", 0, &info, &error), NGD_E_ARGUMENT,
              "ngd_option_info.struct_size is 0; set it to sizeof(ngd_option_info) before the call");
}

static void options_are_set_and_read(void **state) {
  (void)state;
  ngd_model *model = model_of("mlp:hidden=64x32,activation=tanh");
  double value = 0;
  char text[64];
  size_t needed = 0;
  check_ok(ngd_model_set(model, "seed", 7, &error));
  check_ok(ngd_model_get(model, "seed", &value, &error));
  assert_true(value == 7);
  check_ok(ngd_model_set_text(model, "precision", "f64", &error));
  check_ok(ngd_model_get_text(model, "spec", NULL, 0, &needed, &error));
  assert_int_equal(needed, strlen("mlp:hidden=64x32,activation=tanh,seed=7,precision=f64") + 1);
  check_ok(ngd_model_get_text(model, "spec", text, sizeof text, NULL, &error));
  assert_string_equal(text, "mlp:hidden=64x32,activation=tanh,seed=7,precision=f64");
  check_error(ngd_model_get_text(model, "activation", text, 2, &needed, &error), NGD_E_BUFFER,
              "the buffer has 2 bytes, but the text needs 5");
  assert_int_equal(needed, 5);
  check_error(
      ngd_model_set(model, "activation", 1, &error), NGD_E_OPTION,
      "option \"activation\" of kind \"mlp\" takes text, not a number; use set_text with one of: sigmoid, "
      "tanh, relu");
  check_error(
      ngd_model_set_text(model, "activation", "rely", &error), NGD_E_OPTION,
      "option \"activation\" of kind \"mlp\" cannot be \"rely\"; did you mean \"relu\"? It takes: sigmoid, "
      "tanh, relu");
  ngd_model_destroy(model);
}

/* y = x W + b by hand, then one step of gradient descent by hand. */
static void forward_backward_and_step_by_parts(void **state) {
  (void)state;
  ngd_model *model = model_of("linear:inputs=2");
  ngd_optimizer *optimizer = optimizer_of("sgd:learning_rate=0.5");
  check_ok(ngd_model_prepare(model, NULL, &error));
  assert_int_equal(ngd_model_output_count(model), 1);
  assert_int_equal(ngd_model_class_count(model), 0);
  const float weight[] = {2, -1}, bias[] = {0.5f}, x[] = {1, 2, 3, 4}, t[] = {1, 1};
  check_ok(ngd_model_set_tensor_f32(model, 0, weight, 2, &error));
  check_ok(ngd_model_set_tensor_f32(model, 1, bias, 1, &error));
  float y[2];
  check_ok(ngd_model_forward_f32(model, x, 2, y, 2, &error));
  assert_true(y[0] == 0.5f && y[1] == 2.5f);
  double loss = 0, gradient[2], values[2];
  check_ok(ngd_model_backward_f32(model, t, 2, &loss, &error));
  assert_true(loss == (0.25 + 2.25) / 2);
  check_ok(ngd_model_get_gradient_f64(model, 0, gradient, 2, &error));
  assert_true(gradient[0] == -0.5 * 1 + 1.5 * 3 && gradient[1] == -0.5 * 2 + 1.5 * 4);
  check_ok(ngd_model_step(model, optimizer, &error));
  check_ok(ngd_model_get_tensor_f64(model, 0, values, 2, &error));
  assert_true(values[0] == 2 - 0.5 * 4 && values[1] == -1 - 0.5 * 5);
  assert_int_equal(ngd_optimizer_tensor_count(optimizer), 2);
  const double xd[] = {1, 1}, td[] = {0};
  double yd[1];
  check_ok(ngd_model_forward_f64(model, xd, 1, yd, 1, &error));
  check_ok(ngd_model_backward_f64(model, td, 1, NULL, &error));
  check_ok(ngd_model_forward_f32(model, x, 2, NULL, 0, &error)); /* outputs are not needed */
  check_error(ngd_model_forward_f32(model, x, 2, y, 0, &error), NGD_E_BUFFER,
              "outputs has room for 0 numbers, but 2 rows of 1 need 2");
  check_error(ngd_model_forward_f32(model, x, 2, y, 1, &error), NGD_E_BUFFER,
              "outputs has room for 1 numbers, but 2 rows of 1 need 2");
  check_error(ngd_model_backward_f32(model, t, 1, NULL, &error), NGD_E_SHAPE,
              "got 1 targets, but mean_square of the 2 rows of the forward pass needs 2");
  ngd_model_destroy(model);
  ngd_optimizer_destroy(optimizer);
}

static void text_model_learns_predicts_and_names_its_classes(void **state) {
  (void)state;
  ngd_dataset *dataset = animals();
  ngd_model *model = model_of("text:dimension=10");
  ngd_optimizer *optimizer = optimizer_of("adam:learning_rate=0.1");
  check_ok(ngd_model_prepare(model, dataset, &error));
  assert_int_equal(ngd_model_class_count(model), 3);
  assert_int_equal(ngd_model_output_count(model), 3);
  const uint64_t rows[] = {0, 1, 2, 1};
  double first = 0, last = 0;
  check_ok(ngd_model_train_batch(model, optimizer, dataset, rows, 4, &first, &error));
  for (int t = 0; t < 100; t++)
    check_ok(ngd_model_train_batch(model, optimizer, dataset, rows, 4, &last, &error));
  assert_true(last < 0.1 * first);
  float p[9];
  check_ok(ngd_model_predict_f32(model, dataset, 0, 3, p, 9, &error));
  assert_true(p[0] > 0.9f && p[4] > 0.9f && p[8] > 0.9f);
  for (int i = 0; i < 3; i++) assert_true(fabsf(p[3 * i] + p[3 * i + 1] + p[3 * i + 2] - 1) < 1e-6f);
  check_ok(ngd_model_predict_f32(model, dataset, 3, 0, NULL, 0, &error)); /* no rows: nothing to write */
  ngd_metrics metrics = {sizeof metrics, 0, 0, 0, 0, 0, 0};
  check_ok(ngd_model_evaluate(model, dataset, &metrics, &error));
  assert_int_equal(metrics.rows, 3);
  assert_int_equal(metrics.unknown, 0);
  assert_true(metrics.accuracy == 1 && isnan(metrics.r_squared) && metrics.struct_size == sizeof metrics);
  char name[8];
  check_ok(ngd_model_get_class(model, 2, name, sizeof name, NULL, &error));
  assert_string_equal(name, "owl");
  check_error(ngd_model_get_class(model, 3, name, sizeof name, NULL, &error), NGD_E_NOT_FOUND,
              "there is no class number 3; the model has 3");
  check_error(ngd_model_predict_f32(model, dataset, 0, 3, p, 8, &error), NGD_E_BUFFER,
              "outputs has room for 8 numbers, but 3 rows of 3 need 9");
  check_error(ngd_model_predict_f32(model, dataset, 2, 2, p, 9, &error), NGD_E_RANGE,
              "rows 2 to 2 + 2 do not all exist; the dataset has 3 rows");
  metrics.struct_size = 3;
  check_error(ngd_model_evaluate(model, dataset, &metrics, &error), NGD_E_ARGUMENT,
              "ngd_metrics.struct_size is 3; set it to sizeof(ngd_metrics) before the call");
  ngd_model_destroy(model);
  ngd_optimizer_destroy(optimizer);
  ngd_dataset_destroy(dataset);
}

static void tensors_are_told_within_the_size_of_the_struct(void **state) {
  (void)state;
  ngd_model *model = model_of("mlp:inputs=4,hidden=3,outputs=2,precision=f64");
  assert_int_equal(ngd_model_tensor_count(model), 0);
  check_ok(ngd_model_prepare(model, NULL, &error));
  assert_int_equal(ngd_model_tensor_count(model), 4);
  ngd_tensor_info info;
  memset(&info, 0x55, sizeof info);
  info.struct_size = sizeof info;
  check_ok(ngd_model_tensor(model, 0, &info, &error));
  assert_string_equal(info.name, "layer0.weight");
  assert_string_equal(info.dtype, "F64");
  assert_int_equal(info.elements, 12);
  assert_int_equal(info.rank, 2);
  assert_true(info.shape[0] == 4 && info.shape[1] == 3 && info.shape[2] == 0 && info.shape[7] == 0);
  info.rank = 77; /* an older caller does not know of it */
  info.struct_size = offsetof(ngd_tensor_info, rank);
  check_ok(ngd_model_tensor(model, 3, &info, &error));
  assert_string_equal(info.name, "output.bias");
  assert_int_equal(info.rank, 77);
  check_error(ngd_model_tensor(model, 4, &info, &error), NGD_E_NOT_FOUND,
              "there is no tensor number 4; the model has 4");
  ngd_model_destroy(model);
}

static void a_saved_model_predicts_the_same(void **state) {
  (void)state;
  char path[] = "/tmp/ngd-model-XXXXXX";
  const int file = mkstemp(path);
  assert_true(file >= 0);
  close(file);
  ngd_dataset *dataset = animals();
  ngd_model *model = model_of("text:dimension=4,word_ngrams=2,buckets=50"), *loaded = NULL;
  check_error(ngd_model_save(model, path, &error), NGD_E_STATE,
              "the model is not prepared; call ngd_model_prepare before it is used");
  check_ok(ngd_model_prepare(model, dataset, &error));
  check_ok(ngd_model_save(model, path, &error));
  check_ok(ngd_model_load(path, &loaded, &error));
  float a[9], b[9];
  check_ok(ngd_model_predict_f32(model, dataset, 0, 3, a, 9, &error));
  check_ok(ngd_model_predict_f32(loaded, dataset, 0, 3, b, 9, &error));
  assert_memory_equal(a, b, sizeof a);
  char name[8];
  check_ok(ngd_model_get_class(loaded, 1, name, sizeof name, NULL, &error));
  assert_string_equal(name, "dog");
  ngd_model_destroy(loaded);
  loaded = model;
  ngd_optimizer *optimizer = optimizer_of("sgd");
  check_ok(ngd_optimizer_save(optimizer, path, &error));
  check_error(ngd_model_load(path, &loaded, &error), NGD_E_CHECKPOINT,
              "the checkpoint has no metadata \"model.format\"");
  assert_null(loaded);
  ngd_model_destroy(model);
  ngd_optimizer_destroy(optimizer);
  ngd_dataset_destroy(dataset);
  remove(path);
}

static void handles_may_be_destroyed_in_any_order(void **state) {
  (void)state;
  ngd_dataset *dataset = animals();
  ngd_model *model = model_of("text:dimension=4");
  ngd_optimizer *optimizer = optimizer_of("sgd");
  const uint64_t rows[] = {0, 1};
  check_ok(ngd_model_prepare(model, dataset, &error));
  check_ok(ngd_model_train_batch(model, optimizer, dataset, rows, 2, NULL, &error));
  ngd_dataset_destroy(dataset);
  ngd_optimizer_destroy(optimizer);
  assert_int_equal(ngd_model_class_count(model), 3);
  ngd_model_destroy(model);
  ngd_model_destroy(NULL);
}

#define check_null(call, name) \
  check_error(call, NGD_E_ARGUMENT, "argument \"" name "\" is NULL, but may not be")

static void weighted_steps_tell_how_each_row_did(void **state) {
  (void)state;
  ngd_dataset *dataset = animals();
  ngd_model *model = model_of("text:dimension=4"), *twice = model_of("text:dimension=4");
  ngd_optimizer *optimizer = optimizer_of("sgd:learning_rate=0.5"),
                *second = optimizer_of("sgd:learning_rate=0.5");
  check_ok(ngd_model_prepare(model, dataset, &error));
  check_ok(ngd_model_prepare(twice, dataset, &error));
  const uint64_t rows[] = {0, 1, 2}, repeated[] = {0, 0, 2};
  float weights[] = {2, 0, 1}, losses[3];
  int32_t correct[3];
  double loss, same;
  for (int step = 0; step < 60; step++) {
    /* A weight of 2 is the row twice. */
    check_ok(
        ngd_model_train_weighted(model, optimizer, dataset, rows, weights, 3, losses, correct, &loss, &error));
    check_ok(ngd_model_train_batch(twice, second, dataset, repeated, 3, &same, &error));
    assert_true(fabs(loss - same) < 1e-5);
    assert_true(fabs(loss - (2 * (double)losses[0] + (double)losses[2]) / 3) < 1e-6);
  }
  assert_true(correct[0] == 1 && correct[1] == 0 && correct[2] == 1);
  assert_true(losses[1] > 1 && losses[0] < 0.3f);
  weights[1] = -1;
  check_error(ngd_model_train_weighted(model, optimizer, dataset, rows, weights, 3, NULL, NULL, NULL, &error),
              NGD_E_RANGE,
              "the weight of row 1 (number 1 of the batch) is -1, but must be finite and at least 0");
  weights[1] = (float)NAN;
  check_error(ngd_model_train_weighted(model, optimizer, dataset, rows, weights, 3, NULL, NULL, NULL, &error),
              NGD_E_NOT_FINITE,
              "the weight of row 1 (number 1 of the batch) is nan, but must be finite and at least 0");
  check_ok(ngd_model_train_weighted(model, optimizer, dataset, rows, NULL, 3, NULL, NULL, NULL, &error));
  ngd_model_destroy(model);
  ngd_model_destroy(twice);
  ngd_optimizer_destroy(optimizer);
  ngd_optimizer_destroy(second);
  ngd_dataset_destroy(dataset);
}

static void null_arguments_are_named(void **state) {
  (void)state;
  ngd_dataset *dataset = animals();
  ngd_model *model = model_of("text"), *out = NULL;
  ngd_optimizer *optimizer = optimizer_of("sgd");
  check_ok(ngd_model_prepare(model, dataset, &error));
  ngd_option_info info = {.struct_size = sizeof info};
  ngd_tensor_info tensor = {.struct_size = sizeof tensor};
  ngd_metrics metrics = {.struct_size = sizeof metrics};
  double value = 0;
  float x[9] = {0};
  double xd[9] = {0};
  const uint64_t rows[] = {0};
  check_null(ngd_model_describe(NULL, 0, &info, &error), "kind");
  check_null(ngd_model_describe("text", 0, NULL, &error), "info");
  check_null(ngd_model_create(NULL, &out, &error), "spec");
  check_null(ngd_model_create("text", NULL, &error), "out");
  check_null(ngd_model_set(NULL, "seed", 1, &error), "model");
  check_null(ngd_model_set(model, NULL, 1, &error), "name");
  check_null(ngd_model_set_text(NULL, "seed", "1", &error), "model");
  check_null(ngd_model_set_text(model, NULL, "1", &error), "name");
  check_null(ngd_model_set_text(model, "seed", NULL, &error), "value");
  check_null(ngd_model_get(NULL, "seed", &value, &error), "model");
  check_null(ngd_model_get(model, NULL, &value, &error), "name");
  check_null(ngd_model_get(model, "seed", NULL, &error), "value");
  check_null(ngd_model_get_text(NULL, "seed", NULL, 0, NULL, &error), "model");
  check_null(ngd_model_get_text(model, NULL, NULL, 0, NULL, &error), "name");
  check_null(ngd_model_get_text(model, "seed", NULL, 1, NULL, &error), "buffer");
  check_null(ngd_model_prepare(NULL, dataset, &error), "model");
  check_null(ngd_model_get_class(NULL, 0, NULL, 0, NULL, &error), "model");
  check_null(ngd_model_get_class(model, 0, NULL, 1, NULL, &error), "buffer");
  check_null(ngd_model_forward_f32(NULL, x, 1, x, 9, &error), "model");
  check_null(ngd_model_forward_f32(model, NULL, 1, x, 9, &error), "features");
  check_null(ngd_model_forward_f64(NULL, xd, 1, xd, 9, &error), "model");
  check_null(ngd_model_forward_f64(model, NULL, 1, xd, 9, &error), "features");
  check_null(ngd_model_backward_f32(NULL, x, 1, NULL, &error), "model");
  check_null(ngd_model_backward_f32(model, NULL, 1, NULL, &error), "targets");
  check_null(ngd_model_backward_f64(NULL, xd, 1, NULL, &error), "model");
  check_null(ngd_model_backward_f64(model, NULL, 1, NULL, &error), "targets");
  check_null(ngd_model_step(NULL, optimizer, &error), "model");
  check_null(ngd_model_step(model, NULL, &error), "optimizer");
  check_null(ngd_model_train_batch(NULL, optimizer, dataset, rows, 1, NULL, &error), "model");
  check_null(ngd_model_train_batch(model, NULL, dataset, rows, 1, NULL, &error), "optimizer");
  check_null(ngd_model_train_batch(model, optimizer, NULL, rows, 1, NULL, &error), "dataset");
  check_null(ngd_model_train_batch(model, optimizer, dataset, NULL, 1, NULL, &error), "rows");
  check_null(ngd_model_train_weighted(NULL, optimizer, dataset, rows, NULL, 1, NULL, NULL, NULL, &error),
             "model");
  check_null(ngd_model_train_weighted(model, NULL, dataset, rows, NULL, 1, NULL, NULL, NULL, &error),
             "optimizer");
  check_null(ngd_model_train_weighted(model, optimizer, NULL, rows, NULL, 1, NULL, NULL, NULL, &error),
             "dataset");
  check_null(ngd_model_train_weighted(model, optimizer, dataset, NULL, NULL, 1, NULL, NULL, NULL, &error),
             "rows");
  check_null(ngd_model_predict_f32(NULL, dataset, 0, 1, x, 9, &error), "model");
  check_null(ngd_model_predict_f32(model, NULL, 0, 1, x, 9, &error), "dataset");
  check_null(ngd_model_predict_f32(model, dataset, 0, 1, NULL, 9, &error), "outputs");
  check_null(ngd_model_evaluate(NULL, dataset, &metrics, &error), "model");
  check_null(ngd_model_evaluate(model, NULL, &metrics, &error), "dataset");
  check_null(ngd_model_evaluate(model, dataset, NULL, &error), "metrics");
  check_null(ngd_model_tensor(NULL, 0, &tensor, &error), "model");
  check_null(ngd_model_tensor(model, 0, NULL, &error), "info");
  check_null(ngd_model_get_tensor_f32(NULL, 0, x, 1, &error), "model");
  check_null(ngd_model_get_tensor_f32(model, 0, NULL, 1, &error), "values");
  check_null(ngd_model_get_tensor_f64(NULL, 0, xd, 1, &error), "model");
  check_null(ngd_model_get_tensor_f64(model, 0, NULL, 1, &error), "values");
  check_null(ngd_model_set_tensor_f32(NULL, 0, x, 1, &error), "model");
  check_null(ngd_model_set_tensor_f32(model, 0, NULL, 1, &error), "values");
  check_null(ngd_model_set_tensor_f64(NULL, 0, xd, 1, &error), "model");
  check_null(ngd_model_set_tensor_f64(model, 0, NULL, 1, &error), "values");
  check_null(ngd_model_get_gradient_f64(NULL, 0, xd, 1, &error), "model");
  check_null(ngd_model_get_gradient_f64(model, 0, NULL, 1, &error), "values");
  check_null(ngd_model_save(NULL, "x", &error), "model");
  check_null(ngd_model_save(model, NULL, &error), "path");
  check_null(ngd_model_load(NULL, &out, &error), "path");
  check_null(ngd_model_load("x", NULL, &error), "out");
  assert_int_equal(ngd_model_output_count(NULL), 0);
  assert_int_equal(ngd_model_class_count(NULL), 0);
  assert_int_equal(ngd_model_tensor_count(NULL), 0);
  assert_int_equal(ngd_model_set(NULL, "seed", 1, NULL), NGD_E_ARGUMENT); /* error may be NULL */
  ngd_model_destroy(model);
  ngd_optimizer_destroy(optimizer);
  ngd_dataset_destroy(dataset);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(kinds_are_listed),
      cmocka_unit_test(describe_tells_every_option),
      cmocka_unit_test(options_are_set_and_read),
      cmocka_unit_test(forward_backward_and_step_by_parts),
      cmocka_unit_test(text_model_learns_predicts_and_names_its_classes),
      cmocka_unit_test(tensors_are_told_within_the_size_of_the_struct),
      cmocka_unit_test(a_saved_model_predicts_the_same),
      cmocka_unit_test(handles_may_be_destroyed_in_any_order),
      cmocka_unit_test(weighted_steps_tell_how_each_row_did),
      cmocka_unit_test(null_arguments_are_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
