// math/crc32c: the vectors of RFC 3720 and of the catalogue of CRCs, the two ways against each other, runs in pieces.
#include "math/crc32c.h"

#include <string_view>
#include <vector>

#include "base/random.h"
#include "test.h"

namespace {

using ngd::crc32c;
using ngd::crc32c_portable;

void both_ways_give(uint32_t expected, std::span<const std::byte> bytes) {
  assert_int_equal(crc32c(bytes), expected);
  assert_int_equal(crc32c_portable(bytes), expected);
}

void the_published_vectors_are_met(void **) {
  both_ways_give(0, {});
  both_ways_give(0xE3069283, std::as_bytes(std::span(std::string_view("123456789"))));
  std::vector<std::byte> bytes(32, std::byte{0});
  both_ways_give(0x8A9136AA, bytes);
  bytes.assign(32, std::byte{0xFF});
  both_ways_give(0x62A8AB43, bytes);
  for (size_t i = 0; i < 32; i++) bytes[i] = static_cast<std::byte>(i);
  both_ways_give(0x46DD794E, bytes);
  for (size_t i = 0; i < 32; i++) bytes[i] = static_cast<std::byte>(31 - i);
  both_ways_give(0x113FDB5C, bytes);
}

void both_ways_agree_at_every_length_and_place(void **) {
  ngd::Random random(7, 0);
  std::vector<std::byte> bytes(512);
  for (std::byte &byte : bytes) byte = static_cast<std::byte>(random.next());
  for (size_t first = 0; first < 9; first++) {
    for (size_t size = 0; size < 300; size++) {
      const std::span<const std::byte> run = std::span(bytes).subspan(first, size);
      assert_int_equal(crc32c(run), crc32c_portable(run));
    }
  }
}

void pieces_give_what_the_whole_gives(void **) {
  std::vector<std::byte> bytes(1000);
  for (size_t i = 0; i < bytes.size(); i++) bytes[i] = static_cast<std::byte>(i * 37);
  const std::span<const std::byte> all(bytes);
  for (size_t cut = 0; cut <= bytes.size(); cut += 13) {
    assert_int_equal(crc32c(all.subspan(cut), crc32c(all.first(cut))), crc32c(all));
    assert_int_equal(crc32c_portable(all.subspan(cut), crc32c_portable(all.first(cut))), crc32c(all));
  }
}

void every_single_flipped_bit_is_seen(void **) {
  std::vector<std::byte> bytes(60);
  for (size_t i = 0; i < bytes.size(); i++) bytes[i] = static_cast<std::byte>(i);
  const uint32_t whole = crc32c(bytes);
  for (size_t bit = 0; bit < 8 * bytes.size(); bit++) {
    bytes[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    assert_int_not_equal(crc32c(bytes), whole);
    bytes[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_published_vectors_are_met),
      cmocka_unit_test(both_ways_agree_at_every_length_and_place),
      cmocka_unit_test(pieces_give_what_the_whole_gives),
      cmocka_unit_test(every_single_flipped_bit_is_seen),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
