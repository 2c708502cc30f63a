// A root with many workers: what an update costs it does not grow with their number, and what it says stays within the
// limits of messages.
#include "cluster/root.h"

#include <map>

#include "cluster/group.h"
#include "cluster/pace.h"
#include "wire/codec.h"
#include "wire/limits.h"

#include "test.h"

namespace {

using namespace ngd::cluster;
namespace wire = ngd::wire;

// A shard that has what it is given, and writes down what its root says and how often it looks at a part.
struct Host : RootHost {
  void log(const RootEntry &) override {}
  void carried_out(Time) override {}
  bool leads() const override { return true; }
  const wire::ModelSpec &model() const override { return spec; }
  const StagedPart *staged(const UpdateKey &key) const override {
    looks++;
    const auto found = parts.find(key);
    return found == parts.end() ? nullptr : &found->second;
  }
  void drop(const UpdateKey &key, uint32_t) override { parts.erase(key); }
  void decided(const wire::Decision &decision, Time) override {
    for (const wire::Decision::Entry &entry : decision.entries)
      parts.erase({entry.client, entry.user, entry.seq});
  }
  void send_to_shard(uint32_t index, wire::Envelope, wire::Body body) override {
    if (auto *decide = std::get_if<wire::Decide>(&body)) said[index].push_back(std::move(*decide));
  }
  void send_to(Peer, wire::Message message, Time) override {
    if (std::holds_alternative<wire::Pushed>(message.body)) answers++;
    if (const auto *point = std::get_if<wire::Point>(&message.body)) points.push_back(point->version);
    if (const auto *done = std::get_if<wire::Done>(&message.body)) versions_kept = done->offset;
  }
  Time ask_members(Time now) override { return now; }
  void read(const Wanted &, wire::Pushed &, std::vector<wire::Bytes> &) const override {}

  wire::ModelSpec spec;
  std::map<UpdateKey, StagedPart> parts;
  std::map<uint32_t, std::vector<wire::Decide>> said;
  mutable uint64_t looks = 0;
  uint64_t answers = 0;
  std::vector<uint64_t> points;
  uint64_t versions_kept = 0;
};

class Crowd {
 public:
  Crowd(uint32_t workers, uint32_t shards, wire::Consistency consistency, uint32_t bound = 0)
      : root(shards, options, host), shards_(shards) {
    root.begin(1, 0, true, now);
    root.extend_ceiling(1'000'000, now);
    wire::Open open;
    open.consistency = consistency;
    open.bound = bound;
    open.workers = workers;
    open.lease_us = 10'000'000;
    for (uint32_t w = 0; w < workers; w++) root.open(from(w), {client(w), 0, 0, 1}, open, now);
  }

