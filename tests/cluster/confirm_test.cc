// Reads that ask the replicas: right whatever the clocks do, where a lease alone would not be.
#include "small_cluster.h"

namespace {

using namespace simulation;
using ngd::cluster::Mutant;
using ngd::cluster::Replica;

// Three replicas. The clock of the first, which leads, is so slow and those of the others so fast that they take over
// while it still believes in its lease. Then it is cut off from them, but its clients still reach it.
struct Split {
  explicit Split(double slow, double fast, Mutant mutant = Mutant::none) : cluster(3, options(mutant)) {
    for (size_t i = 0; i < 3; i++) cluster.world.servers[i]->clock.rate = i == 0 ? slow : fast;
    writer = cluster.client(spec());
    assert_int_equal(cluster.push(writer, wire::UpdateKind::initial, {{1, 2}}).status, NGD_OK);
    cluster.world.run_until(cluster.world.now() + 10 * kSecond);
    assert_true(leader().root->replica().leads());
    assert_int_equal(leader().root->replica().record().in_sync.size(), 3);
  }
  static NodeOptions options(Mutant mutant) {
    NodeOptions options;
    options.replicas = 3;
    options.mutant = mutant;
    return options;
  }
  static wire::ModelSpec spec() { return model("sgd", {tensor("w", {2})}); }
  size_t reader(bool confirm) {
    ClientOptions options;
    options.confirm_reads = confirm;
    return cluster.client(spec(), options);
  }
  World::Server &leader() { return *cluster.world.servers[0]; }
  // Cuts the primary off and pushes at the next one; the version of that push.
  uint64_t push_at_the_next() {
    cluster.world.cut_off(0, cluster.world.now() + 30 * kSecond);
    const Outcome pushed = cluster.push(writer, wire::UpdateKind::delta, {{1, 1}});
    assert_int_equal(pushed.status, NGD_OK);
    assert_true(leader().root->replica().leads());  // it does not know
    return pushed.version;
  }
  uint64_t read(size_t client) {
    const Outcome outcome = cluster.pull(client, {{0, {}, false}});
    if (outcome.status != NGD_OK) fail_msg("%s", outcome.text.c_str());
    const std::vector<float> values = SmallCluster::values(outcome, 0, 2);
    assert_true(values[0] == static_cast<float>(outcome.version));  // it began with 1
    return outcome.version;
  }

  SmallCluster cluster;
  size_t writer = 0;
};

void a_lease_is_enough_for_clocks_that_agree(void **) {
  Split split(1, 1);
  const size_t reader = split.reader(false);
  const uint64_t version = split.push_at_the_next();
  assert_int_equal(split.read(reader), version);
}

// The situation is what it is meant to be: the next tests would prove nothing else.
void a_lease_is_not_enough_for_clocks_that_do_not(void **) {
  Split split(0.5, 1.5);
  const size_t reader = split.reader(false);
  const uint64_t version = split.push_at_the_next();
  assert_true(split.read(reader) < version);
}

void a_confirmed_read_is_right_whatever_the_clocks_do(void **) {
  Split split(0.5, 1.5);
  const size_t reader = split.reader(true);
  const uint64_t version = split.push_at_the_next();
  assert_int_equal(split.read(reader), version);
}

void the_version_is_confirmed_too(void **) {
  Split split(0.5, 1.5);
  const size_t reader = split.reader(true);
  const uint64_t version = split.push_at_the_next();
  const Outcome outcome = split.cluster.wait(
      reader,
      split.cluster.world.session(reader).version(split.cluster.now(reader), split.cluster.soon(reader)));
  assert_int_equal(outcome.status, NGD_OK);
  assert_int_equal(outcome.version, version);
}

void a_read_that_asks_nobody_is_caught(void **) {
  Split split(0.5, 1.5, Mutant::no_confirm);
  const size_t reader = split.reader(true);
  const uint64_t version = split.push_at_the_next();
  assert_true(split.read(reader) < version);
}

void what_is_read_under_a_lock_is_confirmed(void **) {
  Split split(0.5, 1.5);
  const size_t reader = split.reader(false);
  const Outcome locked = split.cluster.command(reader, named(wire::CommandKind::lock, "lock"));
  assert_int_equal(locked.status, NGD_OK);
  split.cluster.world.session(reader).hold({"lock", locked.done.token});
  const uint64_t version = split.push_at_the_next();
  assert_int_equal(split.read(reader), version);
}

void values_are_confirmed(void **) {
  for (const Mutant mutant : {Mutant::none, Mutant::no_confirm}) {
    Split split(0.5, 1.5, mutant);
    const size_t reader = split.reader(false);
    split.cluster.command(split.writer, named(wire::CommandKind::set_value, "rate"), "old");
    split.push_at_the_next();
    const Outcome set = split.cluster.command(split.writer, named(wire::CommandKind::set_value, "rate"), "new");
    assert_int_equal(set.status, NGD_OK);
    wire::Query query;
    query.name = "rate";
    const Outcome got =
        split.cluster.wait(reader, split.cluster.world.session(reader).query(query, split.cluster.now(reader),
                                                                             split.cluster.soon(reader)));
    assert_int_equal(got.status, NGD_OK);
    assert_string_equal(text_of(got.payload).c_str(), mutant == Mutant::none ? "new" : "old");
  }
}

// Reads that come while the members are being asked share the next question.
void many_reads_share_a_question(void **) {
  Split split(1, 1);
  const size_t reader = split.reader(true);
  ClientSession &session = split.cluster.world.session(reader);
  split.cluster.world.tracing = true;
  std::vector<Ticket> tickets;
  for (int i = 0; i < 500; i++)
    tickets.push_back(session.pull({{0, {}, false}}, 0, split.cluster.now(reader), split.cluster.soon(reader)));
  const Time begun = split.cluster.world.now();
  for (const Ticket ticket : tickets) assert_int_equal(split.cluster.wait(reader, ticket).status, NGD_OK);
  const std::string &trace = split.cluster.world.trace_text;
  size_t questions = 0;
  for (size_t at = trace.find(" append "); at != std::string::npos; at = trace.find(" append ", at + 1))
    questions++;
  // Two members; reads of one round trip of the network, which takes at most 0.3 ms.
  assert_in_range(questions, 2, 20);
  assert_true(split.cluster.world.now() - begun < 5'000);
}

// With a member that is silent reads wait until it has left the set, and not longer.
void a_dead_member_holds_reads_up_until_it_is_put_out(void **) {
  Split split(1, 1);
  const size_t reader = split.reader(true);
  split.cluster.world.crash_server(2);
  const Time begun = split.cluster.world.now();
  assert_int_equal(split.read(reader), 1);
  const Time took = split.cluster.world.now() - begun;
  assert_true(took > 400'000 && took < 1'500'000);
  assert_int_equal(split.leader().root->replica().record().in_sync.size(), 2);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_lease_is_enough_for_clocks_that_agree),
      cmocka_unit_test(a_lease_is_not_enough_for_clocks_that_do_not),
      cmocka_unit_test(a_confirmed_read_is_right_whatever_the_clocks_do),
      cmocka_unit_test(the_version_is_confirmed_too),
      cmocka_unit_test(a_read_that_asks_nobody_is_caught),
      cmocka_unit_test(what_is_read_under_a_lock_is_confirmed),
      cmocka_unit_test(values_are_confirmed),
      cmocka_unit_test(many_reads_share_a_question),
      cmocka_unit_test(a_dead_member_holds_reads_up_until_it_is_put_out),
  };
  return cmocka_run_group_tests_name("reads that ask the replicas", tests, nullptr, nullptr);
}
