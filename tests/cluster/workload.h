// What the clients of a simulation do, and one whole run of a seed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "aims.h"
#include "cluster/node_options.h"

namespace simulation {

enum class Scenario : uint8_t { single, sharded, bulk, stale, coordination };
inline constexpr size_t kScenarios = 5;

enum class Reads : uint8_t { mixed, lease, confirm };  // of each client's life, how it reads parameters

struct Run {
  uint64_t seed = 0;
  ngd::cluster::Mutant mutant = ngd::cluster::Mutant::none;
  std::optional<Scenario> scenario;  // else the seed's
  bool trace = false;
  unsigned replicas = 0;  // else 1 to 4, as the seed says
  bool moves = false;     // shards move to other servers; else in every third run with replicas
  Reads reads = Reads::mixed;
  bool wild_clocks = false;           // servers' clocks differ by more than leases bear
  std::optional<Aim> aim = {};        // the only faults are of this story, again and again
  std::optional<bool> compress = {};  // clients code their updates; else in every third run
  bool power = false;                 // replicas on disks, and all die at once, again and again
};
struct Result {
  std::vector<std::string> violations;
  std::string trace;
  uint64_t hash = 0;
  uint64_t messages = 0, faults = 0, crashes = 0, updates = 0, reads = 0, checkpoints = 0, lineages = 0,
           resumptions = 0, digests = 0, fetches = 0;
  std::string summary;
};
Result run(const Run &run);

}  // namespace simulation
