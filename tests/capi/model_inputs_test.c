/* How many inputs a model tells that it has. */
#include "test.h"

static void inputs_are_known_from_prepare_on(void **state) {
  (void)state;
  ngd_error error;
  ngd_model *model = NULL;
  check_ok(ngd_model_create("mlp:inputs=5,outputs=2,hidden=3", &model, &error));
  assert_int_equal(ngd_model_input_count(model), 0);
  check_ok(ngd_model_prepare(model, NULL, &error));
  assert_int_equal(ngd_model_input_count(model), 5);
  ngd_model_destroy(model);
  assert_int_equal(ngd_model_input_count(NULL), 0);
}

static void a_text_model_has_no_dense_inputs(void **state) {
  (void)state;
  ngd_error error;
  ngd_dataset *dataset = NULL;
  ngd_model *model = NULL;
  check_ok(ngd_dataset_create("text", &dataset, &error));
  check_ok(ngd_dataset_append_text(dataset, "one two", "a", &error));
  check_ok(ngd_dataset_append_text(dataset, "three", "b", &error));
  check_ok(ngd_model_create("text", &model, &error));
  check_ok(ngd_model_prepare(model, dataset, &error));
  assert_int_equal(ngd_model_input_count(model), 0);
  ngd_model_destroy(model);
  ngd_dataset_destroy(dataset);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(inputs_are_known_from_prepare_on),
      cmocka_unit_test(a_text_model_has_no_dense_inputs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
