// From the arguments of ngd train to the command of a run, its specs complete and checked.
#include "train_arguments.h"

#include <fmt/core.h>

#include <utility>

#include "handle.h"
#include "vectors.h"

namespace cli {
namespace {

// --icea mix,rho=0.5 is short for --trainer trainer:icea="icea:mode=mix,rho=0.5".
void set_icea(ngd_trainer *trainer, const std::string &text) {
  std::string spec = text;
  if (spec != "icea" && spec.rfind("icea:", 0) != 0)
    spec = (spec.substr(0, spec.find(',')).find('=') == std::string::npos ? "icea:mode=" : "icea:") + spec;
  try {
    call(ngd_trainer_set_text, trainer, "icea", spec.c_str());
  } catch (Failure &failure) {
    failure.exit_code = kExitUsage;
    throw;
  }
}

// --compress topk:0.01 is short for --trainer trainer:compress=topk,compress_share=0.01.
void set_compress(ngd_trainer *trainer, const std::string &text) {
  const size_t colon = text.find(':');
  try {
    call(ngd_trainer_set_text, trainer, "compress", text.substr(0, colon).c_str());
    if (colon == std::string::npos) return;
    if (text.substr(0, colon) != "topk")
      wrong_usage("--compress " + text + ": only topk takes a share, as in topk:0.01");
    call(ngd_trainer_set_text, trainer, "compress_share", text.substr(colon + 1).c_str());
  } catch (Failure &failure) {
    failure.exit_code = kExitUsage;
    throw;
  }
}

// --seed is for all that is random; a spec's own seed goes before it.
void set_seed(ngd_model *model, ngd_trainer *trainer, uint64_t seed) {
  const std::string text = std::to_string(seed);
  if (text_of(ngd_model_get_text, model, "spec").find("seed=") == std::string::npos)
    call(ngd_model_set_text, model, "seed", text.c_str());
  if (text_of(ngd_trainer_get_text, trainer, "spec").find("seed=") == std::string::npos)
    call(ngd_trainer_set_text, trainer, "seed", text.c_str());
}

}  // namespace

Command new_command(const TrainArguments &arguments) {
  for (const auto &[value, name] :
       {std::pair{&arguments.data, "--data"}, {&arguments.model, "--model"}, {&arguments.run, "--run"}}) {
    if (value->empty()) wrong_usage(fmt::format("{} is required (or --resume with a run directory)", name));
  }
  Command command;
  command.data = {split_files(arguments.data), arguments.format, arguments.labels};
  if (command.data.files.empty()) wrong_usage("--data names no file");
  complete(command.data, true);
  for (std::string &file : command.data.files) file = absolute(file);
  command.data.labels = absolute(command.data.labels);
  command.held_out = fraction(arguments.held_out) ? arguments.held_out : absolute(arguments.held_out);
  command.held_out_labels = absolute(arguments.held_out_labels);
  command.model = arguments.model;
  command.optimizer = arguments.optimizer.empty() ? "ngd" : arguments.optimizer;
  command.trainer = arguments.trainer.empty() ? "trainer" : arguments.trainer;
  command.split_seed = arguments.seed.value_or(0);
  command.cluster = arguments.cluster;
  return command;
}

Command resumed_command(const TrainArguments &arguments) {
  for (const auto &[given, name] : {std::pair{!arguments.format.empty(), "--format"},
                                    {!arguments.model.empty(), "--model"},
                                    {!arguments.optimizer.empty(), "--optimizer"},
                                    {!arguments.trainer.empty(), "--trainer"},
                                    {!arguments.icea.empty(), "--icea"},
                                    {!arguments.compress.empty(), "--compress"},
                                    {!arguments.vectors.empty(), "--vectors"},
                                    {arguments.batch_size.has_value(), "--batch-size"},
                                    {arguments.seed.has_value(), "--seed"},
                                    {arguments.restarts > 1, "--restarts"}}) {
    if (given) wrong_usage(fmt::format("{} cannot change when a run is resumed; leave it out", name));
  }
  Command command = read_command(arguments.run);
  if (!arguments.data.empty()) command.data.files = split_files(arguments.data);
  if (!arguments.labels.empty()) command.data.labels = arguments.labels;
  if (!arguments.held_out.empty()) command.held_out = arguments.held_out;
  if (!arguments.held_out_labels.empty()) command.held_out_labels = arguments.held_out_labels;
  return command;
}

void give_vectors(ngd_model *model, const TrainArguments &arguments) {
  const Vectors vectors = load_vectors(arguments.vectors, arguments.vectors_spec);
  if (text_of(ngd_model_get_text, model, "spec").rfind("text", 0) == 0 &&
      arguments.model.find("dimension=") == std::string::npos)
    call(ngd_model_set, model, "dimension", static_cast<double>(cli::info_of(vectors.get()).dimension));
  call(ngd_model_set_vectors, model, static_cast<const ngd_vectors *>(vectors.get()));
}

void complete_specs(Command &command, const TrainArguments &arguments) {
  const Model model = create<ngd_model>(ngd_model_create, command.model);
  const Optimizer optimizer = create<ngd_optimizer>(ngd_optimizer_create, command.optimizer);
  const Trainer trainer = create<ngd_trainer>(ngd_trainer_create, command.trainer);
  if (arguments.epochs)
    call(ngd_trainer_set_text, trainer.get(), "epochs", std::to_string(*arguments.epochs).c_str());
  if (arguments.batch_size)
    call(ngd_trainer_set_text, trainer.get(), "batch_size", std::to_string(*arguments.batch_size).c_str());
  if (!arguments.icea.empty()) set_icea(trainer.get(), arguments.icea);
  if (!arguments.compress.empty()) {
    if (!command.cluster.given())
      wrong_usage("--compress is for training on servers; give --workers or --connect too");
    set_compress(trainer.get(), arguments.compress);
  }
  if (arguments.seed) set_seed(model.get(), trainer.get(), *arguments.seed);
  if (!arguments.vectors.empty()) give_vectors(model.get(), arguments);
  command.model = text_of(ngd_model_get_text, model.get(), "spec");
  command.optimizer = text_of(ngd_optimizer_get_text, optimizer.get(), "spec");
  command.trainer = text_of(ngd_trainer_get_text, trainer.get(), "spec");
}

}  // namespace cli
