// The workload: its weather, its model, its run, and what must hold at the end.
#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "workload_run.h"

namespace simulation {

using ngd::concat;
using namespace ngd::cluster;
namespace wire = ngd::wire;

namespace {

constexpr Time kPatience = 240 * kSecond;  // after the weather cleared; then nothing works any more

}  // namespace

void Workload::set_weather() {
  Weather &w = world_.weather;
  const bool calm = random_.chance(0.1);
  w.loss = calm ? 0 : static_cast<double>(random_.below(20)) / 100;
  w.duplication = calm ? 0 : static_cast<double>(random_.below(15)) / 100;
  w.slow = calm ? 0 : static_cast<double>(random_.below(10)) / 100;
  w.delay = 200 + random_.below(20'000);
  w.partitions = !calm && random_.chance(0.6);
  w.client_pauses = !calm && random_.chance(0.6);
  w.client_crashes = !calm && random_.chance(0.5);
  w.server_crashes = !calm && random_.chance(0.4);
  w.disk_faults = !calm && random_.chance(0.5);
  w.clocks = random_.chance(0.5);
  // A clock that jumps ends a grace before its time, which real ones do not: there the whole machine stands still.
  w.jumps = w.clocks && replicas_ == 1;
  w.server_pauses = replicas_ > 1 && random_.chance(0.4);
  w.late = replicas_ > 1 && random_.chance(0.3) ? 0.03 : 0;
  w.late_changes = replicas_ > 1 && random_.chance(0.3);
  w.aimed = replicas_ > 1 && random_.chance(0.7);
}

void Workload::describe_model() {
  workers_ = 2 + static_cast<uint32_t>(random_.below(3));
  numbers_ = 6 + static_cast<uint32_t>(random_.below(10)) + (replicas_ > 1 ? 12 : 0);
  bound_ = 1 + static_cast<uint32_t>(random_.below(3));
  spec_.name = kModelName;
  spec_.optimizer = "sgd:learning_rate=1";
  spec_.shards = scenario_ == Scenario::single    ? 1
                 : scenario_ == Scenario::sharded ? 2 + static_cast<uint32_t>(random_.below(3))
                                                  : 1 + static_cast<uint32_t>(random_.below(3));
  spec_.aggregate_sum = true;
  table_ = random_.chance(0.3);
  kind_ = random_.chance(0.5) ? wire::UpdateKind::gradient : wire::UpdateKind::delta;
  const size_t tensors = spec_.shards + random_.below(2);
  for (size_t t = 0; t < tensors; t++) {
    wire::TensorSpec tensor;
    tensor.name = concat("t", t);
    tensor.shape = {static_cast<int64_t>(workers_), static_cast<int64_t>(numbers_)};
    tensor.table = table_;
    spec_.tensors.push_back(tensor);
  }
  world_.history.workers = workers_;
  world_.history.numbers = numbers_;

  NodeOptions options;
  options.directory = "data";
  options.durable = random_.chance(0.8);
  options.checkpoint_every_us = random_.chance(0.7) ? 300'000 + random_.below(3 * kSecond) : 0;
  options.checkpoint_every_versions = random_.chance(0.3) ? 3 + random_.below(20) : 0;
  options.ceiling_block = 8 + random_.below(100);
  options.unread_versions = run_seed_ % 2 == 0 ? 1 : 16;
  options.ack_disk = options.durable && random_.chance(0.5);
  if (power_) options.durable = options.ack_disk = true;
  world_.weather.power = options.ack_disk && replicas_ > 1 && (power_ || random_.chance(0.5));
  options.log_bytes = 2000 + random_.below(100'000);
  world_.history.durable = options.ack_disk;
  size_t servers = spec_.shards == 1 ? 1 : 1 + random_.below(spec_.shards);
  options.replicas = replicas_;
  world_.weather.isolation = isolation_ && replicas_ > 1 && random_.chance(0.8);
  if (replicas_ > 1) {
    servers = std::max<size_t>(servers, replicas_) + random_.below(2);
    options.digest_every = random_.chance(0.6) ? 1 + random_.below(8) : 256;
    options.min_in_sync = random_.chance(0.8) ? 1 : 2;
    options.kept_bytes = random_.chance(0.5) ? 4096 : size_t{1} << 20;
  }
  for (size_t s = 0; s < servers; s++) world_.add_server(options);
  // Files of shards lie where each server finds them.
  const uint32_t readers = replicas_ > 1 ? static_cast<uint32_t>(random_.below(3)) : 0;
  for (uint32_t c = 0; c < workers_ + readers; c++) {
    world_.add_client();
    actors_.emplace_back().reader = c >= workers_;
  }
}

// --- the run ------------------------------------------------------------------------------------------------------------

// I9: replicas that have the same log are the same.
void Workload::check_replicas() {
  for (const auto &server : world_.servers) {
    if (server->node == nullptr) continue;
    for (const auto &[number, shard] : server->node->shards()) {
      digests_ += shard->digests();
      if (shard->differences() != 0)
        world_.violation(concat("I9: shard ", number, " on server ", server->index, ": ", shard->trouble()));
    }
  }
  for (const auto &leader : world_.servers) {
    if (leader->node == nullptr) continue;
    for (const auto &[number, shard] : leader->node->shards()) {
      if (!shard->ready()) continue;
      const uint64_t digest = shard->digest();
      for (const auto &other : world_.servers) {
        if (other == leader || other->node == nullptr || !other->node->shards().contains(number)) continue;
        Shard &copy = *other->node->shards().at(number);
        const Replica &replica = copy.replica();
        const bool same =
            replica.role() == Replica::Role::member && replica.committed() == shard->replica().last();
        if (same && copy.digest() != digest)
          world_.violation(
              concat("I9: shard ", number, " is different on servers ", leader->index, " and ", other->index));
        if (replica.role() != Replica::Role::member)
          world_.violation(concat("liveness: server ", other->index, " is not in sync with shard ", number,
                                  " on server ", leader->index, ", role ", static_cast<int>(replica.role()),
                                  ", has ", replica.committed(), " of ", shard->replica().last()));
      }
    }
  }
}

// Whether all replicas are in sync.
bool Workload::settled() const {
  return std::ranges::all_of(world_.servers, [&](const auto &server) {
    return server->node != nullptr && std::ranges::all_of(server->node->shards(), [&](const auto &one) {
             const Replica &replica = one.second->replica();
             const ReplicaRecord *record = world_.agreement.record(one.first);
             if (record == nullptr || replica.record().epoch != record->epoch) return false;
             return replica.role() == Replica::Role::member || one.second->ready();
           });
  });
}

bool Workload::rotten() const {
  return std::ranges::any_of(world_.servers, [](const auto &server) { return server->disk.flips > 0; });
}

void Workload::check_end() {
  world_.run_until(world_.now() + kSecond);  // servers that have just started find out what they are
  world_.run_until(world_.now() + (wild_ ? 24 : 9) * kSecond, [this] { return settled(); });
  // After a torn checkpoint and a rotten one nothing is left to restore, and the model stays away until somebody helps.
  bool broken = false;
  std::map<uint32_t, bool> led;
  for (const auto &server : world_.servers) {
    if (server->node == nullptr) continue;
    for (const auto &[number, shard] : server->node->shards()) led[number] = led[number] || shard->ready();
  }
  for (const auto &[number, ready] : led) broken |= !ready;
  check_replicas();
  const bool damaged = broken && rotten();
  if (!done() && !damaged) {
    std::string who;
    for (size_t c = 0; c < actors_.size(); c++) {
      if (actors_[c].closed) continue;
      who += concat(" client ", c, " at ", actors_[c].next, " doing");
      for (const auto &[ticket, doing] : actors_[c].doing) who += concat(" ", static_cast<int>(doing.job));
    }
    for (const auto &server : world_.servers) {
      if (server->node == nullptr) continue;
      for (const auto &[number, shard] : server->node->shards())
        who += concat("\n    shard ", number, " on server ", server->index, " ", shard->doing());
    }
    world_.violation("liveness: not all work ended:" + who);
  }
  if (!done() || damaged) return;
  // A new client reads all of it, and the counter.
  const size_t reader = world_.add_client();
  actors_.emplace_back();
  ClientOptions options;
  for (const auto &server : world_.servers) options.addresses.push_back(server->options.address);
  options.model = spec_.name;
  options.worker = false;
  world_.start_client(reader, options);
  ClientSession &session = world_.session(reader);
  const auto wait = [&](Ticket ticket) {
    world_.touched(reader);
    world_.run_until(world_.now() + 100 * kSecond, [&] { return session.finished(ticket); });
    const auto outcome = session.poll(ticket);
    return outcome.value_or(Outcome{NGD_E_TIMEOUT, "nothing", 0, 0, 0, true, 0, true, {}, {}, {}, {}, 0, 0});
  };
  world_.on_client = [](size_t) {};
  const Outcome opened = wait(session.open(world_.client_time(reader), deadline(reader, 60 * kSecond)));
  if (opened.status != NGD_OK)
    return world_.violation("liveness: the last reader could not open: " + opened.text);
  std::vector<TensorQuery> queries;
  for (uint32_t t = 0; t < spec_.tensors.size(); t++) queries.push_back({t, {}, table_});
  Time invoked = world_.now();
  Outcome last;
  do {  // the first calls may learn of a new lineage
    const Outcome newest = wait(session.version(world_.client_time(reader), deadline(reader, 60 * kSecond)));
    if (newest.status == NGD_OK && !newest.initialised) return;  // back to nothing, at the very end
    invoked = world_.now();
    last = wait(session.pull(queries, 0, world_.client_time(reader), deadline(reader, 60 * kSecond)));
  } while (last.status == NGD_E_LINEAGE);
  if (last.status != NGD_OK) {
    std::string who;
    for (const auto &server : world_.servers) {
      for (const auto &[number, shard] : server->node->shards())
        who += concat("\n    shard ", number, " on server ", server->index, " ", shard->doing());
    }
    return world_.violation("liveness: the last read failed: " + last.text + who);
  }
  note_read(reader, {Job::read, 0, invoked, 0}, last);
  if (scenario_ != Scenario::coordination || world_.history.lineages.size() > 1) return;
  wire::Query query;
  query.name = "counter";
  const Outcome value = wait(session.query(query, world_.client_time(reader), deadline(reader, 30 * kSecond)));
  const uint64_t count = value.status == NGD_OK ? std::stoull(text_of(value.payload)) : 0;
  if (count < counter_done_ || count > counter_done_ + counter_unknown_)
    world_.violation(concat("I8: the counter is ", count, " after ", counter_done_,
                            " increments under a lock, and ", counter_unknown_, " that nobody knows of"));
}

Result Workload::go() {
  for (const auto &server : world_.servers) world_.start_server(server->index);
  for (size_t c = 0; c < actors_.size(); c++) {
    world_.at(random_.below(kSecond), [this, c] {
      if (world_.clients[c]->session == nullptr) act(c);
    });
  }
  world_.at(kSecond / 2, [this] { world_.begin_faults(kFaultsUntil); });
  world_.run_until(kFaultsUntil);
  world_.heal();
  for (size_t c = 0; c < actors_.size(); c++) {
    if (!actors_[c].closed && world_.clients[c]->session == nullptr) act(c);
  }
  world_.run_until(kFaultsUntil + kPatience, [this] { return done(); });
  check_end();

  Result result;
  for (const auto &server : world_.servers) world_.history.durable &= server->disk.flips == 0;
  for (const std::string &one : check(world_.history)) world_.violation(one);
  for (const std::string &one : check_tokens(world_.token_uses)) world_.violation(one);
  result.violations = world_.violations;
  result.trace = std::move(world_.trace_text);
  result.hash = world_.trace_hash;
  result.messages = world_.messages;
  result.faults = world_.faults;
  result.crashes = world_.crashes;
  result.updates = world_.history.updates.size();
  result.reads = world_.history.reads.size();
  result.lineages = world_.history.lineages.size();
  result.resumptions = world_.resumptions;
  result.digests = digests_;
  result.fetches = world_.fetches;
  for (const auto &server : world_.servers) {
    if (server->node == nullptr) continue;
    for (const auto &[number, shard] : server->node->shards()) result.checkpoints += shard->checkpoints_done();
  }
  constexpr const char *kNames[] = {"single", "sharded", "bulk", "stale", "coordination"};
  result.summary =
      concat(kNames[static_cast<size_t>(scenario_)], ", ", spec_.shards, " shards on ", world_.servers.size(),
             " servers, ", workers_, " workers, ", result.updates, " updates, ", result.reads, " reads, ",
             result.messages, " messages, ", result.faults, " faults, ", result.crashes, " server deaths, ",
             result.lineages, " lineages, ", result.resumptions, " resumptions, ", result.checkpoints,
             " checkpoints, ", result.digests, " digests, ", result.fetches, " fetches",
             world_.history.durable ? ", ack=disk" : "");
  return result;
}

Result run(const Run &one) {
  Workload workload(one);
  return workload.go();
}

}  // namespace simulation
