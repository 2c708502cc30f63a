// Rows and JSON of results.
#include "bench/report.h"

#include <fmt/core.h>

namespace cli {
namespace {

// Nanoseconds a parameter.
double nanoseconds(const Measured &measured, double seconds) {
  return seconds * 1e9 / static_cast<double>(measured.one->parameters);
}

Json times_json(const Measured &measured, const Times &times) {
  if (times.seconds.empty()) return nullptr;
  return {{"median", nanoseconds(measured, times.median())},
          {"minimum", nanoseconds(measured, times.minimum())},
          {"maximum", nanoseconds(measured, times.maximum())}};
}

Cell optional_cell(double value, int decimals) {
  return std::isfinite(value) ? number_cell(value, decimals) : Cell{nullptr, ""};
}

}  // namespace

bool Measured::met() const {
  const Goal &goal = *comparison.goal;
  return goal.at_least ? ratio >= goal.ratio : ratio <= goal.ratio;
}

std::string tensors_text(const Case &one) {
  return fmt::format("{} x {}", one.tensors, one.parameters / one.tensors);
}

Table result_table(const std::vector<Case> &cases, bool by_hand) {
  std::vector<Column> columns = {{"rule", "rule", false},
                                 {"tensors", "tensors"},
                                 {"threads", "threads"},
                                 {"nanoseconds", "ns/param"},
                                 {"bytes", "B/param"},
                                 {"gigabytes_per_second", "GB/s"},
                                 {"against", "against", false},
                                 {"against_nanoseconds", "ns/param"},
                                 {"ratio", "ratio"},
                                 {"goal", "goal", false}};
  if (by_hand) {
    columns.push_back({"plain_nanoseconds", "plain C"});
    columns.push_back({"vector_nanoseconds", "vector C"});
  }
  Table table(columns);
  for (const Case &one : cases) {
    table.widen(0, one.rule.size());
    table.widen(1, tensors_text(one).size());
  }
  table.widen(6, std::string_view("one flat tensor").size());
  table.widen(9, std::string_view("<= 1.05 missed").size());
  return table;
}

std::vector<Cell> result_row(const Measured &measured, bool by_hand) {
  const Comparison &comparison = measured.comparison;
  const double ours = nanoseconds(measured, measured.ours.median());
  const double bytes = comparison.bytes > 0 ? comparison.bytes : std::nan("");
  const std::string goal =
      comparison.goal
          ? fmt::format("{} {:.2f} {}", comparison.goal->at_least ? ">=" : "<=", comparison.goal->ratio,
                        measured.met() ? "met" : "missed")
          : "";
  std::vector<Cell> row = {text_cell(measured.one->rule),
                           text_cell(tensors_text(*measured.one)),
                           integer_cell(measured.one->threads),
                           number_cell(ours, 3),
                           optional_cell(bytes, 1),
                           optional_cell(bytes / ours, 1),
                           text_cell(comparison.against),
                           optional_cell(nanoseconds(measured, measured.other.median()), 3),
                           optional_cell(measured.ratio, 2),
                           text_cell(goal)};
  if (by_hand) {
    for (const Times *times : {&measured.plain, &measured.vector})
      row.push_back(optional_cell(nanoseconds(measured, times->median()), 3));
  }
  return row;
}

Json result_json(const Measured &measured) {
  const Comparison &comparison = measured.comparison;
  const Case &one = *measured.one;
  Json result = {{"group", one.group},
                 {"rule", one.rule},
                 {"spec", comparison.spec},
                 {"tensors", one.tensors},
                 {"parameters", one.parameters},
                 {"threads", one.threads},
                 {"nanoseconds_per_parameter", times_json(measured, measured.ours)},
                 {"bytes_per_parameter", nullptr},
                 {"against", nullptr},
                 {"against_nanoseconds_per_parameter", times_json(measured, measured.other)},
                 {"plain_nanoseconds_per_parameter", times_json(measured, measured.plain)},
                 {"vector_nanoseconds_per_parameter", times_json(measured, measured.vector)},
                 {"ratio", nullptr},
                 {"goal", nullptr},
                 {"goal_is", nullptr},
                 {"met", nullptr}};
  if (comparison.bytes > 0) result["bytes_per_parameter"] = comparison.bytes;
  if (!measured.other.seconds.empty()) {
    result["against"] = comparison.against;
    result["ratio"] = measured.ratio;
  }
  if (comparison.goal) {
    result["goal"] = comparison.goal->ratio;
    result["goal_is"] = comparison.goal->at_least ? "at least" : "at most";
    result["met"] = measured.met();
  }
  return result;
}

}  // namespace cli
