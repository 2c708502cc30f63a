/* Datasets through the contract. */
#include "test.h"

#include <math.h>
#include <unistd.h>

static ngd_error error;
static char folder[] = "/tmp/ngd-dataset-XXXXXX";

/* Writes a file into the folder that the program has entered. */
static const char *file_with(const char *name, const char *bytes) {
  FILE *file = fopen(name, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, strlen(bytes), file), strlen(bytes));
  assert_int_equal(fclose(file), 0);
  return name;
}

static ngd_dataset *created(const char *spec) {
  ngd_dataset *dataset = NULL;
  check_ok(ngd_dataset_create(spec, &dataset, &error));
  return dataset;
}

static ngd_dataset_info info_of(const ngd_dataset *dataset) {
  ngd_dataset_info info = {sizeof info, 0, 0, 0, 0, 0, 0, 0};
  check_ok(ngd_dataset_get_info(dataset, &info, &error));
  return info;
}

static void formats_are_listed(void **state) {
  (void)state;
  const char *const names[] = {"csv", "libsvm", "text", "idx", "dense", "sparse"};
  for (size_t i = 0; i < 6; i++) assert_string_equal(ngd_dataset_format(i), names[i]);
  assert_null(ngd_dataset_format(6));
}

static void every_option_of_every_format_is_described_and_settable(void **state) {
  (void)state;
  size_t options = 0;
  for (size_t format = 0; ngd_dataset_format(format) != NULL; format++) {
    ngd_dataset *dataset = created(ngd_dataset_format(format));
    size_t index = 0;
    for (;; index++) {
      ngd_option_info info;
      memset(&info, 0, sizeof info);
      info.struct_size = sizeof info;
      const ngd_status status = ngd_dataset_describe(ngd_dataset_format(format), index, &info, &error);
      if (status == NGD_E_NOT_FOUND) break;
      assert_int_equal(status, NGD_OK);
      assert_true(strlen(info.help) > 10 && info.help[strlen(info.help) - 1] == '.');
      check_ok(ngd_dataset_set_text(dataset, info.name, info.default_text, &error));
      char text[64];
      check_ok(ngd_dataset_get_text(dataset, info.name, text, sizeof text, NULL, &error));
      assert_string_equal(text, info.default_text);
      options++;
    }
    assert_true(index >= 1);
    ngd_dataset_destroy(dataset);
  }
  assert_int_equal(options, 8 + 5 + 7 + 4 + 2 + 2);
  ngd_option_info info = {sizeof info, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0};
  check_error(ngd_dataset_describe("csw", 0, &info, &error), NGD_E_OPTION,
              "unknown format \"csw\"; did you mean \"csv\"? Known: csv, libsvm, text, idx, dense, sparse");
  check_error(ngd_dataset_describe("dense", 2, &info, &error), NGD_E_NOT_FOUND,
              "format \"dense\" has 2 options; there is no option number 2");
  info.struct_size = 0;
  check_error(ngd_dataset_describe("dense", 0, &info, &error), NGD_E_ARGUMENT,
              "ngd_option_info.struct_size is 0; set it to sizeof(ngd_option_info) before the call");
}

