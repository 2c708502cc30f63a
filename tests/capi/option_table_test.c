/* Every option of every rule, kind of model, format, of the trainer and the buffer: documented, and its default is a value
 * it takes. */
#include "test.h"

typedef ngd_status (*describe_function)(const char *kind, size_t index, ngd_option_info *info,
                                        ngd_error *error);

static int is_lower_snake(const char *name) {
  if (*name < 'a' || *name > 'z') return 0;
  for (; *name; name++) {
    if ((*name < 'a' || *name > 'z') && (*name < '0' || *name > '9') && *name != '_') return 0;
  }
  return 1;
}

static void check_info(const char *kind, const ngd_option_info *info) {
  if (!is_lower_snake(info->name)) fail_msg("%s: the name \"%s\" is not lower_snake_case", kind, info->name);
  const size_t length = strlen(info->help);
  if (length < 10 || info->help[length - 1] != '.' || strchr(info->help, '\n'))
    fail_msg("%s: the help of \"%s\" is not one line that ends with a full stop: \"%s\"", kind, info->name,
             info->help);
  assert_in_range(info->type, NGD_OPTION_NUMBER, NGD_OPTION_TEXT);
  assert_non_null(info->default_text);
  if ((info->type == NGD_OPTION_CHOICE) != (info->choices[0] != '\0'))
    fail_msg("%s: \"%s\" has the choices \"%s\" but is of type %d", kind, info->name, info->choices,
             info->type);
  if (!(info->minimum <= info->maximum)) fail_msg("%s: \"%s\" has an empty range", kind, info->name);
  if (info->type == NGD_OPTION_NUMBER || info->type == NGD_OPTION_INTEGER) {
    if (!(info->default_number >= info->minimum && info->default_number <= info->maximum))
      fail_msg("%s: the default of \"%s\" is outside its range", kind, info->name);
  }
}

/* Walks over the options of `kind` and checks each; `set_default` sets it to its default by text on a handle.
 */
static void check_kind(const char *kind, describe_function describe,
                       void (*set_default)(const char *kind, const char *name, const char *value)) {
  ngd_error error;
  ngd_option_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  size_t count = 0;
  for (;; count++) {
    memset(&error, 0, sizeof error);
    const ngd_status status = describe(kind, count, &info, &error);
    if (status == NGD_E_NOT_FOUND) break;
    if (status != NGD_OK) fail_msg("%s: %s", kind, error.message);
    check_info(kind, &info);
    set_default(kind, info.name, info.default_text);
  }
  if (count == 0) fail_msg("%s has no options", kind);
}

static void set_of_optimizer(const char *kind, const char *name, const char *value) {
  ngd_error error;
  ngd_optimizer *optimizer = NULL;
  check_ok(ngd_optimizer_create(kind, &optimizer, &error));
  check_ok(ngd_optimizer_set_text(optimizer, name, value, &error));
  ngd_optimizer_destroy(optimizer);
}

static void set_of_model(const char *kind, const char *name, const char *value) {
  ngd_error error;
  ngd_model *model = NULL;
  check_ok(ngd_model_create(kind, &model, &error));
  check_ok(ngd_model_set_text(model, name, value, &error));
  ngd_model_destroy(model);
}

static void set_of_dataset(const char *kind, const char *name, const char *value) {
  ngd_error error;
  ngd_dataset *dataset = NULL;
  check_ok(ngd_dataset_create(kind, &dataset, &error));
  check_ok(ngd_dataset_set_text(dataset, name, value, &error));
  ngd_dataset_destroy(dataset);
}

static void set_of_trainer(const char *kind, const char *name, const char *value) {
  ngd_error error;
  ngd_trainer *trainer = NULL;
  check_ok(ngd_trainer_create(kind, &trainer, &error));
  check_ok(ngd_trainer_set_text(trainer, name, value, &error));
  ngd_trainer_destroy(trainer);
}

static ngd_status describe_trainer(const char *kind, size_t index, ngd_option_info *info, ngd_error *error) {
  (void)kind;
  return ngd_trainer_describe(index, info, error);
}

