// base/random: the published vectors of Philox, positions, ranges and moments.
#include "base/random.h"

#include <set>
#include <vector>

#include "raises.h"

namespace {

using ngd::Random;

// Known answers of Philox4x32-10, published with Salmon et al. 2011.
void philox_gives_the_published_answers(void **) {
  const uint32_t ones = 0xFFFFFFFF;
  const struct {
    Random::Block counter;
    std::array<uint32_t, 2> key;
    Random::Block answer;
  } rows[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}},
      {{ones, ones, ones, ones}, {ones, ones}, {0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD}},
      {{0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344},
       {0xA4093822, 0x299F31D0},
       {0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}},
  };
  for (const auto &row : rows) {
    const Random::Block got = Random::philox(row.counter, row.key);
    for (size_t i = 0; i < 4; i++) assert_int_equal(got[i], row.answer[i]);
  }
}

void numbers_are_the_blocks_in_order(void **) {
  Random random(0, 0);
  assert_true(random.next() == 0xE169C58D6627E8D5);
  assert_true(random.next() == 0x9B00DBD8BC57AC4C);
  // The block number counts up in the low words, the stream stands in the high ones, the seed is the key.
  Random other(0x0000000200000001, 0x0000000400000003);
  other.seek(10);
  const Random::Block block = Random::philox({5, 0, 3, 4}, {1, 2});
  assert_true(other.next() == (uint64_t{block[0]} | uint64_t{block[1]} << 32));
  assert_true(other.next() == (uint64_t{block[2]} | uint64_t{block[3]} << 32));
}

void seek_goes_to_any_position(void **) {
  Random random(42, 7);
  std::vector<uint64_t> drawn;
  for (int i = 0; i < 20; i++) drawn.push_back(random.next());
  assert_int_equal(random.position(), 20);
  for (const uint64_t position : {13, 0, 19, 12, 1}) {
    random.seek(position);
    assert_int_equal(random.position(), position);
    assert_true(random.next() == drawn[position]);
  }
  // A seek within the block that is already there, and one to a block left and come back to.
  random.seek(3);
  random.next();
  random.seek(2);
  assert_true(random.next() == drawn[2]);
}

void seeds_and_streams_are_different_numbers(void **) {
  std::set<uint64_t> seen;
  for (uint64_t seed = 0; seed < 30; seed++) {
    for (uint64_t stream = 0; stream < 30; stream++) {
      Random random(seed, stream);
      for (int i = 0; i < 4; i++) seen.insert(random.next());
    }
  }
  assert_int_equal(seen.size(), 30 * 30 * 4);
}

void uniform_is_in_range_with_the_right_moments(void **) {
  Random random(1, 0);
  const int count = 100000;
  double sum = 0, squares = 0;
  for (int i = 0; i < count; i++) {
    const double u = random.uniform();
    assert_true(u >= 0 && u < 1);
    sum += u;
    squares += u * u;
  }
  // Five standard errors: 1/sqrt(12 n) of the mean, sqrt(4/45/n) of the mean square.
  assert_true(std::fabs(sum / count - 0.5) < 5 * std::sqrt(1.0 / 12 / count));
  assert_true(std::fabs(squares / count - 1.0 / 3) < 5 * std::sqrt(4.0 / 45 / count));
}

void below_is_even_and_below(void **) {
  Random random(2, 0);
  const int count = 70000;
  std::vector<int> seen(7);
  for (int i = 0; i < count; i++) {
    const uint64_t value = random.below(7);
    assert_true(value < 7);
    seen[value]++;
  }
  for (const int times : seen) assert_true(std::abs(times - count / 7) < 5 * std::sqrt(count / 7.0));
  for (int i = 0; i < 10; i++) assert_int_equal(random.below(1), 0);
  // Three quarters of 2^64: without the rejection step every third value would come twice as often.
  const uint64_t bound = 0xC000000000000000;
  int thirds = 0;
  for (int i = 0; i < 9000; i++) {
    const uint64_t value = random.below(bound);
    assert_true(value < bound);
    thirds += value % 3 == 0;
  }
  assert_true(std::abs(thirds - 3000) < 5 * 45);
}

void normal_takes_two_positions_and_has_the_right_moments(void **) {
  Random random(3, 0);
  const int count = 100000;
  double sum = 0, squares = 0, fourths = 0;
  for (int i = 0; i < count; i++) {
    const double x = random.normal();
    assert_true(std::isfinite(x));
    sum += x;
    squares += x * x;
    fourths += x * x * x * x;
  }
  assert_int_equal(random.position(), 2 * count);
  assert_true(std::fabs(sum / count) < 5 / std::sqrt(count));
  assert_true(std::fabs(squares / count - 1) < 5 * std::sqrt(2.0 / count));
  assert_true(std::fabs(fourths / count - 3) < 5 * std::sqrt(96.0 / count));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(philox_gives_the_published_answers),
      cmocka_unit_test(numbers_are_the_blocks_in_order),
      cmocka_unit_test(seek_goes_to_any_position),
      cmocka_unit_test(seeds_and_streams_are_different_numbers),
      cmocka_unit_test(uniform_is_in_range_with_the_right_moments),
      cmocka_unit_test(below_is_even_and_below),
      cmocka_unit_test(normal_takes_two_positions_and_has_the_right_moments),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