static void specs_and_options_are_checked(void **state) {
  (void)state;
  ngd_dataset *dataset = (ngd_dataset *)&error;
  check_error(ngd_dataset_create("cvs", &dataset, &error), NGD_E_OPTION,
              "unknown format \"cvs\"; did you mean \"csv\"? Known: csv, libsvm, text, idx, dense, sparse");
  assert_null(dataset);
  check_error(ngd_dataset_create("csv:labl=x", &dataset, &error), NGD_E_OPTION,
              "unknown option \"labl\" for format \"csv\"; did you mean \"label\"? (column 5)");
  check_error(
      ngd_dataset_create("csv:separator=ab", &dataset, &error), NGD_E_RANGE,
      "option \"separator\" of format \"csv\" is \"ab\", but takes auto, tab, or one ASCII character that is "
      "neither a quote nor part of a number");
  dataset = created("csv:separator=\",\",label=k");
  char text[64];
  size_t needed = 0;
  check_ok(ngd_dataset_get_text(dataset, "spec", text, sizeof text, &needed, &error));
  assert_string_equal(text, "csv:label=k,separator=\",\"");
  assert_int_equal(needed, strlen(text) + 1);
  double value = 0;
  check_ok(ngd_dataset_set(dataset, "max_line_bytes", 100, &error));
  check_ok(ngd_dataset_get(dataset, "max_line_bytes", &value, &error));
  assert_true(value == 100);
  check_error(ngd_dataset_set(dataset, "max_line_bytes", 0, &error), NGD_E_RANGE,
              "option \"max_line_bytes\" of format \"csv\" is 0, outside its range [1, 1099511627776]");
  check_error(
      ngd_dataset_set(dataset, "header", 1, &error), NGD_E_OPTION,
      "option \"header\" of format \"csv\" takes text, not a number; use set_text with one of: auto, yes, no");
  check_error(
      ngd_dataset_set_text(dataset, "malformed", "skp", &error), NGD_E_OPTION,
      "option \"malformed\" of format \"csv\" cannot be \"skp\"; did you mean \"skip\"? It takes: error, skip");
  check_error(ngd_dataset_get(dataset, "label", &value, &error), NGD_E_OPTION,
              "option \"label\" of format \"csv\" holds text, not a number; use get_text");
  check_error(ngd_dataset_get_text(dataset, "spec", text, 3, &needed, &error), NGD_E_BUFFER,
              "the buffer has 3 bytes, but the text needs 45");
  ngd_dataset_destroy(dataset);
}

static void label_type_is_fixed_once_there_are_rows(void **state) {
  (void)state;
  ngd_dataset *dataset = created("dense");
  const float one = 1;
  check_ok(ngd_dataset_set_text(dataset, "label_type", "number", &error));
  check_ok(ngd_dataset_append_f32(dataset, &one, &one, 1, 1, &error));
  check_error(
      ngd_dataset_set_text(dataset, "label_type", "category", &error), NGD_E_STATE,
      "option \"label_type\" of format \"dense\" is fixed once it is in use; set it right after creation");
  ngd_dataset_destroy(dataset);
}

static void a_file_is_loaded_and_read_back(void **state) {
  (void)state;
  ngd_dataset *dataset = created("csv:label=kind,malformed=skip");
  check_ok(ngd_dataset_load(dataset, file_with("a.csv", "kind,x,y\nb,1,2\na,3,4\nbad,x,4\n"), &error));
  check_ok(ngd_dataset_load(dataset, file_with("b.csv", "kind,x,y\nb,5,6\n"), &error));
  const ngd_dataset_info info = info_of(dataset);
  assert_int_equal(info.rows, 3);
  assert_int_equal(info.columns, 2);
  assert_int_equal(info.classes, 2);
  assert_int_equal(info.values, 6);
  assert_int_equal(info.skipped, 1);
  assert_int_equal(info.features, NGD_FEATURES_DENSE);
  assert_int_equal(info.labels, NGD_LABELS_CATEGORY);
  float rows[4], labels[3];
  check_ok(ngd_dataset_get_rows_f32(dataset, 1, 2, rows, 4, &error));
  assert_true(rows[0] == 3 && rows[1] == 4 && rows[2] == 5 && rows[3] == 6);
  check_ok(ngd_dataset_get_labels_f32(dataset, 0, 3, labels, 3, &error));
  assert_true(labels[0] == 0 && labels[1] == 1 && labels[2] == 0);
  char name[8];
  size_t needed = 0;
  check_ok(ngd_dataset_get_class(dataset, 1, name, sizeof name, &needed, &error));
  assert_string_equal(name, "a");
  assert_int_equal(needed, 2);
  check_ok(ngd_dataset_get_class(dataset, 0, NULL, 0, &needed, &error));
  check_error(ngd_dataset_get_class(dataset, 2, name, sizeof name, NULL, &error), NGD_E_NOT_FOUND,
              "the dataset has 2 classes; there is no class number 2");
  check_error(ngd_dataset_get_class(dataset, 0, name, 1, NULL, &error), NGD_E_BUFFER,
              "the buffer has 1 bytes, but the text needs 2");
  check_error(ngd_dataset_get_rows_f32(dataset, 2, 2, rows, 4, &error), NGD_E_RANGE,
              "asked for 2 rows from row 2 on, but the dataset has 3 rows");
  check_error(ngd_dataset_get_rows_f32(dataset, SIZE_MAX, 2, rows, 4, &error), NGD_E_RANGE,
              "asked for 2 rows from row 18446744073709551615 on, but the dataset has 3 rows");
  check_error(ngd_dataset_get_rows_f32(dataset, 0, 3, rows, 4, &error), NGD_E_BUFFER,
              "the buffer has room for 4 numbers, but 3 rows of 2 columns need more");
  check_error(ngd_dataset_get_labels_f32(dataset, 0, 4, labels, 4, &error), NGD_E_RANGE,
              "asked for 4 rows from row 0 on, but the dataset has 3 rows");
  check_error(ngd_dataset_get_labels_f32(dataset, 0, 3, labels, 2, &error), NGD_E_BUFFER,
              "the buffer has room for 2 numbers, but 3 labels need more");
  check_ok(ngd_dataset_get_rows_f32(dataset, 3, 0, NULL, 0, &error));
  check_ok(ngd_dataset_get_labels_f32(dataset, 0, 0, NULL, 0, &error));
  ngd_dataset_destroy(dataset);
}

