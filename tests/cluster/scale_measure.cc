// What is measured of a run at scale, and what a server's death does to it.
#include <algorithm>

#include "scale_run.h"

namespace scale {

namespace {
constexpr Nanos kAfterDeath = 5 * kSecond;
}

Quantiles quantiles(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  const auto at = [&](double q) {
    return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
  };
  return {at(0.5), at(0.99), at(0.999), values.back()};
}

void Run::measure() {
  Network &network = cluster_.network();
  const uint32_t root = cluster_.leader(0);
  std::vector<Host> before;
  for (uint32_t i = 0; i < setup_.shards + setup_.workers; i++) {
    Host &host = network.host(i);
    Host copy;
    copy.out_bytes = host.out_bytes;
    copy.in_bytes = host.in_bytes;
    copy.out_messages = host.out_messages;
    copy.in_messages = host.in_messages;
    copy.busy = host.busy;
    before.push_back(std::move(copy));
  }
  const uint64_t questions = cluster_.questions, answers = cluster_.answer_bytes;
  for (auto &one : cluster_.work) one.assign(one.size(), {});
  const Nanos from = network.now();
  measuring_ = true;
  network.run_until(from + static_cast<Nanos>(setup_.seconds * static_cast<double>(kSecond)),
                    [this] { return !cluster_.trouble.empty(); });
  measuring_ = false;
  const double seconds = static_cast<double>(network.now() - from) / kSecond;
  result_.measured_s = seconds;
  const auto each = [&](uint64_t total) {
    return static_cast<double>(total) / static_cast<double>(std::max<uint64_t>(1, result_.updates));
  };
  result_.updates_per_s = static_cast<double>(result_.updates) / seconds;
  result_.rows_per_s = static_cast<double>(result_.rows) / seconds;
  const auto busy = [&](uint32_t host) {
    return static_cast<double>(network.host(host).busy - before[host].busy) / 1e9 / seconds;
  };
  if (root < setup_.shards) {
    const Host &host = network.host(root);
    result_.root_in = each(host.in_messages - before[root].in_messages);
    result_.root_out = each(host.out_messages - before[root].out_messages);
    result_.root_in_bytes = each(host.in_bytes - before[root].in_bytes);
    result_.root_out_bytes = each(host.out_bytes - before[root].out_bytes);
    result_.root_busy = busy(root);
  }
  uint64_t in = 0, out = 0;
  for (uint32_t i = 0; i < setup_.shards; i++) {
    if (i != root) result_.shard_busy = std::max(result_.shard_busy, busy(i));
  }
  for (uint32_t i = setup_.shards; i < setup_.shards + setup_.workers; i++) {
    in += network.host(i).in_bytes - before[i].in_bytes;
    out += network.host(i).out_bytes - before[i].out_bytes;
  }
  result_.worker_in_bytes = each(in);
  result_.worker_out_bytes = each(out);
  result_.records_per_s = static_cast<double>(cluster_.questions - questions) / seconds;
  result_.record_bytes_per_s = static_cast<double>(cluster_.answer_bytes - answers) / seconds;
  result_.step_ms = quantiles(std::move(steps_));
  result_.pull_ms = quantiles(std::move(pulls_));
  result_.push_ms = quantiles(std::move(pushes_));
  result_.work = cluster_.work;
}

void Run::death(uint32_t server, double &pause, double &wait) {
  if (server >= setup_.shards) return;
  Network &network = cluster_.network();
  longest_gap_ = longest_wait_ = 0;
  last_update_ = network.now();
  cluster_.kill_server(server);
  network.run_until(network.now() + kAfterDeath +
                        static_cast<Nanos>(2 * (result_.pull_ms.most + result_.push_ms.most) * kMilli),
                    [this] { return !cluster_.trouble.empty(); });
  pause = static_cast<double>(std::max(longest_gap_, network.now() - last_update_)) / kSecond;
  wait = static_cast<double>(longest_wait_) / kSecond;
  cluster_.start_server(server);  // and comes in sync again
  network.run_until(network.now() + kAfterDeath, [this] { return !cluster_.trouble.empty(); });
}

}  // namespace scale
