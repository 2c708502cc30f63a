// ngd bench optimizer: runs the cases of all groups and prints them beside what they are measured against.
#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "bench/bench.h"
#include "bench/cases.h"
#include "bench/report.h"
#include "bench/subject.h"

namespace cli {
namespace {

struct Group {
  const char *name, *about;
  void (*add)(const OptimizerBench &bench, std::vector<Case> &cases);
};

constexpr Group kGroups[] = {
    {"flat", "each rule over one flat tensor, against a loop that reads and writes the same arrays",
     add_flat_cases},
    {"checked",
     "the same with the check that skips a step whose gradient is not finite: the limit reads the gradient "
     "twice too",
     add_checked_cases},
    {"peer", "against another library", add_peer_cases},
    {"small", "1000 tensors of 1000 numbers against one flat tensor of a million", add_small_cases},
    {"state", "smaller state against state of float32", add_state_cases},
    {"clip", "clip to a norm, step, and clear the gradient in one call, against a plain step", add_clip_cases},
    {"trust", "rules that need norms of matrices against adam", add_trust_cases},
    {"rows", "4096 random rows of a table, against a loop that reads and writes the same rows", add_rows_cases},
};

Measured measure(const Case &one, const OptimizerBench &bench) {
  Measured measured = {&one, one.prepare(), {}, {}, {}, {}};
  Comparison &comparison = measured.comparison;
  std::vector<Burst> bursts;
  std::vector<Times *> results;
  for (const auto &[burst, times] : {std::pair{&comparison.ours, &measured.ours},
                                     {&comparison.other, &measured.other},
                                     {&comparison.plain, &measured.plain},
                                     {&comparison.vector, &measured.vector}}) {
    if (!*burst) continue;
    bursts.push_back(std::move(*burst));
    *burst = nullptr;
    results.push_back(times);
  }
  std::vector<Times> times = take_turns(bursts, bench.rounds);
  for (size_t i = 0; i < times.size(); i++) *results[i] = std::move(times[i]);
  if (!measured.other.seconds.empty()) {
    const bool inverse = comparison.goal && comparison.goal->at_least;
    measured.ratio =
        inverse ? ratio_of(measured.other, measured.ours) : ratio_of(measured.ours, measured.other);
  }
  return measured;
}

bool contains(const std::vector<std::string> &list, const std::string &value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// Wrong names and numbers are wrong usage.
void check(const OptimizerBench &bench) {
  for (const std::string &rule : bench.rules) has_option(rule, "");
  for (const std::string &group : bench.groups) {
    std::string known;
    bool found = false;
    for (const Group &each : kGroups) {
      found = found || group == each.name;
      known += fmt::format("{}{}", known.empty() ? "" : ", ", each.name);
    }
    if (!found) throw Failure{fmt::format("unknown group \"{}\"; known: {}", group, known), kExitUsage};
  }
}

// A case's share of the whole time: bursts are of one length, but for long steps.
double weight(const Case &one) {
  constexpr double kLongStep = 1 << 22;
  return std::max(kLongStep, static_cast<double>(one.parameters));
}

int run(const OptimizerBench &bench, Style style) {
  check(bench);
  std::vector<Case> cases;
  for (const Group &group : kGroups) {
    if (bench.groups.empty() || contains(bench.groups, group.name)) group.add(bench, cases);
  }
  if (cases.empty())
    throw Failure{"none of the chosen groups has a case for these rules and threads", kExitUsage};
  double work = 0;
  for (const Case &one : cases) work += weight(one);

  const unsigned processors = std::thread::hardware_concurrency();
  if (style == Style::table)
    fmt::print("{}, {} processors, libngd {}; medians of {} rounds in which the sides of a row take turns\n",
               processor_name(), processors, ngd_version(), bench.rounds);
  BenchProgress progress(work);
  Json results = Json::array();
  Table table = result_table(cases, true);
  std::string group;
  for (const Case &one : cases) {
    progress.begin(fmt::format("{}, {}", one.rule, tensors_text(one)));
    const Measured measured = measure(one, bench);
    progress.end(weight(one));
    results.push_back(result_json(measured));
    if (style == Style::json) continue;
    progress.clear();
    if (style == Style::table && group != one.group) {
      group = one.group;
      table = result_table(cases, group == "flat");
      const Group *found = std::find_if(std::begin(kGroups), std::end(kGroups),
                                        [&](const Group &each) { return group == each.name; });
      fmt::print("\n{}: {}\n", found->name, found->about);
    }
    std::vector<Cell> row = result_row(measured, style == Style::plain || group == "flat");
    if (style == Style::plain) row.insert(row.begin(), text_cell(one.group));
    table.add(std::move(row));
    table.print(style);
    std::fflush(stdout);
  }
  if (style == Style::json)
    print_json({{"processor", processor_name()},
                {"processors", processors},
                {"version", ngd_version()},
                {"rounds", bench.rounds},
                {"peer", bench.peer == nullptr ? Json(nullptr) : Json(bench.peer->name())},
                {"results", results}});
  return 0;
}

}  // namespace

size_t OptimizerBench::largest_size() const {
  return *std::max_element(sizes.begin(), sizes.end());
}

bool OptimizerBench::wants(const std::string &rule) const {
  return rules.empty() || contains(rules, rule);
}

Verb optimizer_bench(CLI::App &bench) {
  CLI::App *app = bench.add_subcommand(
      "optimizer", "Time of a step of every rule, beside the least that the machine needs for the same memory");
  struct Arguments : OptimizerBench {
    std::string peer_program;
    Style style = Style::table;
  };
  const auto arguments = std::make_shared<Arguments>();
  Arguments &a = *arguments;
  app->add_option("--rules", a.rules, "Only these rules")->delimiter(',')->type_name("RULE[,RULE...]");
  app->add_option("--groups", a.groups, "Only these groups of cases")
      ->delimiter(',')
      ->type_name("GROUP[,GROUP...]");
  app->add_option("--sizes", a.sizes, "Numbers in a flat tensor; the largest is that of the other groups")
      ->delimiter(',')
      ->check(CLI::Range(size_t{1}, size_t{1} << 32))
      ->type_name("N[,N...]");
  app->add_option("--threads", a.threads,
                  "Numbers of threads to step on (default: 1, and 2 where there are two)")
      ->delimiter(',')
      ->check(CLI::Range(1, 256))
      ->type_name("N[,N...]");
  app->add_option("--rounds", a.rounds, "Rounds in which everything has its turn; results are medians")
      ->check(CLI::Range(1, 1000))
      ->type_name("N");
  app->add_option("--burst", a.burst, "Seconds that one turn lasts, or one step when that is longer")
      ->check(CLI::Range(1e-6, 60.0))
      ->type_name("S");
  app->add_option("--rows", a.rows, "Rows of tables; what the memory does not hold is left out")
      ->delimiter(',')
      ->check(CLI::Range(size_t{8192}, size_t{1} << 32))
      ->type_name("N[,N...]");
  app->add_option("--peer", a.peer_program, "Another library's program to compare with, see tests/bench")
      ->type_name("PROGRAM");
  add_output_option(*app, a.style);
  std::string groups;
  for (const Group &group : kGroups) groups += fmt::format("  {:<8} {}\n", group.name, group.about);
  app->footer(
      "Groups:\n" + groups +
      "\nA ratio is of the library's time to the other's (of peers the other way round), the median over the\n"
      "rounds of each round's own. \"plain C\" is a loop written by hand,\n"
      "one number at a time; \"vector C\" the same in the machine's widest vectors: what the arithmetic "
      "takes.\n\n"
      "Example:\n  ngd bench optimizer --rules adam,ngd --groups flat --threads 1");
  return {app, "ngd bench optimizer [options]; see ngd bench optimizer --help", [arguments] {
            if (arguments->threads.empty()) {
              arguments->threads = {1};
              if (std::thread::hardware_concurrency() >= 2) arguments->threads.push_back(2);
            }
            if (!arguments->peer_program.empty())
              arguments->peer = std::make_shared<Peer>(arguments->peer_program);
            return run(*arguments, arguments->style);
          }};
}

}  // namespace cli