static void a_file_that_cannot_be_loaded_says_why(void **state) {
  (void)state;
  ngd_dataset *dataset = created("csv");
  check_error(ngd_dataset_load(dataset, "absent", &error), NGD_E_IO,
              "absent: cannot open the file: No such file or directory");
  check_error(ngd_dataset_load(dataset, file_with("c.csv", "1,2\n3,x\n"), &error), NGD_E_DATA,
              "c.csv:2:3: found \"x\", expected a number (name the label column with the option label, or set "
              "malformed=skip to leave such lines out)");
  assert_int_equal(info_of(dataset).rows, 0);
  ngd_dataset_destroy(dataset);
  dataset = created("dense");
  check_error(ngd_dataset_load(dataset, "c.csv", &error), NGD_E_UNSUPPORTED,
              "format \"dense\" reads no files; append arrays, or use csv, libsvm, text or idx");
  ngd_dataset_destroy(dataset);
}

static void dense_rows_are_appended(void **state) {
  (void)state;
  ngd_dataset *dataset = created("dense");
  const float features[] = {1, 2, 3, 4}, labels[] = {0, 2}, more[] = {3, 1};
  check_ok(ngd_dataset_append_f32(dataset, features, labels, 2, 2, &error));
  assert_int_equal(info_of(dataset).classes, 3);
  check_ok(ngd_dataset_append_f32(dataset, features, more, 2, 2, &error));
  const ngd_dataset_info info = info_of(dataset);
  assert_int_equal(info.rows, 4);
  assert_int_equal(info.classes, 4);
  float read[4];
  check_ok(ngd_dataset_get_labels_f32(dataset, 0, 4, read, 4, &error));
  assert_true(read[0] == 0 && read[1] == 2 && read[2] == 3 && read[3] == 1);
  check_ok(ngd_dataset_append_f32(dataset, NULL, NULL, 0, 2, &error));

  const float bad[] = {1, NAN, 3, 4}, fraction[] = {0, 0.5f}, negative[] = {-1, 0}, infinite[] = {0, INFINITY};
  const float huge[] = {0, 1048576};
  check_error(ngd_dataset_append_f32(dataset, bad, labels, 2, 2, &error), NGD_E_NOT_FINITE,
              "features[0][1] is nan, expected a finite number");
  check_error(ngd_dataset_append_f32(dataset, features, infinite, 2, 2, &error), NGD_E_NOT_FINITE,
              "labels[1] is inf, expected a finite number");
  check_error(
      ngd_dataset_append_f32(dataset, features, fraction, 2, 2, &error), NGD_E_RANGE,
      "labels[1] is 0.5, expected a class: a whole number from 0 to 1048575; set label_type=number before the "
      "first rows if labels are numbers");
  check_error(
      ngd_dataset_append_f32(dataset, features, negative, 2, 2, &error), NGD_E_RANGE,
      "labels[0] is -1, expected a class: a whole number from 0 to 1048575; set label_type=number before the "
      "first rows if labels are numbers");
  check_error(
      ngd_dataset_append_f32(dataset, features, huge, 2, 2, &error), NGD_E_RANGE,
      "labels[1] is 1048576, expected a class: a whole number from 0 to 1048575; set label_type=number before "
      "the first rows if labels are numbers");
  check_error(ngd_dataset_append_f32(dataset, features, labels, 2, 1, &error), NGD_E_SHAPE,
              "columns is 1, expected 2 as in the rows before");
  check_error(ngd_dataset_append_f32(dataset, features, labels, 2, 0, &error), NGD_E_SHAPE,
              "columns is 0, expected 1 to 2147483647");
  check_error(ngd_dataset_append_f32(dataset, features, labels, SIZE_MAX, 2, &error), NGD_E_SHAPE,
              "18446744073709551615 rows of 2 columns are more numbers than memory can hold");
  check_error(ngd_dataset_append_f32(dataset, features, NULL, 2, 2, &error), NGD_E_SHAPE,
              "these rows have no labels, but the rows before have some; give labels to all rows or to none");
  check_error(ngd_dataset_append_text(dataset, "x", NULL, &error), NGD_E_UNSUPPORTED,
              "format \"dense\" takes no rows from ngd_dataset_append_text; use ngd_dataset_append_f32");
  assert_int_equal(info_of(dataset).rows, 4);
  assert_int_equal(info_of(dataset).classes, 4);
  ngd_dataset_destroy(dataset);

  dataset = created("dense");
  check_ok(ngd_dataset_append_f32(dataset, features, NULL, 2, 2, &error));
  assert_int_equal(info_of(dataset).labels, NGD_LABELS_NONE);
  check_error(ngd_dataset_append_f32(dataset, features, labels, 2, 2, &error), NGD_E_SHAPE,
              "these rows have labels, but the rows before have none; give labels to all rows or to none");
  check_error(ngd_dataset_get_labels_f32(dataset, 0, 1, read, 1, &error), NGD_E_STATE,
              "the dataset has no labels");
  ngd_dataset_destroy(dataset);
}

