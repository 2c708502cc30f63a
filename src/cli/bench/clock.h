// How benchmarks time: subjects take turns, burst by burst, so that whatever else the machine does meets all of them.
#pragma once

#include <chrono>
#include <functional>
#include <utility>
#include <vector>

namespace cli {

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Processor time of this process, all threads.
double own_cpu_seconds();

// Runs one burst of steps and returns the seconds of one step. The first burst also finds its own length.
using Burst = std::function<double()>;

// A burst of so many calls of step as take `seconds`, at least one, after one that is not timed: caches and
// threads settle in it. `before` runs, untimed, just ahead of the timed ones; it may be empty.
Burst burst_of(std::function<void()> step, double seconds, std::function<void()> before = {});

// The seconds of a step, one value a round.
struct Times {
  std::vector<double> seconds;

  double median() const;
  double minimum() const;
  double maximum() const;
};

double median_of(std::vector<double> values);

// The median over the rounds of a round's own ratio: a slow spell of the machine meets both sides of it.
double ratio_of(const Times &numerator, const Times &denominator);

// One round that is not counted, then `rounds` rounds in which each burst has its turn.
std::vector<Times> take_turns(const std::vector<Burst> &bursts, size_t rounds);

}  // namespace cli
