// The workload: recognisable updates, reads, locked counters, partitions.
#include "workload.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "world.h"

namespace simulation {

using ngd::concat;
using namespace ngd::cluster;
namespace wire = ngd::wire;

namespace {

constexpr Time kFaultsUntil = 15 * kSecond;
constexpr Time kPatience = 240 * kSecond;  // after the weather cleared; then nothing works any more

class Workload {
 public:
  explicit Workload(const Run &run)
      : world_(run.seed, run.mutant, run.trace),
        random_(world_.random()),
        run_seed_(run.seed),
        reads_(run.reads) {
    world_.weather.wild_clocks = wild_ = run.wild_clocks;
    compresses_ = run.compress.value_or(run.seed / kScenarios % 3 == 2);
    scenario_ = run.scenario.value_or(static_cast<Scenario>(run.seed % kScenarios));
    const auto turn = static_cast<unsigned>(run.seed / kScenarios);
    replicas_ = run.replicas != 0 ? run.replicas : turn % 12 == 11 ? 4 : 1 + turn % 3;
    world_.reads_at_once = random_.chance(0.7);
    set_weather();
    world_.weather.moves = replicas_ > 1 && (run.moves || (!run.aim && random_.chance(0.3)));
    if (run.aim) {
      Weather &w = world_.weather;
      w.client_pauses = w.client_crashes = w.server_crashes = w.server_pauses = w.disk_faults = w.jumps = false;
      w.partitions = isolation_ = false;
      w.aimed = true;
      world_.aims.only(*run.aim);
    }
    describe_model();
    world_.on_client = [this](size_t client) { act(client); };
  }
  Result go();

 private:
  enum class Job : uint8_t {
    open,
    init,
    update,
    read,
    version,
    close,
    lock,
    get,
    set,
    locked_update,
    unlock,
    partitions,
    claim,
    progress,
    finish
  };
  struct Doing {
    Job job = Job::open;
    size_t update = 0;  // in history.updates
    Time invoked = 0;
    uint64_t number = 0;
  };
  struct Actor {
    std::map<Ticket, Doing> doing;
    uint32_t next = 0;  // number of the next update
    uint64_t base = 0;  // bulk: version known
    bool open = false, closed = false, read_last = false;
    bool reader = false;  // no worker: reads until the faults end
    uint64_t token = 0, part = 0, part_token = 0, part_offset = 0, parts_left = 0;
    uint32_t reads = 0, rounds = 0;
    std::vector<uint32_t> refused;  // numbers that were not applied, to be pushed again
    Time think_until = 0;
    bool sleeping = false;
  };

  void set_weather();
  void describe_model();
  void act(size_t client);
  void finished(size_t client, Ticket ticket, const Doing &doing, Outcome outcome);
  void start_life(size_t client);
  Compression compression(size_t client);
  void next_step(size_t client);
  void update(size_t client, uint64_t token);
  void read(size_t client);
  void command(size_t client, Job job, wire::Command command, const std::string &payload = {});
  void note_read(size_t client, const Doing &doing, const Outcome &outcome);
  bool done() const;
  bool settled() const;
  bool rotten() const;
  void lose(size_t client);
  void check_end();
  void check_replicas();
  std::vector<TensorUpdate> cells(uint32_t worker, uint32_t number) const;
  Time deadline(size_t client, Time wait) const { return world_.client_time(client) + wait; }

