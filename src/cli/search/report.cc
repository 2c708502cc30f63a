// Reading a search through the contract, and printing what it says.
#include "search/report.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace cli {
namespace {

constexpr size_t kRowsForPeople = 10;

const char *state_name(int32_t state) {
  switch (state) {
    case NGD_TRIAL_FINISHED:
      return "finished";
    case NGD_TRIAL_PRUNED:
      return "pruned";
    case NGD_TRIAL_FAILED:
      return "failed";
    default:
      return "running";
  }
}

const char *reason_name(int32_t reason) {
  switch (reason) {
    case NGD_SEARCH_MAX_TRIALS:
      return "max_trials";
    case NGD_SEARCH_PATIENCE:
      return "patience";
    case NGD_SEARCH_MAX_GRADIENTS:
      return "max_gradients";
    case NGD_SEARCH_MAX_SECONDS:
      return "max_seconds";
    default:
      return "";
  }
}

// Numbers with four digits for people; texts as they are.
Cell value_cell(const std::string &text) {
  char *end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (text.empty()) return {Json(), "-"};
  if (end == text.c_str() + text.size()) return {number, fmt::format("{:.4g}", number)};
  return text_cell(text);
}

Table trial_table(const SearchReport &report, Style style) {
  std::vector<Column> columns = {{"trial", "trial"},
                                 {"state", "state", false},
                                 {"value", report.value_name()},
                                 {"gradients", "gradients"}};
  if (style == Style::json) columns.push_back({"message", "message", false});
  for (const ParameterRow &parameter : report.parameters) columns.push_back({parameter.name, parameter.name});
  return Table(std::move(columns));
}

std::vector<Cell> trial_cells(const TrialRow &trial, Style style) {
  std::vector<Cell> cells = {integer_cell(trial.number), text_cell(state_name(trial.state)),
                             number_cell(trial.value, 4), integer_cell(trial.gradients)};
  if (style == Style::json) cells.push_back(text_cell(trial.message));
  for (const std::string &value : trial.values) cells.push_back(value_cell(value));
  return cells;
}

double mean(const std::vector<double> &values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double deviation(const std::vector<double> &values) {
  const double center = mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - center) * (value - center);
  return values.size() < 2 ? 0 : std::sqrt(sum / static_cast<double>(values.size() - 1));
}

size_t wins(const SearchReport &report) {
  size_t count = 0;
  const Confirmation &confirmation = *report.confirmation;
  for (size_t i = 0; i < confirmation.base.size(); i++)
    count += report.maximize ? confirmation.best[i] > confirmation.base[i]
                             : confirmation.best[i] < confirmation.base[i];
  return count;
}

// A word of a shell command.
std::string word(const std::string &text) {
  if (text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,") ==
      std::string::npos)
    return text;
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? "'\\''" : std::string(1, c);
  return result + "'";
}

std::string command_of(const SearchReport &report, const SearchPlan &plan) {
  std::string files;
  for (const std::string &file : plan.data.files) files += (files.empty() ? "" : ",") + file;
  std::string command =
      fmt::format("ngd train --data {} --format {} --model {} --optimizer {} --trainer {} --held-out {}",
                  word(files), word(plan.data.format), word(report.best->model), word(report.best->optimizer),
                  word(report.best->trainer), word(plan.held_out));
  if (!plan.data.labels.empty()) command += " --labels " + word(plan.data.labels);
  if (!plan.held_out_labels.empty()) command += " --held-out-labels " + word(plan.held_out_labels);
  return command + " --run best";
}

void print_best_trials(const SearchReport &report) {
  std::vector<const TrialRow *> order;
  for (const TrialRow &trial : report.trials) {
    if (trial.state == NGD_TRIAL_FINISHED) order.push_back(&trial);
  }
  std::stable_sort(order.begin(), order.end(), [&](const TrialRow *a, const TrialRow *b) {
    return report.maximize ? a->value > b->value : a->value < b->value;
  });
  Table table = trial_table(report, Style::table);
  for (size_t i = 0; i < std::min(order.size(), kRowsForPeople); i++)
    table.add(trial_cells(*order[i], Style::table));
  table.print(Style::table);
}

void print_importance(const SearchReport &report) {
  Table table({{"name", "parameter", false},
               {"correlation", "correlation"},
               {"chance", "by chance"},
               {"trials", "trials"}});
  std::vector<ParameterRow> rows = report.parameters;
  std::stable_sort(rows.begin(), rows.end(), [](const ParameterRow &a, const ParameterRow &b) {
    return std::fabs(a.correlation) > std::fabs(b.correlation);
  });
  for (const ParameterRow &row : rows)
    table.add({text_cell(row.name), number_cell(row.correlation, 2), number_cell(row.chance, 2),
               integer_cell(row.trials)});
  table.print(Style::table);
}

void print_for_people(const SearchReport &report, const SearchPlan &plan, const std::string &run) {
  const ngd_search_info &info = report.info;
  std::string state = fmt::format("{} trials: {} finished", info.counted, info.finished);
  if (info.pruned > 0) state += fmt::format(", {} pruned", info.pruned);
  if (info.failed > 0) state += fmt::format(", {} failed", info.failed);
  if (!report.reason.empty()) state += "; ended by " + report.reason;
  fmt::print("{}\n", state);
  for (const TrialRow &trial : report.trials) {
    if (trial.state != NGD_TRIAL_FAILED) continue;
    fmt::print("the first that failed is trial {}: {}\n", trial.number, one_line(trial.message));
    break;
  }
  if (!report.best) return;
  fmt::print("\n");
  print_best_trials(report);
  fmt::print("\n");
  print_importance(report);
  fmt::print("\nbest       trial {}: {} {:.4f}\nmodel      {}\noptimizer  {}\ntrainer    {}\n", info.best_trial,
             report.value_name(), info.best_value, report.best->model, report.best->optimizer,
             report.best->trainer);
  if (report.confirmation) {
    const Confirmation &confirmation = *report.confirmation;
    fmt::print(
        "\non {} fresh seeds, {} rows: base {} {:.4f} +- {:.4f}, best {:.4f} +- {:.4f}; the best is better on "
        "{}\n",
        confirmation.base.size(), confirmation.rows == "test" ? "test" : "held-out", report.metric,
        mean(confirmation.base), deviation(confirmation.base), mean(confirmation.best),
        deviation(confirmation.best), wins(report));
  }
  fmt::print("\nPictures are in {}: best-so-far.svg, parallel.svg, importance.svg. Next:\n  {}\n", run,
             command_of(report, plan));
}

}  // namespace

