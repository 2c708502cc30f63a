// Words and word n-grams to rows of the embedding table, and the gradient of the rows that a batch touches.
#include "model/matcher.h"

#include <algorithm>
#include <vector>

#include "memory_samples.h"
#include "model/row_gradient.h"
#include "test.h"

using namespace ngd;

namespace {

// The features of each text; words are added to a dataset of their own, so its word numbers are its own.
std::vector<std::vector<uint32_t>> features_of(Matcher &matcher, const std::vector<std::string> &texts) {
  MemorySamples samples;
  for (const std::string &text : texts) samples.add_text(text, 0);
  Batch batch;
  samples.read(all_rows(samples), batch);
  std::vector<size_t> offsets;
  std::vector<uint32_t> features;
  matcher.features(matcher.map(samples), batch, offsets, features);
  std::vector<std::vector<uint32_t>> result;
  for (size_t i = 0; i + 1 < offsets.size(); i++)
    result.emplace_back(features.begin() + static_cast<ptrdiff_t>(offsets[i]),
                        features.begin() + static_cast<ptrdiff_t>(offsets[i + 1]));
  return result;
}

void known_words_get_their_rows_and_unknown_ones_none(void **) {
  const std::vector<std::string> words{"a", "b", "c"};
  Matcher matcher({}, words, 1, 0);
  const auto features = features_of(matcher, {"c x a a", "x", ""});
  assert_true(features[0] == (std::vector<uint32_t>{2, 0, 0}));
  assert_true(features[1].empty() && features[2].empty());
}

void word_ngrams_hash_in_order_and_count_unknown_words(void **) {
  const std::vector<std::string> words{"a", "b"};
  const uint32_t buckets = 1000000;
  Matcher matcher({}, words, 3, buckets);
  const auto features = features_of(matcher, {"a b", "b a", "a x", "x y", "a b a", "a b", "x"});
  assert_int_equal(features[0].size(), 3);
  assert_true(features[0][2] != features[1][2]);    // order matters
  assert_int_equal(features[2].size(), 2);          // a, and the pair of a with an unknown word
  assert_int_equal(features[3].size(), 1);          // two unknown words are a pair too
  assert_int_equal(features[4].size(), 3 + 2 + 1);  // words, pairs, the triple
  assert_true(features[4][3] == features[0][2]);    // the same pair has the same row everywhere
  assert_true(features[5] == features[0]);
  assert_true(features[6].empty());
  for (const auto &row : features) {
    for (const uint32_t feature : row) assert_true(feature < 2 + buckets);
  }
}

void buckets_are_filled_evenly(void **) {
  std::string text;
  for (int i = 0; i < 4001; i++) text += concat("w", i, " ");
  Matcher matcher({}, {}, 2, 8);
  std::vector<size_t> counts(8);
  const auto features = features_of(matcher, {text});
  for (const uint32_t feature : features[0]) counts[feature]++;
  for (const size_t count : counts) assert_in_range(count, 400, 600);  // 500 expected, deviation 21
}

void the_golden_row_of_a_bigram_never_changes(void **) {
  // Saved models depend on it: rows of hashed n-grams are found by number.
  const std::vector<std::string> words{"good"};
  Matcher matcher({}, words, 2, 262144);
  const auto features = features_of(matcher, {"not good"});
  assert_int_equal(features[0][1], 96870);
}

void touched_rows_come_out_rising_and_once(void **) {
  RowGradient<double> gradient;
  gradient.resize(10, 2);
  for (int round = 0; round < 2; round++) {
    gradient.begin();
    for (const uint32_t row : {7u, 2u, 7u, 9u, 2u}) gradient.touch(row);
    gradient.seal();
    const std::vector<uint32_t> expected{2, 7, 9};
    assert_true(std::ranges::equal(gradient.touched(), expected));
    for (int i = 0; i < 6; i++) assert_true(gradient.values()[i] == 0);  // nothing of the round before
    gradient.row(7)[1] += 5;
    gradient.row(9)[0] += 3;
    assert_true(gradient.values()[3] == 5 && gradient.values()[4] == 3);
  }
  gradient.begin();
  gradient.touch_all();
  gradient.seal();
  assert_int_equal(gradient.touched().size(), 10);
  assert_ptr_equal(gradient.row(6), gradient.values() + 12);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(known_words_get_their_rows_and_unknown_ones_none),
      cmocka_unit_test(word_ngrams_hash_in_order_and_count_unknown_words),
      cmocka_unit_test(buckets_are_filled_evenly),
      cmocka_unit_test(the_golden_row_of_a_bigram_never_changes),
      cmocka_unit_test(touched_rows_come_out_rising_and_once),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