static void array_labels_are_numbers_or_classes_by_label_type(void **state) {
  (void)state;
  const float features[] = {1, 2}, whole[] = {1, 0}, fraction[] = {0.5f, 2};
  ngd_dataset *dataset = created("dense");
  check_ok(ngd_dataset_append_f32(dataset, features, fraction, 2, 1, &error));
  assert_int_equal(info_of(dataset).labels, NGD_LABELS_NUMBER);
  ngd_dataset_destroy(dataset);
  dataset = created("dense:label_type=number");
  check_ok(ngd_dataset_append_f32(dataset, features, whole, 2, 1, &error));
  assert_int_equal(info_of(dataset).labels, NGD_LABELS_NUMBER);
  ngd_dataset_destroy(dataset);
  /* Classes that a file has named are meant by their numbers. */
  dataset = created("csv:label=0");
  check_ok(ngd_dataset_load(dataset, file_with("d.csv", "7,1\n3,2\n"), &error));
  check_ok(ngd_dataset_append_f32(dataset, features, whole, 2, 1, &error));
  float labels[4];
  check_ok(ngd_dataset_get_labels_f32(dataset, 0, 4, labels, 4, &error));
  assert_true(labels[0] == 1 && labels[1] == 0 && labels[2] == 1 && labels[3] == 0);
  const float third = 2;
  check_error(
      ngd_dataset_append_f32(dataset, features, &third, 1, 1, &error), NGD_E_RANGE,
      "labels[0] is 2, expected a class: a whole number from 0 to 1; set label_type=number before the first "
      "rows if labels are numbers");
  ngd_dataset_destroy(dataset);
}

