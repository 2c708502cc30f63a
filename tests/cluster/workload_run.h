// One run of a simulation: the actors that use its clients, and what they know that must hold.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "workload.h"
#include "world.h"

namespace simulation {

using ngd::cluster::Compression;
using ngd::cluster::Outcome;
using ngd::cluster::TensorUpdate;
using ngd::cluster::Ticket;
using ngd::cluster::Time;
namespace wire = ngd::wire;

inline constexpr Time kFaultsUntil = 15 * kSecond;

class Workload {
 public:
  explicit Workload(const Run &run)
      : world_(run.seed, run.mutant, run.trace),
        random_(world_.random()),
        run_seed_(run.seed),
        reads_(run.reads),
        power_(run.power) {
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
  bool isolation_ = true, compresses_ = false, power_ = false;
};

}  // namespace simulation
