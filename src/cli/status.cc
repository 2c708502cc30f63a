// ngd status: numbers of a model on its servers, once or every second.
#include <fmt/core.h>

#include <chrono>
#include <cmath>
#include <memory>
#include <thread>

#include "connection.h"
#include "verbs.h"

namespace cli {
namespace {

struct Arguments {
  ConnectionOptions connection;
  bool watch = false;
  double every = 1;
  uint64_t count = 0;
  Style style = Style::table;
};

int tell(const Arguments &arguments) {
  const Client client = connect(arguments.connection);
  Table table({{"version", "version"},
               {"versions_per_second", "versions/s"},
               {"clients", "clients"},
               {"workers", "workers"},
               {"shards", "shards"},
               {"parameters", "parameters"},
               {"lineage", "lineage"}});
  uint64_t before = 0;
  auto then = std::chrono::steady_clock::now();
  for (uint64_t round = 0;; round++) {
    auto info = sized<ngd_client_info>();
    call(ngd_client_get_info, client.get(), arguments.connection.timeout_ms(), &info);
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - then).count();
    const double rate = round == 0 ? std::nan("") : static_cast<double>(info.version - before) / seconds;
    // This program is one of the clients.
    const std::vector<Cell> row = {integer_cell(info.version),      number_cell(rate, 0),
                                   integer_cell(info.sessions - 1), integer_cell(info.workers),
                                   integer_cell(info.shards),       integer_cell(info.elements),
                                   integer_cell(info.lineage)};
    if (arguments.style == Style::json) {
      print_json(table.object(row));
    } else {
      table.add(row);
      table.print(arguments.style);
    }
    std::fflush(stdout);
    if (!arguments.watch || round + 1 == arguments.count) return 0;
    before = info.version;
    then = now;
    std::this_thread::sleep_for(std::chrono::duration<double>(arguments.every));
  }
}

}  // namespace

Verb status_verb(CLI::App &program) {
  CLI::App *app =
      program.add_subcommand("status", "Tell the version of a model on its servers, and who works on it");
  const auto arguments = std::make_shared<Arguments>();
  add_connection_options(*app, arguments->connection);
  app->add_flag("--watch", arguments->watch, "Go on telling");
  app->add_option("--every", arguments->every, "With --watch: seconds between lines (default 1)")
      ->type_name("SECONDS");
  app->add_option("--count", arguments->count, "With --watch: end after so many lines")->type_name("N");
  add_output_option(*app, arguments->style);
  app->footer("Example:\n  ngd status --servers tcp://10.0.0.1:7070 --model mnist --watch");
  return {app, "ngd status [--servers ADDRESSES] [--model NAME] [--watch]; see ngd status --help",
          [arguments] { return tell(*arguments); }};
}

}  // namespace cli
