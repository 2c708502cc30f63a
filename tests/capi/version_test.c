/* Version and status texts. */
#include "test.h"

static void version_function_equals_version_macro(void **state) {
  (void)state;
  assert_int_equal(ngd_version_number(), NGD_VERSION_NUMBER);
  assert_int_equal(NGD_VERSION_NUMBER,
                   NGD_VERSION_MAJOR * 1000000 + NGD_VERSION_MINOR * 1000 + NGD_VERSION_PATCH);
  char text[32];
  snprintf(text, sizeof text, "%d.%d.%d", NGD_VERSION_MAJOR, NGD_VERSION_MINOR, NGD_VERSION_PATCH);
  assert_string_equal(ngd_version(), text);
}

static void every_status_has_a_name_and_a_text(void **state) {
  (void)state;
  for (int32_t status = 0; status >= NGD_E_ACCESS; status--) {
    assert_string_not_equal(ngd_status_name(status), "NGD_E_UNKNOWN");
    assert_string_not_equal(ngd_status_text(status), "unknown status");
  }
  assert_string_equal(ngd_status_name(1), "NGD_E_UNKNOWN");
  assert_string_equal(ngd_status_text(NGD_E_ACCESS - 1), "unknown status");
}

static void error_layout_is_frozen(void **state) {
  (void)state;
  assert_int_equal(sizeof(ngd_error), 512);
  assert_int_equal(offsetof(ngd_error, message), 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(version_function_equals_version_macro),
      cmocka_unit_test(every_status_has_a_name_and_a_text),
      cmocka_unit_test(error_layout_is_frozen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
