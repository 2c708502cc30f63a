// The logs of replicas as they grow, held against what was committed: I1, I2, I5 and who may lead.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cluster/replica.h"

namespace simulation {

class World;

// Looks at the replicas of a server whenever something has happened to it. An entry is named by its index and its epoch.
//
// - I1: every living member of the recorded set has every entry that any primary has committed.
// - I2: what is committed is the same for all, and members carry out nothing else.
// - I3: a primary of the newest epoch does not lead before it knows all that is committed.
// - I5: one primary in an epoch; epochs only grow.
class Agreement {
 public:
  explicit Agreement(World &world) : world_(world) {}
  void look(size_t server);
  void record_changed(uint32_t shard, const ngd::cluster::ReplicaRecord &record);
  const ngd::cluster::ReplicaRecord *record(uint32_t shard) const;
  std::vector<uint32_t> shards() const;

 private:
  struct Known {
    ngd::cluster::ReplicaRecord record;
    std::vector<uint64_t> committed;  // epochs of the entries from index 1; 0: trimmed before it was seen
    std::map<uint64_t, std::pair<size_t, uint64_t>> primaries;  // server and life, by epoch
  };
  // The replica of a shard on a server that runs; nullptr: none, or of another memory.
  const ngd::cluster::Replica *replica(size_t server, uint32_t shard, const Known &known) const;
  void primary(size_t server, uint32_t shard, Known &known, const ngd::cluster::Replica &replica);
  void members(uint32_t shard, Known &known);
  void member(uint32_t shard, Known &known, const ngd::cluster::Member &member);
  void compare(size_t server, uint32_t shard, const Known &known, const ngd::cluster::Replica &replica,
               uint64_t to, const char *invariant);
  void found(uint32_t shard, std::string text);

  World &world_;
  std::map<uint32_t, Known> shards_;
  std::set<std::pair<uint32_t, std::string>> findings_;  // the first of each kind is enough
};

}  // namespace simulation
