// How ngd bench cluster measures one subject: throughput with requests under way, and a lone request.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/cluster_peers.h"

namespace cli {

// What was measured of one subject, one value a round.
struct Measured {
  std::vector<double> rate, cpu, latency;  // GB/s, CPU seconds per GB, seconds of a lone request
};

struct Subject {
  const char *name;
  std::unique_ptr<Peer> window, lone;
  std::vector<const Served *> servers;  // whose CPU time counts, beside this process's own
  Measured measured;
};

// Requests with `window` under way for about so many seconds.
void measure_window(Subject &subject, size_t window, size_t bytes, double seconds);
void measure_lone(Subject &subject, double seconds);
double median_ratio(const std::vector<double> &a, const std::vector<double> &b);
std::string size_text(size_t bytes);

}  // namespace cli
