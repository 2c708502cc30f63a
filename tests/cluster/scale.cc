// The cluster at scale: scale [shards=N workers=N rows=N ...], see main() for the words.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

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

void print(const scale::Result &r) {
  std::printf("%s%s\n", r.complete ? "complete" : "NOT complete: ", r.trouble.c_str());
  std::printf("real %.1f s, peak %.0f MB, %llu messages; joined in %.2f s\n", r.real_s, r.peak_mb,
              static_cast<unsigned long long>(r.messages), r.join_s);
  std::printf("measured %.1f s: %llu updates, %.1f updates/s, %.0f rows/s\n", r.measured_s,
              static_cast<unsigned long long>(r.updates), r.updates_per_s, r.rows_per_s);
  const auto times = [](const char *name, const scale::Quantiles &q) {
    std::printf("%s ms: p50 %.1f, p99 %.1f, p999 %.1f, most %.1f\n", name, q.p50, q.p99, q.p999, q.most);
  };
  times("step", r.step_ms);
  times("pull", r.pull_ms);
  times("push", r.push_ms);
  std::printf(
      "root: %.1f messages in and %.1f out of each update, %.0f and %.0f bytes; busy %.2f; busiest other "
      "server %.2f\n",
      r.root_in, r.root_out, r.root_in_bytes, r.root_out_bytes, r.root_busy, r.shard_busy);
  std::printf("worker: %.0f bytes out, %.0f in of each step\n", r.worker_out_bytes, r.worker_in_bytes);
  std::printf("coordinator: %.0f questions/s, %.2f MB/s\n", r.records_per_s, r.record_bytes_per_s / 1e6);
  std::printf("a shard's death: pause %.2f s, longest step %.2f s; the root's: %.2f s, %.2f s\n",
              r.shard_pause_s, r.shard_wait_s, r.root_pause_s, r.root_wait_s);
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
  for (int i = 1; i < count; i++) {
    const std::string word = arguments[i];
    const size_t equals = word.find('=');
    if (equals == std::string::npos || !set(setup, word.substr(0, equals), arguments[i] + equals + 1)) {
      std::fprintf(stderr, "what is %s?\n", arguments[i]);
      return 2;
    }
  }
  const scale::Result result = scale::run(setup);
  print(result);
  return result.complete ? 0 : 1;
}
