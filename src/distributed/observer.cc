// The loop of an observer.
#include "distributed/observer.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include "distributed/scores.h"
#include "train/records.h"
#include "wire/limits.h"

namespace ngd::distributed {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLookEvery{50};
constexpr milliseconds kLogEvery{1000};
constexpr milliseconds kLastWords{3000};
constexpr const char *kProgress = "training.progress";  // the value that tells of the workers, and of this run
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

uint64_t whole(double value) {
  return static_cast<uint64_t>(value);
}

}  // namespace

Observer::Observer(Connection connection, const RunInputs &inputs)
    : inputs_(inputs),
      link_(std::move(connection), inputs),
      shares_(link_.shares()),
      directory_(inputs.options.choice("run_directory"), inputs.options["resume"] != 0,
                 whole(inputs.options["keep_checkpoints"])),
      epochs_(whole(inputs.options["epochs"])),
      partitions_(link_.partitions()),
      updates_(link_.total_updates()) {
  begun_ = told_ = logged_ = Clock::now();
  for (uint64_t p = 0; p < partitions_; p++) epoch_rows_ += shares_.rows_until(p, shares_.steps(p));
  Model &model = *inputs_.model;
  if (!model.prepared()) model.prepare(inputs_.training.get());
  if (inputs_.held_out != nullptr) model.evaluate(*inputs_.held_out->slice(0, 1));
}

void Observer::begin(const std::atomic<bool> &cancelled) {
  link_.open_first(false, cancelled, [this] {
    look();
    if (inputs_.options["resume"] != 0) recall();
  });
  // What was there before this run began to look.
  earlier_rows_ = progress_speed_.rows = epoch_speed_.rows = whole_speed_.rows = position_.rows;
  const ngd_event begun = event(NGD_EVENT_BEGIN);
  directory_.write_config(config_record(*inputs_.model, *inputs_.optimizer, inputs_.options, *inputs_.training,
                                        inputs_.held_out.get()));
  directory_.log(begin_record(begun));
  inputs_.events.send(begun);
}

// Where this run stood when the servers stood here. Epochs that were told until then are in the log; one may have ended untold.
void Observer::recall() {
  ended_epochs_ = position_.epoch;
  change_ = cluster::change_at(link_.value(cluster::kChanges).value_or(""), ~uint64_t{0});
  const std::string text = link_.value(kProgress).value_or("");
  const auto where = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!where.is_object()) return;
  earlier_seconds_ = where.value("seconds", 0.0);
  position_.best_loss = where.value("best_loss", position_.best_loss);
  position_.stalled = where.value("stalled", uint64_t{0});
  ended_epochs_ = std::min(ended_epochs_, where.value("told", ended_epochs_));
}

bool Observer::advance(uint64_t steps, const std::atomic<bool> &cancelled) {
  while (steps-- > 0) {
    if (cancelled.load(std::memory_order_relaxed)) {
      end("cancelled");
      fail(NGD_E_CANCELLED, "training was cancelled after step ", position_.step);
    }
    try {
      if (!link_.is_open()) link_.open(false);
      const bool running = look();
      link_.went_forward();
      end_epochs(position_.epoch);
      tell_of_workers(!running);
      tell_of_settings();
      if (!running) {
        evaluate();
        if (!directory_.given()) gather_scores();
        checkpoint();
        end(ended_.empty() ? "epochs" : ended_.c_str());
        if (ended_ == "diverged")
          fail(NGD_E_DIVERGED, "a worker's loss is no longer finite, at about step ", position_.step,
               "; try a lower learning_rate, or scale the inputs");
        return false;
      }
    } catch (const Error &error) {
      if (!Link::may_retry(error)) throw;
      // The model may go back to a checkpoint, and come to as many steps again by other ones.
      evaluated_ = saved_ = kNever;
      link_.bear(error);
      link_.close();
      continue;
    }
    const Clock::time_point now = Clock::now();
    if (std::chrono::duration<double>(now - told_).count() >= inputs_.options["progress_seconds"]) {
      told_ = now;
      ngd_event progress = event(NGD_EVENT_PROGRESS);
      progress.rows_per_second = speed_since(progress_speed_);
      inputs_.events.send(progress);
    }
    std::this_thread::sleep_for(kLookEvery);
  }
  return true;
}

// How far the partitions are.
bool Observer::look() {
  const cluster::PartitionSet set = link_.look();
  position_.rows = position_.step = done_ = 0;
  position_.epoch = epochs_;
  notes_.clear();
  bool finished = true;
  for (uint64_t p = 0; p < set.partitions.size(); p++) {
    const cluster::Partition &one = set.partitions[p];
    position_.rows += shares_.rows_until(p, one.offset);
    done_ += one.offset;
    position_.step = link_.bulk() ? std::max(position_.step, one.offset) : position_.step + one.offset;
    position_.epoch = std::min(position_.epoch, one.offset / shares_.steps(p));
    finished = finished && one.finished;
    notes_.push_back(read_note(one.note));
  }
  if (finished) return false;
  if (const auto why = link_.value(kEnd)) {
    ended_ = *why;
    return false;
  }
  return true;
}

