// The reader of separated values.
#include "data_files.h"

static void values_labels_and_header_are_read(void **) {
  holds(loaded("csv:label=kind", "kind,a,b\nx,1,2.5\ny,-3,4e2\nx,+5,.5\n"),
        "3x2 skipped 0\nx=0 | 1 2.5\ny=1 | -3 400\nx=0 | 5 0.5\n");
  holds(loaded("csv:label=1", "1,x,2\n3,y,4\n"), "2x2 skipped 0\nx=0 | 1 2\ny=1 | 3 4\n");
  holds(loaded("csv", "1,2\n3,4\n"), "2x2 skipped 0\n 1 2\n 3 4\n");
}

static void a_file_may_have_crlf_a_mark_blank_lines_and_no_last_line_break(void **) {
  holds(loaded("csv:label=k", "\xEF\xBB\xBFk,a\r\nx,1\r\n\r\ny,2"), "2x1 skipped 0\nx=0 | 1\ny=1 | 2\n");
}

static void quotes_hold_separators_quotes_and_line_breaks(void **) {
  holds(loaded("csv:label=0", "\"a,b\",1\n\"say \"\"no\"\"\",\"2\"\n\"two\r\nlines\",3\nin\"side,4\n"),
        "4x1 skipped 0\na,b=0 | 1\nsay \"no\"=1 | 2\ntwo\nlines=2 | 3\nin\"side=3 | 4\n");
}

static void separator_is_found_or_given(void **) {
  const std::string expected = "2x2 skipped 0\n 1 2\n 3 4\n";
  holds(loaded("csv", "1\t2\n3\t4\n"), expected);
  holds(loaded("csv", "1;2\n3;4\n"), expected);
  holds(loaded("csv", "\"a;b\",c\n1,2\n3,4\n"), expected);
  holds(loaded("csv:separator=\"|\"", "1|2\n3| 4 \n"), expected);
  holds(loaded("csv:separator=tab", "1\t2\n3\t4\n"), expected);
  holds(loaded("csv:separator=\" \"", "1 2\n3 4\n"), expected);
}

static void header_is_found_or_given(void **) {
  holds(loaded("csv:label=0", "x,y\nx,2\n"), "1x1 skipped 0\nx=0 | 2\n");
  holds(loaded("csv:header=yes", "1,2\n3,4\n"), "1x2 skipped 0\n 3 4\n");
  holds(loaded("csv:header=no,label=0", "x,1\ny,2\n"), "2x1 skipped 0\nx=0 | 1\ny=1 | 2\n");
  holds(loaded("csv:label=2", "2,1,0\n5,6,7\n"), "2x2 skipped 0\n0=0 | 2 1\n7=1 | 5 6\n");
}

static void label_type_follows_the_labels(void **) {
  holds(loaded("csv:label=0", "1.5,1\n2,2\n"), "2x1 skipped 0\n1.5 | 1\n2 | 2\n");
  holds(loaded("csv:label=0", "10,1\n-2,2\n+10,3\n-2.0,4\n"),
        "4x1 skipped 0\n10=1 | 1\n-2=0 | 2\n10=1 | 3\n-2=0 | 4\n");
  holds(loaded("csv:label=0,header=no", "1.5,1\nb,2\n"), "2x1 skipped 0\n1.5=0 | 1\nb=1 | 2\n");
  holds(loaded("csv:label=0,label_type=number", "1,1\n2,2\n"), "2x1 skipped 0\n1 | 1\n2 | 2\n");
  holds(loaded("csv:label=0,label_type=category", "1.5,1\n0.5,2\n"), "2x1 skipped 0\n1.5=0 | 1\n0.5=1 | 2\n");
}

static void classes_are_renumbered_over_several_files(void **) {
  ngd::Dataset dataset = loaded("csv:label=0", "7,1\n3,2\n");
  holds(dataset, "2x1 skipped 0\n7=1 | 1\n3=0 | 2\n");
  const uint64_t identity = dataset.identity();
  dataset.load(write_file("g", "5,3\n"));
  assert_true(dataset.identity() != identity);
  holds(dataset, "3x1 skipped 0\n7=2 | 1\n3=0 | 2\n5=1 | 3\n");
  dataset.load(write_file("h", "cat,4\n"));
  holds(dataset, "4x1 skipped 0\n7=0 | 1\n3=1 | 2\n5=2 | 3\ncat=3 | 4\n");
  assert_int_equal(dataset.sources().size(), 3);
  assert_string_equal(dataset.sources()[1].c_str(), "g");
}

static void zero_stands_in_for_missing_and_nonfinite_values_when_asked(void **) {
  holds(loaded("csv:missing=zero,nonfinite=zero", "1,,?\nNA,nan,-inf\n1e99,2,\n"),
        "3x3 skipped 0\n 1 0 0\n 0 0 0\n 0 2 0\n");
}