static void array_classes_have_the_names_that_are_given(void **state) {
  (void)state;
  const float features[3] = {1, 2, 3}, labels[3] = {2, 0, 2}, beyond[1] = {3};
  ngd_dataset *dataset = created("dense:classes=\"20, 3,wet dog\"");
  check_error(ngd_dataset_append_f32(dataset, features, beyond, 1, 1, &error), NGD_E_RANGE,
              "labels[0] is 3, expected a class: a whole number from 0 to 2; name every class in the option "
              "\"classes\"");
  assert_int_equal(info_of(dataset).classes, 0);
  check_ok(ngd_dataset_append_f32(dataset, features, labels, 3, 1, &error));
  check_ok(ngd_dataset_append_f32(dataset, features, labels, 1, 1, &error));
  assert_int_equal(info_of(dataset).classes, 3);
  const char *const names[3] = {"20", "3", "wet dog"};
  for (size_t k = 0; k < 3; k++) {
    char name[16];
    check_ok(ngd_dataset_get_class(dataset, k, name, sizeof name, NULL, &error));
    assert_string_equal(name, names[k]);
  }
  float got[4];
  check_ok(ngd_dataset_get_labels_f32(dataset, 0, 4, got, 4, &error));
  for (size_t row = 0; row < 4; row++) assert_true(got[row] == labels[row % 3]);
  check_error(ngd_dataset_append_f32(dataset, features, beyond, 1, 1, &error), NGD_E_RANGE,
              "labels[0] is 3, expected a class: a whole number from 0 to 2; name every class in the option "
              "\"classes\"");
  ngd_dataset_destroy(dataset);

  dataset = created("dense:classes=\"a,b,a\"");
  check_error(
      ngd_dataset_append_f32(dataset, features, labels, 3, 1, &error), NGD_E_RANGE,
      "option \"classes\" is \"a,b,a\", whose name number 2 is \"a\", expected names that differ and are not "
      "empty");
  assert_int_equal(info_of(dataset).rows, 0);
  ngd_dataset_destroy(dataset);
}

static void sparse_rows_are_appended(void **state) {
  (void)state;
  ngd_dataset *dataset = created("sparse");
  const uint64_t offsets[] = {0, 2, 2, 3};
  const uint32_t indices[] = {0, 2, 1};
  const float values[] = {1, 2, 3}, labels[] = {0, 1, 0};
  check_ok(ngd_dataset_append_sparse_f32(dataset, offsets, indices, values, labels, 3, 3, &error));
  check_ok(ngd_dataset_append_sparse_f32(dataset, offsets, indices, values, labels, 3, 5, &error));
  ngd_dataset_info info = info_of(dataset);
  assert_int_equal(info.rows, 6);
  assert_int_equal(info.columns, 5);
  assert_int_equal(info.values, 6);
  assert_int_equal(info.features, NGD_FEATURES_SPARSE);
  float rows[10];
  check_ok(ngd_dataset_get_rows_f32(dataset, 2, 2, rows, 10, &error));
  const float expected[] = {0, 3, 0, 0, 0, 1, 0, 2, 0, 0};
  assert_memory_equal(rows, expected, sizeof expected);
  const uint64_t none[] = {0, 0};
  check_ok(ngd_dataset_append_sparse_f32(dataset, none, NULL, NULL, labels, 1, 3, &error));

  const uint64_t late[] = {1, 2}, falling[] = {0, 2, 1}, two[] = {0, 2};
  const uint32_t outside[] = {0, 3}, twice[] = {1, 1};
  const float infinite[] = {1, INFINITY};
  check_error(ngd_dataset_append_sparse_f32(dataset, late, indices, values, labels, 1, 3, &error), NGD_E_SHAPE,
              "offsets[0] is 1, expected 0");
  check_error(ngd_dataset_append_sparse_f32(dataset, falling, indices, values, labels, 2, 3, &error),
              NGD_E_SHAPE, "offsets[2] is 1, less than offsets[1], which is 2");
  check_error(ngd_dataset_append_sparse_f32(dataset, two, outside, values, labels, 1, 3, &error), NGD_E_RANGE,
              "indices[1] is 3, expected less than 3, the number of columns");
  check_error(ngd_dataset_append_sparse_f32(dataset, two, twice, values, labels, 1, 3, &error), NGD_E_RANGE,
              "indices[1] of row 0 is 1 after 1, expected strictly rising indices");
  check_error(ngd_dataset_append_sparse_f32(dataset, two, indices, infinite, labels, 1, 3, &error),
              NGD_E_NOT_FINITE, "values[1] is inf, expected a finite number");
  check_error(ngd_dataset_append_sparse_f32(dataset, two, NULL, values, labels, 1, 3, &error), NGD_E_ARGUMENT,
              "argument \"indices\" is NULL, but there are 2 entries");
  check_error(ngd_dataset_append_sparse_f32(dataset, two, indices, NULL, labels, 1, 3, &error), NGD_E_ARGUMENT,
              "argument \"values\" is NULL, but there are 2 entries");
  check_error(ngd_dataset_append_sparse_f32(dataset, two, indices, values, NULL, 1, 3, &error), NGD_E_SHAPE,
              "these rows have no labels, but the rows before have some; give labels to all rows or to none");
  check_error(ngd_dataset_append_sparse_f32(dataset, two, indices, values, labels, 1, 0, &error), NGD_E_SHAPE,
              "columns is 0, expected 1 to 2147483647");
  check_error(ngd_dataset_append_f32(dataset, values, labels, 1, 3, &error), NGD_E_UNSUPPORTED,
              "format \"sparse\" takes no rows from ngd_dataset_append_f32; use ngd_dataset_append_sparse_f32");
  assert_int_equal(info_of(dataset).rows, 7);
  ngd_dataset_destroy(dataset);
}

