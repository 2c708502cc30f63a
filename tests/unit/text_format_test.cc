// The reader of labelled text.
#include "data_files.h"

static void prefix_tab_and_no_labels_are_told_by_the_first_line(void **) {
  holds(loaded("text", "\xEF\xBB\xBF__label__b the cat\r\n\n  __label__a  the \tdog\n__label__b"),
        "3x3 skipped 0\nb=0 | the cat\na=1 | the dog\nb=0 |\n");
  holds(loaded("text", "spam\tbuy\tnow\nnot spam \thello now\n"),
        "2x3 skipped 0\nspam=0 | buy now\nnot spam=1 | hello now\n");
  holds(loaded("text", "some words\nmore\twords\n"), "2x3 skipped 0\n some words\n more words\n");
  holds(loaded("text:label=none", "some\twords\n"), "1x2 skipped 0\n some words\n");
  holds(loaded("text:label_prefix=@", "@x a\n@y b\n"), "2x2 skipped 0\nx=0 | a\ny=1 | b\n");
}

static void words_are_spelt_as_asked(void **) {
  const std::string line = "Don't STOP, \xC3\x84h!";
  holds(loaded("text", line), "1x3 skipped 0\n Don't STOP, \xC3\x84h!\n");
  holds(loaded("text:lowercase=1", line), "1x3 skipped 0\n don't stop, \xC3\x84h!\n");
  holds(loaded("text:punctuation=split", line), "1x7 skipped 0\n Don ' t STOP , \xC3\x84h !\n");
  holds(loaded("text:punctuation=drop", line), "1x4 skipped 0\n Don t STOP \xC3\x84h\n");
  // The prefix is found before punctuation is looked at.
  holds(loaded("text:punctuation=drop", "__label__a x_y\n"), "1x2 skipped 0\na=0 | x y\n");
}

static void whole_numbers_make_sorted_classes_and_fractions_make_numbers(void **) {
  holds(loaded("text", "10\ta\n9\tb\n"), "2x2 skipped 0\n10=1 | a\n9=0 | b\n");
  holds(loaded("text", "1.5\ta\n9\tb\n"), "2x2 skipped 0\n1.5 | a\n9 | b\n");
}

static void malformed_lines_are_errors_that_say_where_and_why(void **) {
  const std::string skip = "set malformed=skip to leave such lines out)";
  load_fails("text", "__label__a x\nword\n",
             "f:2:1: found \"word\", expected a label that begins with \"__label__\" as in line 1 (" + skip);
  load_fails("text:label=prefix", "word\n",
             "f:1:1: found \"word\", expected a label that begins with \"__label__\" (" + skip);
  load_fails(
      "text", "__label__a __label__b x\n",
      "f:1:12: found a second label \"__label__b\", expected one label a line; several are not supported (" +
          skip);
  load_fails(
      "text", "__label__a x __label__b\n",
      "f:1:14: found a second label \"__label__b\", expected one label a line; several are not supported (" +
          skip);
  load_fails("text", "words\nmore __label__b\n",
             "f:2:6: found the label \"__label__b\", expected no label as in line 1 (" + skip);
  load_fails("text", "__label__ x\n", "f:1:10: found no label, expected one (" + skip);
  load_fails("text", "a\tx\n\tb\n", "f:2:1: found no label, expected one (" + skip);
  load_fails("text", "\na\tx\nspam\n",
             "f:3:5: found no tab, expected one after the label as in line 2 (" + skip);
  load_fails("text", "a\tx\nb\tcaf\xE9 y\n",
             "f:2:6: found bytes that are not UTF-8, expected UTF-8 (convert the file, or " + skip);
  load_fails("text", std::string("a\tx\nb\t\0\n", 8), "f:2:3: found a NUL byte, expected text (" + skip);
  load_fails(
      "text:max_line_bytes=4", "a\txy\nb\txyz\n",
      "f:2:5: found a line of more than 4 bytes, expected a line break (raise max_line_bytes, or " + skip);
  load_fails("text", "", "f: found no samples, expected at least one");
}

