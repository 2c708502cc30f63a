// Medians over seeds, wins and losses seed by seed, tables.
#include "bench/outcome.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "bench/clock.h"

namespace cli {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// In how many seeds `ngd` reached the target sooner than the other, and later.
std::pair<size_t, size_t> compare(const Outcome &ngd, const Outcome &other) {
  std::pair<size_t, size_t> count;
  const std::vector<double> ours = ngd.arrivals(), theirs = other.arrivals();
  for (size_t i = 0; i < std::min(ours.size(), theirs.size()); i++) {
    if (ours[i] < theirs[i]) count.first++;
    if (ours[i] > theirs[i]) count.second++;
  }
  return count;
}

Cell count_cell(double value) {
  return std::isfinite(value) ? Cell{value, fmt::format("{:.0f}", value)} : Cell{nullptr, "-"};
}

std::vector<Cell> outcome_row(const Outcome &outcome) {
  const std::vector<double> arrivals = outcome.arrivals();
  const auto reached = static_cast<uint64_t>(
      std::count_if(arrivals.begin(), arrivals.end(), [](double steps) { return std::isfinite(steps); }));
  return {text_cell(outcome.rule),
          short_cell(outcome.rate, 2),
          integer_cell(outcome.good_rates),
          count_cell(outcome.arrival()),
          integer_cell(reached),
          number_cell(100 * outcome.accuracy(), 1),
          short_cell(outcome.loss(), 3),
          text_cell(outcome.ngd ? fmt::format("{}/{}", outcome.ngd->first, outcome.ngd->second) : "")};
}

}  // namespace

std::vector<double> Outcome::arrivals() const {
  std::vector<double> steps;
  for (const TaskRun &run : runs) steps.push_back(run.reached == 0 ? kNever : static_cast<double>(run.reached));
  return steps;
}

double Outcome::arrival() const {
  return runs.empty() ? kNever : median_of(arrivals());
}

double Outcome::accuracy() const {
  std::vector<double> values;
  for (const TaskRun &run : runs) values.push_back(run.accuracy);
  return median_of(values);
}

double Outcome::loss() const {
  std::vector<double> values;
  for (const TaskRun &run : runs) values.push_back(run.loss);
  return median_of(values);
}

void rank(std::vector<Outcome> &outcomes) {
  const auto ngd =
      std::find_if(outcomes.begin(), outcomes.end(), [](const Outcome &each) { return each.rule == "ngd"; });
  if (ngd != outcomes.end()) {
    for (Outcome &outcome : outcomes) {
      if (&outcome != &*ngd && !outcome.runs.empty()) outcome.ngd = compare(*ngd, outcome);
    }
  }
  std::stable_sort(outcomes.begin(), outcomes.end(), [](const Outcome &a, const Outcome &b) {
    if (a.runs.empty() || b.runs.empty()) return a.runs.size() > b.runs.size();
    return std::pair(a.arrival(), -a.accuracy()) < std::pair(b.arrival(), -b.accuracy());
  });
}

// In plain text the task stands before each row, because there is no head.
void print_outcomes(const Task &task, const std::vector<Outcome> &outcomes, Style style) {
  std::vector<Column> columns = {{"rule", "rule", false},      {"learning_rate", "rate"},
                                 {"good_rates", "good rates"}, {"steps", "steps"},
                                 {"reached", "seeds there"},   {"accuracy", "accuracy %"},
                                 {"loss", "training loss"},    {"ngd", "ngd sooner/later"}};
  if (style == Style::plain) columns.insert(columns.begin(), {"task", "task", false});
  Table table(columns);
  for (const Outcome &outcome : outcomes) {
    std::vector<Cell> row = outcome_row(outcome);
    if (style == Style::plain) row.insert(row.begin(), text_cell(task.plan.name));
    table.add(row);
  }
  if (style == Style::table)
    fmt::print("\n{}: {}; {} steps of {} rows; \"steps\": to {:.0f} % of held-out rows right\n", task.plan.name,
               task.plan.about, task.plan.steps, task.plan.batch, 100 * task.plan.target);
  table.print(style);
  for (const Outcome &outcome : outcomes) {
    if (style == Style::table && !outcome.refused.empty())
      fmt::print("{}: refused: {}\n", outcome.rule, outcome.refused);
  }
  std::fflush(stdout);
}

Json outcome_json(const Outcome &outcome) {
  const auto number = [](double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); };
  Json runs = Json::array();
  for (const TaskRun &run : outcome.runs)
    runs.push_back({{"steps", run.reached == 0 ? Json(nullptr) : Json(run.reached)},
                    {"accuracy", number(run.accuracy)},
                    {"loss", number(run.loss)}});
  return {{"rule", outcome.rule},
          {"learning_rate", number(outcome.rate)},
          {"good_rates", outcome.good_rates},
          {"steps", number(outcome.arrival())},
          {"accuracy", number(outcome.accuracy())},
          {"loss", number(outcome.loss())},
          {"ngd_sooner", outcome.ngd ? Json(outcome.ngd->first) : Json(nullptr)},
          {"ngd_later", outcome.ngd ? Json(outcome.ngd->second) : Json(nullptr)},
          {"refused", outcome.refused.empty() ? Json(nullptr) : Json(outcome.refused)},
          {"runs", runs}};
}

}  // namespace cli
