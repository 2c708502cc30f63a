// Updates in fewer bytes through servers: what they make of a model, what is refused, replicas, logs, old servers.
#include <cmath>

#include "base/random.h"
#include "small_cluster.h"

namespace {

using namespace simulation;
using ngd::Random;
using ngd::cluster::Shard;
using wire::Coding;
using wire::UpdateKind;

constexpr Coding kCodings[] = {Coding::bf16, Coding::fp16, Coding::block8, Coding::sparse};
constexpr size_t kDense = 3000, kRows = 50, kWidth = 8;

ClientOptions compressing(Coding coding, double share = 0.02) {
  ClientOptions options;
  options.compression = {coding, share};
  return options;
}

wire::ModelSpec dense_and_table(uint32_t shards, const char *optimizer = "sgd:learning_rate=1") {
  return model(optimizer, {tensor("dense", {kDense}), tensor("table", {kRows, kWidth}, true)}, shards);
}

struct Update {
  std::vector<float> dense, rows;
  std::vector<uint32_t> numbers;
};

Update drawn(Random &random) {
  Update update;
  update.dense.resize(kDense);
  for (float &value : update.dense) value = static_cast<float>(random.normal());
  for (uint32_t row = 0; row < kRows; row += 1 + static_cast<uint32_t>(random.below(9)))
    update.numbers.push_back(row);
  update.rows.resize(update.numbers.size() * kWidth);
  for (float &value : update.rows) value = static_cast<float>(random.normal());
  return update;
}

Outcome push(SmallCluster &cluster, size_t client, UpdateKind kind, const Update &update, uint64_t base = 0) {
  return cluster.wait(
      client, cluster.world.session(client).push(kind,
                                                 {{0, {}, SmallCluster::bytes(update.dense)},
                                                  {1, update.numbers, SmallCluster::bytes(update.rows)}},
                                                 cluster.now(client), cluster.soon(client), base));
}

std::vector<float> all_of(SmallCluster &cluster, size_t client) {
  const Outcome read = cluster.pull(client, {{0, {}, false}, {1, {}, true}});
  std::vector<float> values = SmallCluster::values(read, 0, kDense);
  const std::vector<float> table = SmallCluster::values(read, 1, kRows * kWidth);
  values.insert(values.end(), table.begin(), table.end());
  return values;
}

// Added up on the servers, each coding gives what was pushed but for one residual; and takes its part of the bytes.
void deltas_add_up_on_any_number_of_shards(void **) {
  for (const Coding coding : kCodings) {
    for (const uint32_t shards : {1u, 3u}) {
      SmallCluster cluster(shards == 1 ? 1 : 2);
      const size_t a = cluster.client(dense_and_table(shards), compressing(coding));
      cluster.push(a, UpdateKind::initial, {std::vector<float>(kDense)});
      Random random(4, shards);
      std::vector<double> sum(kDense + kRows * kWidth);
      uint64_t bytes = 0, plain = 0;
      for (int step = 0; step < 100; step++) {
        const Update update = drawn(random);
        for (size_t i = 0; i < kDense; i++) sum[i] += static_cast<double>(update.dense[i]);
        for (size_t i = 0; i < update.rows.size(); i++)
          sum[kDense + update.numbers[i / kWidth] * kWidth + i % kWidth] += static_cast<double>(update.rows[i]);
        const Outcome outcome = push(cluster, a, UpdateKind::delta, update);
        assert_int_equal(outcome.status, NGD_OK);
        assert_int_equal(outcome.version, 2 + step);
        bytes += outcome.payload_bytes;
        plain += 4 * (update.dense.size() + update.rows.size() + update.numbers.size());
      }
      const std::vector<float> got = all_of(cluster, a);
      double most = 0;
      for (size_t i = 0; i < got.size(); i++)
        most = std::max(most, std::abs(static_cast<double>(got[i]) - sum[i]));
      if (most > (coding == Coding::sparse ? 30 : 0.3))
        fail_msg("coding %d: %g", static_cast<int>(coding), most);
      const double cut = static_cast<double>(plain) / static_cast<double>(bytes);
      if (cut < (coding == Coding::sparse ? 40 : coding == Coding::block8 ? 3.8 : 1.98))
        fail_msg("coding %d: cut by %g alone", static_cast<int>(coding), cut);
      assert_true(cluster.world.violations.empty());
    }
  }
}

// The servers' optimizer steps on what was read: the bits of a client that pushes those numbers as they are.
void servers_that_do_not_know_of_it_get_the_same_numbers(void **) {
  for (const Coding coding : kCodings) {
    std::vector<float> seen[2];
    uint64_t bytes[2] = {};
    for (const bool old : {false, true}) {
      SmallCluster cluster;
      if (old) cluster.world.old_nodes = true;
      const size_t a = cluster.client(dense_and_table(1, "adam:learning_rate=0.1"), compressing(coding));
      cluster.push(a, UpdateKind::initial, {std::vector<float>(kDense)});
      Random random(9, 9);
      for (int step = 0; step < 5; step++)
        bytes[old] += push(cluster, a, UpdateKind::gradient, drawn(random)).payload_bytes;
      seen[old] = all_of(cluster, a);
    }
    assert_true(seen[0] == seen[1]);
    assert_true(bytes[1] > bytes[0]);
  }
}

// A refused update counts as never pushed: what follows it brings all of its own, and nothing of it.
void a_refused_update_leaves_nothing_behind(void **) {
  SmallCluster cluster;
  const wire::ModelSpec spec = dense_and_table(1);
  ClientOptions options = compressing(Coding::block8);
  options.consistency = wire::Consistency::bulk;
  const size_t a = cluster.client(spec, options);
  cluster.push(a, UpdateKind::initial, {std::vector<float>(kDense)});
  Random random(2, 2);
  Update large = drawn(random);
  for (float &value : large.dense) value *= 1e6f;
  const Outcome refused = push(cluster, a, UpdateKind::gradient, large, 77);
  assert_int_equal(refused.status, NGD_E_CONFLICT);
  Update small;
  small.dense.assign(kDense, 0.25f);  // which 8 bits hold exactly
  assert_int_equal(push(cluster, a, UpdateKind::gradient, small, 1).status, NGD_OK);
  const std::vector<float> got = all_of(cluster, a);
  for (size_t i = 0; i < kDense; i++) {
    // Undoing rounds as sums of a million do.
    if (std::abs(got[i] + 0.25f) > 0.2f) fail_msg("element %zu is %g", i, static_cast<double>(got[i]));
  }
}

void numbers_that_are_not_finite_are_refused_as_ever(void **) {
  SmallCluster cluster;
  const size_t a = cluster.client(dense_and_table(1), compressing(Coding::sparse));
  cluster.push(a, UpdateKind::initial, {std::vector<float>(kDense)});
  Random random(2, 3);
  Update bad = drawn(random);
  bad.dense[7] = std::nanf("");
  assert_int_equal(push(cluster, a, UpdateKind::gradient, bad).status, NGD_E_NOT_FINITE);
  assert_int_equal(push(cluster, a, UpdateKind::gradient, drawn(random)).status, NGD_OK);
  for (const float value : all_of(cluster, a)) assert_true(std::isfinite(value));
}

// Values are never changed on their way, whatever the client compresses.
void values_travel_as_they_are(void **) {
  SmallCluster cluster;
  const size_t a = cluster.client(dense_and_table(1), compressing(Coding::sparse));
  Random random(2, 4);
  const Update update = drawn(random);
  cluster.push(a, UpdateKind::initial, {update.dense});
  assert_true(SmallCluster::values(cluster.pull(a, {{0, {}, false}}), 0, kDense) == update.dense);
  Update other = drawn(random);
  push(cluster, a, UpdateKind::value, other);
  assert_true(SmallCluster::values(cluster.pull(a, {{0, {}, false}}), 0, kDense) == other.dense);
}

// A backup gets what the client sent, and has the same state.
void replicas_get_the_coded_form(void **) {
  uint64_t between[2] = {};
  for (const bool coded : {false, true}) {
    NodeOptions options;
    options.replicas = 2;
    options.digest_every = 5;
    SmallCluster cluster(2, options);
    const size_t a = cluster.client(dense_and_table(1), coded ? compressing(Coding::sparse) : ClientOptions());
    cluster.push(a, UpdateKind::initial, {std::vector<float>(kDense)});
    cluster.world.run_until(cluster.world.now() + 5 * kSecond);
    const uint64_t before = cluster.world.payload_between_servers;
    Random random(6, 6);
    for (int step = 0; step < 50; step++)
      assert_int_equal(push(cluster, a, UpdateKind::gradient, drawn(random)).status, NGD_OK);
    between[coded] = cluster.world.payload_between_servers - before;
    // The other takes over with all of it.
    const std::vector<float> seen = all_of(cluster, a);
    const auto &shards = cluster.world.servers[0]->node->shards();
    cluster.world.crash_server(shards.begin()->second->ready() ? 0 : 1);
    assert_true(all_of(cluster, a) == seen);
    assert_true(cluster.world.violations.empty());
  }
  // What is left are the control bytes of entries and signs of life.
  if (between[0] < 10 * between[1])
    fail_msg("%llu bytes to the backup, without coding %llu", static_cast<unsigned long long>(between[1]),
             static_cast<unsigned long long>(between[0]));
}

// The log on the disk holds the coded form, and a restart reads it to the same state.
void a_log_brings_coded_updates_back(void **) {
  for (const Coding coding : kCodings) {
    NodeOptions options;
    options.durable = options.ack_disk = true;
    SmallCluster cluster(1, options);
    const size_t a = cluster.client(dense_and_table(1, "adam:learning_rate=0.1"), compressing(coding));
    cluster.push(a, UpdateKind::initial, {std::vector<float>(kDense)});
    assert_int_equal(cluster.checkpoint(a).status, NGD_OK);
    Random random(8, 8);
    for (int step = 0; step < 10; step++)
      assert_int_equal(push(cluster, a, UpdateKind::gradient, drawn(random)).status, NGD_OK);
    const std::vector<float> seen = all_of(cluster, a);
    cluster.world.crash_server(0);
    cluster.world.start_server(0);
    cluster.world.run_until(cluster.world.now() + 5 * kSecond);
    assert_true(all_of(cluster, a) == seen);
    assert_int_equal(cluster.world.session(a).lineage(), 1);
    assert_true(cluster.world.violations.empty());
  }
}

// Parameters read as 2 bytes a number are the nearest of those, dense and rows, of one shard and of more.
void parameters_are_read_rounded(void **) {
  for (const uint32_t shards : {1u, 3u}) {
    for (const Coding coding : {Coding::bf16, Coding::fp16}) {
      SmallCluster cluster(shards == 1 ? 1 : 2);
      ClientOptions rough;
      rough.pulls = coding;
      const size_t exact = cluster.client(dense_and_table(shards)),
                   a = cluster.client(dense_and_table(shards), rough);
      Random random(5, shards);
      const Update update = drawn(random);
      cluster.push(exact, UpdateKind::initial, {update.dense});
      push(cluster, exact, UpdateKind::value, update);
      const std::vector<float> whole = all_of(cluster, exact), read = all_of(cluster, a);
      const float places = coding == Coding::bf16 ? 0x1p-8f : 0x1p-11f;
      size_t different = 0;
      for (size_t i = 0; i < whole.size(); i++) {
        different += read[i] != whole[i];
        if (!(std::abs(read[i] - whole[i]) <= std::abs(whole[i]) * places + 1e-7f)) fail_msg("element %zu", i);
      }
      assert_true(different > kDense / 2);
      const Outcome rows = cluster.pull(a, {{1, update.numbers, false}});
      assert_int_equal(rows.read_bytes, 2 * update.rows.size());
      const std::vector<float> some = SmallCluster::values(rows, 1, update.rows.size());
      for (size_t i = 0; i < some.size(); i++)
        assert_true(some[i] == read[kDense + update.numbers[i / kWidth] * kWidth + i % kWidth]);
      // push_pull reads the same.
      const Outcome both =
          cluster.wait(a, cluster.world.session(a).push_pull(
                              UpdateKind::delta, {{0, {}, SmallCluster::bytes(std::vector<float>(kDense))}},
                              {{0, {}, false}}, cluster.now(a), cluster.soon(a)));
      assert_int_equal(both.status, NGD_OK);
      const std::vector<float> after = SmallCluster::values(both, 0, kDense);
      assert_true(std::equal(after.begin(), after.end(), read.begin()));
    }
  }
}

// One that waits to happen goes to a backup that comes in, as it came.
void a_backup_that_comes_in_gets_what_waits(void **) {
  NodeOptions options;
  options.replicas = 2;
  SmallCluster cluster(2, options);
  const wire::ModelSpec spec = dense_and_table(1);
  ClientOptions waiting = compressing(Coding::sparse);
  waiting.consistency = wire::Consistency::bulk;
  waiting.workers = 2;
  waiting.lease_us = 60 * kSecond;
  const size_t a = cluster.client(spec, waiting), b = cluster.client(spec, waiting);
  cluster.push(a, UpdateKind::initial, {std::vector<float>(kDense)});
  cluster.world.run_until(cluster.world.now() + 2 * kSecond);
  const size_t led = cluster.world.servers[0]->node->shards().begin()->second->ready() ? 0 : 1;
  Shard &leader = *cluster.world.servers[led]->node->shards().begin()->second;
  cluster.world.crash_server(1 - led);
  cluster.world.run_until(cluster.world.now() + 3 * kSecond);
  const std::vector<float> ones(kDense, 1);
  const Ticket first = cluster.begin_push(a, UpdateKind::gradient, {ones}, 1);
  assert_true(cluster.pending(a, first, kSecond));
  cluster.world.start_server(1 - led);
  cluster.world.run_until(cluster.world.now() + 5 * kSecond);
  assert_int_equal(leader.replica().record().in_sync.size(), 2);
  assert_true(leader.staged_bytes() > 0);
  assert_int_equal(cluster.wait(b, cluster.begin_push(b, UpdateKind::gradient, {ones}, 1)).version, 2);
  assert_int_equal(cluster.wait(a, first).version, 2);
  assert_true(cluster.world.violations.empty());
}

// Small messages that become large ones count as what they become.
void an_update_counts_as_what_it_becomes(void **) {
  NodeOptions options;
  options.limits.client_bytes = 1000;
  options.limits.shard_bytes = 1000;
  SmallCluster cluster(1, options);
  const wire::ModelSpec spec = dense_and_table(1);
  ClientOptions waiting = compressing(Coding::sparse, 0.001);
  waiting.consistency = wire::Consistency::bulk;
  waiting.workers = 2;
  const size_t a = cluster.client(spec, waiting), b = cluster.client(spec, waiting);
  cluster.push(a, UpdateKind::initial, {std::vector<float>(kDense)});
  // One dense update fits above the limit, a second one does not until the first has happened.
  const std::vector<float> ones(kDense, 1);
  const Ticket first = cluster.begin_push(a, UpdateKind::gradient, {ones}, 1);
  assert_true(cluster.pending(a, first, kSecond));
  const auto staged = [&] { return cluster.world.servers[0]->node->shards().begin()->second->staged_bytes(); };
  assert_int_equal(staged(), kDense * sizeof(float));
  const Ticket second = cluster.begin_push(b, UpdateKind::gradient, {ones}, 1);
  assert_true(cluster.pending(b, second, kSecond));
  assert_int_equal(staged(), kDense * sizeof(float));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(deltas_add_up_on_any_number_of_shards),
      cmocka_unit_test(servers_that_do_not_know_of_it_get_the_same_numbers),
      cmocka_unit_test(a_refused_update_leaves_nothing_behind),
      cmocka_unit_test(numbers_that_are_not_finite_are_refused_as_ever),
      cmocka_unit_test(values_travel_as_they_are),
      cmocka_unit_test(replicas_get_the_coded_form),
      cmocka_unit_test(a_log_brings_coded_updates_back),
      cmocka_unit_test(parameters_are_read_rounded),
      cmocka_unit_test(a_backup_that_comes_in_gets_what_waits),
      cmocka_unit_test(an_update_counts_as_what_it_becomes),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
