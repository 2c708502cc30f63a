// How a run starts: its inputs are checked, and a checkpoint is taken up whole or not at all.
#include <algorithm>

#include "base/error.h"
#include "store/safetensors.h"
#include "train/run.h"

namespace ngd {
namespace {

uint64_t whole(double value) {
  return static_cast<uint64_t>(value);
}

uint64_t rows_of_batch(const OptionSet &options, uint64_t rows) {
  const uint64_t wanted = whole(options["batch_size"]);
  return wanted == 0 ? rows : std::min(wanted, rows);
}

void check_data(const Dataset &data, const char *which) {
  if (data.rows() == 0)
    fail(NGD_E_SHAPE, "the ", which, " data have no rows; load a file or append rows first");
  if (data.label_kind() == LabelKind::none) fail(NGD_E_SHAPE, "the ", which, " data have no labels");
}

// An optimizer of the same rule and tensors, to try a checkpoint on.
void check_optimizer(const StateReader &reader, const Optimizer &optimizer) {
  Optimizer trial(optimizer.options().spec());
  for (const Optimizer::TensorSpec &tensor : optimizer.tensors()) {
    if (tensor.rows)
      trial.add_rows(optimizer.element(), tensor.name, tensor.shape);
    else
      trial.add(optimizer.element(), tensor.name, tensor.shape);
  }
  trial.load(reader);
}

}  // namespace

void check_run(const OptionSet &options, const Dataset &training, const Dataset *held_out) {
  check_data(training, "training");
  if (held_out != nullptr) check_data(*held_out, "held-out");
  for (const char *option : {"patience", "save_best"}) {
    if (held_out == nullptr && options[option] != 0)
      fail(NGD_E_STATE, "option \"", option, "\" goes by the held-out loss, but there are no held-out data");
  }
  if (options["save_best"] != 0 && options.choice("run_directory").empty())
    fail(NGD_E_STATE, "option \"save_best\" is set, but \"run_directory\" is empty; name a directory");
}

RunSettings::RunSettings(const OptionSet &options)
    : epochs(whole(options["epochs"])),
      seed(whole(options["seed"])),
      warmup_steps(whole(options["warmup_steps"])),
      checkpoint_epochs(whole(options["checkpoint_epochs"])),
      checkpoint_steps(whole(options["checkpoint_steps"])),
      log_steps(whole(options["log_steps"])),
      patience(whole(options["patience"])),
      freeze_epochs(whole(options["freeze_epochs"])),
      progress_seconds(options["progress_seconds"]),
      shuffle(options["shuffle"] != 0),
      save_best(options["save_best"] != 0),
      resume(options["resume"] != 0),
      schedule(options.choice("schedule")) {}

std::shared_ptr<Icea> make_icea(const OptionSet &options, uint64_t rows, double seed) {
  const std::string &spec = options.choice("icea");
  if (spec.empty()) return nullptr;
  auto icea = std::make_shared<Icea>(spec, rows);
  const auto is_seed = [](const SpecText::Option &option) { return option.name == "seed"; };
  if (std::ranges::none_of(parse_spec(spec).options, is_seed)) icea->set("seed", seed);
  return icea;
}

Run::Run(const RunInputs &inputs)
    : options_(inputs.options),
      events_(inputs.events),
      model_(inputs.model),
      optimizer_(inputs.optimizer),
      training_(inputs.training),
      held_out_(inputs.held_out),
      directory_(options_.choice("run_directory"), options_["resume"] != 0,
                 whole(options_["keep_checkpoints"])),
      settings_(options_),
      rows_(training_->rows()),
      batch_rows_(rows_of_batch(options_, rows_)),
      batches_((rows_ + batch_rows_ - 1) / batch_rows_),
      icea_(make_icea(options_, rows_, options_["seed"])) {
  if (settings_.resume) {
    resume();
  } else {
    prepare();
    position_.learning_rate = optimizer_->options()["learning_rate"];
    position_.skipped_before = optimizer_->skip_count();
  }
  rate_ = position_.learning_rate;
  if (settings_.freeze_epochs > 0) model_->freeze_table(true);  // refuses a model without a table
}

Run::~Run() {
  restore_rate();
  if (settings_.freeze_epochs > 0) model_->freeze_table(false);
}

// Also tries both data sets, so that data which do not fit are refused now and not after an epoch.
void Run::prepare() {
  if (!model_->prepared()) model_->prepare(training_.get());
  model_->evaluate(*training_->slice(0, 1));
  if (held_out_ != nullptr) model_->evaluate(*held_out_->slice(0, 1));
}

void Run::resume() {
  last_checkpoint_ = latest_good(directory_.path());
  try {
    take_up(last_checkpoint_);
  } catch (const Error &error) {
    if (error.status() != NGD_E_CHECKPOINT) throw;
    fail(NGD_E_CHECKPOINT, "cannot resume from ", quoted(last_checkpoint_, 200), ": ", error.what());
  }
  directory_.resume_from(last_checkpoint_);
  last_checkpoint_step_ = position_.step;
  earlier_seconds_ = position_.seconds;
  earlier_steps_ = position_.step;
  progress_speed_.rows = epoch_speed_.rows = step_speed_.rows = whole_speed_.rows = position_.rows;
}

void Run::take_up(const std::string &checkpoint) {
  const SafetensorsFile file(checkpoint);
  StateReader reader = file.reader();
  reader.prefix = "trainer.";
  position_ = Position::load(reader);
  check_terms(reader, *training_, options_);
  if (position_.batch >= batches_)
    fail(NGD_E_CHECKPOINT, "it stands at batch ", position_.batch, " of an epoch of ", batches_);
  if (icea_ != nullptr) {
    reader.prefix = "icea.";
    icea_->load(reader);
    const uint64_t samples = icea_->info().samples;
    if (samples != rows_)
      fail(NGD_E_CHECKPOINT, "its buffer has ", samples, " samples, but there are ", rows_, " rows");
  }
  // Whatever can be wrong is found before the first of the two changes.
  reader.prefix = "optimizer.";
  check_optimizer(reader, *optimizer_);
  prepare();
  reader.prefix = "model.";
  model_->restore(reader);
  reader.prefix = "optimizer.";
  optimizer_->load(reader);
}

}  // namespace ngd
