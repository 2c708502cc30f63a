// Gradients to an accuracy: shuffled passes, ICEA, its quarantine alone, and its phases, with the same seeds.
//
// The learning rate is chosen for shuffled passes on three other seeds, by the mean accuracy over the run, and all methods
// take it, unless each is to have its own. A seed decides the split, the first parameters, the wrong labels and the draws.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>
#include <optional>

#include "bench/clock.h"
#include "bench/icea.h"
#include "chart.h"
#include "handle.h"
#include "icea_tasks.h"

namespace cli {
namespace {

constexpr uint64_t kFirstTuningSeed = 101;  // the runs that count have seeds 1, 2, ...

struct Method {
  std::string name, spec;
};

std::vector<Method> methods_of(const IceaWorth &bench) {
  std::vector<Method> methods = {{"uniform", "icea:warmup=1e9"},
                                 {"icea", "icea"},
                                 {"quarantine only", "icea:sampler=prioritized,exponent=0,cap=1,boost=0"},
                                 {"phase 8:2", "icea:mode=phase"}};
  if (bench.noise > 0) methods.push_back({"no quarantine", "icea:quarantine=0"});
  for (const std::string &spec : bench.specs) methods.push_back({spec, spec});
  return methods;
}

double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
}
using Runs = std::vector<IceaTask::Run>;

template <class Value>
std::vector<double> each(const Runs &runs, Value value) {
  std::vector<double> values;
  for (const IceaTask::Run &run : runs) values.push_back(value(run));
  return values;
}

// The share among what there is; NaN when nothing is.
double mean_share(const Runs &runs, double IceaTask::Run::*member) {
  double sum = 0, count = 0;
  for (const IceaTask::Run &run : runs) {
    if (!std::isfinite(run.*member)) continue;
    sum += run.*member;
    count++;
  }
  return count == 0 ? std::nan("") : sum / count;
}

double best_rate(const IceaTask &task, const std::string &spec, const IceaWorth &bench) {
  double best = -1, chosen = 0;
  for (const double rate : task.plan().rates) {
    std::vector<double> means;
    for (uint64_t seed = kFirstTuningSeed; seed < kFirstTuningSeed + bench.tuning_seeds; seed++)
      means.push_back(task.run(task.split(seed, bench.noise), spec, rate, seed).mean_accuracy);
    if (median_of(means) > best) {
      best = median_of(means);
      chosen = rate;
    }
  }
  return chosen;
}

std::string gradients_text(const std::vector<double> &gradients) {
  const auto text = [](double value) {
    return std::isfinite(value) ? fmt::format("{:.0f}", value) : std::string("never");
  };
  return fmt::format("{} [{}, {}]", text(median_of(gradients)), text(quantile(gradients, 0.25)),
                     text(quantile(gradients, 0.75)));
}

Cell gradients_cell(const std::vector<double> &gradients) {
  const double middle = median_of(gradients);
  return {std::isfinite(middle) ? Json(middle) : Json(), gradients_text(gradients)};
}

// "8/1": in how many seeds a method arrived sooner than uniform, and later.
std::string wins_text(const std::vector<double> &ours, const std::vector<double> &theirs) {
  size_t wins = 0, losses = 0;
  for (size_t i = 0; i < ours.size(); i++) {
    wins += ours[i] < theirs[i];
    losses += ours[i] > theirs[i];
  }
  return fmt::format("{}/{}", wins, losses);
}

Series curve(const Method &method, const IceaTaskPlan &plan, const Runs &runs, size_t color) {
  Series series{method.name, {}, {}, color};
  for (size_t look = 0; look < runs[0].accuracy.size(); look++) {
    series.x.push_back(static_cast<double>((look + 1) * plan.watch * plan.batch));
    series.y.push_back(median_of(each(runs, [&](const IceaTask::Run &run) { return run.accuracy[look]; })));
  }
  return series;
}

// From where the first tenth ends, and what matters fills the height.
Chart late_part(const std::string &title, std::vector<Series> curves) {
  for (Series &series : curves) {
    const auto skipped = static_cast<std::ptrdiff_t>(series.x.size() / 10);
    series.x.erase(series.x.begin(), series.x.begin() + skipped);
    series.y.erase(series.y.begin(), series.y.begin() + skipped);
  }
  return {title, "samples with gradient", std::move(curves)};
}

// What the runs of one method came to, seed by seed.
struct Outcome {
  Outcome(const Runs &all, const IceaTaskPlan &plan, const double *targets)
      : runs(all),
        first(each(runs, [&](const IceaTask::Run &run) { return run.gradients_to(targets[0], plan); })),
        second(each(runs, [&](const IceaTask::Run &run) { return run.gradients_to(targets[1], plan); })),
        final_accuracy(each(runs, [](const IceaTask::Run &run) { return run.final_accuracy; })) {}
  Runs runs;
  std::vector<double> first, second, final_accuracy;
};

// The median of the differences of paired runs, in percentage points.
double final_difference(const Outcome &ours, const Outcome &theirs) {
  std::vector<double> differences;
  for (size_t i = 0; i < ours.runs.size(); i++)
    differences.push_back(100 * (ours.final_accuracy[i] - theirs.final_accuracy[i]));
  return median_of(differences);
}

std::vector<Column> columns_of(const double *targets, bool noise) {
  std::vector<Column> columns = {{"method", "method", false},
                                 {"rate", "rate"},
                                 {"to_first", fmt::format("to {:g} %", 100 * targets[0])},
                                 {"first_wins", "won/lost"},
                                 {"to_second", fmt::format("to {:g} %", 100 * targets[1])},
                                 {"second_wins", "won/lost"},
                                 {"final", "final %"},
                                 {"difference", "pp"},
                                 {"hard_share", "hard draws"},
                                 {"quarantined", "quarantine"}};
  if (noise) {
    columns.push_back({"wrong_in_hard", "wrong in hard"});
    columns.push_back({"wrong_in_quarantine", "wrong in q."});
  }
  return columns;
}

// `uniform` is null for itself.
std::vector<Cell> cells_of(const Method &method, double rate, const Outcome &outcome, const Outcome *uniform,
                           bool noise) {
  const auto wins = [&](std::vector<double> Outcome::*member) {
    return text_cell(uniform == nullptr ? "" : wins_text(outcome.*member, uniform->*member));
  };
  const double difference = uniform == nullptr ? 0 : final_difference(outcome, *uniform);
  const Runs &runs = outcome.runs;
  std::vector<Cell> cells = {
      text_cell(method.name),
      short_cell(rate, 3),
      gradients_cell(outcome.first),
      wins(&Outcome::first),
      gradients_cell(outcome.second),
      wins(&Outcome::second),
      number_cell(100 * median_of(outcome.final_accuracy), 2),
      uniform == nullptr ? text_cell("") : Cell{difference, fmt::format("{:+.2f}", difference)},
      number_cell(median_of(each(runs, [](const IceaTask::Run &run) { return run.hard_share; })), 2),
      number_cell(median_of(each(runs, [](const IceaTask::Run &run) { return double(run.quarantined); })), 0)};
  if (noise) {
    cells.push_back(number_cell(mean_share(runs, &IceaTask::Run::wrong_in_hard), 2));
    cells.push_back(number_cell(mean_share(runs, &IceaTask::Run::wrong_in_quarantine), 2));
  }
  return cells;
}

Json run_task(const IceaTask &task, const IceaWorth &bench, std::vector<Chart> &charts) {
  const IceaTaskPlan &plan = task.plan();
  const bool noise = bench.noise > 0;
  const double *targets = noise ? plan.noisy_targets : plan.targets;
  const size_t training = task.rows() - task.tested();
  const double epochs = static_cast<double>(plan.steps * plan.batch) / static_cast<double>(training);
  const std::string title =
      fmt::format("{}: {}{}{}{}", plan.name, task.note(), task.note().empty() ? "" : ", ", plan.about,
                  noise ? fmt::format(", {:g} % wrong labels", 100 * bench.noise) : "");
  if (bench.style == Style::table)
    fmt::print("{}\n{} rows to train on, {} to test; batch {}, {} steps: {:.1f} epochs; {} seeds\n\n", title,
               training, task.tested(), plan.batch, plan.steps, epochs, bench.seeds);
  Table table(columns_of(targets, noise));
  table.widen(0, 15);
  for (const size_t column : {size_t{2}, size_t{4}}) table.widen(column, 22);
  std::optional<Outcome> uniform;
  std::vector<Series> curves;
  double rate = 0;
  for (const Method &method : methods_of(bench)) {
    if (rate == 0 || bench.own_rates) rate = best_rate(task, method.spec, bench);
    Runs runs;
    for (uint64_t seed = 1; seed <= bench.seeds; seed++)
      runs.push_back(task.run(task.split(seed, bench.noise), method.spec, rate, seed));
    const Outcome outcome(runs, plan, targets);
    table.add(cells_of(method, rate, outcome, uniform ? &*uniform : nullptr, noise));
    if (!uniform) uniform = outcome;
    if (curves.size() < 4) curves.push_back(curve(method, plan, runs, curves.size()));
    if (bench.style == Style::json) continue;
    table.print(bench.style);
    std::fflush(stdout);
  }
  charts.push_back(late_part(fmt::format("{}; median of {} seeds", title, bench.seeds), curves));
  if (bench.style == Style::table) fmt::print("\n");
  return {{"task", plan.name}, {"noise", bench.noise}, {"epochs", epochs}, {"methods", table.json()}};
}

}  // namespace

