// cluster/parameters: long runs of updates, cut anywhere, against the plain arithmetic; versions that are held stand still.
#include "cluster/parameters.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/random.h"
#include "check.h"
#include "cluster/block_pool.h"

namespace {

using ngd::cluster::BlockPool;
using ngd::cluster::Parameters;
using ngd::cluster::Snapshot;
using ngd::cluster::UpdatePart;
using ngd::wire::Bytes;
using ngd::wire::UpdateKind;

// Two dense tensors, of several blocks and of one, in one piece each.
struct Model {
  ngd::wire::ModelSpec spec;
  std::vector<ngd::wire::Piece> pieces;
  Model() {
    spec.name = "m";
    spec.optimizer = "sgd:learning_rate=1";
    spec.tensors = {{"large", {150'000}, false, {}}, {"small", {700}, false, {}}};
    pieces = {{0, 0, 150'000}, {1, 0, 700}};
  }
};

Bytes bytes_of(const std::vector<float> &values, bool lent) {
  Bytes bytes = ngd::wire::copied(std::as_bytes(std::span(values)));
  bytes.lent = lent;
  return bytes;
}

// The same bytes in several slices, some of which end within a number.
std::vector<Bytes> cut(const Bytes &whole, ngd::Random &random, size_t pieces) {
  std::vector<size_t> at = {0, whole.size};
  for (size_t i = 1; i < pieces; i++) {
    const size_t place = random.below(whole.size);
    at.push_back(random.below(3) == 0 ? place : place / 4 * 4);
  }
  std::sort(at.begin(), at.end());
  std::vector<Bytes> parts;
  for (size_t i = 1; i < at.size(); i++) parts.push_back(whole.slice(at[i - 1], at[i] - at[i - 1]));
  return parts;
}

std::vector<float> read(const Snapshot &snapshot, uint32_t tensor) {
  std::vector<ngd::wire::TensorPart> answer;
  std::vector<Bytes> payload;
  if (snapshot.read({{tensor, 0, false}}, {}, answer, payload)) fail_msg("the snapshot cannot be read");
  std::vector<float> values(ngd::wire::total_bytes(payload) / sizeof(float));
  auto *to = reinterpret_cast<std::byte *>(values.data());
  for (const Bytes &part : payload) {
    std::memcpy(to, part.data, part.size);
    to += part.size;
  }
  return values;
}

void any_run_of_updates_is_plain_arithmetic_and_held_versions_stand_still(void **) {
  const Model model;
  for (uint64_t seed = 0; seed < 6; seed++) {
    ngd::Random random(seed, 7);
    Parameters parameters(model.spec, model.pieces);
    std::vector<std::vector<float>> expected = {std::vector<float>(150'000), std::vector<float>(700)};
    struct Held {
      std::shared_ptr<const Snapshot> snapshot;
      std::vector<std::vector<float>> values;
    };
    std::vector<Held> held;
    for (uint64_t version = 1; version <= 40; version++) {
      const UpdateKind kind =
          std::array{UpdateKind::value, UpdateKind::delta, UpdateKind::gradient}[random.below(3)];
      std::vector<ngd::wire::TensorPart> tensors;
      std::vector<Bytes> payload;
      for (uint32_t t = 0; t < 2; t++) {
        if (kind != UpdateKind::gradient && random.below(4) == 0) continue;
        std::vector<float> values(expected[t].size());
        for (float &value : values) value = static_cast<float>(random.below(64)) - 32;  // sums are exact
        for (size_t i = 0; i < values.size(); i++) {
          if (kind == UpdateKind::value)
            expected[t][i] = values[i];
          else
            expected[t][i] += kind == UpdateKind::delta ? values[i] : -values[i];
        }
        tensors.push_back({t, 0, false});
        for (const Bytes &part : cut(bytes_of(values, random.below(2) == 0), random, 1 + random.below(5)))
          payload.push_back(part);
      }
      const UpdatePart part = parameters.checked(kind, tensors, payload);
      const UpdatePart *const parts[] = {&part};
      parameters.apply(parts, 0);
      // Several updates may come before readers see a version.
      if (random.below(4) == 0) continue;
      held.push_back({parameters.snapshot(version, 1, true), expected});
      if (held.size() > 4) held.erase(held.begin());
      for (const Held &one : held) {
        for (uint32_t t = 0; t < 2; t++) {
          if (read(*one.snapshot, t) != one.values[t])
            fail_msg("seed %d: version %d reads otherwise at %d", static_cast<int>(seed),
                     static_cast<int>(one.snapshot->version), static_cast<int>(version));
        }
      }
    }
  }
}

void values_that_may_be_kept_are_not_copied_and_lent_ones_are_let_go(void **) {
  const Model model;
  for (const bool lent : {false, true}) {
    Parameters parameters(model.spec, model.pieces);
    const Bytes values = bytes_of(std::vector<float>(150'000, 2.0f), lent);
    {
      const UpdatePart part = parameters.checked(UpdateKind::value, {{0, 0, false}}, {values});
      const UpdatePart *const parts[] = {&part};
      parameters.apply(parts, 0);
    }
    const auto snapshot = parameters.snapshot(1, 1, true);
    assert_true(read(*snapshot, 0) == std::vector<float>(150'000, 2.0f));
    const auto *first = snapshot->blocks[0][0].get();
    assert_int_equal(first == values.data, !lent);
    assert_int_equal(values.owner.use_count() == 1, lent);
  }
}

// A small part of a large buffer would keep all of it.
void a_small_part_of_a_large_buffer_is_copied(void **) {
  const Model model;
  Parameters parameters(model.spec, model.pieces);
  const Bytes values = bytes_of(std::vector<float>(150'700, 2.0f), false);
  const UpdatePart part = parameters.checked(UpdateKind::value, {{0, 0, false}, {1, 0, false}}, {values});
  const UpdatePart *const parts[] = {&part};
  parameters.apply(parts, 0);
  const auto snapshot = parameters.snapshot(1, 1, true);
  assert_ptr_equal(snapshot->blocks[0][0].get(), values.data);
  assert_ptr_not_equal(snapshot->blocks[1][0].get(), values.data + 600'000);
}

// In a round each row of a table moves by the mean of the deltas that have it, dense tensors by the sum; where the model does
// not say so, all by the sum.
void rows_of_a_round_are_averaged_over_those_that_have_them(void **) {
  for (const bool average : {true, false}) {
    ngd::wire::ModelSpec spec;
    spec.name = "m";
    spec.optimizer = "sgd:learning_rate=1";
    spec.tensors = {{"dense", {2}, false, {}}, {"table", {4, 2}, true, {}}};
    spec.average_rows = average;
    Parameters parameters(spec, {{0, 0, 2}, {1, 0, 8}});
    const std::vector<uint32_t> lists[] = {{0, 1}, {1, 3}, {1}};
    const std::vector<float> rows[] = {{1, 2, 3, 4}, {5, 6, 7, 8}, {10, 11}};
    std::vector<UpdatePart> updates;
    for (size_t i = 0; i < 3; i++) {
      const std::vector<Bytes> payload = {bytes_of({1, 2}, false),
                                          ngd::wire::copied(std::as_bytes(std::span(lists[i]))),
                                          bytes_of(rows[i], false)};
      const auto count = static_cast<uint32_t>(lists[i].size());
      updates.push_back(parameters.checked(UpdateKind::delta, {{0, 0, false}, {1, count, false}}, payload));
    }
    const UpdatePart *const round[] = {&updates[0], &updates[1], &updates[2]};
    parameters.apply(round, 0);
    float table[8];
    const uint32_t all[] = {0, 1, 2, 3};
    parameters.copy_rows(1, all, table);
    const std::array<float, 8> mean = {1, 2, 6, 7, 0, 0, 7, 8}, sum = {1, 2, 18, 21, 0, 0, 7, 8};
    assert_memory_equal(table, (average ? mean : sum).data(), sizeof table);
    const auto snapshot = parameters.snapshot(1, 1, true);
    assert_true(read(*snapshot, 0) == (std::vector<float>{3, 6}));
    const UpdatePart *const alone[] = {&updates[2]};  // a round of one
    parameters.apply(alone, 0);
    parameters.copy_rows(1, all, table);
    assert_float_equal(table[2], (average ? mean : sum)[2] + 10, 0);
  }
}

void a_pool_gives_the_same_memory_again_and_keeps_no_more_than_it_may(void **) {
  std::shared_ptr<std::byte> late;
  {
    BlockPool pool(3000);
    const std::byte *const first = pool.take(1000).get();
    assert_int_equal(pool.kept(), 1000);
    std::vector<std::shared_ptr<std::byte>> blocks;
    for (int i = 0; i < 5; i++) blocks.push_back(pool.take(1000));
    assert_ptr_equal(blocks[0].get(), first);
    assert_int_equal(pool.kept(), 0);
    late = blocks[0];
    blocks.clear();
    assert_int_equal(pool.kept(), 3000);
  }
  late.reset();  // after its pool
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(any_run_of_updates_is_plain_arithmetic_and_held_versions_stand_still),
      cmocka_unit_test(values_that_may_be_kept_are_not_copied_and_lent_ones_are_let_go),
      cmocka_unit_test(a_small_part_of_a_large_buffer_is_copied),
      cmocka_unit_test(rows_of_a_round_are_averaged_over_those_that_have_them),
      cmocka_unit_test(a_pool_gives_the_same_memory_again_and_keeps_no_more_than_it_may),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
