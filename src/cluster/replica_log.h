// The log of a replica: a run of entries in memory, of which the oldest go when they are not needed any more.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "wire/bytes.h"

namespace ngd::cluster {

// What a log holds at one index. Epoch and index together name an entry: no two different ones have both the same.
struct LogEntry {
  uint64_t epoch = 0;
  wire::Bytes control;
  std::vector<wire::Bytes> payload;
  size_t bytes() const { return control.size + wire::total_bytes(payload); }
};

class ReplicaLog {
 public:
  // Empty, as if everything up to `index`, which is of `epoch`, had been there once.
  void reset(uint64_t index, uint64_t epoch) {
    entries_.clear();
    base_ = index;
    base_epoch_ = epoch;
    bytes_ = 0;
  }
  uint64_t base() const { return base_; }
  uint64_t last() const { return base_ + entries_.size(); }
  size_t bytes() const { return bytes_; }
  // Whether the epoch of an index is known: of those in the log, and of the one before it.
  bool knows(uint64_t index) const { return index >= base_ && index <= last(); }
  uint64_t epoch(uint64_t index) const { return index == base_ ? base_epoch_ : at(index).epoch; }
  const LogEntry &at(uint64_t index) const { return entries_[index - base_ - 1]; }
  void append(LogEntry entry) {
    bytes_ += entry.bytes();
    entries_.push_back(std::move(entry));
  }
  // Forgets all after `index`.
  void cut(uint64_t index) {
    while (last() > index) {
      bytes_ -= entries_.back().bytes();
      entries_.pop_back();
    }
  }
  // Forgets the oldest while more than `most` bytes are held, but none after `keep`.
  void trim(size_t most, uint64_t keep) {
    while (bytes_ > most && base_ < keep && !entries_.empty()) {
      bytes_ -= entries_.front().bytes();
      base_epoch_ = entries_.front().epoch;
      entries_.pop_front();
      base_++;
    }
  }

 private:
  std::deque<LogEntry> entries_;
  uint64_t base_ = 0, base_epoch_ = 0;
  size_t bytes_ = 0;
};

}  // namespace ngd::cluster
