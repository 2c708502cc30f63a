// What a client of the workload does next: its lives, its updates and reads, what it does under a lock.
#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "workload_run.h"

namespace simulation {

using ngd::concat;
using namespace ngd::cluster;
namespace wire = ngd::wire;

void Workload::start_life(size_t client) {
  Actor &actor = actors_[client];
  ClientOptions options;
  for (const auto &server : world_.servers) options.addresses.push_back(server->options.address);
  options.model = spec_.name;
  options.lease_us = 2 * kSecond;
  options.retry_us = 50'000 + random_.below(150'000);
  options.consistency = scenario_ == Scenario::bulk    ? wire::Consistency::bulk
                        : scenario_ == Scenario::stale ? wire::Consistency::stale
                                                       : wire::Consistency::asynchronous;
  options.bound = bound_;
  options.workers = scenario_ == Scenario::bulk || scenario_ == Scenario::stale ? workers_ : 0;
  options.eventual_reads = eventual_;
  options.confirm_reads = reads_ == Reads::mixed ? random_.chance(0.4) : reads_ == Reads::confirm;
  options.worker = !actor.reader;
  options.compression = compression(client);
  world_.start_client(client, options);
  actor.doing.clear();
  actor.open = actor.closed = false;
  actor.token = actor.part_token = 0;
  actor.base = 0;
  ClientSession &session = world_.session(client);
  actor.doing[session.create_model(spec_, world_.client_time(client), deadline(client, 300 * kSecond))] = {
      Job::open, 0, world_.now(), 0};
}

// In every third run each life of a client codes its updates in a way of its own. A one and zeros travel unchanged in all.
Compression Workload::compression(size_t client) {
  if (!compresses_) return {};
  const uint64_t choice = (world_.clients[client]->life * 7 + client * 3 + workers_) % 5;
  return {static_cast<wire::Coding>(choice), 0.01, 0};
}

// What was under way when a client died may have happened or not.
void Workload::lose(size_t client) {
  Actor &actor = actors_[client];
  for (const auto &[ticket, doing] : actor.doing) {
    if (doing.job == Job::set) counter_unknown_++;
  }
  actor.doing.clear();
}

void Workload::act(size_t client) {
  Actor &actor = actors_[client];
  if (world_.clients[client]->session == nullptr) {
    lose(client);
    if (!actor.closed) {
      start_life(client);
      world_.touched(client);
    }
    return;
  }
  if (world_.clients[client]->paused_until > world_.now()) return;
  ClientSession &session = world_.session(client);
  while (const auto ticket = session.next_finished()) {
    Outcome outcome = *session.poll(*ticket);
    const auto doing = actor.doing.find(*ticket);
    if (doing == actor.doing.end()) continue;
    const Doing what = doing->second;
    actor.doing.erase(doing);
    world_.trace(concat("client ", client, " job ", static_cast<int>(what.job), " ended ", outcome.status,
                        " version ", outcome.version));
    finished(client, *ticket, what, std::move(outcome));
  }
  for (const auto &[ticket, doing] : actor.doing) {
    if (doing.job != Job::update && doing.job != Job::locked_update) continue;
    UpdateSeen &seen = world_.history.updates[doing.update];
    if (seen.seq != 0) continue;
    seen.seq = session.seq_of(ticket);
    if (doing.job == Job::locked_update && seen.seq != 0)
      world_.tokens[{seen.client, seen.seq}] = {"lock", doing.number};
  }
  if (actor.open) next_step(client);
}

std::vector<TensorUpdate> Workload::cells(uint32_t worker, uint32_t number) const {
  const float one = kind_ == wire::UpdateKind::gradient ? -1 : 1;
  const uint32_t rows = table_ ? 1 : workers_;
  const wire::Buffer buffer(rows * numbers_ * sizeof(float));
  auto *values = reinterpret_cast<float *>(buffer.data());
  std::fill_n(values, rows * numbers_, 0.0f);
  values[(table_ ? 0 : worker * numbers_) + number] = one;
  std::vector<TensorUpdate> updates;
  for (uint32_t t = 0; t < spec_.tensors.size(); t++) {
    TensorUpdate update;
    update.tensor = t;
    if (table_) update.rows = {worker};
    update.values = buffer.bytes();
    updates.push_back(std::move(update));
  }
  return updates;
}