static void rows_of_text_are_appended(void **state) {
  (void)state;
  ngd_dataset *dataset = created("text:lowercase=1");
  check_ok(ngd_dataset_append_text(dataset, "a b A", "x", &error));
  check_ok(ngd_dataset_append_text(dataset, "", "2", &error));
  const ngd_dataset_info info = info_of(dataset);
  assert_int_equal(info.rows, 2);
  assert_int_equal(info.columns, 2);
  assert_int_equal(info.values, 3);
  assert_int_equal(info.classes, 2);
  assert_int_equal(info.features, NGD_FEATURES_TEXT);
  float counts[4];
  check_ok(ngd_dataset_get_rows_f32(dataset, 0, 2, counts, 4, &error));
  assert_true(counts[0] == 2 && counts[1] == 1 && counts[2] == 0 && counts[3] == 0);
  check_error(ngd_dataset_append_text(dataset, "a", NULL, &error), NGD_E_SHAPE,
              "these rows have no labels, but the rows before have some; give labels to all rows or to none");
  check_error(ngd_dataset_append_text(dataset, "a", "", &error), NGD_E_ARGUMENT,
              "argument \"label\" is empty; pass NULL for a row without a label");
  check_error(ngd_dataset_append_text(dataset, "ab\xFF", "x", &error), NGD_E_ARGUMENT,
              "argument \"text\" is not UTF-8 at byte 2");
  check_error(ngd_dataset_append_text(dataset, "a", "\xFF", &error), NGD_E_ARGUMENT,
              "argument \"label\" is not UTF-8 at byte 0");
  assert_int_equal(info_of(dataset).rows, 2);
  ngd_dataset_destroy(dataset);

  dataset = created("text:label_type=number");
  check_ok(ngd_dataset_append_text(dataset, "a", "1.5", &error));
  check_error(
      ngd_dataset_append_text(dataset, "b", "x", &error), NGD_E_RANGE,
      "label is \"x\", expected a finite number; set label_type=category before the first rows if labels are "
      "classes");
  assert_int_equal(info_of(dataset).columns, 1);
  ngd_dataset_destroy(dataset);
}

