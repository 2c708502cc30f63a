// Datasets and their parts.
#include <map>

#include "base/random.h"
#include "data_files.h"

static ngd::Dataset numbered(size_t rows) {
  std::vector<float> features(rows), labels(rows);
  for (size_t i = 0; i < rows; i++) {
    features[i] = static_cast<float>(i);
    labels[i] = static_cast<float>(i % 3);
  }
  ngd::Dataset dataset("dense");
  dataset.append(features, labels.data(), rows, 1);
  return dataset;
}

static std::vector<float> firsts(const ngd::Dataset &dataset) {
  std::vector<float> values(dataset.rows());
  dataset.read_dense(0, dataset.rows(), values);
  return values;
}

static void split_sends_each_row_by_its_own_random_number(void **) {
  const ngd::Dataset whole = numbered(1000);
  const ngd::Dataset::Halves halves = whole.split(0.3, 42);
  std::vector<float> rest, held_out;
  for (uint64_t row = 0; row < 1000; row++) {
    ngd::Random random(42, 0x73706C6974);
    random.seek(row);
    (random.uniform() < 0.3 ? held_out : rest).push_back(static_cast<float>(row));
  }
  assert_true(firsts(*halves.rest) == rest);
  assert_true(firsts(*halves.held_out) == held_out);
  assert_in_range(held_out.size(), 250, 350);
  // A longer dataset sends its first rows the same way.
  const ngd::Dataset longer = numbered(2000);
  const std::vector<float> more = firsts(*longer.split(0.3, 42).held_out);
  assert_true(std::vector<float>(more.begin(), more.begin() + static_cast<ptrdiff_t>(held_out.size())) ==
              held_out);
  assert_false(firsts(*whole.split(0.3, 43).held_out) == held_out);
}

static void parts_of_parts_keep_the_rows_they_name(void **) {
  const ngd::Dataset whole = numbered(100);
  const auto middle = whole.slice(10, 50);
  assert_int_equal(middle->rows(), 50);
  assert_int_equal(middle->value_count(), 50);
  assert_true(firsts(*middle->slice(5, 3)) == (std::vector<float>{15, 16, 17}));
  const auto held_out = middle->split(0.5, 1).held_out;
  const std::vector<float> rows = firsts(*held_out);
  assert_true(firsts(*held_out->slice(2, 3)) == (std::vector<float>{rows[2], rows[3], rows[4]}));
  assert_true(rows.front() >= 10 && rows.back() < 60);
  assert_int_equal(whole.slice(100, 0)->rows(), 0);
  std::vector<float> labels(2);
  held_out->read_labels(1, 2, labels);
  assert_true(labels[0] == static_cast<float>(static_cast<int>(rows[1]) % 3));
}

static void parts_do_not_change_when_the_whole_grows(void **) {
  ngd::Dataset whole = loaded("text", "__label__2 a b\n__label__1 c\n");
  const auto part = whole.slice(0, 2);
  const uint64_t identity = part->identity();
  const std::string before = contents(*part);
  whole.append_text("d", "0");
  whole.load(write_file("g", "__label__0 e\n"));
  holds(whole, "4x5 skipped 0\n2=2 | a b\n1=1 | c\n0=0 | d\n0=0 | e\n");
  holds(*part, before);
  assert_int_equal(part->identity(), identity);
  // Neither does a load that fails.
  const std::string grown = contents(whole);
  const auto second = whole.slice(0, 4);
  fails([&] { whole.load(write_file("g", "__label__7 new\nwords\n")); }, NGD_E_DATA,
        "g:2:1: found \"words\", expected a label that begins with \"__label__\" as in line 1 (set "
        "malformed=skip to "
        "leave such lines out)");
  holds(whole, grown);
  holds(*second, grown);
}

static void parts_cannot_grow(void **) {
  const ngd::Dataset whole = loaded("text", "__label__a b\n");
  const auto part = whole.slice(0, 1);
  const std::string message =
      "this dataset is a part of another and cannot grow; add to the whole, then split again";
  fails([&] { part->append_text("x", "a"); }, NGD_E_STATE, message);
  fails([&] { part->load("f"); }, NGD_E_STATE, message);
}

static void identity_is_new_whenever_contents_change(void **) {
  ngd::Dataset a("dense"), b("dense");
  assert_true(a.identity() != b.identity());
  const uint64_t before = a.identity();
  const float one = 1;
  a.append({&one, 1}, nullptr, 1, 1);
  assert_true(a.identity() != before && a.identity() != b.identity());
  assert_true(a.slice(0, 1)->identity() != a.identity());
}

