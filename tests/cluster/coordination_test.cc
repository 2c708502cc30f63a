// Locks, barriers, values and partitions; who may do what; the limits of a server.
#include "cluster/parameters.h"
#include "small_cluster.h"
#include "wire/codec.h"
#include "wire/fields.h"
#include "wire/limits.h"
#include "wire/table.h"

namespace {

using namespace simulation;
using wire::CommandKind;
using wire::UpdateKind;

const wire::ModelSpec kModel = model("sgd:learning_rate=1", {tensor("w", {2})});

wire::Command lock(bool exclusive, Time wait = 20 * kSecond) {
  wire::Command command = named(CommandKind::lock, "l");
  command.exclusive = exclusive;
  command.wait_us = wait;
  return command;
}

void shared_locks_go_together_and_exclusive_ones_alone(void **) {
  SmallCluster cluster;
  const size_t a = cluster.client(kModel), b = cluster.client(kModel), c = cluster.client(kModel);
  const Outcome first = cluster.command(a, lock(false)), second = cluster.command(b, lock(false));
  assert_true(first.status == NGD_OK && second.status == NGD_OK && second.done.token > first.done.token);
  const Ticket third = cluster.world.session(c).command(lock(true), {}, cluster.now(c), cluster.soon(c));
  assert_true(cluster.pending(c, third, kSecond));
  const Outcome tried = cluster.command(a, lock(false, 0));
  assert_int_equal(tried.status, NGD_E_CONFLICT);  // behind the one that waits
  for (const auto &[client, outcome] : {std::pair(a, first), std::pair(b, second)}) {
    wire::Command unlock = named(CommandKind::unlock, "l");
    unlock.token = outcome.done.token;
    assert_int_equal(cluster.command(client, unlock).status, NGD_OK);
    assert_int_equal(cluster.command(client, unlock).status, NGD_E_FENCED);
  }
  assert_true(cluster.wait(c, third).done.token > second.done.token);
}

// A holder that stood still for longer than its lease changes nothing when it wakes (I8).
void a_holder_that_slept_is_fenced(void **) {
  SmallCluster cluster;
  ClientOptions options;
  options.lease_us = 2 * kSecond;
  const size_t a = cluster.client(kModel, options), b = cluster.client(kModel, options);
  cluster.push(a, UpdateKind::initial, {{0, 0}});
  const Outcome mine = cluster.command(a, lock(true));
  cluster.world.session(a).hold({"l", mine.done.token});
  assert_int_equal(cluster.push(a, UpdateKind::delta, {{1, 1}}).status, NGD_OK);
  cluster.world.clients[a]->paused_until = cluster.world.now() + 6 * kSecond;
  const Outcome next = cluster.command(b, lock(true));
  assert_true(next.status == NGD_OK && next.done.token > mine.done.token);
  cluster.world.run_until(cluster.world.now() + 7 * kSecond);
  const Outcome late = cluster.push(a, UpdateKind::delta, {{1, 1}});
  assert_int_equal(late.status, NGD_E_FENCED);
  const Outcome value = cluster.command(a, named(CommandKind::set_value, "x"), "1");
  assert_int_equal(value.status, NGD_E_FENCED);
  assert_int_equal(cluster.pull(b, {{0, {}, false}}).version, 2);
}

void a_lock_that_nobody_waits_for_any_more_is_given_back(void **) {
  SmallCluster cluster;
  const size_t a = cluster.client(kModel), b = cluster.client(kModel), c = cluster.client(kModel);
  const Outcome mine = cluster.command(a, lock(true));
  const Outcome gone = cluster.command(b, lock(true), {}, kSecond);  // its client leaves before its turn
  assert_int_equal(gone.status, NGD_E_TIMEOUT);
  wire::Command unlock = named(CommandKind::unlock, "l");
  unlock.token = mine.done.token;
  assert_int_equal(cluster.command(a, unlock).status, NGD_OK);
  assert_int_equal(cluster.command(c, lock(true)).status, NGD_OK);
}

// A turn that did not come, and one that comes when nobody waits any more, take nothing from what the client has.
void a_lock_given_up_leaves_others_of_its_name(void **) {
  SmallCluster cluster;
  const size_t a = cluster.client(kModel), b = cluster.client(kModel);
  const Outcome mine = cluster.command(a, lock(false));
  cluster.world.session(a).hold({"l", mine.done.token}, ClientSession::Holding::shared);
  assert_int_equal(cluster.command(a, lock(true, kSecond), {}, 10 * kSecond).status,
                   NGD_E_TIMEOUT);                                                      // the server's
  assert_int_equal(cluster.command(a, lock(true), {}, kSecond).status, NGD_E_TIMEOUT);  // its own
  cluster.world.run_until(cluster.world.now() + kSecond);
  assert_int_equal(cluster.command(a, named(CommandKind::set_value, "x"), "1").status, NGD_OK);
  wire::Command unlock = named(CommandKind::unlock, "l");
  unlock.token = mine.done.token;
  assert_int_equal(cluster.command(a, unlock).status, NGD_OK);
  assert_int_equal(cluster.command(b, lock(true)).status, NGD_OK);
}

// Also when its client has heard nothing of that in time.
void a_lock_is_given_back_however_long_it_takes(void **) {
  SmallCluster cluster;
  const size_t a = cluster.client(kModel), b = cluster.client(kModel);
  const Outcome mine = cluster.command(a, lock(true));
  cluster.world.session(a).hold({"l", mine.done.token});
  wire::Command unlock = named(CommandKind::unlock, "l");
  unlock.token = mine.done.token;
  cluster.world.weather.loss = 1;
  assert_int_equal(cluster.command(a, unlock, {}, kSecond).status, NGD_E_TIMEOUT);
  cluster.world.weather.loss = 0;
  assert_int_equal(cluster.command(b, lock(true)).status, NGD_OK);
  assert_int_equal(cluster.command(a, named(CommandKind::set_value, "x"), "1").status, NGD_OK);
}

void a_barrier_opens_for_all_and_forgets_the_dead(void **) {
  SmallCluster cluster;
  ClientOptions options;
  options.lease_us = 2 * kSecond;
  const size_t a = cluster.client(kModel, options), b = cluster.client(kModel, options),
               c = cluster.client(kModel, options);
  wire::Command barrier = named(CommandKind::barrier, "epoch");
  barrier.wait_us = 30 * kSecond;
  const Ticket first = cluster.world.session(a).command(barrier, {}, cluster.now(a), cluster.soon(a));
  assert_true(cluster.pending(a, first, kSecond));
  const Ticket second = cluster.world.session(b).command(barrier, {}, cluster.now(b), cluster.soon(b));
  assert_true(cluster.pending(b, second, kSecond / 2));
  cluster.world.crash_client(c);
  assert_int_equal(cluster.wait(a, first).done.number, 1);
  assert_int_equal(cluster.wait(b, second).done.number, 1);
}

// Who asks again, since no answer has come, waits no longer for that: it is told before its own time is over.
void a_value_that_does_not_come_is_told_of(void **) {
  SmallCluster cluster;
  const size_t a = cluster.client(kModel);
  cluster.command(a, named(CommandKind::set_value, "there"), "1");
  for (const Time patience : {kSecond / 2, 2 * kSecond, 9 * kSecond}) {
    for (const char *name : {"absent", "there"}) {
      wire::Query query;
      query.name = name;
      query.known = 1;
      query.wait_us = patience - patience / 8;
      const Time begun = cluster.world.now();
      const Outcome outcome =
          cluster.wait(a, cluster.world.session(a).query(query, cluster.now(a), cluster.now(a) + patience));
      assert_string_equal(outcome.text.c_str(), name == std::string("absent")
                                                    ? "there is no value \"absent\""
                                                    : "value \"there\" still has version 1");
      assert_true(cluster.world.now() - begun >= patience / 2);
    }
  }
}

void values_have_versions(void **) {
  SmallCluster cluster;
  const size_t a = cluster.client(kModel), b = cluster.client(kModel);
  wire::Command set = named(CommandKind::set_value, "x");
  set.expected = 0;
  assert_int_equal(cluster.command(a, set, "one").done.number, 1);
  const Outcome conflict = cluster.command(b, set, "two");
  assert_int_equal(conflict.status, NGD_E_CONFLICT);
  assert_string_equal(conflict.text.c_str(), "value \"x\" has version 1, not 0; get it and try again");
  wire::Query query;
  query.name = "x";
  query.known = 1;
  query.wait_us = 20 * kSecond;
  const Ticket waits = cluster.world.session(b).query(query, cluster.now(b), cluster.soon(b));
  assert_true(cluster.pending(b, waits, kSecond));
  set.expected = 1;
  assert_int_equal(cluster.command(a, set, "three").done.number, 2);
  const Outcome read = cluster.wait(b, waits);
  assert_int_equal(read.done.number, 2);
  assert_string_equal(text_of(read.payload).c_str(), "three");
  assert_int_equal(
      cluster.command(a, named(CommandKind::set_value, "big"), std::string(wire::kValueBytes + 1, 'x')).status,
      NGD_E_LIMIT);
}

// What a dead owner had goes to the next with its progress and what it left (scores of samples).
void partitions_are_handed_over_with_their_progress(void **) {
  SmallCluster cluster;
  ClientOptions options;
  options.lease_us = 2 * kSecond;
  const size_t a = cluster.client(kModel, options), b = cluster.client(kModel, options);
  wire::Command open = named(CommandKind::partitions, "data");
  open.count = 2;
  assert_int_equal(cluster.command(a, open).done.number, 1);
  const wire::Command claim = [] {
    wire::Command command = named(CommandKind::claim, "data");
    command.number = wire::kAny;
    return command;
  }();
  const Outcome mine = cluster.command(a, claim);
  assert_int_equal(mine.done.number, 0);
  wire::Command progress = named(CommandKind::progress, "data");
  progress.number = 0;
  progress.token = mine.done.token;
  progress.offset = 500;
  assert_int_equal(cluster.command(a, progress, "scores").status, NGD_OK);
  const Outcome other = cluster.command(b, claim);
  assert_int_equal(other.done.number, 1);
  assert_int_equal(cluster.command(b, claim).status, NGD_E_UNAVAILABLE);
  cluster.world.crash_client(a);
  cluster.world.run_until(cluster.world.now() + 4 * kSecond);
  const Outcome taken = cluster.command(b, claim);
  assert_true(taken.status == NGD_OK && taken.done.number == 0 && taken.done.offset == 500 &&
              taken.done.token > mine.done.token);
  assert_string_equal(text_of(taken.payload).c_str(), "scores");
  for (const Outcome *one : {&other, &taken}) {
    wire::Command finish = named(CommandKind::finish, "data");
    finish.number = one->done.number;
    finish.token = one->done.token;
    assert_int_equal(cluster.command(b, finish).status, NGD_OK);
  }
  assert_int_equal(cluster.command(b, claim).status, NGD_E_NOT_FOUND);
  assert_int_equal(cluster.command(b, open).done.number, 2);
  assert_int_equal(cluster.command(b, claim).status, NGD_OK);
}

// What an update says of a partition happens with it, on a model of several shards too, and only its owner may say it.
void progress_is_part_of_an_update(void **) {
  SmallCluster cluster;
  ClientOptions options;
  options.lease_us = 2 * kSecond;
  wire::ModelSpec spec = kModel;
  spec.shards = 2;
  const size_t a = cluster.client(spec, options), b = cluster.client(spec, options);
  const std::vector<float> values(ngd::element_count(spec.tensors[0].shape), 1.0f);
  cluster.push(a, wire::UpdateKind::initial, {values});
  wire::Command open = named(CommandKind::partitions, "data");
  open.count = 1;
  cluster.command(a, open);
  wire::Command claim = named(CommandKind::claim, "data");
  claim.number = 0;
  wire::Progress progress;
  progress.set = "data";
  progress.token = cluster.command(a, claim).done.token;
  progress.offset = 3;
  progress.note = "three";
  const auto push = [&](size_t client) {
    auto &session = cluster.world.session(client);
    ngd::cluster::TensorUpdate update{0, {}, wire::copied(std::as_bytes(std::span(values)))};
    return cluster.wait(client, session.push(wire::UpdateKind::delta, {update}, {progress}, cluster.now(client),
                                             cluster.soon(client), 0));
  };
  const auto look = [&] {
    wire::Query query;
    query.kind = wire::QueryKind::partitions;
    query.name = "data";
    auto &session = cluster.world.session(b);
    const Outcome outcome = cluster.wait(b, session.query(query, cluster.now(b), cluster.soon(b)));
    const std::string bytes = text_of(outcome.payload);
    ngd::cluster::PartitionSet set;
    wire::read_bytes(std::as_bytes(std::span(bytes)), "partitions", 16, 1024, set);
    return set.partitions.at(0);
  };
  const Outcome refused = push(b);
  assert_int_equal(refused.status, NGD_E_FENCED);
  assert_int_equal(look().offset, 0);
  const Outcome made = push(a);
  assert_int_equal(made.status, NGD_OK);
  assert_int_equal(made.version, 2);  // what was refused made none
  assert_int_equal(look().offset, 3);
  assert_string_equal(look().note.c_str(), "three");
  // Another has it when its owner is dead; what the owner still sends is refused whole.
  cluster.world.crash_client(a);
  cluster.world.run_until(cluster.world.now() + 4 * kSecond);
  const Outcome taken = cluster.command(b, claim);
  assert_int_equal(taken.done.offset, 3);
  progress.offset = 4;
  assert_int_equal(push(b).status, NGD_E_FENCED);
  progress.token = taken.done.token;
  progress.finish = true;
  assert_int_equal(push(b).status, NGD_OK);
  assert_true(look().finished && look().offset == 4);
  assert_int_equal(cluster.command(b, claim).status, NGD_E_CONFLICT);
}

// --- raw messages -------------------------------------------------------------------------------------------------------

struct Sink : ngd::cluster::Net {
  void send(Peer, wire::Message message) override { sent.push_back(std::move(message)); }
  std::vector<wire::Message> sent;
};

struct Store : ngd::cluster::Coordinator {
  void get(uint64_t ticket, const std::string &prefix) override {
    ngd::cluster::CoordinatorAnswer answer{ticket, true, {}};
    for (const auto &[key, record] : records) {
      if (key.starts_with(prefix)) answer.records.push_back(record);
    }
    answers.push_back(answer);
  }
  void cas(uint64_t ticket, const std::string &key, uint64_t revision, const std::string &value) override {
    ngd::cluster::CoordinatorAnswer answer{
        ticket, (records.contains(key) ? records[key].revision : 0) == revision, {}};
    if (answer.done) records[key] = {key, value, ++last};
    answer.records.push_back(records[key]);
    answers.push_back(answer);
  }
  void announce(const std::string &, const std::string &) override {}  // the only server
  std::map<std::string, ngd::cluster::Record> records;
  std::vector<ngd::cluster::CoordinatorAnswer> answers;
  uint64_t last = 0;
};

// One server without a network: what it says is at hand.
struct Bare {
  explicit Bare(ngd::cluster::Limits limits = {})
      : random(1), disk(random), node(options(limits), sink, disk, random, store) {
    node.start(1);
    settle();
    wire::CreateModel create;
    create.spec = kModel;
    say(kClient, {}, create);
    settle();
    sink.sent.clear();
  }
  static NodeOptions options(ngd::cluster::Limits limits) {
    NodeOptions options;
    options.limits = limits;
    options.durable = false;
    return options;
  }
  void settle() {
    while (!store.answers.empty()) {
      const auto answers = std::exchange(store.answers, {});
      for (const auto &answer : answers) node.coordinated(answer, 1);
    }
  }
  static constexpr ngd::cluster::From kClient{ngd::cluster::kFirstConnection + 1, ngd::cluster::Role::worker,
                                              5};
  void say(const ngd::cluster::From &from, const wire::Envelope &envelope, wire::Body body,
           std::vector<wire::Bytes> payload = {}) {
    node.receive(from, {envelope, std::move(body), std::move(payload)}, 2);
  }
  // The status of the refusal that a message meets; 0 when it is answered otherwise, 1 by silence.
  int32_t status(const ngd::cluster::From &from, const wire::Envelope &envelope, wire::Body body,
                 std::vector<wire::Bytes> payload = {}) {
    sink.sent.clear();
    say(from, envelope, std::move(body), std::move(payload));
    if (sink.sent.empty()) return 1;
    const auto *refused = std::get_if<wire::Refused>(&sink.sent.front().body);
    return refused == nullptr ? 0 : refused->status;
  }
  uint64_t open(wire::ClientId client, const ngd::cluster::From &from = kClient) {
    wire::Open open;
    open.lease_us = 10 * kSecond;
    sink.sent.clear();
    say(from, {client, 1, 0, 1}, open);
    const auto *opened = std::get_if<wire::Opened>(&sink.sent.front().body);
    return opened == nullptr ? 0 : opened->session;
  }
  Sink sink;
  Seeded random;
  SimulatedDisk disk;
  Store store;
  ngd::cluster::ServerNode node;
};

wire::Push initial(uint64_t session) {
  wire::Push push;
  push.kind = UpdateKind::initial;
  push.lineage = 1;
  push.session = session;
  push.tensors = {{0, 0, false}};
  return push;
}

void roles_are_kept_apart(void **) {
  Bare bare;
  const ngd::cluster::From reader{ngd::cluster::kFirstConnection + 2, ngd::cluster::Role::reader, 6};
  const uint64_t session = bare.open({1, 1});
  assert_true(session != 0);
  assert_int_equal(bare.status(reader, {{1, 1}, 1, 0, 1}, initial(session), {SmallCluster::bytes({1, 2})}),
                   NGD_E_ACCESS);
  wire::Open open;
  open.lease_us = kSecond;
  assert_int_equal(bare.status(reader, {{3, 3}, 1, 0, 1}, open), NGD_E_ACCESS);
  assert_int_equal(bare.status(reader, {{3, 3}, 1, 0, 0}, wire::CreateModel{kModel}), NGD_E_ACCESS);
  // Another key cannot speak for the session: not push, not close, not lock.
  const ngd::cluster::From other{ngd::cluster::kFirstConnection + 3, ngd::cluster::Role::worker, 7};
  assert_int_equal(bare.status(other, {{1, 1}, 1, 0, 1}, initial(session), {SmallCluster::bytes({1, 2})}),
                   NGD_E_ACCESS);
  assert_int_equal(bare.status(other, {{1, 1}, 9, 0, 1}, wire::Close{}), NGD_E_ACCESS);
  wire::Command command = lock(true);
  command.lineage = 1;
  command.session = session;
  assert_int_equal(bare.status(other, {{1, 1}, 1, 0, 1}, command), NGD_E_ACCESS);
  // What only servers may say.
  for (wire::Body body :
       std::vector<wire::Body>{wire::Decide{1, {}}, wire::Dropped{}, wire::Restore{}, wire::Staged{},
                               wire::Announce{}, wire::Saved{}, wire::Fetch{}, wire::Fetched{}})
    assert_int_equal(bare.status(other, {{1, 1}, 1, 0, 1}, body), NGD_E_PROTOCOL);
  assert_int_equal(
      bare.status(Bare::kClient, {{1, 1}, 1, 0, 1}, initial(session), {SmallCluster::bytes({1, 2})}), 0);
}

void words_of_an_earlier_session_are_refused(void **) {
  Bare bare;
  const uint64_t first = bare.open({1, 1});
  assert_int_equal(bare.status(Bare::kClient, {{1, 1}, 2, 0, 1}, wire::Close{}), 0);
  assert_int_equal(bare.status(Bare::kClient, {{1, 1}, 1, 0, 1}, initial(first), {SmallCluster::bytes({1, 2})}),
                   NGD_E_EXPIRED);
  const uint64_t second = bare.open({1, 1});
  assert_true(second > first);
  assert_int_equal(bare.status(Bare::kClient, {{1, 1}, 1, 0, 1}, initial(first), {SmallCluster::bytes({1, 2})}),
                   NGD_E_EXPIRED);
  assert_int_equal(
      bare.status(Bare::kClient, {{1, 1}, 1, 0, 1}, initial(second), {SmallCluster::bytes({1, 2})}), 0);
}

// The model goes back to a checkpoint while a client has nothing under way, and its session is not in it: the next call tells.
void a_client_that_rests_is_told_of_a_new_lineage(void **) {
  SmallCluster cluster;
  ClientOptions options;
  options.lease_us = 3 * kSecond;
  const size_t old = cluster.client(kModel, options);
  cluster.push(old, UpdateKind::initial, {{0, 0}});
  assert_int_equal(cluster.checkpoint(old).status, NGD_OK);
  const size_t late = cluster.client(kModel, options);
  assert_int_equal(cluster.push(late, UpdateKind::delta, {{1, 1}}).status, NGD_OK);
  cluster.world.crash_server(0);
  cluster.world.start_server(0);
  cluster.world.run_until(cluster.world.now() + 5 * kSecond);  // it opened its session again
  assert_int_equal(cluster.push(late, UpdateKind::delta, {{1, 1}}).status, NGD_E_LINEAGE);
  const Outcome next = cluster.push(late, UpdateKind::delta, {{1, 1}});
  assert_true(next.status == NGD_OK && next.lineage == 2);
  const wire::Query status{wire::QueryKind::status, "", 0, 0, 0};
  const auto ask = [&] {
    return cluster.wait(old, cluster.world.session(old).query(status, cluster.now(old), cluster.soon(old)));
  };
  assert_int_equal(ask().status, NGD_E_LINEAGE);
  const Outcome told = ask();
  assert_true(told.status == NGD_OK && told.lineage == 2);
  assert_int_equal(cluster.push(old, UpdateKind::delta, {{1, 1}}).status, NGD_OK);
}

// A learner asks again and again; what is still on its way to it is not sent again.
void a_slow_wire_carries_each_piece_of_a_snapshot_about_once(void **) {
  NodeOptions options;
  options.replicas = 2;
  SmallCluster cluster(2, options);
  const size_t count = 5'000'000 / sizeof(float);  // five pieces
  const size_t a = cluster.client(model("sgd:learning_rate=1", {tensor("w", {int64_t{count}})}));
  cluster.push(a, UpdateKind::initial, {std::vector<float>(count, 1)});
  cluster.world.crash_server(1);
  cluster.world.run_until(cluster.world.now() + 3 * kSecond);
  cluster.world.weather.delay = 400'000;
  cluster.world.tracing = true;
  cluster.world.start_server(1);
  cluster.world.run_until(cluster.world.now() + 20 * kSecond);
  size_t pieces = 0;
  const std::string &trace = cluster.world.trace_text;
  for (size_t at = trace.find(" transfer "); at != std::string::npos; at = trace.find(" transfer ", at + 1))
    pieces++;
  print_message("%zu pieces sent\n", pieces);
  assert_true(pieces >= 5 && pieces <= 8);
}

// Entries of the log that were lost come again, though others follow them all the time: no replica is put out for it.
void what_a_replica_missed_comes_again_under_load(void **) {
  NodeOptions options;
  options.replicas = 2;
  SmallCluster cluster(2, options);
  const size_t a = cluster.client(kModel);
  cluster.push(a, UpdateKind::initial, {{0, 0}});
  cluster.world.run_until(cluster.world.now() + 3 * kSecond);
  cluster.world.tracing = true;
  cluster.world.trace_text.clear();
  std::vector<Ticket> tickets;
  for (int i = 0; i < 100; i++) {
    tickets.push_back(cluster.begin_push(a, UpdateKind::delta, {{1, 1}}));
    cluster.world.touched(a);
    cluster.world.run_until(cluster.world.now() + 50);  // it is with the primary, and not yet further
    cluster.world.weather.loss = i == 10 || i == 11 ? 1 : 0;
    cluster.world.run_until(cluster.world.now() + 20'000);
    cluster.world.weather.loss = 0;
  }
  for (const Ticket ticket : tickets) assert_int_equal(cluster.wait(a, ticket).status, NGD_OK);
  assert_true(cluster.world.trace_text.find("record /shard/") == std::string::npos);
  assert_true(SmallCluster::values(cluster.pull(a, {{0, {}, false}}), 0, 2) == std::vector<float>({100, 100}));
}

void limits_hold(void **) {
  ngd::cluster::Limits limits;
  limits.sessions = 2;
  limits.client_bytes = 16;
  limits.waiting = 3;
  Bare bare(limits);
  const uint64_t session = bare.open({1, 1});
  assert_true(bare.open({2, 2}) != 0);
  wire::Open open;
  open.lease_us = kSecond;
  assert_int_equal(bare.status(Bare::kClient, {{3, 3}, 1, 0, 1}, open), NGD_E_LIMIT);
  open.lease_us = 1;
  assert_int_equal(bare.status(Bare::kClient, {{1, 1}, 1, 0, 1}, open), NGD_E_RANGE);
  // Bytes of updates that wait: these come after one that never comes.
  int32_t status = 0;
  size_t taken = 0;
  for (uint64_t seq = 2; seq < 20 && status != NGD_E_LIMIT; seq++) {
    wire::Push push = initial(session);
    push.after = 1;
    status = bare.status(Bare::kClient, {{1, 1}, seq, 0, 1}, push, {SmallCluster::bytes({1, 2})});
    taken += status == 0 ? 1 : 0;
  }
  assert_int_equal(status, NGD_E_LIMIT);
  assert_int_equal(taken, 3);  // 16 bytes and one dense update
  assert_int_equal(bare.node.shard(1)->staged_bytes(), 24);
  // Reads that wait.
  for (uint64_t seq = 100; seq < 104; seq++) {
    wire::Pull pull;
    pull.lineage = 1;
    pull.version = 50;
    pull.wait_us = kSecond;
    pull.tensors = {{0, 0, false}};
    assert_int_equal(bare.status(Bare::kClient, {{1, 1}, seq, 0, 1}, pull), seq < 103 ? 1 : NGD_E_LIMIT);
  }
}

void malformed_parts_are_refused(void **) {
  Bare bare;
  const uint64_t session = bare.open({1, 1});
  const auto push = [&](std::vector<wire::TensorPart> tensors, std::vector<wire::Bytes> payload) {
    wire::Push one = initial(session);
    one.tensors = std::move(tensors);
    return bare.status(Bare::kClient, {{1, 1}, 1, 0, 1}, one, std::move(payload));
  };
  assert_int_equal(push({{7, 0, false}}, {SmallCluster::bytes({1, 2})}), NGD_E_NOT_FOUND);
  assert_int_equal(push({{0, 3, false}}, {SmallCluster::bytes({1, 2})}), NGD_E_ARGUMENT);
  assert_int_equal(push({{0, 0, false}}, {SmallCluster::bytes({1})}), NGD_E_SHAPE);
  assert_int_equal(push({{0, 0, false}}, {SmallCluster::bytes({1, 2, 3})}), NGD_E_SHAPE);
  assert_int_equal(push({{0, 0, false}, {0, 0, false}}, {SmallCluster::bytes({1, 2, 3, 4})}), NGD_E_ARGUMENT);
  assert_int_equal(bare.node.shard(1)->staged_bytes(), 0);
  assert_int_equal(bare.status(Bare::kClient, {{1, 1}, 1, 0, 99}, wire::KeepAlive{}), NGD_E_UNAVAILABLE);
  assert_int_equal(bare.status(Bare::kClient, {{1, 1}, 1, 0, 0}, wire::KeepAlive{}), NGD_E_PROTOCOL);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(shared_locks_go_together_and_exclusive_ones_alone),
      cmocka_unit_test(a_holder_that_slept_is_fenced),
      cmocka_unit_test(a_lock_that_nobody_waits_for_any_more_is_given_back),
      cmocka_unit_test(a_lock_given_up_leaves_others_of_its_name),
      cmocka_unit_test(a_lock_is_given_back_however_long_it_takes),
      cmocka_unit_test(a_barrier_opens_for_all_and_forgets_the_dead),
      cmocka_unit_test(a_value_that_does_not_come_is_told_of),
      cmocka_unit_test(values_have_versions),
      cmocka_unit_test(partitions_are_handed_over_with_their_progress),
      cmocka_unit_test(progress_is_part_of_an_update),
      cmocka_unit_test(roles_are_kept_apart),
      cmocka_unit_test(words_of_an_earlier_session_are_refused),
      cmocka_unit_test(a_client_that_rests_is_told_of_a_new_lineage),
      cmocka_unit_test(a_slow_wire_carries_each_piece_of_a_snapshot_about_once),
      cmocka_unit_test(what_a_replica_missed_comes_again_under_load),
      cmocka_unit_test(limits_hold),
      cmocka_unit_test(malformed_parts_are_refused),
  };
  return cmocka_run_group_tests_name("cluster coordination", tests, nullptr, nullptr);
}