static void bytes_that_are_not_utf8_are_told_from_those_that_are(void **) {
  for (const char *good : {"\xC2\x80", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF",
                           "1234567\xC3\xA4 12345678"})
    assert_int_equal(loaded("text:label=none", good).rows(), 1);
  for (const char *bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xC2", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82",
                          "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"})
    load_fails("text:label=none", bad,
               "f:1:1: found bytes that are not UTF-8, expected UTF-8 (convert the file, or set malformed=skip "
               "to leave such lines out)");
}

static void skipped_lines_leave_no_words_and_no_classes(void **) {
  const ngd::Dataset dataset =
      loaded("text:malformed=skip", "__label__a x\n__label__b y __label__c\nz\n__label__d w\n");
  holds(dataset, "2x2 skipped 2\na=0 | x\nd=1 | w\n");
  assert_int_equal(dataset.class_names().size(), 2);
}

static void labels_are_in_all_files_or_in_none(void **) {
  ngd::Dataset dataset = loaded("text", "just words\n");
  fails([&] { dataset.load(write_file("g", "__label__a x\n")); }, NGD_E_DATA,
        "g: found labels, expected none as in the rows before (put them into another dataset)");
  holds(dataset, "1x2 skipped 0\n just words\n");
}

static void label_prefix_must_be_a_word(void **) {
  fails([] { ngd::Dataset("text").set_text("label_prefix", ""); }, NGD_E_RANGE,
        "option \"label_prefix\" of format \"text\" is \"\", but takes text without blanks, such as __label__");
  fails([] { ngd::Dataset("text:label_prefix=\"a b\""); }, NGD_E_RANGE,
        "option \"label_prefix\" of format \"text\" is \"a b\", but takes text without blanks, such as "
        "__label__");
}

static void a_hundred_thousand_words_keep_their_numbers(void **) {
  std::string text;
  for (int i = 0; i < 100000; i++) text += ngd::concat("w", i, i % 10 == 9 ? "\n" : " ");
  ngd::Dataset dataset = loaded("text", text);
  assert_int_equal(dataset.vocabulary().size(), 100000);
  dataset.load(write_file("g", text));
  assert_int_equal(dataset.vocabulary().size(), 100000);
  assert_int_equal(dataset.value_count(), 200000);
  const uint64_t rows[] = {19999};
  ngd::Batch batch;
  dataset.read(rows, batch);
  assert_int_equal(batch.index[9], 99999);
  // A load that fails late takes all its words back out of a table that has grown on the way.
  std::string more;
  for (int i = 0; i < 200000; i++) more += ngd::concat("v", i, i % 10 == 9 ? "\n" : " ");
  fails([&] { dataset.load(write_file("h", more + "\xFF")); }, NGD_E_DATA,
        "h:20001:1: found bytes that are not UTF-8, expected UTF-8 (convert the file, or set malformed=skip to "
        "leave such lines out)");
  assert_int_equal(dataset.vocabulary().size(), 100000);
  dataset.load(write_file("h", "w5 v7 w99999"));
  const uint64_t last[] = {20000};
  dataset.read(last, batch);
  assert_int_equal(batch.index[0], 5);
  assert_int_equal(batch.index[1], 100000);
  assert_int_equal(batch.index[2], 99999);
}

int main() {
  enter_temporary_folder();
  const CMUnitTest tests[] = {
      cmocka_unit_test(prefix_tab_and_no_labels_are_told_by_the_first_line),
      cmocka_unit_test(words_are_spelt_as_asked),
      cmocka_unit_test(whole_numbers_make_sorted_classes_and_fractions_make_numbers),
      cmocka_unit_test(malformed_lines_are_errors_that_say_where_and_why),
      cmocka_unit_test(bytes_that_are_not_utf8_are_told_from_those_that_are),
      cmocka_unit_test(skipped_lines_leave_no_words_and_no_classes),
      cmocka_unit_test(labels_are_in_all_files_or_in_none),
      cmocka_unit_test(label_prefix_must_be_a_word),
      cmocka_unit_test(a_hundred_thousand_words_keep_their_numbers),
  };
  const int failed = cmocka_run_group_tests(tests, nullptr, nullptr);
  leave_temporary_folder();
  return failed;
}
