// The trainer's options, and the run it has in hand.
#include "train/trainer.h"

#include "base/error.h"
#include "train/run.h"

namespace ngd {
namespace {

constexpr double kMany = 9007199254740992.0;  // 2^53: every whole number up to here is a double

// All are fixed while a run is in progress.
constexpr OptionSpec kOptions[] = {
    fixed(integer_option("epochs", "10", 1, kMany, "How often to go through the training data.")),
    fixed(integer_option("batch_size", "32", 0, kMany, "Rows a step; 0 for all of them.")),
    fixed(flag_option("shuffle", "1", "Draw a new order of the rows for each epoch.")),
    fixed(text_option("icea", "",
                      "Draw the rows by an ICEA buffer of this spec, such as icea:rho=0.5; empty for passes.")),
    fixed(integer_option("seed", "1", 0, kMany, "Decides the orders of the rows.")),
    fixed(choice_option("schedule", "constant", "constant|linear|cosine",
                        "How the learning rate falls over the run: not, or to zero at its end.")),
    fixed(integer_option("warmup_steps", "0", 0, kMany, "Steps over which the learning rate first rises.")),
    fixed(text_option("run_directory", "", "Where to keep config, log and checkpoints; empty for nowhere.")),
    fixed(flag_option("resume", "0", "Go on with the run that run_directory holds.")),
    fixed(integer_option("keep_checkpoints", "2", 1, kMany, "How many checkpoints to keep, the newest.")),
    fixed(integer_option("checkpoint_epochs", "1", 0, kMany,
                         "Epochs between checkpoints; 0 for none but the one at the end.")),
    fixed(integer_option("checkpoint_steps", "0", 0, kMany, "Steps between further checkpoints; 0 for none.")),
    fixed(flag_option("save_best", "0", "Also keep best.safetensors, the one of least held-out loss.")),
    fixed(integer_option("log_steps", "100", 0, kMany, "Steps between lines of the log; 0 for none.")),
    fixed(number_option("progress_seconds", "1", 0, 1e9, "Seconds between progress events; 0 for every step.")),
    fixed(integer_option("freeze_epochs", "0", 0, kMany,
                         "Epochs at the beginning in which a text model's table stays as it is.")),
    fixed(integer_option("patience", "0", 0, kMany,
                         "Stop after so many epochs without a better held-out loss; 0 for never.")),
    fixed(
        integer_option("partitions", "0", 0, 4096,
                       "On servers: parts into which the rows are cut, each of which one worker has at a time; "
                       "0 for as many as the client's workers.")),
    fixed(integer_option(
        "local_steps", "0", 0, 1e6,
        "On servers: steps of a worker on its own between two exchanges of what they changed; 0: "
        "gradients go to the servers' optimizer.")),
    fixed(choice_option("compress", "none", "none|bf16|fp16|8bit|topk",
                        "On servers: how gradients, or what local steps changed, travel: as float32; in 2 "
                        "bytes a number; in 1; "
                        "or only the largest. What that leaves out is added to the next.")),
    fixed(choice_option("compress_pulls", "none", "none|bf16|fp16",
                        "On servers: how the parameters that a worker reads travel: as float32, or rounded.")),
    fixed(above_option("compress_share", "0.01", 0, 0.5,
                       "On servers, with compress=topk: share of the numbers of each tensor that is sent.")),
    fixed(integer_option("prefetch", "1", 0, 16,
                         "On servers, not in rounds of all workers: steps whose gradients are computed while "
                         "an update before them "
                         "is on its way; 0: none.")),
};

// A spec that is wrong is refused when it is given, not when the run starts.
void check_icea(const OptionSet &options) {
  const std::string &spec = options.choice("icea");
  if (!spec.empty()) Icea(spec, 0);
}

}  // namespace

std::span<const OptionSpec> trainer_options() {
  return kOptions;
}

Trainer::Trainer(std::string_view spec_text) : options_(kOptions, "the trainer", "trainer") {
  const SpecText spec = parse_spec(spec_text);
  if (spec.kind != "trainer") fail_unknown("kind of trainer", spec.kind, {"trainer"});
  options_.set_all(spec);
  check_icea(options_);
}

Trainer::~Trainer() = default;

void Trainer::set_text(std::string_view name, std::string_view value) {
  OptionSet changed = options_;
  changed.set_text(name, value);
  check_icea(changed);
  options_ = std::move(changed);
}

void Trainer::start(std::shared_ptr<Model> model, std::shared_ptr<Optimizer> optimizer,
                    std::shared_ptr<Dataset> training, std::shared_ptr<Dataset> held_out) {
  events_.refuse_within_callback("ngd_trainer_start");
  if (run_ != nullptr)
    fail(NGD_E_STATE, "a run is in progress; advance it to its end, or create another trainer");
  check_run(options_, *training, held_out.get());
  const RunInputs inputs = {
      options_, events_, std::move(model), std::move(optimizer), std::move(training), std::move(held_out)};
  run_ = maker_ ? maker_(inputs) : std::make_unique<Run>(inputs);
  icea_ = nullptr;
  options_.lock();
  take_part([&] {
    run_->begin(cancelled_);
    return true;
  });
}

void Trainer::use_runs_of(RunMaker maker) {
  events_.refuse_within_callback("ngd_trainer_connect");
  if (run_ != nullptr) fail(NGD_E_STATE, "a run is in progress; connect the trainer before it starts");
  maker_ = std::move(maker);
}

std::shared_ptr<Icea> Trainer::icea() const {
  std::shared_ptr<Icea> icea = run_ != nullptr ? run_->icea() : icea_;
  if (icea == nullptr)
    fail(NGD_E_STATE, "there is no run with a buffer; set the option \"icea\" and start one");
  return icea;
}

bool Trainer::advance(uint64_t steps) {
  events_.refuse_within_callback("ngd_trainer_advance");
  if (run_ == nullptr) fail(NGD_E_STATE, "no run is in progress; call ngd_trainer_start first");
  if (steps == 0) fail(NGD_E_RANGE, "argument \"steps\" is 0, but must be at least 1");
  return take_part([&] { return run_->advance(steps, cancelled_); });
}

template <class Part>
bool Trainer::take_part(Part part) {
  // Ends the run on every way out but one: that there is more to do.
  struct Ending {
    Trainer &trainer;
    bool running = false;
    ~Ending() {
      if (!running) trainer.end();
    }
  } ending{*this};
  try {
    return ending.running = part();
  } catch (const Error &error) {
    run_->note_failure(error);
    throw;
  }
}

void Trainer::end() {
  icea_ = run_->icea();  // on servers it came to be on the way
  run_.reset();
  options_.unlock();
  cancelled_.store(false, std::memory_order_relaxed);
}

}  // namespace ngd
