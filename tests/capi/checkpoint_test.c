/* A look into safetensors files: ours and another program's. */
#include <math.h>
#include <unistd.h>

#include "test.h"

/* In a directory of its own, which main() makes the current one. */
#define PATH "a.safetensors"

static void write_file(const char *header, const void *data, size_t bytes) {
  const uint64_t length = strlen(header);
  FILE *file = fopen(PATH, "wb");
  assert_non_null(file);
  fwrite(&length, 8, 1, file);
  fwrite(header, 1, length, file);
  fwrite(data, 1, bytes, file);
  fclose(file);
}

static const char kHeader[] =
    "{\"__metadata__\":{\"b\":\"2\",\"a\":\"one\"},"
    "\"w\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
    "\"h\":{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[8,10]},"
    "\"e\":{\"dtype\":\"I64\",\"shape\":[0],\"data_offsets\":[10,10]},"
    "\"q\":{\"dtype\":\"F4\",\"shape\":[2],\"data_offsets\":[10,11]}}";
static const unsigned char kData[] = {0, 0, 0x80, 0x3F, 0, 0, 0xC0, 0x7F, 0, 0x3C, 0x11};

static int set_up(void **state) {
  (void)state;
  write_file(kHeader, kData, sizeof kData);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  return unlink(PATH);
}

static void a_foreign_file_is_listed_and_read(void **state) {
  (void)state;
  ngd_error error;
  ngd_checkpoint *checkpoint;
  check_ok(ngd_checkpoint_open(PATH, &checkpoint, &error));
  assert_int_equal(ngd_checkpoint_tensor_count(checkpoint), 4);
  const char *names[] = {"w", "e", "h", "q"}, *types[] = {"F32", "I64", "F16", "F4"};
  ngd_tensor_info info = {.struct_size = sizeof info};
  double values[2];
  for (size_t i = 0, at = 0; i < 4; i++) {
    check_ok(ngd_checkpoint_tensor(checkpoint, i, &info, &error));
    for (at = 0; strcmp(names[at], info.name) != 0; at++) assert_true(at < 3);
    assert_string_equal(info.dtype, types[at]);
  }
  check_ok(ngd_checkpoint_tensor(checkpoint, 0, &info, &error));
  assert_string_equal(info.name, "w");
  assert_int_equal(info.rank, 2);
  assert_int_equal(info.elements, 2);
  assert_int_equal(info.shape[0], 2);
  assert_int_equal(info.shape[1], 1);
  assert_int_equal(info.shape[2], 0);
  check_ok(ngd_checkpoint_read_f64(checkpoint, 0, values, 2, &error));
  assert_true(values[0] == 1 && isnan(values[1]));
  check_ok(ngd_checkpoint_read_f64(checkpoint, 1, values, 1, &error));
  assert_true(values[0] == 1);
  check_ok(ngd_checkpoint_read_f64(checkpoint, 2, values, 0, &error));
  check_error(ngd_checkpoint_read_f64(checkpoint, 3, values, 2, &error), NGD_E_UNSUPPORTED,
              "tensor \"q\" has elements of type \"F4\", which cannot be read as float64");
  check_error(ngd_checkpoint_read_f64(checkpoint, 0, values, 1, &error), NGD_E_SHAPE,
              "tensor \"w\" has 2 elements, but count is 1");
  check_error(ngd_checkpoint_read_f64(checkpoint, 4, values, 1, &error), NGD_E_NOT_FOUND,
              "the checkpoint has 4 tensors; there is no tensor number 4");
  check_error(ngd_checkpoint_tensor(checkpoint, 4, &info, &error), NGD_E_NOT_FOUND,
              "the checkpoint has 4 tensors; there is no tensor number 4");
  info.struct_size = 3;
  check_error(ngd_checkpoint_tensor(checkpoint, 0, &info, &error), NGD_E_ARGUMENT,
              "ngd_tensor_info.struct_size is 3; set it to sizeof(ngd_tensor_info) before the call");

  const char *key, *text;
  assert_int_equal(ngd_checkpoint_text_count(checkpoint), 2);
  check_ok(ngd_checkpoint_text(checkpoint, 0, &key, &text, &error));
  assert_string_equal(key, "a");
  assert_string_equal(text, "one");
  check_ok(ngd_checkpoint_text(checkpoint, 1, &key, &text, &error));
  assert_string_equal(key, "b");
  check_error(ngd_checkpoint_text(checkpoint, 2, &key, &text, &error), NGD_E_NOT_FOUND,
              "the checkpoint has 2 metadata entries; there is no entry number 2");
  ngd_checkpoint_destroy(checkpoint);
}