static void parts_outlive_the_whole(void **state) {
  (void)state;
  ngd_dataset *whole = created("dense"), *rest = NULL, *held_out = NULL, *part = NULL;
  float features[100], labels[100];
  for (int i = 0; i < 100; i++) features[i] = (float)i, labels[i] = (float)(i % 2);
  check_ok(ngd_dataset_append_f32(whole, features, labels, 100, 1, &error));
  check_ok(ngd_dataset_split(whole, 0.25, 7, &rest, &held_out, &error));
  check_ok(ngd_dataset_slice(whole, 90, 10, &part, &error));
  check_error(ngd_dataset_append_f32(part, features, labels, 1, 1, &error), NGD_E_STATE,
              "this dataset is a part of another and cannot grow; add to the whole, then split again");
  check_ok(ngd_dataset_append_f32(whole, features, labels, 100, 1, &error));
  ngd_dataset_destroy(whole);
  assert_int_equal(info_of(rest).rows + info_of(held_out).rows, 100);
  assert_true(info_of(held_out).rows > 10 && info_of(held_out).rows < 40);
  assert_int_equal(info_of(rest).classes, 2);
  ngd_dataset_destroy(rest);
  float read[10];
  check_ok(ngd_dataset_get_rows_f32(part, 0, 10, read, 10, &error));
  assert_memory_equal(read, features + 90, sizeof read);
  ngd_dataset_destroy(part);
  ngd_dataset_destroy(held_out);
  ngd_dataset_destroy(NULL);
}

static void parts_must_lie_within_the_whole(void **state) {
  (void)state;
  ngd_dataset *whole = created("dense"), *rest = (ngd_dataset *)&error, *held_out = rest, *part = rest;
  const float one = 1;
  check_ok(ngd_dataset_append_f32(whole, &one, &one, 1, 1, &error));
  check_error(ngd_dataset_split(whole, 0, 7, &rest, &held_out, &error), NGD_E_RANGE,
              "fraction is 0, expected more than 0 and less than 1");
  assert_null(rest);
  assert_null(held_out);
  check_error(ngd_dataset_split(whole, NAN, 7, &rest, &held_out, &error), NGD_E_RANGE,
              "fraction is nan, expected more than 0 and less than 1");
  check_error(ngd_dataset_split(whole, 1, 7, &rest, &held_out, &error), NGD_E_RANGE,
              "fraction is 1, expected more than 0 and less than 1");
  check_error(ngd_dataset_slice(whole, 1, 1, &part, &error), NGD_E_RANGE,
              "asked for 1 rows from row 1 on, but the dataset has 1 rows");
  assert_null(part);
  ngd_dataset_destroy(whole);
}

#define check_null(call, name) \
  check_error(call, NGD_E_ARGUMENT, "argument \"" name "\" is NULL, but may not be")