static void batches_hold_the_rows_asked_for(void **) {
  const ngd::Dataset sparse = loaded("libsvm", "1.5 1:2 3:4\n2.5\n3.5 2:6\n");
  const uint64_t rows[] = {2, 0, 0};
  ngd::Batch batch;
  batch.dense.resize(5);  // left from another batch
  sparse.read(rows, batch);
  assert_int_equal(batch.rows, 3);
  assert_int_equal(batch.columns, 3);
  assert_true(batch.dense.empty() && batch.category.empty());
  assert_true(batch.offsets == (std::vector<size_t>{0, 1, 3, 5}));
  assert_true(batch.index == (std::vector<uint32_t>{1, 0, 2, 0, 2}));
  assert_true(batch.value == (std::vector<float>{6, 2, 4, 2, 4}));
  assert_true(batch.number == (std::vector<float>{3.5, 1.5, 1.5}));
}

// Where the real data of the tests lies, or "" where it does not; the program has left the project's folder.
static std::string data_folder;

static ngd::Dataset real(const char *spec, const char *file) {
  if (data_folder.empty() || !std::filesystem::exists(data_folder + "/" + file)) skip();
  ngd::Dataset dataset(spec);
  dataset.load(data_folder + "/" + file);
  return dataset;
}

static std::map<std::string, int> class_counts(const ngd::Dataset &dataset) {
  std::vector<float> labels(dataset.rows());
  dataset.read_labels(0, dataset.rows(), labels);
  std::map<std::string, int> counts;
  for (const float label : labels) counts[dataset.class_names()[static_cast<size_t>(label)]]++;
  return counts;
}

static void letters_are_20000_rows_of_16_in_26_classes(void **) {
  const ngd::Dataset letters = real("csv:label=lettr", "LetterRecognition.csv");
  assert_int_equal(letters.rows(), 20000);
  assert_int_equal(letters.columns(), 16);
  assert_int_equal(letters.class_names().size(), 26);
  assert_string_equal(letters.class_names()[0].c_str(), "T");
  std::vector<float> row(16);
  letters.read_dense(0, 1, row);
  assert_true(row == (std::vector<float>{2, 8, 3, 5, 1, 8, 13, 0, 6, 6, 10, 8, 0, 8, 0, 8}));
}

static void companies_are_1079_rows_of_856_in_9_sorted_classes(void **) {
  // The first of the 1080 rows has become a header in this file.
  const ngd::Dataset companies = real("csv:label=0", "CNAE9.csv");
  assert_int_equal(companies.rows(), 1079);
  assert_int_equal(companies.columns(), 856);
  assert_int_equal(companies.class_names().size(), 9);
  for (int i = 0; i < 9; i++)
    assert_string_equal(companies.class_names()[static_cast<size_t>(i)].c_str(), std::to_string(i + 1).c_str());
  assert_int_equal(class_counts(companies)["1"], 119);
}

static void messages_are_5574_with_747_spam(void **) {
  const ngd::Dataset messages = real("text", "sms.tsv");
  assert_int_equal(messages.rows(), 5574);
  assert_int_equal(messages.class_names().size(), 2);
  assert_int_equal(class_counts(messages)["spam"], 747);
}

static void digits_are_10000_rows_of_784_in_10_classes(void **) {
  const ngd::Dataset plain = real("idx", "t10k-images-idx3-ubyte.gz");
  assert_int_equal(plain.label_kind(), ngd::LabelKind::none);
  const ngd::Dataset digits =
      real(ngd::concat("idx:labels=\"", data_folder, "/t10k-labels-idx1-ubyte.gz\"").c_str(),
           "t10k-images-idx3-ubyte.gz");
  assert_int_equal(digits.rows(), 10000);
  assert_int_equal(digits.columns(), 784);
  assert_int_equal(digits.class_names().size(), 10);
  assert_string_equal(digits.class_names()[7].c_str(), "7");
  assert_int_equal(class_counts(digits)["1"], 1135);
}

int main() {
  const char *given = getenv("NGD_TEST_DATA");
  const std::filesystem::path folder = std::filesystem::absolute(given != nullptr ? given : "../shared/data");
  if (std::filesystem::is_directory(folder)) data_folder = folder.string();
  enter_temporary_folder();
  const CMUnitTest tests[] = {
      cmocka_unit_test(split_sends_each_row_by_its_own_random_number),
      cmocka_unit_test(parts_of_parts_keep_the_rows_they_name),
      cmocka_unit_test(parts_do_not_change_when_the_whole_grows),
      cmocka_unit_test(parts_cannot_grow),
      cmocka_unit_test(identity_is_new_whenever_contents_change),
      cmocka_unit_test(batches_hold_the_rows_asked_for),
      cmocka_unit_test(letters_are_20000_rows_of_16_in_26_classes),
      cmocka_unit_test(companies_are_1079_rows_of_856_in_9_sorted_classes),
      cmocka_unit_test(messages_are_5574_with_747_spam),
      cmocka_unit_test(digits_are_10000_rows_of_784_in_10_classes),
  };
  const int failed = cmocka_run_group_tests(tests, nullptr, nullptr);
  leave_temporary_folder();
  return failed;
}
