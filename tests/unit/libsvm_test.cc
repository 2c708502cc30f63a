// The reader of LIBSVM files.
#include "data_files.h"

static void labels_comments_query_numbers_and_entries_are_read(void **) {
  holds(loaded("libsvm", "# a comment\n+1 1:0.5 3:2e1 # more\n\n-1 qid:7 2:-4\r\n+1\n  -1\t4:0  "),
        "4x4 skipped 0\n1=1 | 0:0.5 2:20\n-1=0 | 1:-4\n1=1 |\n-1=0 | 3:0\n");
}

static void index_base_is_found_or_given(void **) {
  holds(loaded("libsvm", "1 1:5\n2 0:6 2:7\n"), "2x3 skipped 0\n1=0 | 1:5\n2=1 | 0:6 2:7\n");
  holds(loaded("libsvm", "1 1:5\n2 2:7\n"), "2x2 skipped 0\n1=0 | 0:5\n2=1 | 1:7\n");
  holds(loaded("libsvm:index_base=0", "1 1:5\n2 2:7\n"), "2x3 skipped 0\n1=0 | 1:5\n2=1 | 2:7\n");
  ngd::Dataset dataset = loaded("libsvm", "1 0:5\n");
  dataset.load(write_file("g", "1 1:5\n"));  // the first file has decided
  holds(dataset, "2x2 skipped 0\n1=0 | 0:5\n1=0 | 1:5\n");
}

static void a_file_cannot_change_the_base_that_an_earlier_one_has_decided(void **) {
  ngd::Dataset dataset = loaded("libsvm", "1 1:5\n");
  fails([&] { dataset.load(write_file("g", "1 0:5\n")); }, NGD_E_DATA,
        "g:1:3: found index 0, expected indices from 1 as in the files before (set index_base=0 before the "
        "first file, "
        "or set malformed=skip to leave such lines out)");
  holds(dataset, "1x1 skipped 0\n1=0 | 0:5\n");
}

static void malformed_lines_are_errors_that_say_where_and_why(void **) {
  const std::string skip = "set malformed=skip to leave such lines out)";
  load_fails("libsvm", "1 1:2\n1 2\n", "f:2:3: found \"2\", expected index:value (" + skip);
  load_fails("libsvm", "1 1:2\n1 x:2\n", "f:2:3: found \"x:2\", expected index:value (" + skip);
  load_fails("libsvm", "1 1:2\n1 -1:2\n", "f:2:3: found \"-1:2\", expected index:value (" + skip);
  load_fails("libsvm", "1 1:\n", "f:1:5: found \"\", expected a number after the colon (" + skip);
  load_fails("libsvm", "1 1:2.5z 2:1\n", "f:1:5: found \"2.5z\", expected a number after the colon (" + skip);
  load_fails("libsvm", "1 1:inf\n",
             "f:1:5: found \"inf\", expected a finite number (set nonfinite=zero to read 0, or " + skip);
  load_fails("libsvm", "1 3:1 2:1\n",
             "f:1:7: found index 2 after index 3, expected strictly rising indices (" + skip);
  load_fails("libsvm", "1 3:1 3:1\n",
             "f:1:7: found the index 3 twice, expected strictly rising indices (" + skip);
  load_fails(
      "libsvm:index_base=1", "1 0:1\n",
      "f:1:3: found index 0, expected indices from 1 (set index_base=0 before the first file, or " + skip);
  load_fails("libsvm", "1 2147483647:1\n",
             "f:1:3: found index 2147483647, expected at most 2147483646 (" + skip);
  load_fails("libsvm:index_base=1", "1 2147483648:1\n",
             "f:1:3: found index 2147483648, expected at most 2147483647 (" + skip);
  load_fails("libsvm", "1 99999999999999999999999:1\n",
             "f:1:3: found index 99999999999999999999999, expected at most 2147483646 (" + skip);
  load_fails("libsvm", "1:2 2:3\n",
             "f:1:1: found \"1:2\", expected a label before the index:value pairs (" + skip);
  load_fails("libsvm", "1,3 2:3\n",
             "f:1:1: found \"1,3\", expected one label; several labels a line are not supported (" + skip);
  load_fails("libsvm", "1 qid:x 2:3\n",
             "f:1:3: found \"qid:x\", expected a whole number after \"qid:\" (" + skip);
  load_fails("libsvm", "nan 2:3\n", "f:1:1: found \"nan\", expected a finite label (" + skip);
  load_fails("libsvm", std::string("1 2:\0003\n", 7), "f:1:5: found a NUL byte, expected text (" + skip);
  load_fails("libsvm", "", "f: found no samples, expected at least one");
  load_fails("libsvm", "# nothing\n", "f: found no samples, expected at least one");
}

static void the_largest_index_makes_2147483647_columns(void **) {
  const ngd::Dataset dataset = loaded("libsvm:index_base=1", "1 2147483647:1\n");
  assert_int_equal(dataset.columns(), 2147483647);
}

static void skipped_lines_leave_no_trace(void **) {
  const ngd::Dataset dataset = loaded("libsvm:malformed=skip", "1 1:2\n2 0:1 9:x\n1 2:3\n");
  holds(dataset, "2x2 skipped 1\n1=0 | 0:2\n1=0 | 1:3\n");
  assert_int_equal(dataset.class_names().size(), 1);
}

static void nonfinite_values_read_as_zero_when_asked(void **) {
  holds(loaded("libsvm:nonfinite=zero", "1 1:nan 2:1e50 3:+4\n"), "1x3 skipped 0\n1=0 | 0:0 1:0 2:4\n");
}

static void fractional_labels_are_numbers(void **) {
  holds(loaded("libsvm", "0.5 1:1\n2 1:2\n"), "2x1 skipped 0\n0.5 | 0:1\n2 | 0:2\n");
}

int main() {
  enter_temporary_folder();
  const CMUnitTest tests[] = {
      cmocka_unit_test(labels_comments_query_numbers_and_entries_are_read),
      cmocka_unit_test(index_base_is_found_or_given),
      cmocka_unit_test(a_file_cannot_change_the_base_that_an_earlier_one_has_decided),
      cmocka_unit_test(malformed_lines_are_errors_that_say_where_and_why),
      cmocka_unit_test(the_largest_index_makes_2147483647_columns),
      cmocka_unit_test(skipped_lines_leave_no_trace),
      cmocka_unit_test(nonfinite_values_read_as_zero_when_asked),
      cmocka_unit_test(fractional_labels_are_numbers),
  };
  const int failed = cmocka_run_group_tests(tests, nullptr, nullptr);
  leave_temporary_folder();
  return failed;
}
