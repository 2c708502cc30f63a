// base/state: shapes, and looking saved state up by name.
#include "base/state.h"

#include "raises.h"

namespace {

using ngd::Shape;

void element_count_is_the_product_of_the_sizes(void **) {
  assert_int_equal(ngd::element_count(Shape{3, 4}), 12);
  assert_int_equal(ngd::element_count(Shape{}), 1);
  assert_int_equal(ngd::element_count(Shape{7}), 7);
}

void impossible_shapes_are_refused(void **) {
  check_raises(NGD_E_SHAPE, "a tensor of shape [3, 0] is not possible: every size is at least 1", [] {
    ngd::element_count(Shape{3, 0});
  });
  check_raises(NGD_E_SHAPE, "a tensor of shape [-1] is not possible: every size is at least 1",
               [] { ngd::element_count(Shape{-1}); });
  check_raises(NGD_E_SHAPE,
               "a tensor of shape [4294967296, 4294967296] is too large for this machine's addresses", [] {
                 ngd::element_count(Shape{int64_t{1} << 32, int64_t{1} << 32});
               });
  check_raises(NGD_E_SHAPE, "a tensor of shape [9223372036854775807] is too large for this machine's addresses",
               [] { ngd::element_count(Shape{INT64_MAX}); });
}

void shapes_are_written_in_brackets(void **) {
  check_text(ngd::shape_text(Shape{3, 4}), "[3, 4]");
  check_text(ngd::shape_text(Shape{}), "[]");
}

// A reader of what a writer with the prefix "optimizer." collected.
struct Saved {
  Saved() {
    writer.prefix = "optimizer.";
    writer.tensor<float>("m", {2, 2}, values);
    writer.text("step", "18446744073709551615");
    writer.text("rule", "adam");
    reader.tensors = writer.tensors;
    reader.texts = writer.texts;
    reader.prefix = "optimizer.";
  }
  std::vector<float> values = {1, 2, 3, 4};
  ngd::StateWriter writer;
  ngd::StateReader reader;
};

void what_was_written_is_found_under_its_prefix(void **) {
  Saved saved;
  check_text(saved.writer.tensors[0].name, "optimizer.m");
  assert_true(saved.reader.has("m"));
  assert_false(saved.reader.has("v"));
  const auto read = saved.reader.values<float>("m", Shape{2, 2});
  assert_int_equal(read.size(), 4);
  assert_true(read.data() == saved.values.data());
  assert_int_equal(saved.reader.values<float>("m").size(), 4);
  assert_true(saved.reader.has_text("rule"));
  check_text(saved.reader.text("rule"), "adam");
  assert_true(saved.reader.counter("step") == UINT64_MAX);
  saved.reader.prefix = "model.";
  assert_false(saved.reader.has("m"));
  assert_false(saved.reader.has_text("rule"));
}

void misses_and_mismatches_name_the_tensor(void **) {
  Saved saved;
  const ngd::StateReader &reader = saved.reader;
  check_raises(NGD_E_CHECKPOINT, "the checkpoint has no tensor \"optimizer.v\"", [&] { reader.tensor("v"); });
  check_raises(NGD_E_CHECKPOINT, "the checkpoint's tensor \"optimizer.m\" is F32[2, 2], but F32[4] is needed",
               [&] { reader.values<float>("m", Shape{4}); });
  check_raises(NGD_E_CHECKPOINT,
               "the checkpoint's tensor \"optimizer.m\" is F32[2, 2], but F64[2, 2] is needed", [&] {
                 reader.values<double>("m", Shape{2, 2});
               });
  check_raises(NGD_E_CHECKPOINT, "the checkpoint has no metadata \"optimizer.seed\"",
               [&] { reader.text("seed"); });
  check_raises(NGD_E_CHECKPOINT, "the checkpoint's metadata \"optimizer.rule\" is \"adam\", not a whole number",
               [&] { reader.counter("rule"); });
}

void counters_are_whole_and_fit(void **) {
  Saved saved;
  for (const char *bad : {"", "-1", "+1", "1.5", "18446744073709551616", "1 "}) {
    saved.reader.texts["optimizer.step"] = bad;
    const std::string text =
        ngd::concat("the checkpoint's metadata \"optimizer.step\" is \"", bad, "\", not a whole number");
    check_raises(NGD_E_CHECKPOINT, text.c_str(), [&] { saved.reader.counter("step"); });
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(element_count_is_the_product_of_the_sizes),
      cmocka_unit_test(impossible_shapes_are_refused),
      cmocka_unit_test(shapes_are_written_in_brackets),
      cmocka_unit_test(what_was_written_is_found_under_its_prefix),
      cmocka_unit_test(misses_and_mismatches_name_the_tensor),
      cmocka_unit_test(counters_are_whole_and_fit),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
