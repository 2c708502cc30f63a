// What came of one rule on one task, and how rules compare.
#pragma once

#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/tasks.h"
#include "output.h"

namespace cli {

struct Outcome {
  std::string rule;
  double rate = std::nan("");  // NaN when every rate diverged
  size_t good_rates = 0;       // rates with which it learns nearly as well
  std::vector<TaskRun> runs;   // one a seed; none when every rate diverged or it was refused
  std::string refused;         // why the library does not train this model by this rule, or ""
  std::optional<std::pair<size_t, size_t>> ngd;  // seeds in which ngd was sooner, and later

  std::vector<double> arrivals() const;  // of each seed: steps to the target, infinity for never
  // Medians over the seeds.
  double arrival() const;
  double accuracy() const;
  double loss() const;
};

// Compares each with the rule "ngd", where that is among them, and puts the soonest first; of equals, the more accurate.
void rank(std::vector<Outcome> &outcomes);

void print_outcomes(const Task &task, const std::vector<Outcome> &outcomes, Style style);
Json outcome_json(const Outcome &outcome);

}  // namespace cli
