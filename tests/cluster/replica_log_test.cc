// How much of their log replicas keep in memory.
#include "small_cluster.h"

namespace {

using namespace simulation;
using ngd::cluster::Replica;

constexpr size_t kElements = 8192, kBytes = kElements * sizeof(float);

struct Kept {
  explicit Kept(size_t bytes) : cluster(2, options(bytes)) {
    worker = cluster.client(model("sgd", {tensor("w", {kElements})}));
    push(wire::UpdateKind::initial);
    cluster.world.run_until(cluster.world.now() +
                            15 * kSecond);  // the second came in by a snapshot, which is kept a while
    assert_int_equal(replica(0).record().in_sync.size(), 2);
  }
  static NodeOptions options(size_t bytes) {
    NodeOptions options;
    options.replicas = 2;
    options.kept_bytes = bytes;
    return options;
  }
  void push(wire::UpdateKind kind) {
    assert_int_equal(cluster.push(worker, kind, {std::vector<float>(kElements, 1)}).status, NGD_OK);
  }
  const Replica &replica(size_t server) {
    return cluster.world.servers[server]->node->shards().begin()->second->replica();
  }

  SmallCluster cluster;
  size_t worker = 0;
};

// 100 updates have 3.2 MB; the state has 32 KB, and a snapshot is cheaper than more than 1 MB of log.
void no_more_is_kept_than_helps(void **) {
  Kept kept(size_t{256} << 20);
  for (int i = 0; i < 100; i++) kept.push(wire::UpdateKind::value);
  for (const size_t server : {0, 1})
    assert_in_range(kept.replica(server).log_bytes(), kBytes, (size_t{1} << 20) + 2 * kBytes);
}

void a_dead_replica_does_not_make_the_log_grow_for_ever(void **) {
  Kept kept(size_t{2} << 20);
  kept.cluster.world.crash_server(1);
  for (int i = 0; i < 200; i++) kept.push(wire::UpdateKind::value);
  assert_in_range(kept.replica(0).log_bytes(), kBytes, (size_t{2} << 20) + 2 * kBytes);
  kept.cluster.world.start_server(1);  // and comes in all the same
  for (int i = 0; i < 200; i++) kept.push(wire::UpdateKind::value);
  kept.cluster.world.run_until(kept.cluster.world.now() + 5 * kSecond);
  assert_int_equal(kept.replica(0).record().in_sync.size(), 2);
  assert_int_equal(kept.replica(1).committed(), kept.replica(0).last());
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(no_more_is_kept_than_helps),
      cmocka_unit_test(a_dead_replica_does_not_make_the_log_grow_for_ever),
  };
  return cmocka_run_group_tests_name("the log of replicas", tests, nullptr, nullptr);
}