int bench_icea_worth(const IceaWorth &bench) {
  if (bench.seeds < 1) throw Failure{"--seeds is 0, but must be at least 1", kExitUsage};
  if (!(bench.noise >= 0 && bench.noise < 1)) throw Failure{"--noise is a share from 0 to below 1", kExitUsage};
  const std::vector<IceaTaskPlan> &plans = icea_task_plans();
  std::vector<IceaTaskPlan> chosen;
  for (const std::string &name : bench.tasks) {
    const auto found =
        std::find_if(plans.begin(), plans.end(), [&](const IceaTaskPlan &plan) { return name == plan.name; });
    if (found == plans.end()) {
      std::string known;
      for (const IceaTaskPlan &plan : plans) known += std::string(plan.name) + ", ";
      throw Failure{fmt::format("unknown task \"{}\"; known: {}all", name, known), kExitUsage};
    }
    chosen.push_back(*found);
  }
  Json results = Json::array();
  std::vector<Chart> charts;
  for (const IceaTaskPlan &plan : chosen)
    results.push_back(run_task(IceaTask(plan, bench.data), bench, charts));
  if (bench.style == Style::json) print_json({{"tasks", results}});
  if (!bench.svg.empty()) {
    std::ofstream file(bench.svg, std::ios::binary);
    file << draw_svg(charts, "Test accuracy by samples with gradient");
    file.close();
    if (!file) throw Failure{bench.svg + ": cannot be written"};
  }
  return 0;
}

}  // namespace cli