void Observer::evaluate() {
  if (evaluated_ == done_) return;
  version_ = link_.pull_all();
  evaluated_ = done_;
  if (inputs_.held_out == nullptr) return;
  const Metrics metrics = inputs_.model->evaluate(*inputs_.held_out);
  position_.held_out_loss = metrics.loss;
  position_.held_out_accuracy = metrics.accuracy;
  position_.majority = metrics.majority;
}

// Those that have ended since the last look. Only the last of them can be evaluated.
void Observer::end_epochs(uint64_t until) {
  while (ended_epochs_ < until) {
    const bool newest = ended_epochs_ + 1 == until;
    if (newest) evaluate();
    ngd_event ended = event(NGD_EVENT_EPOCH);
    ended.epoch = ended_epochs_ + 1;
    ended.loss = loss_of(ended_epochs_);
    if (!newest) ended.held_out_loss = ended.held_out_accuracy = kNone;
    ended.rows_per_second = speed_since(epoch_speed_);
    directory_.log(epoch_record(ended, !inputs_.options.choice("icea").empty()));
    inputs_.events.send(ended);
    ended_epochs_++;
    if (newest && inputs_.held_out != nullptr) {
      const bool better = position_.held_out_loss < position_.best_loss;
      if (better) position_.best_loss = position_.held_out_loss;
      position_.stalled = better ? 0 : position_.stalled + 1;
      if (better && inputs_.options["save_best"] != 0) {
        gather_scores();
        StateWriter writer;
        save(writer);
        announce(directory_.save_best(writer));
      }
      const uint64_t patience = whole(inputs_.options["patience"]);
      if (patience != 0 && position_.stalled >= patience) link_.set_value(kEnd, "patience");
    }
    const uint64_t interval = whole(inputs_.options["checkpoint_epochs"]);
    if (newest && interval != 0 && ended_epochs_ % interval == 0) checkpoint();
  }
}

double Observer::loss_of(uint64_t epoch) const {
  double loss = 0;
  uint64_t rows = 0;
  for (const Note &note : notes_) {
    for (const EpochLoss &one : note.epochs) {
      if (one.epoch != epoch) continue;
      loss += one.loss;
      rows += one.rows;
    }
  }
  return rows == 0 ? kNone : loss / static_cast<double>(rows);
}

void Observer::save(StateWriter &writer) {
  position_.seconds = seconds();
  position_.learning_rate = learning_rate();
  writer.prefix = "model.";
  inputs_.model->save(writer);
  writer.prefix = "trainer.";
  writer.text("spec", inputs_.options.spec());
  writer.text("version", std::to_string(version_));
  position_.save(writer);
  save_terms(writer, *inputs_.training, inputs_.options);
  if (icea_ == nullptr) return;
  writer.prefix = "icea.";
  icea_->save(writer, saved_icea_);
}

// Puts the partitions' buffers together. When all is done, the workers' last words may still be on their way.
void Observer::gather_scores() {
  if (inputs_.options.choice("icea").empty()) return;
  const Clock::time_point until = Clock::now() + kLastWords;
  std::vector<std::string> blobs(partitions_);
  for (uint64_t p = 0; p < partitions_; p++) {
    blobs[p] = link_.blob(p);
    const bool awaited = position_.epoch == epochs_ && ended_.empty() && fit_a_blob(shares_.size(p));
    while (awaited && steps_of_scores(blobs[p]) < shares_.steps(p) * epochs_ && Clock::now() < until) {
      std::this_thread::sleep_for(kLookEvery);
      blobs[p] = link_.blob(p);
    }
  }
  icea_ = merged_scores(inputs_.options, shares_, inputs_.training->rows(), blobs);
}

// Of the model alone: how to go on is in the checkpoints of the servers.
void Observer::checkpoint() {
  if (!directory_.given() || saved_ == done_) return;
  gather_scores();
  evaluate();
  if (!inputs_.model->finite())
    fail(NGD_E_DIVERGED, "a parameter became infinite or nan at about step ", position_.step);
  StateWriter writer;
  save(writer);
  last_checkpoint_ = directory_.save(position_.step, writer);
  saved_ = done_;
  announce(last_checkpoint_);
}

void Observer::announce(const std::string &path) {
  ngd_event written = event(NGD_EVENT_CHECKPOINT);
  written.path = path.c_str();
  directory_.log(checkpoint_record(written));
  inputs_.events.send(written);
}