static void set_of_icea(const char *kind, const char *name, const char *value) {
  ngd_error error;
  ngd_icea *icea = NULL;
  check_ok(ngd_icea_create(kind, 1, &icea, &error));
  check_ok(ngd_icea_set_text(icea, name, value, &error));
  ngd_icea_destroy(icea);
}

static ngd_status describe_icea(const char *kind, size_t index, ngd_option_info *info, ngd_error *error) {
  (void)kind;
  return ngd_icea_describe(index, info, error);
}

static void set_of_initializer(const char *kind, const char *name, const char *value) {
  ngd_error error;
  char spec[128];
  float number;
  snprintf(spec, sizeof spec, "%s:%s=%s", kind, name, value);
  check_ok(ngd_initializer_fill_f32(spec, 1, 0, 1, 1, &number, 1, &error));
}

static void every_rule_documents_its_options(void **state) {
  (void)state;
  size_t i;
  for (i = 0; ngd_optimizer_rule(i); i++)
    check_kind(ngd_optimizer_rule(i), ngd_optimizer_describe, set_of_optimizer);
  assert_int_equal(i, 26);
}

static void every_kind_of_model_documents_its_options(void **state) {
  (void)state;
  size_t i;
  for (i = 0; ngd_model_kind(i); i++) check_kind(ngd_model_kind(i), ngd_model_describe, set_of_model);
  assert_int_equal(i, 3);
}

static void every_format_documents_its_options(void **state) {
  (void)state;
  size_t i;
  for (i = 0; ngd_dataset_format(i); i++)
    check_kind(ngd_dataset_format(i), ngd_dataset_describe, set_of_dataset);
  assert_int_equal(i, 6);
}

static void the_trainer_documents_its_options(void **state) {
  (void)state;
  check_kind("trainer", describe_trainer, set_of_trainer);
}

static void the_buffer_documents_its_options(void **state) {
  (void)state;
  check_kind("icea", describe_icea, set_of_icea);
}

static void every_initializer_but_zeros_documents_its_options(void **state) {
  (void)state;
  size_t i;
  for (i = 0; strcmp(ngd_initializer_kind(i), "zeros") != 0; i++)
    check_kind(ngd_initializer_kind(i), ngd_initializer_describe, set_of_initializer);
  assert_int_equal(i, 8);
}

static void set_of_search(const char *kind, const char *name, const char *value) {
  ngd_error error;
  ngd_search *search = NULL;
  check_ok(ngd_search_create(kind, &search, &error));
  check_ok(ngd_search_set_text(search, name, value, &error));
  ngd_search_destroy(search);
}

static ngd_status describe_search(const char *kind, size_t index, ngd_option_info *info, ngd_error *error) {
  (void)kind;
  return ngd_search_describe(index, info, error);
}

static void set_of_parameter(const char *kind, const char *name, const char *value) {
  ngd_error error;
  char spec[200];
  ngd_search *search = NULL;
  if (strcmp(name, "values") == 0) value = "one|two"; /* has no default that could be drawn from */
  snprintf(spec, sizeof spec, "%s:%s=\"%s\"%s", kind, name, value,
           strcmp(kind, "categorical") == 0 && strcmp(name, "values") != 0 ? ",values=one|two" : "");
  check_ok(ngd_search_create("search", &search, &error));
  check_ok(ngd_search_add(search, "parameter", spec, &error));
  ngd_search_destroy(search);
}

static void the_search_and_its_kinds_of_parameter_document_their_options(void **state) {
  (void)state;
  size_t i;
  check_kind("search", describe_search, set_of_search);
  for (i = 0; ngd_search_kind(i); i++)
    check_kind(ngd_search_kind(i), ngd_search_describe_kind, set_of_parameter);
  assert_int_equal(i, 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_rule_documents_its_options),
      cmocka_unit_test(every_kind_of_model_documents_its_options),
      cmocka_unit_test(every_format_documents_its_options),
      cmocka_unit_test(every_initializer_but_zeros_documents_its_options),
      cmocka_unit_test(the_search_and_its_kinds_of_parameter_document_their_options),
      cmocka_unit_test(the_trainer_documents_its_options),
      cmocka_unit_test(the_buffer_documents_its_options),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
