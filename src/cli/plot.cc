// ngd plot: draws a run's loss and accuracy in the terminal, or as an SVG picture.
#include <fmt/core.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "handle.h"
#include "run_record.h"
#include "verbs.h"

namespace cli {
namespace {

void write_svg(const std::string &path, const std::string &svg) {
  std::ofstream file(path, std::ios::binary);
  file << svg;
  file.close();
  if (!file) throw Failure{path + ": cannot be written"};
}

int plot(const std::string &run, const std::string &svg) {
  const std::vector<Json> log = read_log(run);
  std::vector<Chart> charts = charts_of(epochs_of(log));
  mark_takeovers(charts, log);
  if (charts.empty()) throw Failure{run + ": no epoch has ended yet, so there is nothing to draw"};
  if (!svg.empty()) {
    std::filesystem::path path = std::filesystem::absolute(run).lexically_normal();
    if (path.filename().empty()) path = path.parent_path();  // "run/"
    write_svg(svg, draw_svg(charts, path.filename().string()));
    fmt::print("{}\n", svg);
    return 0;
  }
  print_charts(charts);
  return 0;
}

}  // namespace

Verb plot_verb(CLI::App &program) {
  CLI::App *app = program.add_subcommand("plot", "Draw a run's loss and accuracy");
  struct Arguments {
    std::string run, svg;
  };
  const auto arguments = std::make_shared<Arguments>();
  app->add_option("run", arguments->run, "The run directory")->required()->type_name("RUN");
  app->add_option("--svg", arguments->svg, "Write an SVG picture to this file instead")->type_name("FILE");
  app->footer("Examples:\n  ngd plot iris\n  ngd plot iris --svg iris.svg");
  return {app, "ngd plot RUN [--svg FILE]", [arguments] { return plot(arguments->run, arguments->svg); }};
}

}  // namespace cli
