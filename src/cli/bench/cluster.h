// ngd bench cluster: pushes and pulls beside raw ZeroMQ and memcpy, in one run.
#pragma once

#include <string>
#include <vector>

#include "output.h"

namespace cli {

struct ClusterBench {
  std::vector<std::string> transports = {"ipc", "tcp"};
  std::vector<size_t> sizes = {4 << 10, 64 << 10, 1 << 20, 4 << 20, 16 << 20};
  size_t rounds = 5;
  size_t window = 8;      // requests under way in the measurements of throughput
  double seconds = 0.15;  // of each measurement
  Style style = Style::table;
  bool replicas = false, sizes_given = false;
};
int bench_cluster(const ClusterBench &bench);
int bench_cluster_replicas(const ClusterBench &bench);  // pushes alone, with and without a backup

}  // namespace cli