static void malformed_lines_are_errors_that_say_where_and_why(void **) {
  const std::string skip = "set malformed=skip to leave such lines out)";
  load_fails("csv", "1,2\n3,x\n",
             "f:2:3: found \"x\", expected a number (name the label column with the option label, or " + skip);
  load_fails("csv:label=0", "1,2\n3,4x\n", "f:2:3: found \"4x\", expected a number (" + skip);
  load_fails("csv:label=0", "1,2\n3,0x10\n", "f:2:3: found \"0x10\", expected a number (" + skip);
  load_fails("csv:label=0", "1,2\n3,4 5\n", "f:2:3: found \"4 5\", expected a number (" + skip);
  load_fails("csv", "1,2\n\n,4\n",
             "f:3:1: found no value, expected a number (set missing=zero to read 0, or " + skip);
  load_fails("csv", "1,2\nNA,4\n",
             "f:2:1: found \"NA\", expected a number (set missing=zero to read 0, or " + skip);
  load_fails("csv", "1,2\n3,nan\n",
             "f:2:3: found \"nan\", expected a finite number (set nonfinite=zero to read 0, or " + skip);
  load_fails("csv", "1,2\n-Inf,1\n",
             "f:2:1: found \"-Inf\", expected a finite number (set nonfinite=zero to read 0, or " + skip);
  load_fails("csv", "1,2\n1e39,1\n",
             "f:2:1: found \"1e39\", expected a finite number (set nonfinite=zero to read 0, or " + skip);
  load_fails("csv", "a,b\n1,2\n3\n", "f:3:2: found 1 value, expected 2 as in line 1 (" + skip);
  load_fails("csv", "1,2\n3,4,5,6\n", "f:2:5: found 4 values, expected 2 as in line 1 (" + skip);
  load_fails("csv:label=0", "1,2\n ,4\n", "f:2:1: found no label, expected one (" + skip);
  load_fails("csv:label=0", "1,2\nnan,4\n", "f:2:1: found \"nan\", expected a finite label (" + skip);
  load_fails(
      "csv:label=0,label_type=number", "1,2\nx,4\n",
      "f:2:1: found \"x\", expected a number as the label (set label_type=category before the first rows, or " +
          skip);
  load_fails("csv:label=0", "1,2\nab\xFFz,4\n",
             "f:2:3: found bytes that are not UTF-8, expected a label in UTF-8 (convert the file, or " + skip);
  load_fails("csv", std::string("1,2\n3,\0004\n", 9), "f:2:3: found a NUL byte, expected text (" + skip);
  load_fails(
      "csv", "1,2\n\"3\"x,4\n",
      "f:2:4: found \"x\" after a closing quote, expected \",\" (double a quote that is part of a value, or " +
          skip);
  load_fails(
      "csv:max_line_bytes=5", "1,2\n1,2345\n",
      "f:2:6: found a line of more than 5 bytes, expected a line break (raise max_line_bytes, or " + skip);
  load_fails(
      "csv:max_line_bytes=5", "1,2\n\"1\n\n\n\n\",3\n",
      "f:5:1: found a quoted record of more than 5 bytes, expected a closing quote (raise max_line_bytes, or " +
          skip);
  // The second line of a quoted record.
  load_fails("csv:label=0", "\"a\nb\",1\n\"a\nb\",z\n", "f:4:4: found \"z\", expected a number (" + skip);
}

static void files_that_cannot_be_right_are_errors(void **) {
  load_fails("csv", "", "f: found no samples, expected at least one");
  load_fails("csv", "\n\n", "f: found no samples, expected at least one");
  load_fails("csv", "\na,b\n\n",
             "f:2:1: found only a header, expected samples after it (set header=no if that line is a sample)");
  load_fails("csv:label=lettr", "letter,a\nx,1\n",
             "f:1:1: found no column \"lettr\", expected it in the header; did you mean \"letter\"? (set label "
             "to a name of the header, or to an index from 0 to 1)");
  load_fails("csv:label=zzzzzz", "letter,a\nx,1\n",
             "f:1:1: found no column \"zzzzzz\", expected it in the header (set label to a name of the header, "
             "or to an index from 0 to 1)");
  load_fails("csv:label=2", "1,2\n",
             "f:1:1: found 2 columns and no header, expected the label column \"2\" (set label to an index "
             "from 0 to 1, or header=yes)");
  load_fails("csv:label=a,header=no", "1,2\n",
             "f:1:1: found 2 columns and no header, expected the label column \"a\" (set label to an index "
             "from 0 to 1, or header=yes)");
  load_fails("csv:label=0", "x\ny\n",
             "f:1:1: found only the label column, expected at least one more with features");
  load_fails("csv:malformed=skip", "1,2\n3,\"4\n5,6\n",
             "f:2:3: found a quote that is never closed, expected a closing quote before the end of the file "
             "(close it, and double a quote that is part of a value)");
  load_fails(
      "csv:malformed=skip,header=yes", "a,b\n1,x\n3\n",
      "f:2:3: found \"x\", expected a number (name the label column with the option label, or set "
      "malformed=skip to leave such lines out); every other line is malformed too, so that no sample is left");
}

