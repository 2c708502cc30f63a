// The benchmarks: each is a subcommand of `ngd bench`.
#pragma once

#include <string>

#include "bench/clock.h"
#include "progress.h"
#include "verbs.h"

namespace cli {

Verb optimizer_bench(CLI::App &bench);
Verb rules_bench(CLI::App &bench);
Verb icea_bench(CLI::App &bench);
Verb cluster_bench(CLI::App &bench);
Verb vectors_bench(CLI::App &bench);
Verb train_bench(CLI::App &bench);

// How far a benchmark is, on stderr: "flat adam, 2 threads  40%  about 1 min left".
class BenchProgress {
 public:
  explicit BenchProgress(double work) : work_(work) {}
  void begin(const std::string &what);      // tells what comes now
  void end(double work) { done_ += work; }  // so much of it is done
  void clear() { line_.clear(); }           // before other output

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double work_, done_ = 0;
  StatusLine line_{StatusLine::Mode::automatic};
};

// "AMD EPYC": the processor's name, as the system tells it.
std::string processor_name();

}  // namespace cli
