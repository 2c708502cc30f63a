// The ordered tree against a sorted list, through growth, shrinking and every pattern that could tilt it; cuts across
// several trees; the shuffled pass.
#include <algorithm>
#include <set>

#include "base/random.h"
#include "icea/ranking.h"
#include "icea/shuffle.h"
#include "raises.h"

using namespace ngd;

namespace {

IceaSettings settings_of(const char *spec) {
  OptionSet options(icea_options(), "the buffer", "icea");
  options.set_all(parse_spec(spec));
  return IceaSettings(options);
}

const Weigher &weigher() {
  static const Weigher kWeigher(settings_of("icea:exponent=1.5"), 100000);
  return kWeigher;
}

// Everything that can be asked, at every place.
void check_tree(const OrderedTree &tree, const std::vector<OrderKey> &keys, size_t stride = 1) {
  assert_int_equal(tree.size(), keys.size());
  uint64_t weight = 0;
  for (size_t rank = 0; rank <= keys.size(); rank++) {
    const bool checked = rank % stride == 0 || rank + 3 > keys.size();
    if (checked) assert_int_equal(tree.weight_before(rank), weight);
    if (rank == keys.size()) break;
    if (checked) {
      assert_int_equal(tree.select(rank), keys[rank]);
      const OrderedTree::Before at = tree.before(keys[rank]), behind = tree.before(keys[rank] + 1);
      assert_int_equal(at.count, rank);
      assert_int_equal(at.weight, weight);
      assert_int_equal(behind.count, rank + 1);
      assert_int_equal(tree.key_at(tree.place_of_point(weight)), keys[rank]);
      assert_int_equal(tree.key_at(tree.place_of_point(weight + weigher()(keys[rank]) - 1)), keys[rank]);
    }
    weight += weigher()(keys[rank]);
  }
  assert_int_equal(tree.weight(), weight);
}

void check_bytes(const OrderedTree &tree) {
  // At most about 21 bytes a key of the largest size so far, whatever was done.
  assert_true(tree.bytes() < 24 * tree.size() + 100000);
}

OrderKey key_of(float score, uint64_t id) {
  return order_key(score, id);
}

void keys_come_by_falling_score_and_rising_number(void **) {
  assert_true(key_of(2, 5) < key_of(1, 0));
  assert_true(key_of(1, 3) < key_of(1, 4));
  assert_true(key_of(1e-30f, 9) < key_of(0, 0));
  assert_true(score_of(key_of(0.7f, 4294967294)) == 0.7f);
  assert_int_equal(id_of(key_of(0.7f, 4294967294)), 4294967294);
}

void a_tree_is_its_sorted_keys(void **) {
  OrderedTree tree(weigher());
  std::set<OrderKey> keys;
  Random random(1, 1);
  const auto sorted = [&] { return std::vector<OrderKey>(keys.begin(), keys.end()); };
  check_tree(tree, {});
  for (int phase = 0; phase < 6; phase++) {
    // Grows to 20,000 keys, shrinks to a few, three times over.
    const bool growing = phase % 2 == 0;
    for (int i = 0; i < 24000; i++) {
      if (random.uniform() < (growing ? 0.9 : 0.1)) {
        const OrderKey key = key_of(static_cast<float>(random.uniform() * 3), random.below(50000));
        if (keys.insert(key).second) tree.insert(key);
      } else if (!keys.empty()) {
        auto found = keys.lower_bound(key_of(static_cast<float>(random.uniform() * 3), 0));
        if (found == keys.end()) found = keys.begin();
        tree.erase(*found);
        keys.erase(found);
      }
      if (i % 6000 == 5999) check_tree(tree, sorted(), 17);
    }
    if (growing) check_bytes(tree);
  }
  while (!keys.empty()) {
    tree.erase(*keys.begin());
    keys.erase(keys.begin());
    if (keys.size() % 50 == 0) check_tree(tree, sorted());
  }
  tree.insert(key_of(1, 7));
  check_tree(tree, {key_of(1, 7)});
}

void rising_falling_and_equal_keys_keep_it_level(void **) {
  for (const int pattern : {0, 1, 2}) {
    OrderedTree tree(weigher());
    std::vector<OrderKey> keys;
    for (uint64_t i = 0; i < 30000; i++) {
      const OrderKey key = pattern == 0   ? key_of(1, i)
                           : pattern == 1 ? key_of(static_cast<float>(i + 1), i)
                                          : key_of(1, i * 7919 % 30000);
      tree.insert(key);
      keys.push_back(key);
    }
    std::ranges::sort(keys);
    check_tree(tree, keys, 13);
    check_bytes(tree);
    // From both ends towards the middle.
    while (keys.size() > 100) {
      tree.erase(keys.front());
      tree.erase(keys.back());
      keys.pop_back();
      keys.erase(keys.begin());
      if (keys.size() % 5000 == 0) check_tree(tree, keys, 7);
    }
    check_tree(tree, keys);
  }
}

void a_built_tree_is_like_one_that_grew(void **) {
  for (const size_t count : {0, 1, 51, 52, 53, 2704, 2705, 20000}) {
    std::vector<OrderKey> keys;
    Random random(2, count);
    for (size_t i = 0; i < count; i++) keys.push_back(key_of(static_cast<float>(random.below(50)) / 10, i));
    std::ranges::sort(keys);
    OrderedTree tree(weigher());
    tree.insert(key_of(9, 1));
    tree.build(keys, weigher());
    check_tree(tree, keys, 5);
    const OrderKey extra = key_of(2.5f, 1u << 30);
    tree.insert(extra);
    keys.insert(std::ranges::lower_bound(keys, extra), extra);
    check_tree(tree, keys, 5);
  }
}

void reserved_room_is_enough(void **) {
  OrderedTree tree(weigher());
  size_t inserted = 0;
  for (const size_t batch : {1, 100, 5000, 300, 20000}) {
    tree.reserve(batch);
    const size_t bytes = tree.bytes();
    for (size_t i = 0; i < batch; i++) tree.insert(key_of(1, inserted++));
    assert_int_equal(tree.bytes(), bytes);
  }
}

void a_cut_has_as_many_keys_before_it_as_asked(void **) {
  Random random(3, 3);
  for (const int kind : {0, 1, 2, 3}) {
    std::vector<OrderKey> keys;
    std::vector<OrderedTree> trees;
    for (size_t i = 0; i < kShards; i++) trees.emplace_back(weigher());
    for (uint64_t id = 0; id < 3000; id++) {
      // Alike in all shards; only ties; everything in one shard; each shard scores of its own.
      if (kind == 2 && id % kShards != 5) continue;
      const float score = kind == 1   ? 1
                          : kind == 3 ? static_cast<float>(id % kShards) + static_cast<float>(random.uniform())
                                      : static_cast<float>(random.uniform());
      keys.push_back(key_of(score, id));
      trees[id % kShards].insert(keys.back());
    }
    std::ranges::sort(keys);
    Ranking::Trees all;
    for (size_t i = 0; i < kShards; i++) all[i] = &trees[i];
    const Ranking ranking(all);
    assert_int_equal(ranking.size(), keys.size());
    for (size_t rank = 0; rank <= keys.size(); rank += 1 + rank % 7) {
      for (const OrderKey guess :
           {OrderKey{0}, keys[rank % 100], keys[std::min(rank, keys.size() - 1)], keys.back(), ~OrderKey{0}}) {
        const Cut cut = ranking.at(rank, guess);
        uint64_t count = 0;
        for (size_t i = 0; i < kShards; i++) {
          count += cut[i];
          if (cut[i] > 0)
            assert_true(trees[i].select(cut[i] - 1) == keys[rank - 1] ||
                        trees[i].select(cut[i] - 1) < keys[rank - 1]);
        }
        assert_int_equal(count, rank);
        assert_int_equal(ranking.key_after(cut), rank < keys.size() ? keys[rank] : ~OrderKey{0});
      }
    }
    // A stretch holds each of its keys once, and its weights.
    const Stretch stretch(ranking, ranking.at(keys.size() / 4), ranking.at(keys.size() / 2));
    std::vector<OrderKey> held;
    uint64_t weight = 0;
    for (size_t i = 0; i < stretch.count(); i++) {
      held.push_back(key_at(stretch.place_of_number(i)));
      assert_int_equal(key_at(stretch.place_of_point(weight)), held.back());
      weight += weigher()(held.back());
      assert_int_equal(key_at(stretch.place_of_point(weight - 1)), held.back());
    }
    assert_int_equal(stretch.weight(), weight);
    std::ranges::sort(held);
    assert_true(
        std::ranges::equal(held, std::span(keys).subspan(keys.size() / 4, keys.size() / 2 - keys.size() / 4)));
  }
}

void a_shuffled_pass_visits_everything_once(void **) {
  for (const uint64_t count : {1, 2, 3, 4, 5, 16, 17, 1000, 4097}) {
    std::vector<int> seen(count);
    const Shuffle shuffle(count, 1, 0);
    for (uint64_t place = 0; place < count; place++) seen[shuffle[place]]++;
    assert_true(std::ranges::all_of(seen, [](int times) { return times == 1; }));
  }
}

// Which sample comes at which place is even, and neighbours are not kept.
void shuffled_passes_are_even(void **) {
  constexpr uint64_t kCount = 10, kPasses = 20000;
  double places[kCount][kCount] = {}, pairs[kCount][kCount] = {};
  for (uint64_t pass = 0; pass < kPasses; pass++) {
    const Shuffle shuffle(kCount, 7, pass);
    for (uint64_t place = 0; place < kCount; place++) {
      places[place][shuffle[place]]++;
      if (place > 0) pairs[shuffle[place - 1]][shuffle[place]]++;
    }
  }
  double place_statistic = 0, pair_statistic = 0;
  for (uint64_t i = 0; i < kCount; i++) {
    for (uint64_t j = 0; j < kCount; j++) {
      const double expected = kPasses / 10.0;
      place_statistic += (places[i][j] - expected) * (places[i][j] - expected) / expected;
      if (i != j) pair_statistic += (pairs[i][j] - expected) * (pairs[i][j] - expected) / expected;
    }
  }
  assert_true(place_statistic < 81 + 6 * 12.7);
  assert_true(pair_statistic < 81 + 6 * 12.7);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(keys_come_by_falling_score_and_rising_number),
      cmocka_unit_test(a_tree_is_its_sorted_keys),
      cmocka_unit_test(rising_falling_and_equal_keys_keep_it_level),
      cmocka_unit_test(a_built_tree_is_like_one_that_grew),
      cmocka_unit_test(reserved_room_is_enough),
      cmocka_unit_test(a_cut_has_as_many_keys_before_it_as_asked),
      cmocka_unit_test(a_shuffled_pass_visits_everything_once),
      cmocka_unit_test(shuffled_passes_are_even),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
