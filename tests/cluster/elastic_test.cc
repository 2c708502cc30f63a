// Shards that move between servers, servers that are drained, and numbers of copies that change, while clients work.
#include "small_cluster.h"

namespace {

using namespace simulation;
using wire::UpdateKind;
using Kind = wire::Arrange::Kind;

constexpr size_t kElements = 40'000;  // so that both shards have some
const wire::ModelSpec kModel = model("sgd:learning_rate=1", {tensor("w", {kElements})}, 2);

NodeOptions with_replicas(uint32_t count) {
  NodeOptions options;
  options.replicas = count;
  return options;
}

struct Elastic {
  explicit Elastic(size_t servers, uint32_t replicas) : cluster(servers, with_replicas(replicas)) {
    cluster.world.tracing = getenv("NGD_TRACE") != nullptr;
    cluster.world.run_until(kSecond);  // all have joined
    client = cluster.client(kModel);
    cluster.world.clients[client]->role = ngd::cluster::Role::admin;
    const Outcome made = cluster.push(client, UpdateKind::initial, {std::vector<float>(kElements, 0)});
    assert_int_equal(made.status, NGD_OK);
  }

  Outcome arrange(const wire::Arrange &request) {
    return cluster.wait(
        client, cluster.world.session(client).arrange(request, cluster.now(client), cluster.soon(client)));
  }
  wire::Map places() {
    return cluster.wait(client, cluster.world.session(client).places(cluster.now(client), cluster.soon(client)))
        .map;
  }
  void push(size_t times) {
    for (size_t i = 0; i < times; i++) {
      const Outcome outcome = cluster.push(client, UpdateKind::delta, {std::vector<float>(kElements, 1)});
      if (outcome.status != NGD_OK) {
        fputs(cluster.world.trace_text.c_str(), stderr);
        fail_msg("a push failed: %s", outcome.text.c_str());
      }
      assert_true(outcome.version > version);
      version = outcome.version;
      pushed++;
    }
  }
  // Pushes until the shards are where they are wanted; fails when that takes too long.
  void settle(const std::vector<std::vector<uint32_t>> &wanted, Time patience = 30 * kSecond) {
    const Time until = cluster.world.now() + patience;
    for (;;) {
      push(1);
      const wire::Map map = places();
      bool all = true;
      for (size_t i = 0; i < wanted.size(); i++) {
        std::vector<uint32_t> there = map.models[0].shards[i].in_sync, want = wanted[i];
        std::ranges::sort(there);
        std::ranges::sort(want);
        all &= there == want;
      }
      if (all) break;
      if (cluster.world.now() > until)
        fputs(cluster.world.trace_text.c_str(), stderr),
            fail_msg("shards did not get to where they are wanted");
      cluster.world.run_until(cluster.world.now() + 50'000);
    }
    check();
  }
  void check() {
    const Outcome read = cluster.pull(client, {{0, {}, false}});
    assert_int_equal(read.status, NGD_OK);
    for (const float value : SmallCluster::values(read, 0, kElements))
      assert_true(value == static_cast<float>(pushed));
  }
  size_t copies_on(size_t server) { return cluster.world.servers[server]->node->shards().size(); }

  SmallCluster cluster;
  size_t client = 0, pushed = 0;
  uint64_t version = 0;
};

void a_shard_moves_with_its_leader(void **) {
  Elastic e(4, 2);
  e.push(3);
  for (const uint32_t shard : {0u, 1u}) {  // the root too
    for (const std::vector<uint32_t> &to : {std::vector<uint32_t>{3, 4}, {4, 1}, {2, 3}}) {
      assert_int_equal(e.arrange({Kind::move, 0, "m", shard, 0, to}).status, NGD_OK);
      const wire::Map before = e.places();
      std::vector<std::vector<uint32_t>> wanted = {before.models[0].shards[0].replicas,
                                                   before.models[0].shards[1].replicas};
      assert_true(wanted[shard] == to);
      e.settle(wanted);
      e.cluster.world.run_until(e.cluster.world.now() + 3 * kSecond);
      assert_int_equal(e.places().models[0].shards[shard].node, to.front());
      e.push(3);
      e.check();
    }
  }
  const wire::Map map = e.places();
  for (uint32_t node = 1; node <= 4; node++) {
    size_t wanted = 0;
    for (const wire::ShardPlace &shard : map.models[0].shards)
      wanted += static_cast<size_t>(std::ranges::count(shard.replicas, node));
    assert_int_equal(e.copies_on(node - 1), wanted);  // who has it no more has let it go
  }
}

void one_copy_moves_without_a_second(void **) {
  Elastic e(2, 1);
  e.push(3);
  for (int round = 0; round < 3; round++) {
    const uint32_t to = round % 2 == 0 ? 2 : 1;
    for (const uint32_t shard : {0u, 1u})
      assert_int_equal(e.arrange({Kind::move, 0, "m", shard, 0, {to}}).status, NGD_OK);
    e.settle({{to}, {to}});
    e.cluster.world.run_until(e.cluster.world.now() + 3 * kSecond);
    assert_int_equal(e.copies_on(to - 1), 2);
    assert_int_equal(e.copies_on(2 - to), 0);
  }
}

void the_number_of_copies_changes_under_way(void **) {
  Elastic e(3, 1);
  e.push(3);
  for (const uint32_t count : {3u, 1u, 2u, 3u, 2u}) {
    assert_int_equal(e.arrange({Kind::replicas, 0, "m", 0, count, {}}).status, NGD_OK);
    const wire::Map map = e.places();
    std::vector<std::vector<uint32_t>> wanted;
    for (const wire::ShardPlace &shard : map.models[0].shards) {
      wanted.push_back(shard.replicas);
      assert_int_equal(shard.replicas.size(), count);
    }
    e.settle(wanted);
    e.push(2);
  }
  // What the copies hold counts: whoever led dies, and nothing is lost.
  const uint32_t root = e.places().models[0].shards[0].node;
  e.cluster.world.crash_server(root - 1);
  e.push(3);
  e.check();
}

void a_drained_server_can_be_switched_off(void **) {
  Elastic e(3, 2);
  e.push(3);
  const uint32_t node = e.places().models[0].shards[0].node;
  assert_int_equal(e.arrange({Kind::drain, node, {}, 0, 0, {}}).status, NGD_OK);
  std::vector<uint32_t> others = {1, 2, 3};
  std::erase(others, node);
  e.settle({others, others});
  e.cluster.world.run_until(e.cluster.world.now() + 3 * kSecond);
  assert_int_equal(e.copies_on(node - 1), 0);
  e.cluster.world.crash_server(node - 1);
  e.push(3);
  e.check();
  // Nothing comes back to it until it is taken back.
  e.cluster.world.start_server(node - 1);
  e.cluster.world.run_until(e.cluster.world.now() + 3 * kSecond);
  assert_int_equal(e.copies_on(node - 1), 0);
  assert_int_equal(e.arrange({Kind::balance, 0, {}, 0, 0, {}}).status, NGD_OK);
  e.cluster.world.run_until(e.cluster.world.now() + 3 * kSecond);
  assert_int_equal(e.copies_on(node - 1), 0);
  assert_int_equal(e.arrange({Kind::undrain, node, {}, 0, 0, {}}).status, NGD_OK);
  assert_int_equal(e.arrange({Kind::balance, 0, {}, 0, 0, {}}).status, NGD_OK);
  e.cluster.world.run_until(e.cluster.world.now() + 5 * kSecond);
  assert_true(e.copies_on(node - 1) > 0);
  e.push(3);
  e.check();
}

void a_dead_server_is_replaced(void **) {
  Elastic e(3, 2);
  e.push(3);
  const uint32_t node = e.places().models[0].shards[0].node;
  e.cluster.world.crash_server(node - 1);
  e.push(1);
  assert_int_equal(e.arrange({Kind::drain, node, {}, 0, 0, {}}).status, NGD_OK);
  std::vector<uint32_t> others = {1, 2, 3};
  std::erase(others, node);
  e.settle({others, others});
  e.push(3);
  e.check();
}

// Other threads look at a model's tensors, and users have their names, while servers come and go.
void tensors_stay_where_a_client_has_them(void **) {
  Elastic e(3, 2);
  const wire::ModelPlace &model = *e.cluster.world.session(e.client).model();
  const wire::TensorSpec *tensors = model.spec.tensors.data();
  const wire::ShardPlace *shards = model.shards.data();
  e.push(3);
  e.cluster.world.run_until(e.cluster.world.now() + 3 * kSecond);  // both copies are in sync
  const uint32_t before = model.shards[0].node;
  e.cluster.world.crash_server(before - 1);
  e.push(3);
  assert_true(model.shards[0].node != before);
  assert_ptr_equal(model.spec.tensors.data(), tensors);
  assert_ptr_equal(model.shards.data(), shards);
  assert_string_equal(tensors[0].name.c_str(), "w");
}

void what_cannot_be_is_refused_and_changes_nothing(void **) {
  Elastic e(2, 2);
  const auto before = e.places().models[0].shards[0].replicas;
  const Outcome many = e.arrange({Kind::replicas, 0, "m", 0, 3, {}});
  assert_int_equal(many.status, NGD_E_UNAVAILABLE);
  assert_non_null(std::strstr(many.text.c_str(), "3 replicas need"));
  assert_int_equal(e.arrange({Kind::move, 0, "m", 0, 0, {5}}).status, NGD_E_UNAVAILABLE);
  assert_int_equal(e.arrange({Kind::drain, 7, {}, 0, 0, {}}).status, NGD_E_NOT_FOUND);
  assert_true(e.places().models[0].shards[0].replicas == before);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_shard_moves_with_its_leader),
      cmocka_unit_test(one_copy_moves_without_a_second),
      cmocka_unit_test(the_number_of_copies_changes_under_way),
      cmocka_unit_test(a_drained_server_can_be_switched_off),
      cmocka_unit_test(a_dead_server_is_replaced),
      cmocka_unit_test(tensors_stay_where_a_client_has_them),
      cmocka_unit_test(what_cannot_be_is_refused_and_changes_nothing),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
