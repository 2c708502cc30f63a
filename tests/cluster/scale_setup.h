// What a run at scale is told, what everything costs in it, and what it tells.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "wire/message.h"

namespace scale {

using Nanos = uint64_t;
inline constexpr Nanos kMicro = 1'000, kMilli = 1'000'000, kSecond = 1'000'000'000;

// What messages cost a processor, receiving and sending alike, on one core of an AMD EPYC (docs/scaling.md says how they
// were measured). A machine works on one message at a time.
struct Costs {
  double message_us = 9;  // to take in one message, or to give one out
  double item_us = 0.6;   // for each part or decision besides the first that a message tells of
  double byte_ns = 0.44;  // of its payload: sockets, checksums, the look for NaNs, the step
};

struct Links {
  double server_gbit = 25, worker_gbit = 25;  // of each host, each way
  double latency_us = 100;                    // one way: the median
  double spread = 0.25;                       // sigma of its logarithm
  double slow = 0.01, slow_factor = 10;       // a share of messages takes so many times as long
};

struct Setup {
  uint32_t shards = 10, replicas = 2, workers = 100;
  ngd::wire::Consistency consistency = ngd::wire::Consistency::asynchronous;
  uint32_t bound = 4;        // of stale
  uint32_t rows = 64;        // of a table that a step reads and updates; 0: all there is, as of a dense model
  uint64_t row_bytes = 200;  // of one row as the links see it
  uint32_t rows_per_shard = 100;  // that the table has; with rows = 0 one
  double compute_ms = 100;        // of a worker, each step
  double seconds = 5;             // measured
  bool kills = false;             // then a server of a shard dies, and later the root's
  uint64_t seed = 1;
  Costs costs;
  Links links;
};

// Times of steps, and what a quantile of them is.
struct Quantiles {
  double p50 = 0, p99 = 0, p999 = 0, most = 0;
};
Quantiles quantiles(std::vector<double> values);

// What one kind of machine did with messages of one type.
struct Work {
  uint64_t count = 0, bytes = 0;
  double real_us = 0;  // of this machine's processor, in the product's code and its codec
};
enum class Who : uint8_t { root, shard, worker };
inline constexpr size_t kWho = 3;

struct Result {
  bool complete =
      false;  // every worker has made a step (has joined, where they compute long), and nothing went wrong
  std::string trouble;
  double measured_s = 0;  // of virtual time
  uint64_t updates = 0, rows = 0;
  double updates_per_s = 0, rows_per_s = 0;
  Quantiles step_ms, pull_ms, push_ms;
  double root_in = 0, root_out = 0;  // messages of each update
  double root_in_bytes = 0, root_out_bytes = 0;
  double root_busy = 0;                              // share of the time that the root's processor works
  double worker_out_bytes = 0, worker_in_bytes = 0;  // of a step
  double shard_busy = 0;                             // of the busiest other server
  double records_per_s = 0, record_bytes_per_s = 0;  // questions to the coordinator, and what it answers
  double shard_pause_s = 0, root_pause_s = 0;        // the longest time without any update, after a death
  double shard_wait_s = 0, root_wait_s = 0;          // the longest wait of a step for servers
  double join_s = 0;                                 // until all workers had a session
  double virtual_s = 0, real_s = 0, peak_mb = 0;
  uint64_t messages = 0;
  std::array<std::vector<Work>, kWho> work;  // by type of message
};

Result run(const Setup &setup);

}  // namespace scale
