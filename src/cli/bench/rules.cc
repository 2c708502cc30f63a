// ngd bench rules: every rule gets the same draws of learning rates, then fresh seeds on three real tasks.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "bench/bench.h"
#include "bench/memory.h"
#include "bench/outcome.h"
#include "bench/subject.h"

namespace cli {
namespace {

struct RulesBench {
  std::string data;
  std::vector<std::string> rules, tasks;  // all when empty; a rule may be a spec such as ngd:accel=seed
  size_t trials = 24, tuning_seeds = 1, seeds = 9;
  size_t steps = 0;  // 0: each task's own
  Style style = Style::table;
};

// Rules that only work with the gradient of all data.
constexpr struct {
  const char *rule, *why;
} kLeftOut[] = {{"rprop", "compares the signs of whole gradients"},
                {"lbfgs", "measures curvature by whole gradients"}};

// Log-uniform in [1e-5, 10], one draw in each of `count` equal parts of that range, so that no luck leaves a gap:
// the same rates for every rule.
std::vector<double> draw_rates(size_t count) {
  constexpr double kLowest = -5, kHighest = 1;
  Draws draws(1);
  std::vector<double> rates;
  for (size_t i = 0; i < count; i++)
    rates.push_back(std::pow(10.0, kLowest + (kHighest - kLowest) * (static_cast<double>(i) + draws.uniform()) /
                                                 static_cast<double>(count)));
  return rates;
}

constexpr uint64_t kFirstTuningSeed = 1001;  // the fresh seeds count from 1

// The training loss that each rate leads to, the median over the tuning seeds.
std::vector<double> tune(const std::string &rule, const std::vector<double> &rates, const Task &task,
                         const RulesBench &bench, BenchProgress &progress) {
  std::vector<double> losses;
  for (const double rate : rates) {
    std::vector<double> tried;
    for (uint64_t seed = 0; seed < bench.tuning_seeds; seed++) {
      progress.begin(fmt::format("{}, {}", task.plan.name, rule));
      tried.push_back(run_task(task, rule, rate, kFirstTuningSeed + seed, false).loss);
      progress.end(task.run_cost());
    }
    losses.push_back(median_of(tried));
  }
  return losses;
}

Outcome try_rule(const std::string &rule, const Task &task, const RulesBench &bench, BenchProgress &progress) {
  Outcome outcome;
  outcome.rule = rule;
  const std::vector<double> rates = draw_rates(bench.trials);
  std::vector<double> losses;
  try {
    losses = tune(rule, rates, task, bench, progress);
  } catch (const Failure &failure) {
    if (failure.status != NGD_E_UNSUPPORTED) throw;
    outcome.refused = failure.message;
    progress.end(static_cast<double>(bench.trials * bench.tuning_seeds + bench.seeds) * task.run_cost());
    return outcome;
  }
  const auto best = std::min_element(losses.begin(), losses.end());
  const bool learns = std::isfinite(*best);
  if (learns) {
    outcome.rate = rates[static_cast<size_t>(best - losses.begin())];
    outcome.good_rates = static_cast<size_t>(
        std::count_if(losses.begin(), losses.end(), [&](double loss) { return loss <= 1.5 * *best + 0.02; }));
  }
  for (uint64_t seed = 1; seed <= bench.seeds; seed++) {
    progress.begin(fmt::format("{}, {}", task.plan.name, rule));
    if (learns) outcome.runs.push_back(run_task(task, rule, outcome.rate, seed, true));
    progress.end(task.run_cost());
  }
  return outcome;
}

std::vector<Outcome> try_rules(const std::vector<std::string> &rules, const Task &task, const RulesBench &bench,
                               BenchProgress &progress) {
  std::vector<Outcome> outcomes;
  for (const std::string &rule : rules) outcomes.push_back(try_rule(rule, task, bench, progress));
  rank(outcomes);
  return outcomes;
}

std::vector<TaskPlan> chosen_plans(const RulesBench &bench) {
  std::vector<TaskPlan> plans = task_plans();
  std::string known;
  for (const TaskPlan &plan : plans) known += fmt::format("{}{}", known.empty() ? "" : ", ", plan.name);
  const auto is_named = [&](const TaskPlan &plan) {
    return std::find(bench.tasks.begin(), bench.tasks.end(), plan.name) != bench.tasks.end();
  };
  for (const std::string &task : bench.tasks) {
    if (std::none_of(plans.begin(), plans.end(), [&](const TaskPlan &plan) { return task == plan.name; }))
      throw Failure{fmt::format("unknown task \"{}\"; known: {}", task, known), kExitUsage};
  }
  if (!bench.tasks.empty())
    plans.erase(
        std::remove_if(plans.begin(), plans.end(), [&](const TaskPlan &plan) { return !is_named(plan); }),
        plans.end());
  for (TaskPlan &plan : plans) {
    if (bench.steps != 0) plan.steps = bench.steps;
  }
  return plans;
}

std::vector<std::string> chosen_rules(const RulesBench &bench) {
  for (const std::string &rule : bench.rules) create<ngd_optimizer>(ngd_optimizer_create, rule);
  if (!bench.rules.empty()) return bench.rules;
  std::vector<std::string> rules = all_rules();
  for (const auto &left_out : kLeftOut)
    rules.erase(std::remove(rules.begin(), rules.end(), left_out.rule), rules.end());
  return rules;
}

int run(const RulesBench &bench) {
  const std::vector<TaskPlan> plans = chosen_plans(bench);
  const std::vector<std::string> rules = chosen_rules(bench);
  std::vector<Task> tasks;
  double work = 0;
  for (const TaskPlan &plan : plans) {
    tasks.push_back(load_task(plan, bench.data));
    work += static_cast<double>(rules.size() * (bench.trials * bench.tuning_seeds + bench.seeds)) *
            tasks.back().run_cost();
  }
  BenchProgress progress(work);
  Json results = Json::array();
  if (bench.style == Style::table) {
    fmt::print(
        "Each rule: {} learning rates in [1e-5, 10], the same for all, on {} tuning seed(s); the one of least\n"
        "training loss on {} fresh seeds. Medians over these; libngd {}\n",
        bench.trials, bench.tuning_seeds, bench.seeds, ngd_version());
    if (bench.rules.empty()) {
      for (const auto &left_out : kLeftOut)
        fmt::print("Left out: {}, which {}.\n", left_out.rule, left_out.why);
    }
  }
  for (const Task &task : tasks) {
    const std::vector<Outcome> outcomes = try_rules(rules, task, bench, progress);
    progress.clear();
    if (bench.style == Style::json) {
      Json rows = Json::array();
      for (const Outcome &outcome : outcomes) rows.push_back(outcome_json(outcome));
      results.push_back({{"task", task.plan.name},
                         {"about", task.plan.about},
                         {"model", task.plan.model},
                         {"batch", task.plan.batch},
                         {"steps", task.plan.steps},
                         {"target", task.plan.target},
                         {"rules", rows}});
      continue;
    }
    print_outcomes(task, outcomes, bench.style);
  }
  if (bench.style == Style::json)
    print_json({{"version", ngd_version()},
                {"trials", bench.trials},
                {"tuning_seeds", bench.tuning_seeds},
                {"seeds", bench.seeds},
                {"tasks", results}});
  return 0;
}

}  // namespace

Verb rules_bench(CLI::App &bench) {
  CLI::App *app =
      bench.add_subcommand("rules", "Steps that every rule needs to an accuracy, on three real tasks");
  const auto arguments = std::make_shared<RulesBench>();
  RulesBench &a = *arguments;
  const auto positive = CLI::Range(1, 1000000);
  app->add_option("--data", a.data,
                  "The folder of the data: t10k-images-idx3-ubyte.gz, LetterRecognition.csv, sms.tsv")
      ->required()
      ->type_name("FOLDER");
  app->add_option("--rules", a.rules, "Only these rules; one may have an option, as ngd:accel=seed")
      ->delimiter(',')
      ->type_name("RULE[,RULE...]");
  app->add_option("--tasks", a.tasks, "Only these tasks: digits, letters, spam")
      ->delimiter(',')
      ->type_name("TASK[,TASK...]");
  app->add_option("--trials", a.trials, "Learning rates that each rule may try")
      ->check(positive)
      ->type_name("N");
  app->add_option("--tuning-seeds", a.tuning_seeds, "Seeds on which a rate is tried")
      ->check(positive)
      ->type_name("N");
  app->add_option("--seeds", a.seeds, "Fresh seeds for the rate chosen")->check(positive)->type_name("N");
  app->add_option("--steps", a.steps, "Steps a run instead of the task's own")->check(positive)->type_name("N");
  add_output_option(*app, a.style);
  app->footer(
      "\"good rates\": those whose training loss was at most 1.5 times the best one plus 0.02. \"ngd "
      "sooner/later\": in how\n"
      "many seeds ngd reached the accuracy in fewer steps than this rule, and in more: same first parameters, "
      "same\n"
      "batches.\n\n"
      "Example:\n  ngd bench rules --data ../shared/data --rules adam,ngd --tasks letters");
  return {app, "ngd bench rules --data FOLDER [options]; see ngd bench rules --help",
          [arguments] { return run(*arguments); }};
}

}  // namespace cli
