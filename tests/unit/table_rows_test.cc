// cluster/table_rows, and tables in cluster/parameters and cluster/snapshot: what readers see of rows, held against plain
// copies of whole tables; versions that stand still; readers on other threads.
#include "cluster/table_rows.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <thread>

#include "base/random.h"
#include "check.h"
#include "cluster/parameters.h"

namespace {

using ngd::Random;
using ngd::cluster::BlockPool;
using ngd::cluster::Parameters;
using ngd::cluster::Pieces;
using ngd::cluster::PieceShape;
using ngd::cluster::Published;
using ngd::cluster::RowChanges;
using ngd::cluster::Snapshot;
using ngd::cluster::TableRows;
using ngd::cluster::UpdatePart;
using ngd::wire::Bytes;
using ngd::wire::Initial;
using ngd::wire::UpdateKind;

constexpr uint64_t kRows = 301, kWidth = 3, kFirstRow = 40;

// Part of a table, in blocks of 8 rows of which the last is short.
Pieces one_piece() {
  PieceShape shape;
  shape.piece = {0, kFirstRow * kWidth, kRows * kWidth};
  shape.table = true;
  shape.width = kWidth;
  shape.block_elements = 8 * kWidth;
  shape.initial = {Initial::Kind::uniform, 0.5f, 3};
  shape.name = "t";
  return std::make_shared<const std::vector<PieceShape>>(1, shape);
}

std::vector<float> untouched() {
  std::vector<float> values(kRows * kWidth);
  ngd::cluster::fill_initial({Initial::Kind::uniform, 0.5f, 3}, 0, kFirstRow * kWidth, values);
  return values;
}

std::vector<uint32_t> all_rows() {
  std::vector<uint32_t> rows(kRows);
  for (uint32_t i = 0; i < kRows; i++) rows[i] = i;
  return rows;
}

std::vector<float> joined(const std::vector<Bytes> &payload) {
  std::vector<float> values(ngd::wire::total_bytes(payload) / sizeof(float));
  auto *to = reinterpret_cast<std::byte *>(values.data());
  for (const Bytes &part : payload) to = std::copy_n(part.data, part.size, to);
  return values;
}

void every_state_reads_as_a_copy_of_the_whole_table_and_what_stands_stays(void **) {
  for (uint64_t seed = 0; seed < 20; seed++) {
    Random random(seed, 1);
    const auto rows = std::make_shared<TableRows>(one_piece(), BlockPool(1 << 20));
    std::vector<float> expected = untouched();
    struct Held {
      std::shared_ptr<const TableRows::Standing> standing;
      std::vector<float> values;
      std::vector<Bytes> lent;  // all rows, not copied
    };
    std::vector<Held> held;
    for (uint64_t number = 1; number <= 60; number++) {
      RowChanges change;
      for (uint32_t row = 0; row < kRows; row++) {
        if (random.below(seed % 2 == 0 ? 4 : 60) == 0) change.rows.push_back(row);
      }
      if (random.below(2) == 0) std::ranges::reverse(change.rows);
      for (const uint32_t row : change.rows) {
        for (uint64_t i = 0; i < kWidth; i++) expected[row * kWidth + i] = static_cast<float>(random.uniform());
      }
      change.table = expected.data();
      if (random.below(2) == 0) {
        change.keep(kWidth);
        assert_null(change.table);
      }
      rows->advance(number, std::span(&change, 1));

      std::vector<float> read(kRows * kWidth);
      assert_true(rows->copy(number, 0, all_rows(), read.data()));
      assert_true(read == expected);
      assert_false(rows->copy(number - 1, 0, all_rows(), read.data()));
      assert_true(rows->stand(number - 1) == nullptr);

      if (random.below(2) == 0) {
        Held one{rows->stand(number), expected, {}};
        assert_true(one.standing != nullptr);
        if (random.below(2) == 0) one.standing->append_all(0, one.lent);
        held.push_back(std::move(one));
      }
      if (!held.empty() && random.below(3) == 0)
        held.erase(held.begin() + static_cast<ptrdiff_t>(random.below(held.size())));
      for (const Held &one : held) {
        one.standing->copy(0, all_rows(), read.data());
        assert_true(read == one.values);
        std::vector<Bytes> whole;
        one.standing->append_all(0, whole);
        assert_true(joined(whole) == one.values);
        if (!one.lent.empty()) assert_true(joined(one.lent) == one.values);
      }
    }
    // What was lent holds what it needs.
    std::vector<Bytes> lent;
    rows->stand(60)->append_all(0, lent);
    held.clear();
    RowChanges change;
    change.rows = all_rows();
    const std::vector<float> zeros(kRows * kWidth);
    change.table = zeros.data();
    rows->advance(61, std::span(&change, 1));
    assert_true(joined(lent) == expected);
  }
}

// Nobody may see rows of two states, whatever the threads do.
void readers_on_other_threads_see_one_state(void **) {
  const auto rows = std::make_shared<TableRows>(one_piece(), BlockPool(1 << 20));
  std::vector<float> table(kRows * kWidth, 0.0f);
  RowChanges all;
  all.rows = all_rows();
  all.table = table.data();
  rows->advance(1, std::span(&all, 1));
  std::atomic<uint64_t> newest{1};
  std::atomic<bool> stop{false}, mixed{false};
  std::atomic<uint64_t> reads{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; i++) {
    readers.emplace_back([&, i] {
      std::vector<float> read(kRows * kWidth);
      while (!stop) {
        const uint64_t number = newest;
        if (i == 0) {
          if (!rows->copy(number, 0, all_rows(), read.data())) continue;
        } else {
          const auto standing = rows->stand(number);
          if (standing == nullptr) continue;
          std::vector<Bytes> payload;
          standing->append_all(0, payload);
          std::this_thread::yield();
          read = joined(payload);
        }
        for (const float value : read) mixed = mixed || value != static_cast<float>(number - 1);
        reads++;
      }
    });
  }
  for (uint64_t number = 2; number < 400 || reads < 20; number++) {
    std::ranges::fill(table, static_cast<float>(number - 1));
    rows->advance(number, std::span(&all, 1));
    newest = number;
    std::this_thread::yield();
  }
  stop = true;
  for (std::thread &reader : readers) reader.join();
  assert_false(mixed);
}

// A table of two and a dense tensor.
struct Model {
  ngd::wire::ModelSpec spec;
  std::vector<ngd::wire::Piece> pieces;
  Model() {
    spec.name = "m";
    spec.optimizer = "sgd:learning_rate=1";
    spec.tensors = {{"t", {5000, 4}, true, {}}, {"w", {10}, false, {}}, {"u", {300, 2}, true, {}}};
    spec.tensors[0].initial = {Initial::Kind::constant, 1, 0};
    pieces = {{0, 0, 20'000}, {1, 0, 10}, {2, 0, 600}};
  }
};

struct Tables {
  std::vector<float> t = std::vector<float>(20'000, 1.0f), u = std::vector<float>(600);
};

std::vector<float> read_all(const Snapshot &snapshot, uint32_t tensor) {
  std::vector<ngd::wire::TensorPart> answer;
  std::vector<Bytes> payload;
  if (snapshot.read({{tensor, 0, true}}, {}, answer, payload)) fail_msg("the snapshot cannot be read");
  return joined(payload);
}

// A random update of some rows of both tables, and what it makes of them.
void update(Parameters &parameters, Tables &tables, Random &random) {
  const UpdateKind kind =
      std::array{UpdateKind::value, UpdateKind::delta, UpdateKind::gradient}[random.below(3)];
  std::vector<ngd::wire::TensorPart> parts;
  std::vector<Bytes> payload;
  for (const uint32_t tensor : {0u, 2u}) {
    std::vector<float> &table = tensor == 0 ? tables.t : tables.u;
    const size_t width = tensor == 0 ? 4 : 2;
    std::vector<uint32_t> rows;
    for (uint32_t row = 0; row < table.size() / width; row++) {
      if (random.below(50) == 0) rows.push_back(row);
    }
    std::vector<float> values(rows.size() * width);
    for (float &value : values) value = static_cast<float>(random.below(64)) - 32;
    for (size_t i = 0; i < values.size(); i++) {
      float &to = table[rows[i / width] * width + i % width];
      to = kind == UpdateKind::value ? values[i] : kind == UpdateKind::delta ? to + values[i] : to - values[i];
    }
    if (rows.empty()) continue;
    parts.push_back({tensor, static_cast<uint32_t>(rows.size()), false});
    payload.push_back(ngd::wire::copied(std::as_bytes(std::span(rows))));
    payload.push_back(ngd::wire::copied(std::as_bytes(std::span(values))));
  }
  const UpdatePart part = parameters.checked(kind, parts, payload);
  const UpdatePart *const list[] = {&part};
  parameters.apply(list, 0);
}

void versions_come_out_in_their_order_late_withdrawn_and_pinned(void **) {
  const Model model;
  for (uint64_t seed = 0; seed < 20; seed++) {
    Random random(seed, 2);
    Parameters parameters(model.spec, model.pieces);
    Published published;
    Tables now;
    struct Late {
      std::shared_ptr<Snapshot> snapshot;
      Tables tables;
    };
    std::vector<Late> late;  // not yet published, as while a log is written
    std::vector<std::pair<uint64_t, Tables>> pinned;
    const auto publish = [&](const Late &one) {
      published.publish(one.snapshot);
      const auto newest = published.newest();
      assert_true(read_all(*newest, 0) == one.tables.t);
      assert_true(read_all(*newest, 2) == one.tables.u);
      if (random.below(4) == 0) {
        published.pin(newest->version);
        pinned.emplace_back(newest->version, one.tables);
      }
    };
    for (uint64_t version = 1; version <= 80; version++) {
      update(parameters, now, random);
      if (random.below(4) == 0) continue;
      Late one{parameters.snapshot(version, 1, true), now};
      if (late.empty() && random.below(2) == 0) {
        publish(one);
      } else {
        one.snapshot->keep_changes();
        late.push_back(std::move(one));
      }
      if (random.below(8) == 0) {  // it leads no more: what was not certain is shown with what comes
        for (const Late &lost : late) parameters.withdraw(*lost.snapshot);
        late.clear();
      }
      while (!late.empty() && random.below(3) == 0) {
        publish(late.front());
        late.erase(late.begin());
      }
      if (pinned.size() > 2) {
        published.unpin(pinned.front().first);
        pinned.erase(pinned.begin());
      }
      for (const auto &[pin, tables] : pinned) {
        const auto snapshot = published.at(pin);
        assert_true(snapshot != nullptr);
        assert_true(read_all(*snapshot, 0) == tables.t);
        assert_true(read_all(*snapshot, 2) == tables.u);
      }
    }
    assert_int_equal(published.pins(), pinned.size());
  }
}

// Work and memory of a version are those of its rows: no block is copied while nobody holds a version.
void a_version_that_nobody_holds_copies_no_blocks(void **) {
  const Model model;
  Parameters parameters(model.spec, model.pieces);
  Published published;
  Tables tables;
  Random random(1, 3);
  const auto place = [&] {  // of the first block
    std::vector<Bytes> payload;
    std::vector<ngd::wire::TensorPart> answer;
    assert_false(published.newest()->read({{0, 0, true}}, {}, answer, payload).has_value());
    return payload.front().data;
  };
  const auto next = [&](uint64_t version) {
    const std::vector<uint32_t> row = {0};
    const std::vector<float> value(4, static_cast<float>(version));
    const UpdatePart part = parameters.checked(
        UpdateKind::value, {{0, 1, false}},
        {ngd::wire::copied(std::as_bytes(std::span(row))), ngd::wire::copied(std::as_bytes(std::span(value)))});
    const UpdatePart *const list[] = {&part};
    parameters.apply(list, 0);
    published.publish(parameters.snapshot(version, 1, true));
  };
  next(1);
  const std::byte *const first = place();
  next(2);
  assert_ptr_equal(place(), first);
  published.pin(2);
  next(3);
  assert_ptr_not_equal(place(), first);
  published.unpin(2);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_state_reads_as_a_copy_of_the_whole_table_and_what_stands_stays),
      cmocka_unit_test(readers_on_other_threads_see_one_state),
      cmocka_unit_test(versions_come_out_in_their_order_late_withdrawn_and_pinned),
      cmocka_unit_test(a_version_that_nobody_holds_copies_no_blocks),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