// Once a second and at the end, to the log and for whoever asks the servers: who does what, and where this run stands.
void Observer::tell_of_workers(bool at_once) {
  const Clock::time_point now = Clock::now();
  if (!at_once && now - logged_ < kLogEvery) return;
  logged_ = now;
  nlohmann::ordered_json partitions = nlohmann::ordered_json::array();
  for (size_t p = 0; p < notes_.size(); p++) {
    const Note &note = notes_[p];
    const double steps = static_cast<double>(std::max<uint64_t>(1, note.steps));
    partitions.push_back({{"partition", p},
                          {"worker", note.worker},
                          {"steps", note.steps},
                          {"updates", note.updates},
                          {"rows_per_second", note.rows_per_second},
                          {"staleness", static_cast<double>(note.staleness) / steps},
                          {"bytes_out", static_cast<double>(note.bytes_out) / steps},
                          {"bytes_in", static_cast<double>(note.bytes_in) / steps}});
  }
  nlohmann::ordered_json line = {{"event", "workers"},     {"epoch", position_.epoch},
                                 {"step", position_.step}, {"rows", position_.rows},
                                 {"seconds", seconds()},   {"partitions", partitions}};
  directory_.log(line.dump());
  line["epochs"] = epochs_;
  line["all_rows"] = epoch_rows_ * epochs_;
  line["stalled"] = position_.stalled;
  line["told"] = ended_epochs_;
  if (std::isfinite(position_.best_loss)) line["best_loss"] = position_.best_loss;
  link_.set_value(kProgress, line.dump());
}

// Since the last look; after the model went back to a checkpoint those of then.
void Observer::tell_of_settings() {
  const std::vector<cluster::Change> changes = cluster::changes_of(link_.value(cluster::kChanges).value_or(""));
  for (const cluster::Change &change : changes) {
    if (change.version > change_.version) tell_of_change(change);
  }
  const cluster::Change newest = changes.empty() ? cluster::Change() : changes.back();
  if (newest.version < change_.version) tell_of_change(newest);
}

void Observer::tell_of_change(const cluster::Change &change) {
  change_ = change;
  const std::string settings = change.settings.text();
  const std::string message = concat(settings.empty() ? "the optimizer's own settings" : settings,
                                     " from version ", change.version, " on");
  ngd_event told = event(NGD_EVENT_SETTINGS);
  told.message = message.c_str();
  directory_.log(settings_record(told, change.version, settings));
  inputs_.events.send(told);
}

double Observer::learning_rate() const {
  return change_.settings.rate > 0 ? change_.settings.rate : inputs_.optimizer->options()["learning_rate"];
}

void Observer::end(const char *reason) {
  ngd_event ended = event(NGD_EVENT_END);
  ended.rows_per_second = speed_since(whole_speed_);
  directory_.log(end_record(ended, reason, ""));
  link_.close();
  inputs_.events.send(ended);
}

void Observer::note_failure(const Error &error) noexcept {
  if (error.status() == NGD_E_CANCELLED) return;
  const char *reason = error.status() == NGD_E_DIVERGED   ? "diverged"
                       : error.status() == NGD_E_CALLBACK ? "callback"
                                                          : "failed";
  try {
    directory_.log(end_record(event(NGD_EVENT_END), reason, error.what()));
  } catch (const std::exception &) {
    // The caller is told of the first failure; that the log could not take it adds nothing.
  }
}

double Observer::seconds() const {
  return earlier_seconds_ + std::chrono::duration<double>(Clock::now() - begun_).count();
}

double Observer::speed_since(Speed &last) const {
  const double now = seconds();
  const double rate =
      static_cast<double>(position_.rows - std::min(last.rows, position_.rows)) / (now - last.seconds);
  last = {position_.rows, now};
  return rate;
}

ngd_event Observer::event(int32_t kind) const {
  ngd_event event = {};
  event.struct_size = sizeof event;
  event.kind = kind;
  event.epoch = position_.epoch;
  event.epochs = epochs_;
  event.step = position_.step;
  event.steps = updates_;
  event.rows = position_.rows;
  event.loss = loss_of(std::min(position_.epoch, epochs_ - 1));
  event.held_out_loss = position_.held_out_loss;
  event.held_out_accuracy = position_.held_out_accuracy;
  event.majority = position_.majority;
  event.learning_rate = learning_rate();
  event.rows_per_second = kNone;
  event.seconds = seconds();
  const uint64_t all = epoch_rows_ * epochs_;
  const uint64_t taken = position_.rows - std::min(position_.rows, earlier_rows_);
  event.seconds_left = position_.rows >= all ? 0
                       : taken == 0          ? kNone
                                             : (event.seconds - earlier_seconds_) / static_cast<double>(taken) *
                                          static_cast<double>(all - position_.rows);
  event.path = event.message = "";
  event.hard_share = kNone;
  uint64_t hard = 0;
  for (const Note &note : notes_) {
    event.hard_set += note.hard_set;
    event.quarantined += note.quarantined;
    hard += note.hard_draws;
  }
  if (!inputs_.options.choice("icea").empty() && position_.rows > 0)
    event.hard_share = static_cast<double>(hard) / static_cast<double>(position_.rows);
  event.resumed = inputs_.options["resume"] != 0;
  return event;
}

}  // namespace ngd::distributed
