/* What an optimizer tells about its tensors. */
#include "test.h"

static void every_tensor_tells_name_type_and_shape(void **state) {
  (void)state;
  ngd_error error;
  ngd_optimizer *optimizer = NULL;
  const int64_t shape[] = {3, 4};
  check_ok(ngd_optimizer_create("adam", &optimizer, &error));
  check_ok(ngd_optimizer_add_f64(optimizer, "weights", shape, 2, &error));
  check_ok(ngd_optimizer_add_f64(optimizer, "scale", NULL, 0, &error));
  ngd_tensor_info info = {.struct_size = sizeof info};
  check_ok(ngd_optimizer_tensor(optimizer, 0, &info, &error));
  assert_string_equal(info.name, "weights");
  assert_string_equal(info.dtype, "F64");
  assert_int_equal(info.elements, 12);
  assert_int_equal(info.rank, 2);
  assert_int_equal(info.shape[0], 3);
  assert_int_equal(info.shape[1], 4);
  assert_int_equal(info.shape[2], 0);
  check_ok(ngd_optimizer_tensor(optimizer, 1, &info, &error));
  assert_string_equal(info.name, "scale");
  assert_int_equal(info.elements, 1);
  assert_int_equal(info.rank, 0);
  assert_int_equal(info.shape[0], 0);
  ngd_optimizer_destroy(optimizer);
}

static void asking_for_a_tensor_that_is_not_there_fails(void **state) {
  (void)state;
  ngd_error error;
  ngd_optimizer *optimizer = NULL;
  check_ok(ngd_optimizer_create("sgd", &optimizer, &error));
  ngd_tensor_info info = {.struct_size = sizeof info};
  check_error(ngd_optimizer_tensor(optimizer, 0, &info, &error), NGD_E_NOT_FOUND,
              "there is no tensor number 0; the optimizer has 0");
  check_error(ngd_optimizer_tensor(NULL, 0, &info, &error), NGD_E_ARGUMENT,
              "argument \"optimizer\" is NULL, but may not be");
  check_error(ngd_optimizer_tensor(optimizer, 0, NULL, &error), NGD_E_ARGUMENT,
              "argument \"info\" is NULL, but may not be");
  ngd_optimizer_destroy(optimizer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_tensor_tells_name_type_and_shape),
      cmocka_unit_test(asking_for_a_tensor_that_is_not_there_fails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
