// ngd bench cluster --replicas: pushes to one server beside pushes to two that keep the same shard, in turns.
#include <fmt/core.h>
#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "bench/bench.h"
#include "bench/clock.h"
#include "bench/cluster.h"
#include "bench/cluster_measure.h"

namespace cli {
namespace {

constexpr double kGoal = 0.4;

// The number behind `"key":` in a status.
double number_in(const std::string &status, const std::string &key) {
  const size_t at = status.find("\"" + key + "\":");
  return at == std::string::npos ? 0 : std::strtod(status.c_str() + at + key.size() + 3, nullptr);
}

double resident_megabytes(pid_t process) {
  std::ifstream file(fmt::format("/proc/{}/statm", process));
  double all = 0, resident = 0;
  file >> all >> resident;
  return resident * 4096e-6;
}

// A server that tells its status when it is asked; two of them share a directory, and so are one cluster.
std::unique_ptr<Served> serve(const std::string &endpoint, const std::string &folder, int node, int replicas) {
  return std::make_unique<Served>([&](int ready) {
    const std::string spec = fmt::format("server:node={},replicas={},coordinator=\"local:{}\",listen=\"{}\"",
                                         node, replicas, folder, endpoint);
    serve_and_tell(spec, ready);
  });
}

struct Pair {
  std::string transport;
  std::unique_ptr<Served> alone, first, second;
};

// The one that leads, and the one that follows, once both are in sync.
std::pair<Served *, Served *> roles(const Pair &pair) {
  for (int i = 0; i < 500; i++) {
    for (const auto &[leader, follower] :
         {std::pair(pair.first.get(), pair.second.get()), std::pair(pair.second.get(), pair.first.get())}) {
      const std::string status = leader->status();
      if (status.find("\"role\":\"primary\",\"replicas\":2,\"in_sync\":2") != std::string::npos &&
          status.find("\"in_sync\":1") == std::string::npos)
        return {leader, follower};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  throw Failure{"the two servers of the benchmark did not come in sync within 10 s"};
}

}  // namespace

int bench_cluster_replicas(const ClusterBench &bench) {
  std::string folder = (std::filesystem::temp_directory_path() / "ngd-bench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) throw Failure{"no directory for the benchmark's sockets"};
  const std::shared_ptr<void> cleanup(nullptr, [&](void *) { std::filesystem::remove_all(folder); });
  Table table({{"transport", "transport", false},
               {"bytes", "size"},
               {"rate_alone", "GB/s, 1 server"},
               {"rate", "GB/s, 2 replicas"},
               {"rate_ratio", "ratio"},
               {"latency_alone", "p50 us, 1 server"},
               {"latency", "p50 us, 2 replicas"},
               {"latency_ratio", "ratio"},
               {"sent", "sent on, of a push"},
               {"cpu_ratio", "CPU, of 1 server"},
               {"memory", "backup MB"}});
  std::vector<size_t> sizes =
      bench.sizes_given ? bench.sizes : std::vector<size_t>{64 << 10, 1 << 20, 16 << 20};
  // All servers first, and new ones for each size, so that memory is that of one model.
  std::vector<std::vector<Pair>> servers;
  for (const std::string &transport : bench.transports) {
    std::vector<Pair> of_sizes;
    for (const size_t bytes : sizes) {
      const auto place = [&](const char *name) {
        return fmt::format("{}/{}-{}-{}", folder, transport, bytes, name);
      };
      const auto endpoint = [&](const char *name) {
        return transport == "tcp" ? std::string("tcp://127.0.0.1:*") : "ipc://" + place(name) + "/socket";
      };
      Pair pair;
      pair.transport = transport;
      pair.alone = serve(endpoint("alone"), place("a"), 1, 1);
      pair.first = serve(endpoint("first"), place("b"), 1, 2);
      pair.second = serve(endpoint("second"), place("b"), 2, 2);
      of_sizes.push_back(std::move(pair));
    }
    servers.push_back(std::move(of_sizes));
  }
  Pool pool(size_t{96} << 20);
  BenchProgress progress(static_cast<double>(servers.size() * sizes.size()));
  bool reached = true;
  for (const auto &of_sizes : servers) {
    for (size_t k = 0; k < sizes.size(); k++) {
      const Pair &pair = of_sizes[k];
      const size_t bytes = sizes[k];
      progress.begin(fmt::format("{} {}", pair.transport, size_text(bytes)));
      const Work work{Operation::push_value, bytes};
      const std::string both = pair.first->address() + "," + pair.second->address();
      std::vector<Subject> subjects;
      subjects.push_back({"1 server",
                          ngd_peer(pair.alone->address(), work, false, pool),
                          ngd_peer(pair.alone->address(), work, true, pool),
                          {pair.alone.get()},
                          {}});
      subjects.push_back({"2 replicas",
                          ngd_peer(both, work, false, pool),
                          ngd_peer(both, work, true, pool),
                          {pair.first.get(), pair.second.get()},
                          {}});
      const auto [leader, follower] = roles(pair);
      const std::string before = leader->status();
      for (Subject &subject : subjects) {
        measure_window(subject, bench.window, bytes, 0.05);
        measure_lone(subject, 0.01);
        subject.measured = {};
      }
      for (size_t round = 0; round < bench.rounds; round++) {
        for (Subject &subject : subjects) {
          measure_window(subject, bench.window, bytes, bench.seconds);
          measure_lone(subject, bench.seconds / 3);
        }
      }
      const std::string after = leader->status();
      const double sent = number_in(after, "bytes_to_servers") - number_in(before, "bytes_to_servers");
      const double pushes = number_in(after, "version") - number_in(before, "version");
      const Measured &one = subjects[0].measured, &two = subjects[1].measured;
      const double ratio = median_ratio(two.rate, one.rate);
      reached = reached && ratio >= kGoal;
      table.add({text_cell(pair.transport),
                 {bytes, size_text(bytes)},
                 number_cell(median_of(one.rate), 3),
                 number_cell(median_of(two.rate), 3),
                 number_cell(ratio, 2),
                 number_cell(median_of(one.latency) * 1e6, 1),
                 number_cell(median_of(two.latency) * 1e6, 1),
                 number_cell(median_ratio(two.latency, one.latency), 2),
                 number_cell(sent / pushes / static_cast<double>(bytes), 3),
                 number_cell(median_ratio(two.cpu, one.cpu), 2),
                 number_cell(resident_megabytes(follower->process()), 0)});
      progress.end(1);
      progress.clear();
      if (bench.style != Style::json) table.print(bench.style);
    }
  }
  if (bench.style == Style::json)
    print_json({{"benchmark", "cluster replicas"},
                {"processor", processor_name()},
                {"window", bench.window},
                {"rounds", bench.rounds},
                {"goal", kGoal},
                {"reached", reached},
                {"results", table.json()}});
  return 0;
}

}  // namespace cli
