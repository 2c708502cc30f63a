// ngd bench: lists the benchmarks; what they share.
#include "bench/bench.h"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <thread>

#include "handle.h"

namespace cli {

void BenchProgress::begin(const std::string &what) {
  const double elapsed = seconds_since(start_), share = done_ / work_;
  std::string text = fmt::format("{}  {:.0f}%", what, 100 * share);
  // The first cases are too few to tell how long the others take.
  if (share > 0.05) {
    const std::string left = time_left_text(elapsed * (1 - share) / share);
    if (!left.empty()) text += "  " + left;
  }
  line_.show(elapsed, text);
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "processor without a name";
}

Verb bench_verb(CLI::App &program) {
  CLI::App *app = program.add_subcommand(
      "bench", "Measure optimizers, ICEA, the parameter server, training on it and word vectors");
  app->require_subcommand(0, 1);
  struct Arguments {
    std::string name;
    Style style = Style::table;
  };
  const auto arguments = std::make_shared<Arguments>();
  // What is no subcommand comes here, to be told so in words.
  app->add_option("benchmark", arguments->name, "A benchmark; all are listed when left out")->type_name("NAME");
  add_output_option(*app, arguments->style);
  app->footer(
      "Examples:\n  ngd bench\n  ngd bench optimizer --rules adam,ngd --threads 1\n  ngd bench rules --data "
      "DIR");
  const std::vector<Verb> benchmarks = {optimizer_bench(*app), rules_bench(*app), icea_bench(*app),
                                        cluster_bench(*app),   train_bench(*app), vectors_bench(*app)};
  const auto run = [app, arguments, benchmarks] {
    for (const Verb &benchmark : benchmarks) {
      if (benchmark.app->parsed()) return benchmark.run();
    }
    if (!arguments->name.empty()) {
      std::string known;
      for (const Verb &benchmark : benchmarks) known += (known.empty() ? "" : ", ") + benchmark.app->get_name();
      throw Failure{fmt::format("unknown benchmark \"{}\"; known: {}", arguments->name, known), kExitUsage};
    }
    Table table({{"name", "benchmark", false}, {"about", "what it measures", false}});
    for (const Verb &benchmark : benchmarks)
      table.add({text_cell(benchmark.app->get_name()), text_cell(benchmark.app->get_description())});
    if (arguments->style == Style::json) {
      print_json({{"benchmarks", table.json()}});
      return 0;
    }
    table.print(arguments->style);
    if (arguments->style == Style::table) fmt::print("\nTheir options: ngd bench NAME --help\n");
    return 0;
  };
  return {app, "ngd bench [optimizer|rules|icea|cluster|train|vectors] [options]; see ngd bench NAME --help",
          run};
}

}  // namespace cli
