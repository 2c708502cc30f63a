// base/option: specs taken apart, values checked, exact texts of every error, describing.
#include "base/option.h"

#include <cmath>
#include <cstring>

#include "raises.h"

namespace {

using ngd::OptionSet;
using ngd::parse_spec;

constexpr ngd::OptionSpec kSpecs[] = {
    ngd::above_option("learning_rate", "0.01", 0, ngd::kInfinity, "Step size."),
    ngd::below_option("beta1", "0.9", 0, 1, "Decay."),
    ngd::number_option("offset", "0", -ngd::kInfinity, ngd::kInfinity, "Any number."),
    ngd::number_option("share", "0.5", 0, 1, "A share."),
    ngd::integer_option("epochs", "5", 1, 1e15, "Epochs."),
    ngd::integer_option("seed", "0", -ngd::kInfinity, ngd::kInfinity, "Seed."),
    ngd::flag_option("shuffle", "1", "Whether to shuffle."),
    ngd::choice_option("accel", "none", "none|nesterov|seed", "Acceleration."),
    ngd::fixed(ngd::text_option("separator", "auto", "Separator.")),
    ngd::fixed(ngd::integer_option("width", "3", 1, 100, "Width.")),
};

OptionSet options() {
  return OptionSet(kSpecs, "rule \"adam\"", "adam");
}

void a_spec_is_taken_apart(void **) {
  const auto spec = parse_spec("  adam : beta1 = 0.9 ,accel=seed,\tshare=1 ");
  check_text(spec.kind, "adam");
  assert_int_equal(spec.options.size(), 3);
  check_text(spec.options[0].name, "beta1");
  check_text(spec.options[0].value, "0.9");
  assert_int_equal(spec.options[0].column, 10);
  check_text(spec.options[1].name, "accel");
  assert_int_equal(spec.options[1].column, 23);
  check_text(spec.options[2].value, "1");
  assert_int_equal(spec.options[2].column, 35);
}

void a_spec_may_have_no_options(void **) {
  check_text(parse_spec("adam").kind, "adam");
  assert_int_equal(parse_spec("adam").options.size(), 0);
  assert_int_equal(parse_spec("adam:").options.size(), 0);
  assert_int_equal(parse_spec("adam:  ").options.size(), 0);
}

void quoted_values_hold_anything(void **) {
  const auto spec = parse_spec("csv:separator=\",\", x=\"a=b:\\\"c\\\\ \" ,y=");
  assert_int_equal(spec.options.size(), 3);
  check_text(spec.options[0].value, ",");
  check_text(spec.options[1].value, "a=b:\"c\\ ");
  check_text(spec.options[2].value, "");
}

void a_malformed_spec_is_an_error_with_its_column(void **) {
  const struct {
    const char *spec, *text;
  } rows[] = {
      {"", "the spec \"\" has no name before its options; write name:option=value,..."},
      {":beta1=1", "the spec \":beta1=1\" has no name before its options; write name:option=value,..."},
      {"adam:beta1", "expected name=value at column 6 of the spec \"adam:beta1\", found \"beta1\""},
      {"adam:beta1,x=1", "expected name=value at column 6 of the spec \"adam:beta1,x=1\", found \"beta1\""},
      {"adam:a=1, b", "expected name=value at column 11 of the spec \"adam:a=1, b\", found \"b\""},
      {"adam:a=1,", "the spec \"adam:a=1,\" ends with a comma; add an option or remove it"},
      {"adam:,", "expected name=value at column 6 of the spec \"adam:,\", found \"\""},
      {"csv:s=\"x", "the quote at column 7 of the spec \"csv:s=\"x\" is not closed"},
      {"csv:s=\"x\\\"", "the quote at column 7 of the spec \"csv:s=\"x\\\"\" is not closed"},
      {"csv:s=\"x\"y", "expected a comma at column 10 of the spec \"csv:s=\"x\"y\""},
  };
  for (const auto &row : rows) check_raises(NGD_E_ARGUMENT, row.text, [&] { parse_spec(row.spec); });
}

void defaults_are_in_place(void **) {
  const OptionSet set = options();
  assert_true(set["learning_rate"] == 0.01);
  assert_true(set["shuffle"] == 1);
  check_text(set.choice("accel"), "none");
  check_text(set.text("separator"), "auto");
  assert_true(set.is_default("beta1"));
  check_text(set.spec(), "adam");
}

void unknown_names_get_the_nearest_or_the_list(void **) {
  OptionSet set = options();
  check_raises(NGD_E_OPTION,
               "unknown option \"learning_rat\" for rule \"adam\"; did you mean \"learning_rate\"?",
               [&] { set.set("learning_rat", 1); });
  check_raises(
      NGD_E_OPTION,
      "unknown option \"xyzzy\" for rule \"adam\"; it has: learning_rate, beta1, offset, share, epochs, seed, "
      "shuffle, accel, separator, width",
      [&] { set.number("xyzzy"); });
  check_raises(NGD_E_OPTION,
               "unknown option \"\" for rule \"adam\"; it has: learning_rate, beta1, offset, share, "
               "epochs, seed, shuffle, accel, separator, width",
               [&] { set.set_text("", "1"); });
  check_raises(NGD_E_OPTION, "unknown rule \"adm\"; did you mean \"adam\"? Known: adam, sgd", [] {
    ngd::fail_unknown("rule", "adm", {"adam", "sgd"});
  });
  check_raises(NGD_E_OPTION, "unknown rule \"lbfgs\"; Known: adam, sgd", [] {
    ngd::fail_unknown("rule", "lbfgs", {"adam", "sgd"});
  });
}

void ranges_are_kept_at_both_ends(void **) {
  OptionSet set = options();
  check_raises(NGD_E_RANGE, "option \"learning_rate\" of rule \"adam\" is 0, outside its range (0, inf)",
               [&] { set.set("learning_rate", 0); });
  check_raises(NGD_E_RANGE, "option \"beta1\" of rule \"adam\" is 1, outside its range [0, 1)",
               [&] { set.set("beta1", 1); });
  check_raises(NGD_E_RANGE, "option \"share\" of rule \"adam\" is 1.5, outside its range [0, 1]",
               [&] { set.set_text("share", "1.5"); });
  check_raises(NGD_E_RANGE, "option \"share\" of rule \"adam\" is -0.1, outside its range [0, 1]",
               [&] { set.set("share", -0.1); });
  set.set("beta1", 0);
  set.set("share", 1);
  set.set("share", 0);
  set.set("learning_rate", 5e-324);
  assert_true(set["learning_rate"] == 5e-324);
}

void nan_and_infinity_are_never_values(void **) {
  OptionSet set = options();
  check_raises(NGD_E_RANGE, "option \"offset\" of rule \"adam\" is nan, outside its range (-inf, inf)",
               [&] { set.set("offset", std::nan("")); });
  check_raises(NGD_E_RANGE, "option \"offset\" of rule \"adam\" is inf, outside its range (-inf, inf)",
               [&] { set.set_text("offset", "inf"); });
  check_raises(NGD_E_RANGE, "option \"epochs\" of rule \"adam\" is nan, outside its range [1, 1e+15]",
               [&] { set.set_text("epochs", "nan"); });
  check_raises(NGD_E_RANGE, "option \"shuffle\" of rule \"adam\" is nan, outside its range [0, 1]",
               [&] { set.set("shuffle", std::nan("")); });
  assert_true(set["offset"] == 0);
}

void whole_numbers_are_whole_and_exact(void **) {
  OptionSet set = options();
  check_raises(NGD_E_RANGE, "option \"epochs\" of rule \"adam\" is 2.5, but takes a whole number up to 2^53",
               [&] { set.set("epochs", 2.5); });
  check_raises(NGD_E_RANGE, "option \"seed\" of rule \"adam\" is 1e+16, but takes a whole number up to 2^53",
               [&] { set.set("seed", 1e16); });
  set.set("seed", 9007199254740992.0);
  check_text(set.text("seed"), "9007199254740992");
}

void flags_take_words_and_numbers(void **) {
  OptionSet set = options();
  for (const char *no : {"0", "no", "false", "off"}) {
    set.set("shuffle", 1);
    set.set_text("shuffle", no);
    assert_true(set["shuffle"] == 0);
  }
  for (const char *yes : {"1", "yes", "true", "on"}) {
    set.set("shuffle", 0);
    set.set_text("shuffle", yes);
    assert_true(set["shuffle"] == 1);
  }
  check_raises(NGD_E_RANGE, "option \"shuffle\" of rule \"adam\" is \"maybe\", but takes 0 or 1 (no or yes)",
               [&] { set.set_text("shuffle", "maybe"); });
  check_raises(NGD_E_RANGE, "option \"shuffle\" of rule \"adam\" is 0.5, but takes 0 or 1",
               [&] { set.set("shuffle", 0.5); });
}

void choices_are_checked_with_the_nearest(void **) {
  OptionSet set = options();
  set.set_text("accel", "nesterov");
  check_raises(
      NGD_E_OPTION,
      "option \"accel\" of rule \"adam\" cannot be \"nestrov\"; did you mean \"nesterov\"? It takes: none, "
      "nesterov, seed",
      [&] { set.set_text("accel", "nestrov"); });
  check_raises(NGD_E_OPTION,
               "option \"accel\" of rule \"adam\" cannot be \"quick!\"; It takes: none, nesterov, seed",
               [&] { set.set_text("accel", "quick!"); });
  check_text(set.choice("accel"), "nesterov");
}

void numbers_and_texts_do_not_mix(void **) {
  OptionSet set = options();
  check_raises(NGD_E_OPTION,
               "option \"accel\" of rule \"adam\" takes text, not a number; use set_text with one of: none, "
               "nesterov, seed",
               [&] { set.set("accel", 1); });
  check_raises(NGD_E_OPTION, "option \"separator\" of rule \"adam\" takes text, not a number; use set_text",
               [&] { set.set("separator", 1); });
  check_raises(NGD_E_OPTION, "option \"separator\" of rule \"adam\" holds text, not a number; use get_text",
               [&] { set.number("separator"); });
  check_raises(NGD_E_RANGE, "option \"share\" of rule \"adam\" is \"half\", but takes a number such as 0.5",
               [&] { set.set_text("share", "half"); });
  check_raises(NGD_E_RANGE, "option \"share\" of rule \"adam\" is \"0,5\", but takes a number such as 0.5",
               [&] { set.set_text("share", "0,5"); });
}

void fixed_options_are_refused_once_in_use(void **) {
  OptionSet set = options();
  set.set("width", 4);
  set.lock();
  check_raises(NGD_E_STATE,
               "option \"width\" of rule \"adam\" is fixed once it is in use; set it right after creation",
               [&] { set.set("width", 5); });
  check_raises(NGD_E_STATE,
               "option \"separator\" of rule \"adam\" is fixed once it is in use; set it right after creation",
               [&] { set.set_text("separator", ","); });
  set.set("beta1", 0.5);
  assert_true(set["width"] == 4);
  set.unlock();
  set.set("width", 5);
  assert_true(set["width"] == 5);
}

void set_all_is_all_or_nothing_and_names_the_column(void **) {
  OptionSet set = options();
  check_raises(NGD_E_RANGE, "option \"beta1\" of rule \"adam\" is 2, outside its range [0, 1) (column 15)",
               [&] { set.set_all(parse_spec("adam: share=1,beta1=2")); });
  assert_true(set.is_default("share"));
  set.set_all(parse_spec("adam: share=1,beta1=0.2,accel=seed"));
  assert_true(set["share"] == 1 && set["beta1"] == 0.2);
}

void the_spec_of_a_set_makes_the_same_set(void **) {
  OptionSet set = options();
  set.set("learning_rate", 1.0 / 3);
  set.set("shuffle", 0);
  set.set_text("separator", "a,\"b\\ =:");
  set.set_text("accel", "seed");
  const std::string spec = set.text("spec");
  check_text(spec, "adam:learning_rate=0.3333333333333333,shuffle=0,accel=seed,separator=\"a,\\\"b\\\\ =:\"");
  OptionSet again = options();
  again.set_all(parse_spec(spec));
  check_text(again.spec(), spec);
  check_text(again.text("separator"), "a,\"b\\ =:");
  assert_true(again["learning_rate"] == 1.0 / 3);
  set.set_text("separator", "");
  again.set_all(parse_spec(set.spec()));
  check_text(again.text("separator"), "");
}

void describing_tells_everything(void **) {
  ngd_option_info info = {};
  info.struct_size = sizeof info;
  ngd::describe_option(kSpecs, "rule \"adam\"", 1, &info);
  check_text(info.name, "beta1");
  check_text(info.help, "Decay.");
  check_text(info.choices, "");
  check_text(info.default_text, "0.9");
  assert_true(info.default_number == 0.9 && info.minimum == 0 && info.maximum == 1);
  assert_int_equal(info.type, NGD_OPTION_NUMBER);
  assert_int_equal(info.minimum_excluded, 0);
  assert_int_equal(info.maximum_excluded, 1);
  assert_int_equal(info.fixed, 0);
  ngd::describe_option(kSpecs, "rule \"adam\"", 7, &info);
  check_text(info.choices, "none|nesterov|seed");
  assert_int_equal(info.type, NGD_OPTION_CHOICE);
  ngd::describe_option(kSpecs, "rule \"adam\"", 6, &info);
  assert_true(info.default_number == 1);
  ngd::describe_option(kSpecs, "rule \"adam\"", 9, &info);
  assert_int_equal(info.fixed, 1);
  check_raises(NGD_E_NOT_FOUND, "rule \"adam\" has 10 options; there is no option number 10",
               [&] { ngd::describe_option(kSpecs, "rule \"adam\"", 10, &info); });
}

void describing_writes_within_the_callers_struct(void **) {
  // A caller of a shorter struct, as an older header had it, and one of a longer, as a newer one has.
  struct Longer {
    ngd_option_info info;
    unsigned char more[16];
  } longer;
  std::memset(&longer, 0x5A, sizeof longer);
  longer.info.struct_size = sizeof longer;
  ngd::describe_option(kSpecs, "rule", 0, &longer.info);
  assert_int_equal(longer.info.struct_size, sizeof longer);
  for (const unsigned char byte : longer.more) assert_int_equal(byte, 0x5A);
  std::memset(&longer, 0x5A, sizeof longer);
  longer.info.struct_size = offsetof(ngd_option_info, help);
  ngd::describe_option(kSpecs, "rule", 0, &longer.info);
  check_text(longer.info.name, "learning_rate");
  const unsigned char *untouched = reinterpret_cast<const unsigned char *>(&longer.info.help);
  assert_int_equal(*untouched, 0x5A);
  longer.info.struct_size = 0;
  check_raises(NGD_E_ARGUMENT,
               "ngd_option_info.struct_size is 0; set it to sizeof(ngd_option_info) before the call",
               [&] { ngd::describe_option(kSpecs, "rule", 0, &longer.info); });
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_spec_is_taken_apart),
      cmocka_unit_test(a_spec_may_have_no_options),
      cmocka_unit_test(quoted_values_hold_anything),
      cmocka_unit_test(a_malformed_spec_is_an_error_with_its_column),
      cmocka_unit_test(defaults_are_in_place),
      cmocka_unit_test(unknown_names_get_the_nearest_or_the_list),
      cmocka_unit_test(ranges_are_kept_at_both_ends),
      cmocka_unit_test(nan_and_infinity_are_never_values),
      cmocka_unit_test(whole_numbers_are_whole_and_exact),
      cmocka_unit_test(flags_take_words_and_numbers),
      cmocka_unit_test(choices_are_checked_with_the_nearest),
      cmocka_unit_test(numbers_and_texts_do_not_mix),
      cmocka_unit_test(fixed_options_are_refused_once_in_use),
      cmocka_unit_test(set_all_is_all_or_nothing_and_names_the_column),
      cmocka_unit_test(the_spec_of_a_set_makes_the_same_set),
      cmocka_unit_test(describing_tells_everything),
      cmocka_unit_test(describing_writes_within_the_callers_struct),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