static void every_pointer_is_checked_for_null(void **state) {
  (void)state;
  ngd_dataset *dataset = created("dense"), *other = NULL, *part = NULL;
  ngd_dataset_info info = {sizeof info, 0, 0, 0, 0, 0, 0, 0};
  ngd_option_info option = {sizeof option, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0};
  const uint64_t offsets[] = {0};
  float number = 0;
  double value = 0;
  check_null(ngd_dataset_describe(NULL, 0, &option, &error), "format");
  check_null(ngd_dataset_describe("csv", 0, NULL, &error), "info");
  check_null(ngd_dataset_create(NULL, &other, &error), "spec");
  check_null(ngd_dataset_create("csv", NULL, &error), "out");
  check_null(ngd_dataset_set(NULL, "x", 0, &error), "dataset");
  check_null(ngd_dataset_set(dataset, NULL, 0, &error), "name");
  check_null(ngd_dataset_set_text(NULL, "x", "x", &error), "dataset");
  check_null(ngd_dataset_set_text(dataset, NULL, "x", &error), "name");
  check_null(ngd_dataset_set_text(dataset, "x", NULL, &error), "value");
  check_null(ngd_dataset_get(NULL, "x", &value, &error), "dataset");
  check_null(ngd_dataset_get(dataset, NULL, &value, &error), "name");
  check_null(ngd_dataset_get(dataset, "x", NULL, &error), "value");
  check_null(ngd_dataset_get_text(NULL, "spec", NULL, 0, NULL, &error), "dataset");
  check_null(ngd_dataset_get_text(dataset, NULL, NULL, 0, NULL, &error), "name");
  check_null(ngd_dataset_get_text(dataset, "spec", NULL, 5, NULL, &error), "buffer");
  check_null(ngd_dataset_load(NULL, "x", &error), "dataset");
  check_null(ngd_dataset_load(dataset, NULL, &error), "path");
  check_null(ngd_dataset_append_f32(NULL, &number, &number, 1, 1, &error), "dataset");
  check_null(ngd_dataset_append_f32(dataset, NULL, &number, 1, 1, &error), "features");
  check_null(ngd_dataset_append_sparse_f32(NULL, offsets, NULL, NULL, NULL, 0, 1, &error), "dataset");
  check_null(ngd_dataset_append_sparse_f32(dataset, NULL, NULL, NULL, NULL, 0, 1, &error), "offsets");
  check_null(ngd_dataset_append_text(NULL, "x", NULL, &error), "dataset");
  check_null(ngd_dataset_append_text(dataset, NULL, NULL, &error), "text");
  check_null(ngd_dataset_get_info(NULL, &info, &error), "dataset");
  check_null(ngd_dataset_get_info(dataset, NULL, &error), "info");
  check_null(ngd_dataset_get_class(NULL, 0, NULL, 0, NULL, &error), "dataset");
  check_null(ngd_dataset_get_rows_f32(NULL, 0, 1, &number, 1, &error), "dataset");
  check_null(ngd_dataset_get_rows_f32(dataset, 0, 1, NULL, 1, &error), "features");
  check_null(ngd_dataset_get_labels_f32(NULL, 0, 1, &number, 1, &error), "dataset");
  check_null(ngd_dataset_get_labels_f32(dataset, 0, 1, NULL, 1, &error), "labels");
  check_null(ngd_dataset_split(NULL, 0.5, 1, &other, &part, &error), "dataset");
  check_null(ngd_dataset_split(dataset, 0.5, 1, NULL, &other, &error), "rest");
  check_null(ngd_dataset_split(dataset, 0.5, 1, &other, NULL, &error), "held_out");
  check_null(ngd_dataset_slice(NULL, 0, 0, &other, &error), "dataset");
  check_null(ngd_dataset_slice(dataset, 0, 0, NULL, &error), "out");
  /* The error itself may be NULL. */
  assert_int_equal(ngd_dataset_load(dataset, NULL, NULL), NGD_E_ARGUMENT);
  info.struct_size = 1;
  check_error(ngd_dataset_get_info(dataset, &info, &error), NGD_E_ARGUMENT,
              "ngd_dataset_info.struct_size is 1; set it to sizeof(ngd_dataset_info) before the call");
  ngd_dataset_destroy(dataset);
}

static int leave(void **state) {
  (void)state;
  const char *const names[] = {"a.csv", "b.csv", "c.csv", "d.csv"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) remove(names[i]);
  return chdir("/") == 0 ? rmdir(folder) : -1;
}

static int enter(void **state) {
  (void)state;
  return mkdtemp(folder) == NULL ? -1 : chdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(formats_are_listed),
      cmocka_unit_test(every_option_of_every_format_is_described_and_settable),
      cmocka_unit_test(specs_and_options_are_checked),
      cmocka_unit_test(label_type_is_fixed_once_there_are_rows),
      cmocka_unit_test(a_file_is_loaded_and_read_back),
      cmocka_unit_test(a_file_that_cannot_be_loaded_says_why),
      cmocka_unit_test(dense_rows_are_appended),
      cmocka_unit_test(array_labels_are_numbers_or_classes_by_label_type),
      cmocka_unit_test(array_classes_have_the_names_that_are_given),
      cmocka_unit_test(sparse_rows_are_appended),
      cmocka_unit_test(rows_of_text_are_appended),
      cmocka_unit_test(parts_outlive_the_whole),
      cmocka_unit_test(parts_must_lie_within_the_whole),
      cmocka_unit_test(every_pointer_is_checked_for_null),
  };
  return cmocka_run_group_tests(tests, enter, leave);
}
