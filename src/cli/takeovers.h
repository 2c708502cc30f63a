// Watches from a thread of its own which server leads which shard of a model, and tells what changes.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "handle.h"

namespace cli {

struct PlaceEvent {
  uint64_t shard = 0, leader = 0, epoch = 0;
  bool takeover = false;  // another leads from now on; else only who is in sync has changed
  std::vector<uint64_t> in_sync;
  std::chrono::steady_clock::time_point when;
};

class Takeovers {
 public:
  Takeovers(const std::string &client_spec, const std::string &addresses, const std::string &model);
  ~Takeovers();
  Takeovers(const Takeovers &) = delete;
  Takeovers &operator=(const Takeovers &) = delete;

  std::vector<PlaceEvent> events();       // since the last call
  uint64_t count() const;                 // takeovers until now
  uint64_t leader(uint64_t shard) const;  // 0: not known
  bool in_sync(size_t replicas) const;    // so many have all of each shard

 private:
  void watch();
  void compare(const std::string &text);

  const std::string spec_, addresses_, model_;
  mutable std::mutex mutex_;
  std::map<uint64_t, PlaceEvent> shards_;
  std::vector<PlaceEvent> events_;
  uint64_t count_ = 0;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace cli