  mutable World world_;
  Seeded &random_;
  Scenario scenario_ = Scenario::single;
  uint64_t run_seed_ = 0;
  Reads reads_ = Reads::mixed;
  bool wild_ = false;
  wire::ModelSpec spec_;
  wire::UpdateKind kind_ = wire::UpdateKind::delta;
  uint32_t workers_ = 2, numbers_ = 10, bound_ = 1;
  bool eventual_ = false, table_ = false;
  std::vector<Actor> actors_;
  uint64_t counter_done_ = 0, counter_unknown_ = 0;
  unsigned replicas_ = 1;
  uint64_t digests_ = 0;
  bool isolation_ = true, compresses_ = false;
};

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
  options.ack_disk = options.durable && replicas_ == 1 && random_.chance(0.5);
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

// --- a client ---------------------------------------------------------------------------------------------------------

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

void Workload::finished(size_t client, Ticket, const Doing &doing, Outcome outcome) {
  Actor &actor = actors_[client];
  const bool good = outcome.status == NGD_OK;
  switch (doing.job) {
    case Job::open: {
      actor.open = good;
      if (!good) {
        // After a torn checkpoint and a rotten one nothing is left to restore.
        if (rotten() && outcome.text.find("bring back the files") != std::string::npos) return;
        world_.violation(concat("liveness: client ", client, " could not open: ", outcome.text));
        return;
      }
      actor.base = outcome.version;
      std::vector<TensorUpdate> zeros;
      const wire::Buffer buffer(workers_ * numbers_ * sizeof(float));
      std::memset(buffer.data(), 0, buffer.size());
      for (uint32_t t = 0; t < spec_.tensors.size(); t++) {
        if (!table_) zeros.push_back({t, {}, buffer.bytes()});
      }
      ClientSession &session = world_.session(client);
      actor.doing[session.push(wire::UpdateKind::initial, zeros, world_.client_time(client),
                               deadline(client, 300 * kSecond))] = {Job::init, 0, world_.now(), 0};
      return;
    }
    case Job::init:
      if (good) actor.base = std::max(actor.base, outcome.version);
      if (!good) actor.rounds = 1000;  // again
      if (outcome.status == NGD_E_FENCED) {
        world_.session(client).release("lock");
        actor.token = 0;
      }
      return;
    case Job::update:
    case Job::locked_update: {
      UpdateSeen &seen = world_.history.updates[doing.update];
      seen.returned = world_.now();
      if (outcome.seq != 0) seen.seq = outcome.seq;
      seen.acknowledged = good;
      seen.lineage = outcome.lineage;
      seen.version = outcome.version;
      if (good) actor.base = outcome.version;
      if (good && outcome.values_version != 0) {
        if (outcome.values_version < outcome.version && !eventual_)
          world_.violation("I3: what was read with an update is older than it");
        Outcome read = outcome;
        read.version = outcome.values_version;
        note_read(client, doing, read);
      }
      const bool refused =
          outcome.status == NGD_E_CONFLICT || outcome.status == NGD_E_STATE || outcome.status == NGD_E_FENCED;
      if (refused) actor.refused.push_back(seen.number);
      seen.refused = refused;
      if (outcome.status == NGD_E_FENCED) {
        world_.session(client).release("lock");
        actor.token = 0;
      }
      if (outcome.status == NGD_E_STATE) actor.rounds = 1000;
      if (!good) actor.base = 0;
      if (!good && outcome.status != NGD_E_TIMEOUT && outcome.status != NGD_E_LINEAGE &&
          outcome.status != NGD_E_EXPIRED && !refused)
        world_.violation(concat("an update was refused: ", outcome.status, " ", outcome.text));
      return;
    }
    case Job::read:
      if (good) note_read(client, doing, outcome);
      if (good) actor.base = outcome.version;
      // Perhaps the model is empty; by a slow clock the server would have said so later.
      if (outcome.status == NGD_E_STATE || outcome.status == NGD_E_TIMEOUT) actor.rounds = 1000;
      return;
    case Job::version:
      if (good) {
        world_.history.reads.push_back({doing.invoked,
                                        world_.now(),
                                        outcome.lineage,
                                        outcome.version,
                                        true,
                                        static_cast<uint32_t>(client),
                                        {}});
        actor.base = outcome.version;
        if (!outcome.initialised) actor.rounds = 1000;
      }
      return;
    case Job::close:
      actor.closed = true;
      actor.open = false;
      // It goes, whether or not the server heard of it.
      world_.at(world_.now() + 1, [this, client] { world_.crash_client(client); });
      return;
    case Job::lock:
      if (good) {
        actor.token = outcome.done.token;
        world_.session(client).hold({"lock", actor.token});
      }
      return;
    case Job::get: {
      if (!good && outcome.status != NGD_E_NOT_FOUND) return;
      const uint64_t value = good ? std::stoull(text_of(outcome.payload)) : 0;
      if (actor.token == 0) return;
      // With it a setting of the optimizer, which changes nothing here but must be the same on all replicas.
      wire::Command set;
      set.kind = wire::CommandKind::set_value;
      const std::string text = std::to_string(value + 1);
      set.values = {{"counter", text.size(), wire::kAny},
                    {"optimizer.clip_threshold", text.size(), wire::kAny}};
      command(client, Job::set, set, text + text);
      return;
    }
    case Job::set:
      if (good) counter_done_++;
      if (!good && outcome.status != NGD_E_FENCED) counter_unknown_++;
      return;
    case Job::unlock:
      actor.token = 0;
      return;
    case Job::partitions:
      actor.parts_left = 1;
      return;
    case Job::claim:
      if (good) {
        actor.part = outcome.done.number;
        actor.part_token = outcome.done.token;
        actor.part_offset = outcome.done.offset;
        const std::string blob = text_of(outcome.payload);
        // The blob is what the owner before wrote with its last progress.
        if (actor.part_offset != 0 && blob != std::to_string(actor.part_offset))
          world_.violation("a partition's blob and offset do not belong together");
      } else if (outcome.status == NGD_E_NOT_FOUND) {
        actor.parts_left = 0;
      }
      return;
    case Job::progress:
      if (good && outcome.done.offset != actor.part_offset)
        world_.violation("a partition's progress was not kept");
      if (outcome.status == NGD_E_FENCED) actor.part_token = 0;
      return;
    case Job::finish:
      actor.part_token = 0;
      return;
  }
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
      session.release("lock");
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

}  // namespace

Result run(const Run &one) {
  Workload workload(one);
  return workload.go();
}

}  // namespace simulation