static void files_that_are_no_checkpoint_are_refused(void **state) {
  (void)state;
  ngd_error error;
  ngd_checkpoint *checkpoint = (ngd_checkpoint *)&error;
  check_error(ngd_checkpoint_open("/no/such/file", &checkpoint, &error), NGD_E_IO,
              "cannot read \"/no/such/file\": No such file or directory");
  assert_null(checkpoint);
  write_file(kHeader, kData, sizeof kData - 1);
  check_error(ngd_checkpoint_open(PATH, &checkpoint, &error), NGD_E_CHECKPOINT,
              "checkpoint \"" PATH "\": its tensors need 11 bytes of data, but it has 10; it was cut short");
}

static void a_file_that_shrinks_while_it_is_open_is_an_error(void **state) {
  (void)state;
  ngd_error error;
  ngd_checkpoint *checkpoint;
  double values[2];
  check_ok(ngd_checkpoint_open(PATH, &checkpoint, &error));
  assert_int_equal(truncate(PATH, 100), 0);
  check_error(ngd_checkpoint_read_f64(checkpoint, 0, values, 2, &error), NGD_E_CHECKPOINT,
              "checkpoint \"" PATH "\": it became shorter while it was read");
  ngd_checkpoint_destroy(checkpoint);
}

#define IS_NULL(name) "argument \"" name "\" is NULL, but may not be"

static void null_arguments_are_errors(void **state) {
  (void)state;
  ngd_error error;
  ngd_checkpoint *checkpoint;
  ngd_tensor_info info = {.struct_size = sizeof info};
  double value;
  const char *text;
  check_ok(ngd_checkpoint_open(PATH, &checkpoint, &error));
  check_error(ngd_checkpoint_open(PATH, NULL, &error), NGD_E_ARGUMENT, IS_NULL("out"));
  ngd_checkpoint *other;
  check_error(ngd_checkpoint_open(NULL, &other, &error), NGD_E_ARGUMENT, IS_NULL("path"));
  check_error(ngd_checkpoint_tensor(NULL, 0, &info, &error), NGD_E_ARGUMENT, IS_NULL("checkpoint"));
  check_error(ngd_checkpoint_tensor(checkpoint, 0, NULL, &error), NGD_E_ARGUMENT, IS_NULL("info"));
  check_error(ngd_checkpoint_read_f64(NULL, 0, &value, 1, &error), NGD_E_ARGUMENT, IS_NULL("checkpoint"));
  check_error(ngd_checkpoint_read_f64(checkpoint, 0, NULL, 2, &error), NGD_E_ARGUMENT, IS_NULL("values"));
  check_error(ngd_checkpoint_text(NULL, 0, &text, &text, &error), NGD_E_ARGUMENT, IS_NULL("checkpoint"));
  check_error(ngd_checkpoint_text(checkpoint, 0, NULL, &text, &error), NGD_E_ARGUMENT, IS_NULL("key"));
  check_error(ngd_checkpoint_text(checkpoint, 0, &text, NULL, &error), NGD_E_ARGUMENT, IS_NULL("text"));
  assert_int_equal(ngd_checkpoint_open(NULL, &other, NULL), NGD_E_ARGUMENT);
  assert_int_equal(ngd_checkpoint_tensor_count(NULL), 0);
  assert_int_equal(ngd_checkpoint_text_count(NULL), 0);
  ngd_checkpoint_destroy(NULL);
  ngd_checkpoint_destroy(checkpoint);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_foreign_file_is_listed_and_read),
      TEST(files_that_are_no_checkpoint_are_refused),
      TEST(a_file_that_shrinks_while_it_is_open_is_an_error),
      TEST(null_arguments_are_errors),
  };
  char directory[] = "/tmp/ngd-checkpoint-XXXXXX";
  if (mkdtemp(directory) == NULL || chdir(directory) != 0) return 1;
  const int failures = cmocka_run_group_tests(tests, NULL, NULL);
  return rmdir(directory) == 0 ? failures : 1;
}