SearchReport report_of(const SearchPlan &plan, const ngd_search *search) {
  SearchReport report;
  report.metric = plan.metric;
  report.maximize = text_of(ngd_search_get_text, search, "goal") == "maximize";
  report.info = sized<ngd_search_info>();
  call(ngd_search_get_info, search, &report.info);
  report.reason = reason_name(report.info.reason);
  for (size_t i = 0; i < report.info.parameters; i++) {
    ParameterRow row;
    row.name = text_of(ngd_search_get_parameter, search, i);
    const std::string spec = text_of(ngd_search_get_spec, search, row.name.c_str());
    row.kind = spec.substr(0, spec.find(':'));
    auto importance = sized<ngd_importance>();
    call(ngd_search_get_importance, search, row.name.c_str(), &importance);
    row.trials = importance.trials;
    row.correlation = importance.correlation;
    row.chance = importance.chance;
    report.parameters.push_back(row);
  }
  for (uint64_t i = 0; i < report.info.counted; i++) {
    auto info = sized<ngd_trial_info>();
    call(ngd_search_get_trial, search, i, &info);
    TrialRow row = {i, info.state, info.value, info.gradients, text_of(ngd_search_get_message, search, i), {}};
    for (const ParameterRow &parameter : report.parameters)
      row.values.push_back(text_of(ngd_search_get_value_text, search, i, parameter.name.c_str()));
    report.trials.push_back(std::move(row));
  }
  if (report.info.best_trial != UINT64_MAX) report.best = specs_of(plan, search, report.info.best_trial);
  return report;
}

Json report_json(const SearchReport &report) {
  const auto number = [](double value) { return std::isfinite(value) ? Json(value) : Json(); };
  Table trials = trial_table(report, Style::json);
  for (const TrialRow &trial : report.trials) trials.add(trial_cells(trial, Style::json));
  Json parameters = Json::array();
  for (const ParameterRow &row : report.parameters)
    parameters.push_back({{"name", row.name},
                          {"kind", row.kind},
                          {"correlation", number(row.correlation)},
                          {"chance", number(row.chance)},
                          {"trials", row.trials}});
  Json json = {{"metric", report.metric},
               {"reason", report.reason},
               {"counted", report.info.counted},
               {"finished", report.info.finished},
               {"pruned", report.info.pruned},
               {"failed", report.info.failed},
               {"gradients", report.info.gradients},
               {"seconds", report.info.seconds},
               {"best", Json()},
               {"parameters", parameters},
               {"trials", trials.json()},
               {"confirmation", Json()}};
  if (report.best)
    json["best"] = {{"trial", report.info.best_trial},
                    {"value", report.info.best_value},
                    {"model", report.best->model},
                    {"optimizer", report.best->optimizer},
                    {"trainer", report.best->trainer}};
  if (report.confirmation)
    json["confirmation"] = {{"rows", report.confirmation->rows},
                            {"base", report.confirmation->base},
                            {"best", report.confirmation->best},
                            {"best_is_better", wins(report)}};
  return json;
}

void print_report(const SearchReport &report, const SearchPlan &plan, const std::string &run, Style style) {
  if (style == Style::json) {
    print_json(report_json(report));
  } else if (style == Style::plain) {
    Table table = trial_table(report, style);
    for (const TrialRow &trial : report.trials) table.add(trial_cells(trial, style));
    table.print(style);
  } else {
    print_for_people(report, plan, run);
  }
}

}  // namespace cli
