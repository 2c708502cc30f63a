// A shard: every eighth sample with its scores and their order, under a lock of its own, so that several threads record
// at once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "icea/order_key.h"
#include "icea/ordered_tree.h"
#include "icea/score.h"
#include "icea/shared_lock.h"

namespace ngd {

// Sample i is number i / kShards of shard i % kShards.
inline constexpr uint64_t kShards = 8;
inline size_t shard_of(uint64_t id) {
  return id % kShards;
}
inline uint64_t shard_size(size_t shard, uint64_t samples) {
  return (samples + kShards - 1 - shard) / kShards;
}

struct Visit {
  uint64_t id;
  float loss;
  bool correct;
};

// Everything but lock() is called with the lock held: shared for what is const, else alone.
class alignas(64) Shard {
 public:
  Shard(const IceaSettings &settings, const Weigher &weigher, size_t index, std::vector<ScoredSample> samples);
  Shard(const Shard &) = delete;
  Shard &operator=(const Shard &) = delete;

  SharedLock &lock() const { return lock_; }

  const std::vector<ScoredSample> &samples() const { return samples_; }
  const ScoredSample &sample(uint64_t id) const { return samples_[id / kShards]; }
  const OrderedTree &tree() const { return tree_; }
  uint64_t seen() const { return seen_; }
  uint64_t quarantined() const { return quarantined_; }
  size_t bytes() const { return sizeof *this + samples_.capacity() * sizeof samples_[0] + tree_.bytes(); }

  // Without the lock: has the sample's memory fetched.
  void prefetch(uint64_t id) const { __builtin_prefetch(samples_.data() + id / kShards, 1); }

  // Promises so many changes, beside those that others were promised: they will not run out of memory.
  void promise(size_t changes);
  void withdraw(size_t changes) { promised_ -= changes; }
  void record(const IceaSettings &settings, std::span<const Visit> visits);
  void put(const IceaSettings &settings, uint64_t id, const ScoredSample &sample);

 private:
  template <class Change>
  void change(const IceaSettings &settings, uint64_t id, Change change);

  mutable SharedLock lock_;
  std::vector<ScoredSample> samples_;
  OrderedTree tree_;  // of the eligible samples
  uint64_t seen_ = 0, quarantined_ = 0;
  size_t promised_ = 0;
};

}  // namespace ngd
