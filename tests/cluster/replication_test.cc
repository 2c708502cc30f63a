// Moments of replication that went wrong once, each with its own fixed course.
#include "cluster/replica.h"
#include "small_cluster.h"

namespace {

using namespace simulation;
using ngd::cluster::kNever;
using ngd::cluster::Replica;
using ngd::cluster::ReplicaRecord;
using wire::UpdateKind;

const wire::ModelSpec kModel = model("sgd:learning_rate=1", {tensor("w", {2})});
constexpr uint32_t kShard = 1;

NodeOptions replicated(uint32_t replicas, size_t min_in_sync) {
  NodeOptions options;
  options.replicas = replicas;
  options.min_in_sync = min_in_sync;
  options.durable = false;
  return options;
}

// One shard on two or more servers, in sync.
class Pair : public SmallCluster {
 public:
  explicit Pair(size_t min_in_sync = 1, uint32_t servers = 2)
      : SmallCluster(servers, replicated(servers, min_in_sync)) {
    writer = client(kModel);
    const Outcome initial = push(writer, UpdateKind::initial, {{0, 0}});
    if (initial.status != NGD_OK) fail_msg("%s", initial.text.c_str());
    assert_true(until([&] { return in_sync() == servers; }));
    old = record().primary.node - 1;
    other = old == 0 ? 1 : 0;
  }
  ~Pair() {
    for (const std::string &one : world.violations) print_error("%s\n", one.c_str());
  }
  const ReplicaRecord &record() const { return *world.agreement.record(kShard); }
  size_t in_sync() const { return record().in_sync.size(); }
  const Replica *replica(size_t server) const {
    const auto &node = world.servers[server]->node;
    if (node == nullptr || !node->shards().contains(kShard)) return nullptr;
    return &node->shards().at(kShard)->replica();
  }
  bool leads(size_t server) const {
    const Replica *one = replica(server);
    return one != nullptr && one->leads() && one->record().epoch == record().epoch;
  }
  template <class Condition>
  bool until(Condition condition, Time patience = 10 * kSecond) {
    world.run_until(world.now() + patience, condition);
    return condition();
  }
  // Servers that do not hear each other, and one that does not reach the coordinator.
  void part() {
    world.cut(old, other, kNever);
    world.cut(other, old, kNever);
  }
  // It reaches that server alone.
  void attach(size_t client, size_t server) {
    for (size_t one = 0; one < world.servers.size(); one++) {
      if (one == server) continue;
      world.cut(kClients + client, one, kNever);
      world.cut(one, kClients + client, kNever);
    }
  }
  size_t writer = 0, old = 0, other = 0;
};

// It has taken over, does not know it, and hears the old primary again: each answer lets that one go on for a lease.
void a_primary_that_learns_of_it_late_waits_for_the_leases_that_it_gave(void **) {
  Pair pair;
  World &world = pair.world;
  world.cut(pair.old, pair.other, kNever);
  world.uncoordinate(pair.old, kNever);
  world.on_record = [&](uint32_t) {
    world.uncoordinate(pair.other, world.now() + kSecond / 2);
    world.at(world.now() + 10'000, [&] { world.mend(pair.old, pair.other); });
  };
  assert_true(pair.until([&] { return pair.record().epoch == 2; }));
  const auto lease = [&] { return pair.replica(pair.old)->lease(world.servers[pair.old]->time()); };
  bool given = false;  // after another had taken over
  assert_true(pair.until([&] {
    given |= lease() > world.servers[pair.old]->time() + 500'000;
    return pair.leads(pair.other);
  }));
  assert_true(given);
  assert_int_equal(lease(), 0);
  assert_true(world.violations.empty());
}

// Alone it needs nobody's leave to answer; from when it asks for another to be added, it does.
void who_adds_a_learner_needs_its_leave_at_once(void **) {
  Pair pair;
  World &world = pair.world;
  const size_t reader = pair.client(kModel);
  pair.attach(reader, pair.old);
  world.crash_server(pair.other);
  assert_true(pair.until([&] { return pair.in_sync() == 1; }));
  world.start_server(pair.other);
  world.on_record = [&](uint32_t) {
    if (pair.in_sync() != 2) return;
    pair.part();
    world.uncoordinate(pair.old, kNever);
  };
  assert_true(pair.until([&] { return pair.leads(pair.other); }));
  assert_int_equal(pair.pull(reader, {{0, {}, false}}).status, NGD_E_TIMEOUT);
  assert_true(world.violations.empty());
}

// The change that adds it comes when the primary has given up and goes on without it.
void a_learner_that_was_given_up_is_not_added_later(void **) {
  Pair pair;
  World &world = pair.world;
  world.crash_server(pair.other);
  assert_true(pair.until([&] { return pair.in_sync() == 1; }));
  world.start_server(pair.other);
  world.late_change(pair.old, 3 * kSecond);
  const auto entries = [&] {
    const Replica *one = pair.replica(pair.other);
    return one == nullptr ? 0 : one->log().last();
  };
  assert_true(pair.until([&] { return entries() > 0 && entries() == pair.replica(pair.old)->last(); }));
  world.run_until(world.now() + 100'000);
  world.uncoordinate(pair.old, world.now() + 3 * kSecond / 2);
  pair.part();
  assert_int_equal(pair.push(pair.writer, UpdateKind::delta, {{1, 1}}).status, NGD_OK);
  world.run_until(world.now() + 4 * kSecond);
  assert_int_equal(pair.in_sync(), 1);
  assert_true(world.violations.empty());
}

// Who led asked the coordinator last as one that leads, which is not often enough for a member.
void a_deposed_primary_takes_over_again_soon(void **) {
  Pair pair;
  World &world = pair.world;
  pair.part();
  world.uncoordinate(pair.old, world.now() + 3 * kSecond);
  assert_true(pair.until([&] { return pair.leads(pair.other); }));
  world.run_until(world.now() + 3 * kSecond);
  world.mend(pair.old, pair.other);
  world.mend(pair.other, pair.old);
  assert_true(pair.until([&] { return pair.in_sync() == 2; }));
  world.crash_server(pair.other);
  assert_true(pair.until([&] { return pair.leads(pair.old); }, 5 * kSecond / 2));
  assert_true(world.violations.empty());
}

// Two that wait equally long: the second lets the first lead, and stays in the set.
void a_primary_that_dies_is_followed_by_one_of_two(void **) {
  Pair three(1, 3);
  three.world.run_until(three.world.now() + 2 * kSecond);  // they know that they are in the set
  const size_t third = 3 - three.old - three.other;
  three.world.cut(three.other, third, kNever);
  three.world.cut(third, three.other, kNever);
  three.world.on_record = [&](uint32_t) {
    three.world.at(three.world.now() + 100'000, [&] {
      three.world.mend(three.other, third);
      three.world.mend(third, three.other);
    });
  };
  three.world.crash_server(three.old);
  assert_true(three.until([&] { return three.record().epoch > 1; }));
  three.world.run_until(three.world.now() + 3 * kSecond);
  assert_int_equal(three.record().epoch, 2);
  assert_int_equal(three.in_sync(), 2);
  assert_true(three.world.violations.empty());
}

// Fewer members than are needed: no client is answered, and the shard comes back to its full set.
void too_few_members_answer_nobody(void **) {
  Pair pair(2);
  World &world = pair.world;
  const size_t reader = pair.client(kModel);
  assert_int_equal(pair.push(pair.writer, UpdateKind::delta, {{1, 1}}).status, NGD_OK);
  world.crash_server(pair.old);
  const Ticket ticket = pair.begin_push(pair.writer, UpdateKind::delta, {{1, 1}});
  assert_true(pair.until([&] { return pair.leads(pair.other); }));
  assert_true(pair.pending(pair.writer, ticket, 5 * kSecond));
  const Time now = pair.now(reader);
  const Outcome read =
      pair.wait(reader, world.session(reader).pull({{0, {}, false}}, 0, now, now + 2 * kSecond));
  assert_int_equal(read.status, NGD_E_TIMEOUT);
  if (read.text.find("1 of the 2 replicas") == std::string::npos) fail_msg("%s", read.text.c_str());
  world.start_server(pair.old);
  assert_int_equal(pair.wait(pair.writer, ticket).status, NGD_OK);
  assert_int_equal(pair.in_sync(), 2);
  const std::vector<float> seen = SmallCluster::values(pair.pull(reader, {{0, {}, false}}), 0, 2);
  assert_true(seen == (std::vector<float>{2, 2}));
  assert_true(world.violations.empty());
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_primary_that_learns_of_it_late_waits_for_the_leases_that_it_gave),
      cmocka_unit_test(who_adds_a_learner_needs_its_leave_at_once),
      cmocka_unit_test(a_learner_that_was_given_up_is_not_added_later),
      cmocka_unit_test(a_deposed_primary_takes_over_again_soon),
      cmocka_unit_test(a_primary_that_dies_is_followed_by_one_of_two),
      cmocka_unit_test(too_few_members_answer_nobody),
  };
  return cmocka_run_group_tests_name("replication", tests, nullptr, nullptr);
}