static void skipped_lines_are_left_out_whole_and_counted(void **) {
  ngd::Dataset dataset = loaded(
      "csv:label=0,malformed=skip,max_line_bytes=20",
      std::string("a,1,2\nb,x,2\nc,1\nnew,\0,1\nd,1,2,3\n\"e\"e,1,2\nf,111111111111111111111,1\ng,,2\nh,3,4\n",
                  78));
  holds(dataset, "2x2 skipped 7\na=0 | 1 2\nh=1 | 3 4\n");
  assert_int_equal(dataset.class_names().size(), 2);
}

static void a_later_file_must_fit_the_rows_before(void **) {
  ngd::Dataset dataset = loaded("csv:label=k", "k,a,b\n1.5,2,3\n");
  const std::string before = contents(dataset);
  const auto refuses = [&](std::string_view bytes, const char *message) {
    fails([&] { dataset.load(write_file("g", bytes)); }, NGD_E_DATA, message);
    holds(dataset, before);
    assert_int_equal(dataset.sources().size(), 1);
  };
  refuses("k,a\n1,2\n", "g:1:1: found 2 columns, expected 3 as in the rows before");
  refuses("k,b,a\n1,2,3\n",
          "g:1:1: found the column \"b\" at index 1, expected \"a\" as in the file before (bring the columns "
          "into the same order)");
  refuses("k,a,b\n1.5,2,3\nx,2,3\n",
          "g:3:1: found \"x\", expected a number as in the labels before (set label_type=category before the "
          "first rows, or set malformed=skip to leave such lines out)");
  refuses(
      "k,a,b\n1.5,2,3\n2,3\n",
      "g:3:4: found 2 values, expected 3 as in the rows before (set malformed=skip to leave such lines out)");
  dataset.set_text("label", "");
  refuses("a,b\n1,2\n",
          "g: found no labels, expected some as in the rows before (put them into another dataset)");
}

static void a_failed_load_takes_back_classes_of_its_own(void **) {
  ngd::Dataset dataset = loaded("csv:label=0", "a,1\n");
  fails([&] { dataset.load(write_file("g", "b,1\nc,2\nd,x\n")); }, NGD_E_DATA,
        "g:3:3: found \"x\", expected a number (set malformed=skip to leave such lines out)");
  assert_int_equal(dataset.class_names().size(), 1);
  dataset.load(write_file("g", "d,1\n"));
  holds(dataset, "2x1 skipped 0\na=0 | 1\nd=1 | 1\n");
}

static void a_separator_must_be_able_to_separate(void **) {
  for (const char *bad : {"ab", "\"", "5", "e", "-", "\n"})
    fails([&] { ngd::Dataset("csv").set_text("separator", bad); }, NGD_E_RANGE,
          ngd::concat(
              "option \"separator\" of format \"csv\" is ", ngd::quoted(bad),
              ", but takes auto, tab, or one ASCII character that is neither a quote nor part of a number"));
  ngd::Dataset dataset("csv:separator=\"|\"");
  fails([&] { dataset.set_text("separator", ""); }, NGD_E_RANGE,
        "option \"separator\" of format \"csv\" is \"\", but takes auto, tab, or one ASCII character that is "
        "neither a "
        "quote nor part of a number");
  assert_string_equal(dataset.options().text("separator").c_str(), "|");
}

int main() {
  enter_temporary_folder();
  const CMUnitTest tests[] = {
      cmocka_unit_test(values_labels_and_header_are_read),
      cmocka_unit_test(a_file_may_have_crlf_a_mark_blank_lines_and_no_last_line_break),
      cmocka_unit_test(quotes_hold_separators_quotes_and_line_breaks),
      cmocka_unit_test(separator_is_found_or_given),
      cmocka_unit_test(header_is_found_or_given),
      cmocka_unit_test(label_type_follows_the_labels),
      cmocka_unit_test(classes_are_renumbered_over_several_files),
      cmocka_unit_test(zero_stands_in_for_missing_and_nonfinite_values_when_asked),
      cmocka_unit_test(malformed_lines_are_errors_that_say_where_and_why),
      cmocka_unit_test(files_that_cannot_be_right_are_errors),
      cmocka_unit_test(skipped_lines_are_left_out_whole_and_counted),
      cmocka_unit_test(a_later_file_must_fit_the_rows_before),
      cmocka_unit_test(a_failed_load_takes_back_classes_of_its_own),
      cmocka_unit_test(a_separator_must_be_able_to_separate),
  };
  const int failed = cmocka_run_group_tests(tests, nullptr, nullptr);
  leave_temporary_folder();
  return failed;
}