void Workload::update(size_t client, uint64_t token) {
  Actor &actor = actors_[client];
  ClientSession &session = world_.session(client);
  uint32_t number = 0;
  if (!actor.refused.empty()) {
    number = actor.refused.back();
    actor.refused.pop_back();
  } else {
    number = actor.next++;
  }
  UpdateSeen seen;
  seen.worker = static_cast<uint32_t>(client);
  seen.number = number;
  seen.client = session.id();
  seen.invoked = world_.now();
  seen.bulk = scenario_ == Scenario::bulk;
  const Time wait = random_.chance(0.1) ? kSecond / 2 + random_.below(kSecond) : 60 * kSecond;
  const uint64_t base = scenario_ == Scenario::bulk ? actor.base : 0;
  // Some read what they have made, rows of tables by their numbers or all.
  std::vector<TensorQuery> queries;
  for (uint32_t t = 0; t < spec_.tensors.size() && number % 3 == 1; t++) {
    queries.push_back({t, {}, table_ && number % 2 == 0});
    for (uint32_t row = 0; row < workers_ && table_ && number % 2 == 1; row++)
      queries.back().rows.push_back(row);
  }
  const Ticket ticket = session.push_pull(kind_, cells(seen.worker, number), std::move(queries),
                                          world_.client_time(client), deadline(client, wait), base);
  seen.seq = session.seq_of(ticket);
  actor.doing[ticket] = {token != 0 ? Job::locked_update : Job::update, world_.history.updates.size(),
                         world_.now(), token};
  if (token != 0 && seen.seq != 0) world_.tokens[{seen.client, seen.seq}] = {"lock", token};
  world_.history.updates.push_back(seen);
}

void Workload::read(size_t client) {
  ClientSession &session = world_.session(client);
  std::vector<TensorQuery> queries;
  for (uint32_t t = 0; t < spec_.tensors.size(); t++) queries.push_back({t, {}, table_});
  actors_[client].doing[session.pull(queries, 0, world_.client_time(client), deadline(client, 10 * kSecond))] =
      {Job::read, 0, world_.now(), 0};
}

void Workload::note_read(size_t client, const Doing &doing, const Outcome &outcome) {
  ReadSeen read{doing.invoked,
                world_.now(),
                outcome.lineage,
                outcome.version,
                !eventual_,
                static_cast<uint32_t>(client),
                {}};
  read.tensors.assign(spec_.tensors.size(), std::vector<float>(workers_ * numbers_));
  size_t bytes = 0;
  for (const TensorValues &values : outcome.tensors) {
    size_t at = (values.rows.empty() ? values.first : values.rows.front() * uint64_t{numbers_}) * sizeof(float);
    auto *to = reinterpret_cast<std::byte *>(read.tensors[values.tensor].data());
    for (const wire::Bytes &part : values.data) {
      std::memcpy(to + at, part.data, part.size);
      at += part.size;
      bytes += part.size;
    }
  }
  if (bytes != spec_.tensors.size() * workers_ * numbers_ * sizeof(float))
    world_.violation("a read has not all cells");
  world_.history.reads.push_back(std::move(read));
}

void Workload::command(size_t client, Job job, wire::Command what, const std::string &payload) {
  ClientSession &session = world_.session(client);
  actors_[client].doing[session.command(std::move(what), wire::copied(payload), world_.client_time(client),
                                        deadline(client, 60 * kSecond))] = {job, 0, world_.now(), 0};
}

