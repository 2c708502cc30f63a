// Replicas that compare what they have while they run.
#include "small_cluster.h"

namespace {

using namespace simulation;
using ngd::cluster::Mutant;
using ngd::cluster::Replica;
using ngd::cluster::Shard;

// A model of two shards with the state of an optimizer, and a table; three replicas on three servers.
struct Compared {
  explicit Compared(Mutant mutant, const char *optimizer = "adam:learning_rate=0.1", uint64_t every = 2)
      : cluster(3, options(mutant, every)) {
    const wire::ModelSpec spec =
        model(optimizer, {tensor("a", {300}), tensor("b", {200}), tensor("rows", {50, 4}, true)}, 2);
    worker = cluster.client(spec);
    std::vector<std::vector<float>> values = {std::vector<float>(300, 1), std::vector<float>(200, 2), {}};
    assert_int_equal(cluster.push(worker, wire::UpdateKind::initial, values).status, NGD_OK);
    cluster.world.run_until(cluster.world.now() + 5 * kSecond);
  }
  static NodeOptions options(Mutant mutant, uint64_t every) {
    NodeOptions options;
    options.replicas = 3;
    options.mutant = mutant;
    options.digest_every = every;
    return options;
  }
  void push(size_t times) {
    for (size_t i = 0; i < times; i++) {
      const auto number = static_cast<float>(i % 5);
      const wire::UpdateKind kind = i % 3 == 0 ? wire::UpdateKind::delta : wire::UpdateKind::gradient;
      const Outcome pushed = cluster.push(
          worker, kind, {std::vector<float>(300, number), std::vector<float>(200, 1 - number), {}});
      assert_int_equal(pushed.status, NGD_OK);
      const auto row = static_cast<uint32_t>(i % 50);
      assert_int_equal(
          cluster.push_rows(worker, wire::UpdateKind::gradient, 2, {row}, {1, 2, 3, number}).status, NGD_OK);
    }
    cluster.world.run_until(cluster.world.now() + 60 * kSecond);  // who differs often may not come back at once
  }
  template <class Use>
  void each_shard(Use use) {
    for (const auto &server : cluster.world.servers) {
      for (const auto &[number, shard] : server->node->shards()) use(*shard);
    }
  }
  uint64_t digests() {
    uint64_t count = 0;
    each_shard([&](Shard &shard) { count += shard.digests(); });
    return count;
  }
  uint64_t differences() {
    uint64_t count = 0;
    each_shard([&](Shard &shard) { count += shard.differences(); });
    return count;
  }
  // All replicas of each shard are in sync and the same.
  void check_same() {
    std::map<uint32_t, uint32_t> digests;
    each_shard([&](Shard &shard) {
      assert_int_equal(shard.replica().record().in_sync.size(), 3);
      assert_true(shard.replica().role() == Replica::Role::primary ||
                  shard.replica().role() == Replica::Role::member);
      const auto [place, fresh] = digests.emplace(shard.number(), shard.digest());
      assert_int_equal(place->second, shard.digest());
    });
    assert_int_equal(digests.size(), 2);
  }

  SmallCluster cluster;
  size_t worker = 0;
};

void replicas_that_are_the_same_are_left_alone(void **) {
  for (const char *optimizer : {"adam:learning_rate=0.1", "adam:state=bf16", "adam:state=8bit"}) {
    Compared one(Mutant::none, optimizer);
    one.push(40);
    one.check_same();
    assert_in_range(one.digests(), 40, 1000);
    assert_int_equal(one.differences(), 0);
  }
}

void a_flipped_bit_is_found_and_healed(void **) {
  Compared one(Mutant::flipped_bit);
  one.push(40);
  assert_in_range(one.differences(), 2, 40);
  one.each_shard([&](Shard &shard) {
    if (shard.differences() != 0)
      assert_true(shard.trouble().find("not what the primary was") != std::string::npos);
  });
  // None since: all are the same again.
  one.each_shard([](Shard &shard) { assert_int_not_equal(shard.version() % 16, 7); });
  one.check_same();
}

// Otherwise the test above would prove nothing.
void a_flipped_bit_stays_where_nobody_compares(void **) {
  Compared one(Mutant::flipped_bit, "adam:learning_rate=0.1", 1'000'000);
  one.push(10);
  std::map<uint32_t, std::vector<uint32_t>> digests;
  one.each_shard([&](Shard &shard) { digests[shard.number()].push_back(shard.digest()); });
  bool differ = false;
  for (const auto &[number, all] : digests) differ |= all[0] != all[1] || all[0] != all[2];
  assert_true(differ);
}

// Where an update allows for little, a digest is of a part, and the parts go round.
void a_large_state_is_compared_in_parts(void **) {
  NodeOptions options;
  options.replicas = 2;
  options.digest_every = 4;
  options.mutant = Mutant::flipped_bit;
  SmallCluster cluster(2, options);
  const size_t worker = cluster.client(model("adam", {tensor("rows", {100'000, 8}, true)}));
  cluster.push(worker, wire::UpdateKind::initial, {});
  cluster.world.run_until(cluster.world.now() + 3 * kSecond);
  const auto count = [&] {
    uint64_t differences = 0;
    for (const auto &server : cluster.world.servers) {
      for (const auto &[number, shard] : server->node->shards()) differences += shard->differences();
    }
    return differences;
  };
  // 6.4 MB of the optimizer's state, of which four versions allow for some 0.2 MB.
  uint32_t pushes = 0;
  while (count() == 0 && pushes < 1000) {
    pushes++;
    cluster.push_rows(worker, wire::UpdateKind::gradient, 0, {0, pushes}, std::vector<float>(16, 1));
  }
  assert_in_range(pushes, 8, 300);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(replicas_that_are_the_same_are_left_alone),
      cmocka_unit_test(a_flipped_bit_is_found_and_healed),
      cmocka_unit_test(a_flipped_bit_stays_where_nobody_compares),
      cmocka_unit_test(a_large_state_is_compared_in_parts),
  };
  return cmocka_run_group_tests_name("digests", tests, nullptr, nullptr);
}
