// cluster/coding and cluster/compressor: what comes out is what was meant to, and nothing that a peer sends breaks in.
#include "cluster/coding.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/random.h"
#include "check.h"
#include "cluster/client_session.h"
#include "cluster/compress_loops.h"
#include "cluster/compressor.h"
#include "math/block8.h"

namespace {

using ngd::Random;
using ngd::cluster::coded_bytes;
using ngd::cluster::CodedUpdate;
using ngd::cluster::Compression;
using ngd::cluster::Compressor;
using ngd::cluster::DecodedPart;
using ngd::cluster::largest_places;
using ngd::cluster::NumberWriter;
using ngd::cluster::PayloadReader;
using ngd::cluster::PieceShape;
using ngd::cluster::TensorUpdate;
using ngd::wire::Bytes;
using ngd::wire::Coding;
using ngd::wire::TensorPart;
using ngd::wire::UpdateKind;

constexpr Coding kCodings[] = {Coding::bf16, Coding::fp16, Coding::block8, Coding::sparse};
constexpr float kLargest = std::numeric_limits<float>::max();

// A dense tensor of 700 elements and a table of 40 rows of 6, on two shards: the table's rows from 16 on are the second's.
struct Model {
  ngd::wire::ModelPlace place;
  Model() {
    place.spec.tensors = {{"dense", {700}, false, {}}, {"table", {40, 6}, true, {}}};
    place.shards.resize(2);
    place.shards[0].pieces = {{0, 0, 500}, {1, 0, 96}};
    place.shards[1].pieces = {{0, 500, 200}, {1, 96, 144}};
  }
  PieceShape shape(size_t shard, size_t piece) const {
    PieceShape one;
    one.piece = place.shards[shard].pieces[piece];
    one.name = place.spec.tensors[piece].name;
    one.table = piece == 1;
    one.width = one.table ? 6 : 1;
    return one;
  }
};

Bytes bytes_of(const std::vector<float> &values) {
  return ngd::wire::copied(std::as_bytes(std::span(values)));
}
Bytes bytes_of(const std::vector<uint8_t> &values) {
  return ngd::wire::copied(std::as_bytes(std::span(values)));
}

std::vector<float> drawn(Random &random, size_t count, double scale = 1) {
  std::vector<float> values(count);
  for (float &value : values) value = static_cast<float>(scale * random.normal());
  return values;
}

struct Pushed {
  std::vector<float> dense, rows;
  std::vector<uint32_t> numbers;
  std::vector<TensorUpdate> updates() const { return {{0, {}, bytes_of(dense)}, {1, numbers, bytes_of(rows)}}; }
};

Pushed push_of(Random &random, double scale = 1) {
  Pushed pushed;
  pushed.dense = drawn(random, 700, scale);
  for (uint32_t row = 0; row < 40; row++) {
    if (random.below(3) == 0) pushed.numbers.push_back(row);
  }
  pushed.rows = drawn(random, pushed.numbers.size() * 6, scale);
  return pushed;
}

// Adds what the servers read to whole tensors.
void add_decoded(const std::vector<CodedUpdate> &coded, const Model &model, std::vector<double> &dense,
                 std::vector<double> &table, std::vector<uint32_t> *rows = nullptr) {
  for (size_t shard = 0; shard < coded.size(); shard++) {
    PayloadReader reader(coded[shard].payload);
    for (const TensorPart &part : coded[shard].tensors) {
      const PieceShape shape = model.shape(shard, part.tensor);
      const DecodedPart read = ngd::cluster::decode(part, shape, reader, true);
      for (size_t i = 0; i < read.values.size(); i++) {
        const double value = static_cast<double>(read.values.data()[i]);
        if (!shape.table)
          dense[shape.piece.first + i] += value;
        else
          table[(shape.first_row() + read.rows[i / 6]) * 6 + i % 6] += value;
      }
      if (rows != nullptr && shape.table) {
        for (const uint32_t row : read.rows) rows->push_back(row + static_cast<uint32_t>(shape.first_row()));
      }
    }
    assert_int_equal(reader.left(), 0);
  }
}

// What was sent and what was pushed differ by one residual, however many pushes there were.
void the_sum_of_what_is_sent_follows_that_of_what_is_pushed(void **) {
  const Model model;
  for (const Coding coding : kCodings) {
    Random random(7, static_cast<uint64_t>(coding));
    Compressor compressor({coding, 0.05});
    std::vector<double> dense(700), table(240), dense_pushed(700), table_pushed(240);
    constexpr int kSteps = 400;
    for (int step = 0; step < kSteps; step++) {
      Pushed pushed = push_of(random);
      for (float &value : pushed.dense) value += 0.25f;  // a mean that rounding to the nearest must not lose
      for (size_t i = 0; i < 700; i++) dense_pushed[i] += static_cast<double>(pushed.dense[i]);
      for (size_t i = 0; i < pushed.rows.size(); i++)
        table_pushed[pushed.numbers[i / 6] * 6 + i % 6] += static_cast<double>(pushed.rows[i]);
      std::vector<uint32_t> rows;
      add_decoded(compressor.code(UpdateKind::gradient, pushed.updates(), model.place), model, dense, table,
                  &rows);
      // No row is touched that was not pushed.
      assert_true(std::includes(pushed.numbers.begin(), pushed.numbers.end(), rows.begin(), rows.end()));
    }
    double most = 0;
    for (size_t i = 0; i < 700; i++) most = std::max(most, std::abs(dense[i] - dense_pushed[i]));
    for (size_t i = 0; i < 240; i++) most = std::max(most, std::abs(table[i] - table_pushed[i]));
    // Of the largest number a half of the last place; of sparse ones what has not been chosen yet, which is no sum of all
    // 400 steps (of 100 and more) either.
    const double bound = coding == Coding::bf16     ? 0.02
                         : coding == Coding::fp16   ? 0.003
                         : coding == Coding::block8 ? 0.3
                                                    : 30;
    if (most > bound) fail_msg("coding %d: the sums differ by %g", static_cast<int>(coding), most);
    assert_true(most > 0);
  }
}

void an_update_that_did_not_happen_leaves_the_residuals_as_they_were(void **) {
  const Model model;
  for (const Coding coding : kCodings) {
    Random random(11, static_cast<uint64_t>(coding));
    Compressor with({coding, 0.1}), without({coding, 0.1});
    std::vector<double> a(700), b(700), ta(240), tb(240);
    for (int step = 0; step < 60; step++) {
      const Pushed pushed = push_of(random);
      add_decoded(with.code(UpdateKind::gradient, pushed.updates(), model.place), model, a, ta);
      add_decoded(without.code(UpdateKind::gradient, pushed.updates(), model.place), model, b, tb);
      if (step % 3 != 0) continue;
      // One under way is refused while the next has been written already.
      const Pushed refused = push_of(random);
      const auto coded = with.code(UpdateKind::gradient, refused.updates(), model.place);
      with.undo(UpdateKind::gradient, refused.updates(), coded, model.place);
    }
    // Rounding of undo may make another choice once; the sums stay as near as residuals are.
    double most = 0;
    for (size_t i = 0; i < 700; i++) most = std::max(most, std::abs(a[i] - b[i]));
    if (most > (coding == Coding::sparse ? 4 : 0.3)) fail_msg("coding %d: %g", static_cast<int>(coding), most);
  }
}

void gradients_and_deltas_have_residuals_of_their_own(void **) {
  const Model model;
  Random random(3, 0);
  Compressor both({Coding::block8, 0.01}), one({Coding::block8, 0.01});
  std::vector<double> a(700), b(700), none(700), table(240), other(240), rest(240);
  for (int step = 0; step < 10; step++) {
    const Pushed pushed = push_of(random);
    add_decoded(both.code(UpdateKind::delta, push_of(random, 1000).updates(), model.place), model, none, rest);
    add_decoded(both.code(UpdateKind::gradient, pushed.updates(), model.place), model, a, table);
    add_decoded(one.code(UpdateKind::gradient, pushed.updates(), model.place), model, b, other);
  }
  assert_true(a == b && table == other);
}

void servers_that_read_no_codes_get_the_same_numbers(void **) {
  const Model model;
  for (const Coding coding : kCodings) {
    Random random(5, static_cast<uint64_t>(coding));
    Compressor compressor({coding, 0.05});
    const auto coded = compressor.code(UpdateKind::delta, push_of(random).updates(), model.place);
    const auto plain = Compressor::plain(coded, model.place);
    std::vector<double> dense(700), table(240), plain_dense(700), plain_table(240);
    add_decoded(coded, model, dense, table);
    for (size_t shard = 0; shard < 2; shard++) {
      PayloadReader reader(plain[shard].payload);
      for (const TensorPart &part : plain[shard].tensors) {
        assert_true(part.coding == Coding::float32);
        const PieceShape shape = model.shape(shard, part.tensor);
        const auto rows = reader.take<uint32_t>(shape.table ? part.rows : 0);
        const auto values = reader.take<float>(shape.table ? part.rows * 6 : shape.piece.count);
        for (size_t i = 0; i < values->size(); i++) {
          const double value = static_cast<double>(values->data()[i]);
          (shape.table ? plain_table[rows->data()[i / 6] * 6 + i % 6] : plain_dense[shape.piece.first + i]) +=
              value;
        }
      }
      assert_int_equal(reader.left(), 0);
    }
    assert_true(dense == plain_dense && table == plain_table);
  }
}

void the_largest_are_those_that_sorting_finds(void **) {
  Random random(1, 2);
  for (int round = 0; round < 400; round++) {
    const size_t size = 1 + random.below(3000), count = 1 + random.below(size);
    std::vector<float> values = drawn(random, size);
    // Many equal ones, zeros, and magnitudes far apart.
    for (float &value : values) {
      if (random.below(3) == 0) value = static_cast<float>(random.below(3)) - 1;
      if (random.below(20) == 0) value *= 1e-30f;
      if (random.below(40) == 0) value *= 1e30f;
    }
    std::vector<uint64_t> expected(size), got;
    for (size_t i = 0; i < size; i++) expected[i] = i;
    std::ranges::stable_sort(expected, std::greater(), [&](uint64_t i) { return std::abs(values[i]); });
    expected.resize(count);
    std::erase_if(expected, [&](uint64_t i) { return values[i] == 0; });
    std::ranges::sort(expected);
    largest_places(values.data(), size, count, got);
    assert_true(got == expected);
  }
}

// Numbers past what a coding holds become its largest, and the rest is kept; nothing becomes infinite.
void numbers_beyond_the_range_are_held(void **) {
  Model model;
  for (const Coding coding : kCodings) {
    Compressor compressor({coding, 0.5});
    Pushed pushed;
    pushed.dense.assign(700, kLargest);
    pushed.dense[1] = -kLargest;
    pushed.dense[2] = std::numeric_limits<float>::denorm_min();
    for (int step = 0; step < 3; step++) {
      std::vector<double> dense(700), table(240);
      add_decoded(compressor.code(UpdateKind::gradient, pushed.updates(), model.place), model, dense, table);
      for (const double value : dense) assert_true(std::isfinite(value));
      assert_true(dense[0] >= 65504 && dense[1] <= -65504);
    }
  }
}

// --- what a peer may send ------------------------------------------------------------------------------------------

DecodedPart decode_one(TensorPart part, const PieceShape &shape, const std::vector<Bytes> &payload) {
  PayloadReader reader(payload);
  return ngd::cluster::decode(part, shape, reader, true);
}

void what_is_malformed_is_refused_with_its_reason(void **) {
  const Model model;
  const PieceShape dense = model.shape(1, 0), table = model.shape(1, 1);
  const auto part = [](Coding coding, uint32_t rows, uint64_t entries, uint64_t gaps) {
    return TensorPart{0, rows, false, coding, entries, gaps};
  };
  const std::vector<float> scale = {1};
  std::vector<uint8_t> codes(200);
  assert_int_equal(
      decode_one(part(Coding::block8, 0, 0, 0), dense, {bytes_of(scale), bytes_of(codes)}).values.size(), 200);
  for (const float bad : {0.0f, -1.0f, 3.0f, std::nanf(""), INFINITY, 0x1p-100f, 0x1p127f}) {
    const std::string message = message_of(NGD_E_PROTOCOL, [&] {
      decode_one(part(Coding::block8, 0, 0, 0), dense, {bytes_of(std::vector<float>{bad}), bytes_of(codes)});
    });
    assert_true(message.find("scale 0") != std::string::npos);
  }
  const auto refused = [&](ngd_status status, const TensorPart &one, const PieceShape &shape,
                           const std::vector<uint8_t> &bytes, const char *says) {
    const std::string message = message_of(status, [&] { decode_one(one, shape, {bytes_of(bytes)}); });
    if (message.find(says) == std::string::npos) fail_msg("\"%s\" does not say \"%s\"", message.c_str(), says);
  };
  refused(NGD_E_SHAPE, part(Coding::block8, 0, 0, 0), dense, std::vector<uint8_t>(203), "203 bytes for 200");
  refused(NGD_E_SHAPE, part(Coding::bf16, 0, 0, 0), dense, std::vector<uint8_t>(399), "399 bytes for 200");
  refused(NGD_E_PROTOCOL, part(Coding::bf16, 3, 0, 0), dense, std::vector<uint8_t>(400), "no table");
  refused(NGD_E_PROTOCOL, part(Coding::bf16, 0, 1, 0), dense, std::vector<uint8_t>(400), "only sparse");
  refused(NGD_E_SHAPE, part(Coding::bf16, 25, 0, 0), table, std::vector<uint8_t>(4000), "coded numbers");
  refused(NGD_E_SHAPE, part(Coding::bf16, ~0u, 0, 0), table, std::vector<uint8_t>(4000), "coded numbers");
  // A row of another shard, a gap out of the table, one without an end, bytes that nobody needs.
  std::vector<uint8_t> one_row(12);
  const auto with_gaps = [&](std::vector<uint8_t> gaps) {
    std::vector<uint8_t> all = one_row;
    all.insert(all.end(), gaps.begin(), gaps.end());
    return all;
  };
  assert_int_equal(decode_one(part(Coding::bf16, 1, 0, 1), table, {bytes_of(with_gaps({16}))}).rows.at(0), 0);
  refused(NGD_E_RANGE, part(Coding::bf16, 1, 0, 1), table, with_gaps({15}), "place 15");
  refused(NGD_E_RANGE, part(Coding::bf16, 1, 0, 1), table, with_gaps({40}), "place 40");
  refused(NGD_E_PROTOCOL, part(Coding::bf16, 1, 0, 9), table, with_gaps(std::vector<uint8_t>(9, 0xFF)),
          "no end");
  refused(NGD_E_PROTOCOL, part(Coding::bf16, 1, 0, 8), table,
          with_gaps({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F}), "leads out");
  refused(NGD_E_PROTOCOL, part(Coding::bf16, 1, 0, 2), table, with_gaps({16, 0}), "left over");
  refused(NGD_E_PROTOCOL, part(Coding::bf16, 1, 0, 5), table, with_gaps({16}), "ends before");
  refused(NGD_E_PROTOCOL, part(Coding::bf16, 1, 0, ~uint64_t{0}), table, with_gaps({16}), "ends before");
  // Sparse: more numbers than places, than bytes; places out of the piece; infinity.
  refused(NGD_E_PROTOCOL, part(Coding::sparse, 0, 201, 201), dense, std::vector<uint8_t>(603), "201 numbers");
  refused(NGD_E_PROTOCOL, part(Coding::sparse, 0, ~uint64_t{0}, 1), dense, std::vector<uint8_t>(3), "numbers");
  refused(NGD_E_SHAPE, part(Coding::sparse, 0, 150, 1), dense, std::vector<uint8_t>(3), "3 bytes");
  refused(NGD_E_RANGE, part(Coding::sparse, 0, 1, 2), dense, {0, 0x3F, 0xC8, 0x01}, "place 200");
  refused(NGD_E_PROTOCOL, part(Coding::sparse, 2, 1, 1), table, {0, 0x3F, 1}, "places, not rows");
  refused(NGD_E_NOT_FINITE, part(Coding::sparse, 0, 1, 1), dense, {0x80, 0x7F, 1}, "infinity");
  refused(NGD_E_NOT_FINITE, part(Coding::fp16, 0, 0, 0), model.shape(1, 0), std::vector<uint8_t>(400, 0x7F),
          "NaN");
  const DecodedPart good =
      decode_one(part(Coding::sparse, 0, 1, 2), table, {bytes_of(std::vector<uint8_t>{0, 0x3F, 0x8F, 0x01})});
  assert_true(good.rows == std::vector<uint32_t>{23} && good.values.data()[5] == 0.5f);
}

void noise_is_refused_or_read_within_its_bounds(void **) {
  const Model model;
  Random random(99, 1);
  size_t read = 0;
  for (int round = 0; round < 200'000; round++) {
    const PieceShape shape = model.shape(random.below(2), random.below(2));
    TensorPart part;
    part.coding = static_cast<Coding>(1 + random.below(4));
    if (shape.table && part.coding != Coding::sparse) part.rows = static_cast<uint32_t>(random.below(30));
    if (part.coding == Coding::sparse) part.entries = random.below(20);
    const uint64_t numbers = part.coding == Coding::sparse ? part.entries
                             : shape.table                 ? part.rows * 6
                                                           : shape.piece.count;
    // Half of them are nearly right: as many gaps as there are places, small ones, and scales that may be.
    const bool near = random.below(2) == 0;
    part.gap_bytes = !near ? random.below(40) : part.coding == Coding::sparse ? part.entries : part.rows;
    const uint64_t size = part.gap_bytes + coded_bytes(part.coding, numbers);
    std::vector<uint8_t> bytes(near ? size : random.below(size + 100));
    for (uint8_t &byte : bytes) byte = static_cast<uint8_t>(random.below(near ? 3 : 256));
    if (near && part.rows > 0) bytes[size - part.gap_bytes] = static_cast<uint8_t>(shape.first_row());
    if (near && part.coding == Coding::block8) {
      const float scale = 0.25f;
      for (uint64_t i = 0; i < (numbers + 255) / 256; i++) std::memcpy(bytes.data() + 4 * i, &scale, 4);
    }
    const Bytes whole = bytes_of(bytes);
    const size_t cut = random.below(bytes.size() + 1);
    const std::vector<Bytes> payload = {whole.slice(0, cut), whole.slice(cut, bytes.size() - cut)};
    try {
      PayloadReader reader(payload);
      const DecodedPart got = ngd::cluster::decode(part, shape, reader, true);
      read++;
      assert_true(got.values.size() <= shape.piece.count);
      assert_true(got.values.size() * sizeof(float) <= decoded_bytes(part, shape));
      for (size_t i = 0; i < got.rows.size(); i++)
        assert_true(got.rows[i] < shape.rows() && (i == 0 || got.rows[i] > got.rows[i - 1]));
    } catch (const ngd::Error &error) {
      assert_true(error.status() == NGD_E_PROTOCOL || error.status() == NGD_E_SHAPE ||
                  error.status() == NGD_E_RANGE || error.status() == NGD_E_NOT_FINITE);
    }
  }
  assert_true(read > 1000);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_sum_of_what_is_sent_follows_that_of_what_is_pushed),
      cmocka_unit_test(an_update_that_did_not_happen_leaves_the_residuals_as_they_were),
      cmocka_unit_test(gradients_and_deltas_have_residuals_of_their_own),
      cmocka_unit_test(servers_that_read_no_codes_get_the_same_numbers),
      cmocka_unit_test(the_largest_are_those_that_sorting_finds),
      cmocka_unit_test(numbers_beyond_the_range_are_held),
      cmocka_unit_test(what_is_malformed_is_refused_with_its_reason),
      cmocka_unit_test(noise_is_refused_or_read_within_its_bounds),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
