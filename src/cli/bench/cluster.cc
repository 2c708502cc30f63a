// Takes turns between memcpy, raw ZeroMQ and libngd, and prints medians and ratios.
#include "bench/cluster.h"

#include <fmt/core.h>
#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>

#include "bench/bench.h"
#include "bench/clock.h"
#include "bench/cluster_measure.h"

namespace cli {

void measure_window(Subject &subject, size_t window, size_t bytes, double seconds) {
  const auto cpu = [&] {
    double seconds_used = own_cpu_seconds();
    for (const Served *server : subject.servers) seconds_used += server->cpu_seconds();
    return seconds_used;
  };
  for (size_t i = 0; i < window; i++) subject.window->start();
  const double cpu_before = cpu();
  const auto begin = std::chrono::steady_clock::now();
  size_t done = 0;
  for (; done < 2 || seconds_since(begin) < seconds; done++) {
    subject.window->finish();
    subject.window->start();
  }
  const double took = seconds_since(begin), used = cpu() - cpu_before;
  for (size_t i = 0; i < window; i++) subject.window->finish();
  const double gigabytes = static_cast<double>(done) * static_cast<double>(bytes) * 1e-9;
  subject.measured.rate.push_back(gigabytes / took);
  subject.measured.cpu.push_back(used / gigabytes);
}

void measure_lone(Subject &subject, double seconds) {
  std::vector<double> times;
  const auto begin = std::chrono::steady_clock::now();
  while (times.size() < 3 || seconds_since(begin) < seconds) {
    const auto start = std::chrono::steady_clock::now();
    subject.lone->start();
    subject.lone->finish();
    times.push_back(seconds_since(start));
  }
  subject.measured.latency.push_back(median_of(times));
}

double median_ratio(const std::vector<double> &a, const std::vector<double> &b) {
  std::vector<double> ratios;
  for (size_t i = 0; i < a.size(); i++) ratios.push_back(a[i] / b[i]);
  return median_of(ratios);
}

std::string size_text(size_t bytes) {
  return bytes >= 1 << 20 ? fmt::format("{} MB", bytes >> 20) : fmt::format("{} KB", bytes >> 10);
}

namespace {

const char *name_of(Operation operation) {
  switch (operation) {
    case Operation::push_value:
      return "push value";
    case Operation::push_delta:
      return "push delta";
    case Operation::pull:
      return "pull";
    case Operation::push_rows:
      return "push rows";
    case Operation::pull_rows:
      return "pull rows";
  }
  return "";
}

std::vector<Work> works_of(const ClusterBench &bench) {
  std::vector<Work> works;
  for (const Operation operation : {Operation::push_value, Operation::push_delta, Operation::pull}) {
    for (const size_t bytes : bench.sizes) works.push_back({operation, bytes});
  }
  works.push_back({Operation::push_rows, kRowBytes});
  works.push_back({Operation::pull_rows, kRowBytes});
  return works;
}

}  // namespace

int bench_cluster(const ClusterBench &bench) {
  std::string folder = (std::filesystem::temp_directory_path() / "ngd-bench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) throw Failure{"no directory for the benchmark's sockets"};
  const std::shared_ptr<void> cleanup(nullptr, [&](void *) { std::filesystem::remove_all(folder); });
  Table table({{"transport", "transport", false},
               {"operation", "operation", false},
               {"bytes", "size"},
               {"subject", "subject", false},
               {"rate", "GB/s"},
               {"cpu", "CPU s/GB"},
               {"latency", "p50 us"},
               {"rate_ratio", "GB/s, of raw"},
               {"cpu_ratio", "CPU, of raw"},
               {"latency_ratio", "p50, of raw"},
               {"store_rate_ratio", "GB/s, of raw + store"},
               {"store_cpu_ratio", "CPU, of raw + store"},
               {"memcpy_ratio", "GB/s, of memcpy"},
               {"cpu_us_a_key", "CPU us a key"}});
  // All servers first: a fork must not have the client's threads.
  struct Servers {
    std::string transport;
    std::unique_ptr<Served> raw, values, sums, ngd;
  };
  std::vector<Servers> servers;
  for (const std::string &transport : bench.transports) {
    const auto endpoint = [&](const char *name) {
      return transport == "tcp" ? std::string("tcp://127.0.0.1:*") : fmt::format("ipc://{}/{}", folder, name);
    };
    const auto raw = [&](const char *name, Stores stores) {
      return std::make_unique<Served>([&](int ready) { serve_raw(endpoint(name), stores, ready); });
    };
    Servers one;
    one.transport = transport;
    one.raw = raw("raw", Stores::nothing);
    one.values = raw("values", Stores::values);
    one.sums = raw("sums", Stores::sums);
    one.ngd = std::make_unique<Served>([&](int ready) { serve_ngd(endpoint("ngd"), ready); });
    servers.push_back(std::move(one));
  }
  Pool pool(size_t{96} << 20);
  const std::vector<Work> works = works_of(bench);
  BenchProgress progress(static_cast<double>(servers.size() * works.size()));
  for (const Servers &one : servers) {
    for (const Work &work : works) {
      const std::string what = work.rows() ? fmt::format("{} rows", kKeys) : size_text(work.bytes);
      progress.begin(fmt::format("{} {} {}", one.transport, name_of(work.operation), what));
      std::vector<Subject> subjects;
      const auto add_raw = [&](const char *name, const Served &server) {
        subjects.push_back({name,
                            raw_peer(server.address(), work, pool),
                            raw_peer(server.address(), work, pool),
                            {&server},
                            {}});
      };
      add_raw("raw ZeroMQ", *one.raw);
      if (work.pushes() || work.rows())
        add_raw("raw + store", work.operation == Operation::push_delta ? *one.sums : *one.values);
      subjects.push_back({"libngd",
                          ngd_peer(one.ngd->address(), work, false, pool),
                          ngd_peer(one.ngd->address(), work, true, pool),
                          {one.ngd.get()},
                          {}});
      subjects.push_back({"memcpy", memcpy_peer(work.bytes, pool), memcpy_peer(work.bytes, pool), {}, {}});
      // Rows have no calls that return at once.
      const size_t window = work.rows() ? 1 : bench.window;
      for (Subject &subject : subjects) {  // connects, and fills caches
        measure_window(subject, window, work.bytes, 0.01);
        measure_lone(subject, 0.01);
        subject.measured = {};
      }
      for (size_t round = 0; round < bench.rounds; round++) {
        for (Subject &subject : subjects) {
          measure_window(subject, window, work.bytes, bench.seconds);
          measure_lone(subject, bench.seconds / 3);
        }
      }
      const Measured &raw = subjects.front().measured, &copy = subjects.back().measured;
      const Measured &least = subjects[subjects.size() - 3].measured;  // raw + store, or raw
      for (const Subject &subject : subjects) {
        const Measured &m = subject.measured;
        table.add({text_cell(one.transport),
                   text_cell(name_of(work.operation)),
                   {work.bytes, what},
                   text_cell(subject.name),
                   number_cell(median_of(m.rate), 3),
                   number_cell(median_of(m.cpu), 3),
                   number_cell(median_of(m.latency) * 1e6, 1),
                   number_cell(median_ratio(m.rate, raw.rate), 2),
                   number_cell(median_ratio(m.cpu, raw.cpu), 2),
                   number_cell(median_ratio(m.latency, raw.latency), 2),
                   number_cell(median_ratio(m.rate, least.rate), 2),
                   number_cell(median_ratio(m.cpu, least.cpu), 2),
                   number_cell(median_ratio(m.rate, copy.rate), 2),
                   number_cell(work.rows() ? median_of(m.cpu) * 1e-3 * static_cast<double>(work.bytes) / kKeys
                                           : std::nan(""),
                               3)});
      }
      progress.end(1);
      progress.clear();
      if (bench.style != Style::json) table.print(bench.style);
    }
  }
  if (bench.style == Style::json)
    print_json({{"benchmark", "cluster"},
                {"processor", processor_name()},
                {"window", bench.window},
                {"rounds", bench.rounds},
                {"results", table.json()}});
  return 0;
}

Verb cluster_bench(CLI::App &bench) {
  CLI::App *app =
      bench.add_subcommand("cluster", "The parameter server: push and pull beside raw ZeroMQ and memcpy");
  const auto arguments = std::make_shared<ClusterBench>();
  app->add_option("--transports", arguments->transports, "ipc, tcp, or both (default both)")
      ->delimiter(',')
      ->type_name("NAMES");
  app->add_option("--sizes", arguments->sizes, "Bytes of an update (default 4096 to 16777216)")
      ->delimiter(',')
      ->type_name("BYTES");
  app->add_option("--rounds", arguments->rounds, "Rounds of which the median counts (default 5)")
      ->type_name("N");
  app->add_option("--window", arguments->window, "Requests under way (default 8)")->type_name("N");
  app->add_option("--seconds", arguments->seconds, "Time of each measurement (default 0.15)")
      ->type_name("SECONDS");
  app->add_flag("--replicas", arguments->replicas,
                "Pushes to two servers that keep the same shard, beside one server");
  add_output_option(*app, arguments->style);
  app->footer("Example:\n  ngd bench cluster --transports tcp --sizes 65536,1048576");
  const auto run = [arguments, app] {
    for (const std::string &transport : arguments->transports) {
      if (transport != "ipc" && transport != "tcp")
        throw Failure{fmt::format("--transports cannot be \"{}\"; it takes ipc and tcp", transport),
                      kExitUsage};
    }
    for (const size_t bytes : arguments->sizes) {
      // Raw requests tell by their size what they ask for.
      if (bytes < 16 || bytes % 4 != 0 || bytes > size_t{32} << 20 || bytes == kKeys * sizeof(uint32_t))
        throw Failure{
            fmt::format("--sizes cannot be {}; a multiple of 4 from 16 to 33554432, but not 40000", bytes),
            kExitUsage};
    }
    if (arguments->rounds < 1 || arguments->window < 1 || arguments->window > 32)
      throw Failure{"--rounds is at least 1, --window 1 to 32", kExitUsage};
    arguments->sizes_given = app->count("--sizes") > 0;
    return arguments->replicas ? bench_cluster_replicas(*arguments) : bench_cluster(*arguments);
  };
  return {app, "ngd bench cluster [options]; see ngd bench cluster --help", run};
}

}  // namespace cli
