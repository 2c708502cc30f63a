// Datasets through C++: arrays, sparse rows, texts, files, parts, errors.
#include "test.h"

namespace {

void arrays_go_in_and_come_back(void **) {
  ngd::Dataset dataset("dense:label_type=category");
  const std::vector<float> features = {1, 2, 3, 4, 5, 6}, labels = {0, 1, 0};
  dataset.append(features, 2, labels);
  assert_int_equal(dataset.rows(), 3);
  assert_int_equal(dataset.info().classes, 2);
  assert_int_equal(dataset.info().features, NGD_FEATURES_DENSE);
  assert_true(dataset.features(0, 3) == features);
  assert_true(dataset.labels(1, 2) == std::vector<float>({1, 0}));
  assert_text(error_of(NGD_E_SHAPE, [&] { dataset.append(features, 4, labels); }),
              "6 features and 3 labels do not make rows of 4 columns");
  assert_text(error_of(NGD_E_SHAPE, [&] { dataset.append(features, 3, labels); }),
              "6 features and 3 labels do not make rows of 3 columns");
  error_of(NGD_E_RANGE, [&] { dataset.features(2, 2); });
  error_of(NGD_E_SHAPE, [&] { dataset.append(features, 2); });
}

void sparse_rows_and_texts_are_taken(void **) {
  ngd::Dataset sparse("sparse");
  const std::vector<uint64_t> offsets = {0, 1, 3};
  const std::vector<uint32_t> indices = {2, 0, 3};
  const std::vector<float> values = {5, 1, 2};
  sparse.append_sparse(offsets, indices, values, 4);
  assert_true(sparse.features(0, 2) == std::vector<float>({0, 0, 5, 0, 1, 0, 0, 2}));
  error_of(NGD_E_SHAPE, [&] { sparse.append_sparse(offsets, indices, std::span(values).first(2), 4); });
  error_of(NGD_E_SHAPE, [&] { sparse.append_sparse({}, {}, {}, 4); });
  ngd::Dataset text("text");
  text.append_text("free money", "spam");
  text.append_text("see you", "ham");
  assert_true(text.class_names() == std::vector<std::string>({"spam", "ham"}));
  error_of(NGD_E_SHAPE, [&] { text.append_text("no label"); });
  error_of(NGD_E_ARGUMENT, [&] { text.append_text(std::string("a\0b", 3), "spam"); });
}

void files_are_read_by_format(void **) {
  const TemporaryPath path("cpp_dataset_test.csv");
  std::ofstream(path.text) << "x,kind\n1,a\n2,b\n";
  const ngd::Dataset dataset = ngd::Dataset::load(path.text, "csv:label=kind");
  assert_true(dataset.class_names() == std::vector<std::string>({"a", "b"}));
  assert_text(dataset.spec(), "csv:label=kind");
  error_of(NGD_E_IO, [] { ngd::Dataset::load("no such file", "csv"); });
  error_of(NGD_E_OPTION, [] { ngd::Dataset("cvs"); });
  assert_true(ngd::Dataset::formats().size() >= 6);
  assert_true(!dataset.options().empty());
}

void parts_outlive_the_whole(void **) {
  auto whole = std::make_unique<ngd::Dataset>(half_spaces(200, 1));
  const std::vector<float> all = whole->features(0, 200);
  auto [rest, held_out] = whole->split(0.25, 7);
  const ngd::Dataset part = whole->slice(10, 5);
  whole.reset();
  assert_int_equal(rest.rows() + held_out.rows(), 200);
  assert_true(held_out.rows() > 20 && held_out.rows() < 80);
  assert_true(part.features(0, 5) == std::vector<float>(all.begin() + 40, all.begin() + 60));
  error_of(NGD_E_RANGE, [&rest = rest] { rest.split(1.5); });
  const ngd::Dataset moved = std::move(rest);
  assert_null(rest.raw());
  assert_int_equal(moved.info().columns, 4);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(arrays_go_in_and_come_back),
      cmocka_unit_test(sparse_rows_and_texts_are_taken),
      cmocka_unit_test(files_are_read_by_format),
      cmocka_unit_test(parts_outlive_the_whole),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
