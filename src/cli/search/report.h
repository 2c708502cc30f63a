// What a search has found: its trials, the best, what matters, and how the best stands beside the base.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "output.h"
#include "search/plan.h"

namespace cli {

struct TrialRow {
  uint64_t number = 0;
  int32_t state = 0;
  double value = 0;
  uint64_t gradients = 0;
  std::string message;              // why it failed
  std::vector<std::string> values;  // of each parameter; "" where it was left out
};

struct ParameterRow {
  std::string name, kind;  // kind: uniform, ...
  uint64_t trials = 0;
  double correlation = 0, chance = 0;
};

// The base and the best on seeds that the search did not use.
struct Confirmation {
  std::string rows;  // held_out or test
  std::vector<double> base, best;
};

struct SearchReport {
  std::string metric, reason;  // the option by which it ended, "" when it has not
  bool maximize = false;
  ngd_search_info info{};
  std::vector<TrialRow> trials;  // the counted ones
  std::vector<ParameterRow> parameters;
  std::optional<Specs> best;  // what the best trial trained
  std::optional<Confirmation> confirmation;

  std::string value_name() const { return metric == "loss" ? "held-out loss" : "held-out accuracy"; }
};

SearchReport report_of(const SearchPlan &plan, const ngd_search *search);

Json report_json(const SearchReport &report);
void print_report(const SearchReport &report, const SearchPlan &plan, const std::string &run, Style style);

}  // namespace cli
