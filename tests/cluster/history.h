// What clients saw of a run, what the log says, and the checks that hold one against the other.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "wire/message.h"

namespace simulation {

using ngd::wire::ClientId;

// Update `number` of worker `worker` adds 1 to cell (worker, number) of every tensor.
struct UpdateSeen {
  uint32_t worker = 0, number = 0;
  ClientId client;
  uint64_t seq = 0;  // 0: never sent
  uint64_t invoked = 0, returned = 0;
  bool acknowledged = false;
  uint64_t lineage = 0, version = 0;
  bool bulk = false;
  bool refused = false;  // for good: the log has nothing of it
};
struct ReadSeen {
  uint64_t invoked = 0, returned = 0;
  uint64_t lineage = 0, version = 0;
  bool consistent = true;  // of one version; else of the newest of each shard
  uint32_t worker = 0;
  std::vector<std::vector<float>> tensors;  // each of workers * numbers cells
};
// From the root's log.
struct Decided {
  uint64_t lineage = 0, version = 0;
  std::vector<std::pair<ClientId, uint64_t>> entries;
  std::string options{};  // of the optimizer, in that step
};
struct Lineage {
  uint64_t lineage = 0, base = 0;
  uint64_t from_lineage = 0, from_version = 0;  // 0: from nothing
};

struct History {
  uint32_t workers = 0, numbers = 0;
  std::vector<UpdateSeen> updates;
  std::vector<ReadSeen> reads;
  std::vector<Decided> decided;
  std::vector<Lineage> lineages;
  bool durable = false;  // ack=disk: nothing that was acknowledged is ever lost
};

// Everything that is wrong with it, each with the invariant that it breaks: I1 durability, I3 visibility, I4 exactly once, I5 growth,
// I6 acknowledged, I7 atomic.
std::vector<std::string> check(const History &history);

// Operations on one counter that is read and written under an exclusive lock, or tokens that were accepted, in the order
// of the log: I8.
struct TokenUse {
  std::string lock;
  uint64_t token = 0;
  uint64_t lineage = 0, index = 0;  // of the log
};
std::vector<std::string> check_tokens(std::vector<TokenUse> uses);

}  // namespace simulation
