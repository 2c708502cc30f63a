// The program ngd: finds the verb, runs it, turns failures into messages and exit codes.
#include <fmt/core.h>
#include <algorithm>
#include <cstdio>
#include <map>
#include <vector>

#include "handle.h"
#include "verbs.h"

namespace cli {

void add_output_option(CLI::App &app, Style &style) {
  static const std::map<std::string, Style> kStyles = {
      {"table", Style::table}, {"json", Style::json}, {"plain", Style::plain}};
  app.add_option_function<std::string>(
         "-o,--output",
         [&style](const std::string &name) {
           const auto found = kStyles.find(name);
           if (found == kStyles.end())
             throw CLI::ValidationError("--output",
                                        "cannot be \"" + name + "\"; it takes table, json or plain");
           style = found->second;
         },
         "table (for people, the default), json, or plain: tab-separated, no header")
      ->type_name("table|json|plain");
}

namespace {

int report(const std::string &message, int exit_code) {
  std::fflush(stdout);
  fmt::print(stderr, "ngd: error: {}\n", message);
  return exit_code;
}

constexpr const char *kAbout =
    "ngd trains models from the command line with libngd: optimizers, models and training as one C library.";
constexpr const char *kFooter =
    "A first run, on a CSV file whose column \"species\" is to be predicted:\n"
    "  ngd train --data iris.csv --format csv:label=species --model mlp:hidden=32 --held-out 0.1 --run iris\n"
    "  ngd predict --model iris --data new.csv\n\n"
    "Options of models, optimizers, formats and the trainer: ngd options\n"
    "Exit codes: 0 good, 1 failed, 2 the command line is wrong.";

int run(int argc, char **argv) {
  CLI::App program(kAbout, "ngd");
  program.footer(kFooter);
  program.require_subcommand(0, 1);
  bool version = false;
  program.add_flag("--version", version, "Tell the version, as the verb version does");
  const std::vector<Verb> verbs = {
      train_verb(program),   predict_verb(program), eval_verb(program),    inspect_verb(program),
      options_verb(program), plot_verb(program),    icea_verb(program),    server_verb(program),
      worker_verb(program),  client_verb(program),  status_verb(program),  cluster_verb(program),
      keygen_verb(program),  bench_verb(program),   vectors_verb(program), version_verb(program)};
  if (argc == 1) {
    fmt::print(stderr, "{}", program.help());
    return kExitUsage;
  }
  if (argc == 2 && std::string(argv[1]) == "--version") {
    fmt::print("ngd {}\n", ngd_version());
    return 0;
  }
  const auto chosen = std::find_if(verbs.begin(), verbs.end(),
                                   [argv](const Verb &verb) { return verb.app->get_name() == argv[1]; });
  if (chosen == verbs.end() && argv[1][0] != '-') {
    std::string known;
    for (const Verb &verb : verbs) known += (known.empty() ? "" : ", ") + verb.app->get_name();
    return report(fmt::format("unknown verb \"{}\"; known: {}", argv[1], known), kExitUsage);
  }
  try {
    program.parse(argc, argv);
    if (chosen != verbs.end()) return chosen->run();
    fmt::print(stderr, "{}", program.help());
    return kExitUsage;
  } catch (const CLI::CallForHelp &) {
    fmt::print("{}", chosen == verbs.end() ? program.help() : chosen->app->help("ngd"));
    return 0;
  } catch (const CLI::ParseError &error) {
    report(error.what(), kExitUsage);
    fmt::print(stderr, "usage: {}\n",
               chosen == verbs.end() ? "ngd VERB [options]; see ngd --help" : chosen->usage);
    return kExitUsage;
  } catch (const Failure &failure) {
    return report(failure.message, failure.exit_code);
  }
}

}  // namespace
}  // namespace cli

int main(int argc, char **argv) {
  try {
    const int exit_code = cli::run(argc, argv);
    // A full disk shows only now.
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
      return cli::report("standard output could not be written", cli::kExitFailed);
    return exit_code;
  } catch (const std::exception &exception) {
    return cli::report(exception.what(), cli::kExitFailed);
  }
}
