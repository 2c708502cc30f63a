// Bursts, rounds, medians.
#include "bench/clock.h"

#include <time.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace cli {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_of(const std::function<void()> &step, size_t steps) {
  const Clock::time_point start = Clock::now();
  for (size_t i = 0; i < steps; i++) step();
  return seconds_since(start);
}

// How many steps fill a burst: bursts of twice the length until one is long enough to judge by.
size_t steps_within(const std::function<void()> &step, double seconds) {
  for (size_t steps = 1;; steps *= 2) {
    const double taken = seconds_of(step, steps);
    if (taken < seconds / 4) continue;
    return std::max(size_t{1}, static_cast<size_t>(std::ceil(static_cast<double>(steps) * seconds / taken)));
  }
}

}  // namespace

double own_cpu_seconds() {
  timespec time = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

Burst burst_of(std::function<void()> step, double seconds, std::function<void()> before) {
  return [step = std::move(step), before = std::move(before), seconds, steps = size_t{0}]() mutable {
    step();
    if (steps == 0) steps = steps_within(step, seconds);
    if (before) before();
    return seconds_of(step, steps) / static_cast<double>(steps);
  };
}

double median_of(std::vector<double> values) {
  if (values.empty()) return std::nan("");
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double Times::median() const {
  return median_of(seconds);
}

double Times::minimum() const {
  return *std::min_element(seconds.begin(), seconds.end());
}

double Times::maximum() const {
  return *std::max_element(seconds.begin(), seconds.end());
}

double ratio_of(const Times &numerator, const Times &denominator) {
  std::vector<double> ratios;
  for (size_t round = 0; round < numerator.seconds.size(); round++)
    ratios.push_back(numerator.seconds[round] / denominator.seconds[round]);
  return median_of(ratios);
}

std::vector<Times> take_turns(const std::vector<Burst> &bursts, size_t rounds) {
  std::vector<Times> times(bursts.size());
  for (const Burst &burst : bursts) burst();
  for (size_t round = 0; round < rounds; round++) {
    for (size_t i = 0; i < bursts.size(); i++) times[i].seconds.push_back(bursts[i]());
  }
  return times;
}

}  // namespace cli
