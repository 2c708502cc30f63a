// The cluster at scale beside its cost model: scale [shards=N workers=N rows=N ...] [--work] [--expected]
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "scale_model.h"
#include "scale_setup.h"
#include "wire/codec.h"

namespace {

bool set(scale::Setup &setup, const std::string &name, const char *value) {
  const double number = std::strtod(value, nullptr);
  const auto whole = static_cast<uint32_t>(number);
  using Consistency = ngd::wire::Consistency;
  if (name == "shards")
    setup.shards = whole;
  else if (name == "replicas")
    setup.replicas = whole;
  else if (name == "workers")
    setup.workers = whole;
  else if (name == "rows")
    setup.rows = whole;
  else if (name == "row_bytes")
    setup.row_bytes = static_cast<uint64_t>(number);
  else if (name == "rows_per_shard")
    setup.rows_per_shard = whole;
  else if (name == "compute_ms")
    setup.compute_ms = number;
  else if (name == "seconds")
    setup.seconds = number;
  else if (name == "kills")
    setup.kills = whole != 0;
  else if (name == "seed")
    setup.seed = whole;
  else if (name == "bound")
    setup.bound = whole;
  else if (name == "message_us")
    setup.costs.message_us = number;
  else if (name == "item_us")
    setup.costs.item_us = number;
  else if (name == "byte_ns")
    setup.costs.byte_ns = number;
  else if (name == "server_gbit")
    setup.links.server_gbit = number;
  else if (name == "worker_gbit")
    setup.links.worker_gbit = number;
  else if (name == "latency_us")
    setup.links.latency_us = number;
  else if (name == "slow")
    setup.links.slow = number;
  else if (name == "mode")
    setup.consistency = std::strcmp(value, "bulk") == 0    ? Consistency::bulk
                        : std::strcmp(value, "stale") == 0 ? Consistency::stale
                                                           : Consistency::asynchronous;
  else
    return false;
  return true;
}

void line(const char *what, double expected, double found) {
  std::printf("%-36s %14.6g %14.6g %8.2f\n", what, expected, found, expected == 0 ? 0 : found / expected);
}

void print(const scale::Setup &setup, const scale::Result &r, bool with_work) {
  std::printf("%u shards x %u replicas, %u workers: %s%s\n", setup.shards, setup.replicas, setup.workers,
              r.complete ? "complete" : "NOT complete: ", r.trouble.c_str());
  std::printf("%.1f s, %.0f MB for %.1f s of virtual time and %llu messages; all had joined after %.2f s\n",
              r.real_s, r.peak_mb, r.virtual_s, static_cast<unsigned long long>(r.messages), r.join_s);
  const scale::Expected e = scale::expected(setup);
  std::printf("%-36s %14s %14s %8s\n", "", "expected", "simulated", "ratio");
  line("updates/s", e.updates_per_s, r.updates_per_s);
  line("rows/s", e.rows_per_s, r.rows_per_s);
  if (r.step_ms.most > 0 || r.updates == 0) {  // else all computed too long for a whole step
    line("step ms, p50", e.step_ms, r.step_ms.p50);
    line("step ms, p99", e.step99_ms, r.step_ms.p99);
    line("step ms, p999", 0, r.step_ms.p999);
  }
  line("pull ms, p50", e.pull_ms, r.pull_ms.p50);
  line("pull ms, p99", 0, r.pull_ms.p99);
  line("push ms, p50", e.push_ms, r.push_ms.p50);
  line("push ms, p99", 0, r.push_ms.p99);
  line("root: messages of an update", e.root_messages, r.root_in + r.root_out);
  line("root: bytes of an update", e.root_bytes, r.root_in_bytes + r.root_out_bytes);
  line("root: share of its time taken", e.root_busy, r.root_busy);
  line("root: updates/s at most", e.root_limit, r.root_busy > 0 ? r.updates_per_s / r.root_busy : 0);
  line("shards: updates/s at most", e.shard_limit, 0);
  line("busiest other server", 0, r.shard_busy);
  line("worker: bytes out of a step", e.worker_out_bytes, r.worker_out_bytes);
  line("worker: bytes in of a step", e.worker_in_bytes, r.worker_in_bytes);
  line("coordinator: questions/s", 0, r.records_per_s);
  line("coordinator: MB/s", 0, r.record_bytes_per_s / 1e6);
  if (setup.kills) {
    line("death of a shard: s without update", e.pause_s, r.shard_pause_s);
    line("  longest wait of a step, s", e.pause_s + (e.pull_ms + e.push_ms) * 1e-3, r.shard_wait_s);
    line("death of the root: s without update", e.pause_s, r.root_pause_s);
    line("  longest wait of a step, s", e.pause_s + (e.pull_ms + e.push_ms) * 1e-3, r.root_wait_s);
  }
  if (!with_work) return;
  constexpr const char *kNames[] = {"root", "shard", "worker"};
  for (size_t who = 0; who < scale::kWho; who++) {
    for (size_t type = 0; type < r.work[who].size(); type++) {
      const scale::Work &one = r.work[who][type];
      if (one.count == 0) continue;
      std::printf("  %-6s %-10s %9llu, %.0f bytes, %.2f us each\n", kNames[who],
                  type == 0 ? "sends" : ngd::wire::type_name(static_cast<uint8_t>(type)),
                  static_cast<unsigned long long>(one.count),
                  static_cast<double>(one.bytes) / static_cast<double>(one.count),
                  one.real_us / static_cast<double>(one.count));
    }
  }
}

}  // namespace

int main(int count, char **arguments) {
  scale::Setup setup;
  bool with_work = false, only_expected = false;
  for (int i = 1; i < count; i++) {
    const std::string word = arguments[i];
    with_work |= word == "--work";
    only_expected |= word == "--expected";
    if (word.starts_with("--")) continue;
    const size_t equals = word.find('=');
    if (equals == std::string::npos || !set(setup, word.substr(0, equals), arguments[i] + equals + 1)) {
      std::fprintf(stderr, "what is %s?\n", arguments[i]);
      return 2;
    }
  }
  const scale::Result result = only_expected ? scale::Result() : scale::run(setup);
  print(setup, result, with_work);
  return result.complete || only_expected ? 0 : 1;
}