  static wire::ClientId client(uint32_t worker) { return {1, worker + 1}; }
  static From from(uint32_t worker) { return {kFirstConnection + worker, Role::worker, 0}; }
  // All shards have a worker's update.
  void update(uint32_t worker, uint64_t seq) {
    wire::Push push;
    push.session = root.sessions().at(client(worker)).number;
    push.lineage = 1;
    if (!root.admit(from(worker), {client(worker), seq, 0, 1}, push, now)) return;
    const UpdateKey key{client(worker), 0, seq};
    host.parts[key] = {};
    for (uint32_t shard = 0; shard < shards_; shard++) root.staged(shard, key, 0, now);
  }
  void read(uint32_t worker, uint64_t seq) {
    wire::ReadPoint point;
    point.wait_us = 60'000'000;
    root.read_point(from(worker), {client(worker), seq, 0, 1}, point, now);
  }
  uint64_t versions_kept() {
    wire::Query status;
    status.kind = wire::QueryKind::status;
    root.query(from(0), {client(0), 1'000, 0, 1}, status, now);
    return host.versions_kept;
  }

  NodeOptions options;
  Host host;
  Root root;
  Time now = 1'000'000;

 private:
  uint32_t shards_;
};

// A round of twice as many workers costs twice as much, not four times.
void rounds_cost_what_they_have(void **) {
  for (const uint32_t workers : {50, 400}) {
    Crowd crowd(workers, 3, wire::Consistency::bulk);
    for (uint64_t seq = 1; seq <= 2; seq++) {
      for (uint32_t w = 0; w < workers; w++) crowd.update(w, seq);
      assert_int_equal(crowd.root.version(), seq);
    }
    assert_int_equal(crowd.host.answers, 2 * workers);
    assert_true(crowd.host.looks <= uint64_t{2} * workers * 12);
  }
}

// All but one are as far ahead as they may be. What they have sent is looked at when that one comes on, not each time
// that something else happens.
void those_who_wait_are_left_alone(void **) {
  constexpr uint32_t kWorkers = 300;
  Crowd crowd(kWorkers, 3, wire::Consistency::stale, 1);
  for (uint64_t seq = 1; seq <= 3; seq++) {
    for (uint32_t w = 1; w < kWorkers; w++) crowd.update(w, seq);
  }
  assert_int_equal(crowd.root.version(), 2 * (kWorkers - 1));
  assert_true(crowd.host.looks <= 3 * kWorkers * 12);
  crowd.update(0, 1);
  assert_int_equal(crowd.root.version(), 3 * (kWorkers - 1) + 1);
}

// A shard that comes back is told of all that it missed in messages that it takes.
void what_a_shard_missed_comes_in_pieces(void **) {
  constexpr uint32_t kWorkers = 700, kRounds = 60;
  Crowd crowd(kWorkers, 2, wire::Consistency::bulk);
  for (uint64_t seq = 1; seq <= kRounds; seq++) {
    for (uint32_t w = 0; w < kWorkers; w++) crowd.update(w, seq);
  }
  assert_int_equal(crowd.root.version(), kRounds);
  crowd.host.said.clear();
  crowd.root.follower_came_back(1, crowd.now);
  uint64_t applied = 0;
  for (int i = 0; i < 10 && applied < kRounds; i++) {
    for (const wire::Decide &decide : std::exchange(crowd.host.said[1], {})) {
      const wire::Body body = decide;
      const wire::Body again = wire::decode(wire::type_of(body), wire::encode(body).span());
      for (const wire::Decision &decision : std::get<wire::Decide>(again).decisions) {
        if (decision.number == applied + 1) applied = decision.number;
      }
    }
    crowd.root.applied(1, applied, crowd.now);
  }
  assert_int_equal(applied, kRounds);
}

// Of many shards each is told of decisions together.
void many_shards_are_told_together(void **) {
  constexpr uint32_t kShards = 50;
  Crowd crowd(20, kShards, wire::Consistency::asynchronous);
  for (uint64_t seq = 1; seq <= 3; seq++) {
    for (uint32_t w = 0; w < 20; w++) crowd.update(w, seq);
  }
  assert_int_equal(crowd.root.version(), 60);
  assert_int_equal(crowd.host.said[1].size(), 1);
  assert_true(crowd.root.next_wakeup() <= crowd.now + pause_between_words(kShards));
  crowd.now += pause_between_words(kShards);
  crowd.root.tick(crowd.now);
  for (uint32_t shard = 1; shard < kShards; shard++) {
    size_t decisions = 0;
    for (const wire::Decide &decide : crowd.host.said[shard]) decisions += decide.decisions.size();
    assert_int_equal(crowd.host.said[shard].size(), 2);
    assert_int_equal(decisions, 60);
  }
}

// Whose answer is long in coming asks again. That keeps no second version: it would be kept until its time is over, and
// with a thousand workers at a busy root all that may be kept would be.
void who_asks_again_reads_the_same_version(void **) {
  Crowd crowd(20, 3, wire::Consistency::asynchronous);
  std::vector<uint64_t> points;
  for (uint64_t step = 1; step <= 6; step++) {
    crowd.read(0, 100 + step);
    const uint64_t version = crowd.root.version();
    crowd.update(1, step);
    assert_int_equal(crowd.root.version(), version + 1);
    crowd.read(0, 100 + step);
    points.insert(points.end(), {version, version});
    assert_int_equal(crowd.versions_kept(), 1);
    crowd.root.read_done({Crowd::client(0), 100 + step, 0, 1}, version, crowd.now);
    assert_int_equal(crowd.versions_kept(), 0);
  }
  assert_true(crowd.host.points == points);
}

// The same of one that waits until another version may be kept.
void who_waits_and_asks_again_keeps_one_version(void **) {
  Crowd crowd(20, 3, wire::Consistency::asynchronous);
  for (uint64_t step = 1; step <= wire::kPins; step++) {
    crowd.read(step, 100);
    crowd.update(1, step);
  }
  assert_int_equal(crowd.versions_kept(), wire::kPins);
  for (int again = 0; again < 3; again++) crowd.read(0, 100);
  assert_int_equal(crowd.host.points.size(), wire::kPins);
  crowd.root.read_done({Crowd::client(2), 100, 0, 1}, 1, crowd.now);
  assert_int_equal(crowd.host.points.size(), wire::kPins + 1);
  assert_int_equal(crowd.host.points.back(), wire::kPins);
  crowd.update(1, wire::kPins + 1);
  crowd.read(0, 100);
  assert_int_equal(crowd.host.points.size(), wire::kPins + 2);
  assert_int_equal(crowd.host.points.back(), wire::kPins);
  assert_int_equal(crowd.versions_kept(), wire::kPins);
}

void the_group_counts_as_its_sessions_do(void **) {
  Group group;
  Session a, b, reader;
  a.present = b.present = reader.present = true;
  reader.open.worker = false;
  a.open.consistency = b.open.consistency = wire::Consistency::stale;
  a.open.workers = 7;
  a.clock = 5;
  b.clock = 9;
  group.add(a);
  group.add(b);
  group.add(reader);
  assert_int_equal(group.count(), 2);
  assert_int_equal(group.required(), 7);
  assert_int_equal(group.slowest(wire::Consistency::stale), 5);
  assert_true(group.slowest(wire::Consistency::bulk) == Group::kNobody);
  group.remove(a);
  a.clock = 11;
  group.add(a);
  assert_int_equal(group.slowest(wire::Consistency::stale), 9);
  group.remove(a);
  assert_int_equal(group.count(wire::Consistency::stale), 1);
  assert_int_equal(group.required(), 1);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(rounds_cost_what_they_have),
      cmocka_unit_test(those_who_wait_are_left_alone),
      cmocka_unit_test(what_a_shard_missed_comes_in_pieces),
      cmocka_unit_test(many_shards_are_told_together),
      cmocka_unit_test(who_asks_again_reads_the_same_version),
      cmocka_unit_test(who_waits_and_asks_again_keeps_one_version),
      cmocka_unit_test(the_group_counts_as_its_sessions_do),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
