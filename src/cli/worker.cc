// ngd worker: trains on servers, as the training there demands.
#include <fmt/core.h>

#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "allocator.h"
#include "connection.h"
#include "job.h"
#include "verbs.h"
#include "watcher.h"

namespace cli {
namespace {

struct Arguments {
  ConnectionOptions connection;
  std::string run, data, format, labels, held_out, held_out_labels;
  std::string progress = "auto";
  double patience = 60;
  Style style = Style::table;
};

// What ngd train has left for workers of other hosts, at the servers. It may begin later than the worker does.
Command command_at_servers(ConnectionOptions &options, double patience) {
  const auto begun = std::chrono::steady_clock::now();
  const std::string wanted = options.model;
  bool told = false;
  for (;;) {
    std::string why;
    try {
      const Client client = connect(options);
      const std::string text = value_of(client.get(), "command", options.timeout_ms());
      if (!text.empty()) return parse_command(text, "the value \"command\" at the servers");
      why = fmt::format("nobody has begun to train the model \"{}\"", options.model);
    } catch (const Failure &failure) {
      if (failure.status != NGD_E_NOT_FOUND) throw;
      why = failure.message;
    }
    options.model = wanted;
    const double waited = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    if (waited > patience)
      throw Failure{fmt::format("{}; waited {:.0f} s for ngd train --connect, as --patience says", why, waited),
                    kExitFailed, NGD_E_NOT_FOUND};
    if (!std::exchange(told, true))
      fmt::print(stderr, "ngd: waiting for ngd train --connect to begin: {}\n", why);
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

int work(Arguments &arguments) {
  keep_freed_memory();
  Command command = arguments.run.empty() ? command_at_servers(arguments.connection, arguments.patience)
                                          : read_command(arguments.run);
  if (!arguments.data.empty()) command.data.files = split_files(arguments.data);
  if (!arguments.format.empty()) command.data.format = arguments.format;
  if (!arguments.labels.empty()) command.data.labels = arguments.labels;
  if (!arguments.held_out.empty()) command.held_out = arguments.held_out;

  const Model model = create<ngd_model>(ngd_model_create, command.model);
  const Optimizer optimizer = create<ngd_optimizer>(ngd_optimizer_create, command.optimizer);
  const Trainer trainer = create<ngd_trainer>(ngd_trainer_create, command.trainer);
  for (const char *option : {"patience", "save_best", "resume"})
    call(ngd_trainer_set, trainer.get(), option, 0.0);
  const Data data = load_data(command);
  const Client client = create<ngd_client>(
      ngd_client_create, arguments.connection.spec.empty() ? "client" : arguments.connection.spec);
  const auto set = [&](const char *name, const std::string &value) {
    if (!value.empty()) call(ngd_client_set_text, client.get(), name, value.c_str());
  };
  if (arguments.run.empty()) {
    set("model", arguments.connection.model);
    set("consistency", command.cluster.mode);
    set("bound", std::to_string(command.cluster.bound));
    set("workers", std::to_string(std::max<uint64_t>(1, command.cluster.workers)));
    set("shards", std::to_string(command.cluster.shards));
    set("lease", fmt::format("{}", command.cluster.lease));
  }
  set("key", arguments.connection.key);
  set("server_key", arguments.connection.server_key);
  if (arguments.connection.trusted_network) set("trusted_network", "1");
  call(ngd_trainer_connect, trainer.get(), client.get(), arguments.connection.servers.c_str(),
       static_cast<int64_t>(arguments.patience * 1000));
  Watcher watcher(arguments.style, Progress::Mode::off, false, false, false, [] {});
  watcher.run(trainer.get(), model.get(), optimizer.get(), data.training.get(), nullptr);
  return 0;
}

}  // namespace

Verb worker_verb(CLI::App &program) {
  CLI::App *app =
      program.add_subcommand("worker", "Take part in a training on servers that ngd train has begun");
  const auto arguments = std::make_shared<Arguments>();
  Arguments &a = *arguments;
  app->add_option("run", a.run, "The run directory of ngd train, where it is at hand")->type_name("RUN");
  add_connection_options(*app, a.connection);
  app->add_option("--data", a.data, "Where this host has the samples (default: where ngd train has them)")
      ->type_name("FILE[,FILE...]");
  app->add_option("--format", a.format, "How to read them, where it is not as there")->type_name("SPEC");
  app->add_option("--labels", a.labels, "The file of labels, for idx")->type_name("FILE");
  app->add_option("--held-out", a.held_out, "The share or file that is held out, where it is not as there")
      ->type_name("FILE|SHARE");
  app->add_option("--patience", a.patience,
                  "Seconds without servers, or without a training, that are borne (default 60)")
      ->type_name("SECONDS");
  app->add_option("--progress", a.progress, "The progress line on stderr: auto, on or off")
      ->type_name("auto|on|off");
  add_output_option(*app, a.style);
  app->footer(
      "Example, on another host than ngd train --connect:\n"
      "  ngd worker --servers tcp://10.0.0.1:7070 --data mail.txt\n\n"
      "Ends when the training does. Ctrl-C gives back what it has; others go on with it.");
  return {app, "ngd worker [RUN] --servers ADDRESSES [options]; see ngd worker --help",
          [arguments] { return work(*arguments); }};
}

}  // namespace cli
