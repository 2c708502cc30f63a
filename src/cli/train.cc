// ngd train: data, model, optimizer and trainer from the command line, a run directory to resume from.
#include <fmt/core.h>

#include <filesystem>
#include <limits>
#include <memory>
#include <optional>

#include "handle.h"
#include "job.h"
#include "restarts.h"
#include "run_record.h"
#include "train_arguments.h"
#include "vectors.h"
#include "verbs.h"
#include "watcher.h"

namespace cli {
namespace {

void print_coverage(const ngd_model *model) {
  auto coverage = sized<ngd_vectors_coverage>();
  call(ngd_model_get_coverage, model, &coverage);
  const auto share = [](uint64_t part, uint64_t all) {
    return 100 * static_cast<double>(part) / static_cast<double>(all);
  };
  fmt::print("vectors    for {} of {} words ({:.1f} %), {:.1f} % of all occurrences\n\n", coverage.found,
             coverage.words, share(coverage.found, coverage.words),
             share(coverage.tokens_found, coverage.tokens));
}

void print_summary(const Command &command, const Data &data, const std::string &run) {
  const ngd_dataset_info info = info_of(data.training.get());
  std::string rows = fmt::format("{} rows of {} {}", info.rows, info.columns,
                                 info.features == NGD_FEATURES_TEXT ? "distinct words" : "columns");
  if (info.classes > 0) rows += fmt::format(" in {} classes", info.classes);
  if (data.held_out != nullptr) rows += fmt::format(", {} rows held out", info_of(data.held_out.get()).rows);
  if (info.skipped > 0) rows += fmt::format(", {} malformed lines skipped", info.skipped);
  fmt::print("data       {}\nmodel      {}\noptimizer  {}\ntrainer    {}\n", rows, command.model,
             command.optimizer, command.trainer);
  if (command.cluster.given() && command.cluster.connect.empty())
    fmt::print("servers    {}; look on: ngd status --servers {}, ngd cluster page --servers {}\n",
               command.cluster.server_count(), run, run);
  fmt::print("\n");
  std::fflush(stdout);
}

Progress::Mode progress_mode(const std::string &text) {
  if (text == "auto") return Progress::Mode::automatic;
  if (text == "on") return Progress::Mode::on;
  if (text == "off") return Progress::Mode::off;
  wrong_usage("--progress cannot be \"" + text + "\"; it takes auto, on or off");
}

// What all runs of a command share.
struct Setting {
  const TrainArguments &arguments;
  Data data;
  Style style;
  Progress::Mode progress;
  EmbeddedCluster *cluster;  // nullptr: it is trained here
};

void train_run(const Command &command, const std::string &run, bool resume, const Setting &setting) {
  const Model model = create<ngd_model>(ngd_model_create, command.model);
  const Optimizer optimizer = create<ngd_optimizer>(ngd_optimizer_create, command.optimizer);
  const Trainer trainer = create<ngd_trainer>(ngd_trainer_create, command.trainer);
  call(ngd_trainer_set_text, trainer.get(), "run_directory", run.c_str());
  if (resume) call(ngd_trainer_set, trainer.get(), "resume", 1.0);
  const Data &data = setting.data;
  EmbeddedCluster *cluster = setting.cluster;
  if (!setting.arguments.vectors.empty()) {
    give_vectors(model.get(), setting.arguments);
    call(ngd_model_prepare, model.get(), static_cast<const ngd_dataset *>(data.training.get()));
    if (setting.style == Style::table) print_coverage(model.get());
  }
  Watcher watcher(setting.style, setting.progress, data.held_out != nullptr,
                  info_of(data.training.get()).labels == NGD_LABELS_CATEGORY,
                  !text_of(ngd_trainer_get_text, trainer.get(), "icea").empty(), [&] {
                    write_command(run, command);
                    if (cluster != nullptr) cluster->start_workers();
                  });
  if (watcher.progress().rewrites() || cluster != nullptr)
    call(ngd_trainer_set, trainer.get(), "progress_seconds", 0.25);
  if (cluster != nullptr) {
    cluster->connect(trainer.get());
    watcher.ask_for_news([&](const ngd_event &event) { return cluster->news(event); });
  }
  watcher.run(trainer.get(), model.get(), optimizer.get(), data.training.get(), data.held_out.get());
}

// The command with seeds that no restart before it had.
Command restarted(Command command, uint64_t restart) {
  const Model model = create<ngd_model>(ngd_model_create, command.model);
  const Trainer trainer = create<ngd_trainer>(ngd_trainer_create, command.trainer);
  double seed = 0;
  call(ngd_model_get, model.get(), "seed", &seed);
  call(ngd_model_set, model.get(), "seed", seed + static_cast<double>(restart));
  call(ngd_trainer_get, trainer.get(), "seed", &seed);
  call(ngd_trainer_set, trainer.get(), "seed", seed + static_cast<double>(restart));
  command.model = text_of(ngd_model_get_text, model.get(), "spec");
  command.trainer = text_of(ngd_trainer_get_text, trainer.get(), "spec");
  command.restarts = 1;
  return command;
}

// Trains from several seeds, each in a directory of its own, and makes the run that of the least held-out loss. What had
// ended is not trained again.
void train_restarts(const Command &command, const std::string &run, uint64_t restarts, const Setting &setting) {
  Table table({{"restart", "restart"}, {"held_out_loss", "held-out loss"}});
  uint64_t best = 0;
  double best_loss = std::numeric_limits<double>::infinity();
  for (uint64_t restart = 0; restart < restarts; restart++) {
    const std::string part = restart_directory(run, restart);
    if (!run_has_ended(part)) {
      if (setting.style == Style::table) fmt::print("restart {} of {}\n", restart + 1, restarts);
      const bool resume = has_checkpoint(part);
      if (!resume) remove_run(part);
      train_run(restarted(command, restart), part, resume, setting);
      if (setting.style == Style::table) fmt::print("\n");
    }
    const double loss = last_held_out_loss(part);
    table.add({integer_cell(restart + 1), number_cell(loss, 4)});
    if (!(loss < best_loss)) continue;
    best = restart;
    best_loss = loss;
  }
  adopt_run(restart_directory(run, best), run);
  if (setting.style != Style::table) return;
  table.print(setting.style);
  fmt::print("\nThe best is restart {}.\n", best + 1);
}

void print_end(const std::string &run, const std::string &account) {
  print_charts(charts_of(epochs_of(read_log(run))));
  if (!account.empty()) fmt::print("\n{}\n", account);
  fmt::print("\nThe run is in {}. Next: ngd predict --model {} --data FILE\n", run, run);
}

// Servers go with the end of their training, so that there is nothing to go on from, nor anything left to do.
bool has_ended_on_servers(const TrainArguments &arguments, const Command &command) {
  if (!arguments.resume || !run_is_begun(arguments.run) || !has_ended(read_log(arguments.run))) return false;
  if (arguments.epochs)
    wrong_usage("the training in " + arguments.run +
                " has ended, and its servers with it; leave --epochs out, or train anew in another directory");
  if (command.cluster.connect.empty()) EmbeddedCluster::remove_servers(arguments.run);
  if (arguments.style == Style::table) print_end(arguments.run, "");
  return true;
}

int train(TrainArguments arguments) {
  const Progress::Mode progress = progress_mode(arguments.progress);
  if (!arguments.resumed_run.empty()) {
    if (!arguments.resume) wrong_usage("a run directory without --resume; a new run is named by --run");
    if (!arguments.run.empty() && arguments.run != arguments.resumed_run)
      wrong_usage("--run and --resume name different run directories");
    arguments.run = arguments.resumed_run;
  }
  if (arguments.resume && arguments.run.empty()) wrong_usage("--resume needs a run directory");
  if (arguments.restarts > 1 && !arguments.resume && arguments.held_out.empty())
    wrong_usage("--restarts keeps the best by held-out loss; give --held-out");
  Command command = arguments.resume ? resumed_command(arguments) : new_command(arguments);
  complete_specs(command, arguments);
  if (arguments.resume) arguments.restarts = command.restarts;
  command.restarts = arguments.restarts;
  if (command.restarts > 1 && arguments.resume && arguments.epochs)
    wrong_usage("--epochs cannot change when restarts are resumed; leave it out");

  if (command.restarts > 1 && command.cluster.given())
    wrong_usage("--restarts is for training in this process; leave it or --workers out");

  std::optional<RunLock> lock;
  std::optional<EmbeddedCluster> cluster;
  if (command.cluster.given()) {
    lock.emplace(arguments.run);
    if (has_ended_on_servers(arguments, command)) return 0;
    if (!arguments.resume) {
      EmbeddedCluster::check_new(command.cluster);
      begin_run(arguments.run, command);
      EmbeddedCluster::remove_servers(arguments.run);  // of a launcher that was killed before it began
    }
    cluster.emplace(command.cluster, arguments.run);
  }
  const Setting setting = {arguments, load_data(command), arguments.style, progress,
                           cluster ? &*cluster : nullptr};
  if (arguments.style == Style::table) print_summary(command, setting.data, arguments.run);
  try {
    if (command.restarts > 1) {
      if (!arguments.resume) begin_restarts(arguments.run, command);
      train_restarts(command, arguments.run, command.restarts, setting);
    } else {
      // A launcher that was killed as it started its servers has left nothing but its command.
      const bool begun = !cluster || run_is_begun(arguments.run);
      train_run(command, arguments.run, arguments.resume && begun, setting);
    }
  } catch (Failure &failure) {
    if (cluster) cluster->end(false);
    if (failure.status == NGD_E_CANCELLED || cluster)
      failure.message += "\nngd: to go on: ngd train --resume " + arguments.run;
    throw;
  }
  std::string account;
  if (cluster) {
    account = cluster->account();
    cluster->end(true);
  }
  if (arguments.style == Style::table) print_end(arguments.run, account);
  return 0;
}

}  // namespace

Verb train_verb(CLI::App &program) {
  CLI::App *app =
      program.add_subcommand("train", "Train a model on a file, in a run directory that can be resumed");
  const auto arguments = std::make_shared<TrainArguments>();
  TrainArguments &a = *arguments;
  app->add_option("--data", a.data, "Samples with labels; plain or gzip")->type_name("FILE[,FILE...]");
  app->add_option("--format", a.format, "How to read them, such as csv:label=NAME; guessed when left out")
      ->type_name("SPEC");
  app->add_option("--labels", a.labels, "The file of labels, for idx")->type_name("FILE");
  app->add_option("--held-out", a.held_out,
                  "Samples to test on after each epoch: a file, or a share such as 0.1")
      ->type_name("FILE|SHARE");
  app->add_option("--held-out-labels", a.held_out_labels, "The file of labels of --held-out, for idx")
      ->type_name("FILE");
  app->add_option("--model", a.model, "What to train, such as linear, mlp:hidden=64 or text:word_ngrams=2")
      ->type_name("SPEC");
  app->add_option("--optimizer", a.optimizer, "How to train it, such as ngd:learning_rate=0.003 (default: ngd)")
      ->type_name("SPEC");
  app->add_option("--trainer", a.trainer,
                  "More options of the trainer, such as trainer:patience=3; see ngd options trainer")
      ->type_name("SPEC");
  app->add_option(
         "--icea", a.icea,
         "Come back to hard samples: a mode and options, such as mix or mix,rho=0.3; see ngd options icea")
      ->type_name("MODE[,OPTION=VALUE...]");
  app->add_option("--vectors", a.vectors, "Have a text model begin with the word vectors of this file")
      ->type_name("FILE");
  app->add_option("--vectors-spec", a.vectors_spec, "How to read them, such as vectors:case=fold")
      ->type_name("SPEC");
  app->add_option("--epochs", a.epochs, "Passes over the data")->type_name("N");
  app->add_option("--batch-size", a.batch_size, "Samples a step")->type_name("N");
  app->add_option("--seed", a.seed, "Seed of the split, the first parameters and the order of samples")
      ->type_name("N");
  app->add_option("--restarts", a.restarts,
                  "Train so many times from other seeds, and keep the run of least held-out loss")
      ->check(CLI::Range(1, 1000))
      ->type_name("N");
  app->add_option("--run", a.run, "The run directory: settings, log, checkpoints")->type_name("DIR");
  app->add_flag("--resume", a.resume, "Go on with the run in --run DIR (or in RUN) from its newest checkpoint");
  add_cluster_options(*app, a.cluster);
  app->add_option(
         "--compress", a.compress,
         "On servers, how gradients travel: bf16, fp16, 8bit, or topk:0.01, the largest 1 % alone; what that "
         "leaves out is added to the next")
      ->type_name("CODING[:SHARE]");
  app->add_option("run", a.resumed_run, "The run to --resume")->type_name("RUN");
  app->add_option("--progress", a.progress, "The progress line on stderr: auto, on or off")
      ->type_name("auto|on|off");
  add_output_option(*app, a.style);
  app->footer(
      "Examples:\n"
      "  ngd train --data letters.csv --format csv:label=lettr --model mlp:hidden=64 \\\n"
      "      --optimizer ngd:learning_rate=0.003 --held-out 0.1 --epochs 20 --run letters\n"
      "  ngd train --resume letters\n"
      "  ngd train --data mail.txt --model text --run mail --workers 4 --shards 2 --replicas 2\n\n"
      "Ctrl-C stops after the step in hand and writes a checkpoint; --resume goes on from it.\n"
      "With -o json every event is one JSON object on a line of its own.");
  return {
      app,
      "ngd train --data FILE --model SPEC --run DIR [options], or ngd train --resume DIR; see ngd train --help",
      [arguments] { return train(*arguments); }};
}

}  // namespace cli
