// base/text: numbers, splitting, nearest names, quoting.
#include "base/text.h"

#include <clocale>
#include <cmath>
#include <limits>

#include "raises.h"

namespace {

using ngd::nearest;
using ngd::quoted;

void numbers_are_written_shortest(void **) {
  check_text(ngd::number_text(0.1), "0.1");
  check_text(ngd::number_text(0.1f), "0.1");
  check_text(ngd::number_text(1.0), "1");
  check_text(ngd::number_text(-0.0), "-0");
  check_text(ngd::number_text(1e300), "1e+300");
  check_text(ngd::number_text(1.0 / 3), "0.3333333333333333");
  check_text(ngd::number_text(5e-324), "5e-324");
  check_text(ngd::number_text(std::nan("")), "nan");
  check_text(ngd::number_text(-std::numeric_limits<double>::infinity()), "-inf");
}

void written_numbers_read_back_as_themselves(void **) {
  for (const double value : {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, -2.5, 123456789.123456789}) {
    double read = 0;
    assert_true(ngd::parse_number(ngd::number_text(value), read));
    assert_true(read == value);
  }
}

void the_whole_text_must_be_a_number(void **) {
  double value = 7;
  for (const char *good : {"1", "+1", "-1.5e-3", ".5", "1.", "1e5"})
    assert_true(ngd::parse_number(good, value));
  for (const char *bad : {"", "+", "-", "1 ", " 1", "1,5", "1x", "++1", "+-1", "-+1", "0x10", "1e", "e5"}) {
    if (ngd::parse_number(bad, value)) fail_msg("\"%s\" was taken for %g", bad, value);
  }
}

void whole_numbers_have_no_point_and_fit(void **) {
  int64_t value = 0;
  assert_true(ngd::parse_integer("+42", value));
  assert_int_equal(value, 42);
  assert_true(ngd::parse_integer("-9223372036854775808", value));
  assert_true(value == std::numeric_limits<int64_t>::min());
  for (const char *bad : {"", "+", "1.0", "1e3", "9223372036854775808", "+-1", "++1", "1 "}) {
    if (ngd::parse_integer(bad, value)) fail_msg("\"%s\" was taken for a whole number", bad);
  }
}

void numbers_ignore_the_locale(void **) {
  // Any locale that writes 0,5. A bare machine has none installed.
  bool found = false;
  for (const char *locale : {"de_DE.UTF-8", "fr_FR.UTF-8", "pl_PL.UTF-8", "de_DE"}) {
    found = found || std::setlocale(LC_ALL, locale) != nullptr;
  }
  if (!found) skip();
  double value = 0;
  const bool read = ngd::parse_number("0.5", value);
  const std::string written = ngd::number_text(0.5);
  std::setlocale(LC_ALL, "C");
  assert_true(read && value == 0.5);
  check_text(written, "0.5");
}

void trim_takes_blanks_at_both_ends(void **) {
  check_text(ngd::trim(" \t a b\r\n"), "a b");
  check_text(ngd::trim(" \n "), "");
  check_text(ngd::trim(""), "");
}

void split_keeps_empty_parts(void **) {
  const auto parts = ngd::split("a,,b,", ',');
  assert_int_equal(parts.size(), 4);
  check_text(parts[0], "a");
  check_text(parts[1], "");
  check_text(parts[3], "");
  assert_int_equal(ngd::split("", ',').size(), 1);
}

void nearest_finds_a_slip_of_the_finger(void **) {
  const std::vector<std::string_view> names = {"learning_rate", "beta1", "beta2", "epsilon", "weight_decay"};
  check_text(nearest("learning_rat", names), "learning_rate");
  check_text(nearest("lerning_rate", names), "learning_rate");
  check_text(nearest("beta_1", names), "beta1");
  check_text(nearest("eps", names), "epsilon");
  check_text(nearest("weigth_decay", names), "weight_decay");
}

void nearest_is_silent_when_nothing_is_near(void **) {
  check_text(nearest("momentum", {"beta1", "epsilon"}), "");
  check_text(nearest("", {"learning_rate"}), "");
  check_text(nearest("x", {}), "");
}

void quoted_text_is_cut_at_a_character(void **) {
  check_text(quoted("plain"), "\"plain\"");
  check_text(quoted("abcdef", 3), "\"abc...\"");
  check_text(quoted("abc", 3), "\"abc\"");
  check_text(quoted("ab\xC3\xA9z", 3), "\"ab\xC3\xA9...\"");  // the limit falls inside the letter
}

void quoted_text_shows_control_characters(void **) {
  check_text(quoted(std::string_view("a\0b\x1F\x7F\n", 6)), "\"a\\x00b\\x1f\\x7f\\x0a\"");
}

void concat_joins_text_and_numbers(void **) {
  check_text(ngd::concat("row ", 3, " of ", size_t{9}, ", ", 0.5, ", ", std::string("end")),
             "row 3 of 9, 0.5, end");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(numbers_are_written_shortest),
      cmocka_unit_test(written_numbers_read_back_as_themselves),
      cmocka_unit_test(the_whole_text_must_be_a_number),
      cmocka_unit_test(whole_numbers_have_no_point_and_fit),
      cmocka_unit_test(numbers_ignore_the_locale),
      cmocka_unit_test(trim_takes_blanks_at_both_ends),
      cmocka_unit_test(split_keeps_empty_parts),
      cmocka_unit_test(nearest_finds_a_slip_of_the_finger),
      cmocka_unit_test(nearest_is_silent_when_nothing_is_near),
      cmocka_unit_test(quoted_text_is_cut_at_a_character),
      cmocka_unit_test(quoted_text_shows_control_characters),
      cmocka_unit_test(concat_joins_text_and_numbers),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