// What the client does next, if it has time.
void Workload::next_step(size_t client) {
  Actor &actor = actors_[client];
  const size_t at_once = scenario_ == Scenario::single || scenario_ == Scenario::sharded ? 3 : 1;
  if (actor.doing.size() >= at_once || actor.closed) return;
  for (const auto &[ticket, doing] : actor.doing) {
    if (doing.job == Job::open || doing.job == Job::init || doing.job == Job::close) return;
  }
  if (world_.now() < actor.think_until) {
    if (!actor.sleeping) {
      actor.sleeping = true;
      world_.at(actor.think_until, [this, client] {
        actors_[client].sleeping = false;
        if (world_.clients[client]->session != nullptr) world_.touched(client);
      });
    }
    return;
  }
  actor.think_until =
      world_.now() +
      random_.below(scenario_ == Scenario::single || scenario_ == Scenario::sharded ? kSecond : kSecond / 3);
  ClientSession &session = world_.session(client);
  if (actor.rounds == 1000) {  // the model may be empty again
    actor.rounds = 0;
    if (!actor.doing.empty()) {
      actor.rounds = 1000;
      return;
    }
    finished(client, 0, {Job::open, 0, 0, 0}, {});
    return world_.touched(client);
  }
  if (actor.reader && world_.now() < kFaultsUntil) {
    if (random_.chance(0.2)) {
      actor.doing[session.version(world_.client_time(client), deadline(client, 5 * kSecond))] = {
          Job::version, 0, world_.now(), 0};
    } else {
      read(client);
    }
    return world_.touched(client);
  }
  const bool work = !actor.reader && (actor.next < numbers_ || !actor.refused.empty());
  using Command = wire::CommandKind;
  if (scenario_ == Scenario::coordination && (work || actor.token != 0 || actor.part_token != 0)) {
    wire::Command what;
    if (actor.part_token != 0) {
      what.name = "data";
      what.number = actor.part;
      what.token = actor.part_token;
      const bool last = random_.chance(0.3);
      what.kind = last ? (random_.chance(0.5) ? Command::finish : Command::yield) : Command::progress;
      what.offset = actor.part_offset += last ? 0 : 1;
      command(client, last ? Job::finish : Job::progress, what,
              last ? std::to_string(actor.part_offset) : std::to_string(actor.part_offset));
      return world_.touched(client);
    }
    if (actor.token == 0 && random_.chance(0.3)) {
      what.name = "data";
      what.kind = actor.parts_left == 0 ? Command::partitions : Command::claim;
      what.count = 3;
      what.number = wire::kAny;
      command(client, actor.parts_left == 0 ? Job::partitions : Job::claim, what);
      return world_.touched(client);
    }
    if (actor.token == 0) {
      what.kind = Command::lock;
      what.name = "lock";
      what.wait_us = 20 * kSecond;
      command(client, Job::lock, what);
      return world_.touched(client);
    }
    const uint64_t choice = random_.below(4);
    if (choice == 0) {
      what.kind = Command::unlock;
      what.name = "lock";
      what.token = actor.token;
      command(client, Job::unlock, what);
    } else if (choice == 1) {
      wire::Query query;
      query.name = "counter";
      actor.doing[session.query(query, world_.client_time(client), deadline(client, 60 * kSecond))] = {
          Job::get, 0, world_.now(), 0};
    } else if (work) {
      update(client, actor.token);
    } else {
      what.kind = Command::unlock;
      what.name = "lock";
      what.token = actor.token;
      command(client, Job::unlock, what);
    }
    return world_.touched(client);
  }
  if (scenario_ == Scenario::bulk && actor.base == 0) {  // it does not know on what it computes
    read(client);
    return world_.touched(client);
  }
  const double updates = scenario_ == Scenario::bulk                 ? 0.7
                         : world_.weather.wild_clocks && client == 0 ? 0.05
                                                                     : 0.6;
  if (work && random_.chance(updates)) {
    update(client, 0);
  } else if (work || !std::exchange(actor.read_last, true)) {
    if (random_.chance(0.2)) {
      actor.doing[session.version(world_.client_time(client), deadline(client, 60 * kSecond))] = {
          Job::version, 0, world_.now(), 0};
    } else {
      read(client);
    }
  } else if (actor.doing.empty()) {
    actor.doing[session.close(world_.client_time(client), deadline(client, 120 * kSecond))] = {Job::close, 0,
                                                                                               world_.now(), 0};
  }
  world_.touched(client);
}

bool Workload::done() const {
  return std::ranges::all_of(actors_, &Actor::closed);
}

}  // namespace simulation
