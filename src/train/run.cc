// The steps of a run and what falls due between them.
#include "train/run.h"

#include <charconv>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "train/records.h"
#include "train/schedule.h"

namespace ngd {
namespace {

// Streams of random numbers that nothing else with the same seed uses: those of initial parameters are small.
constexpr uint64_t kShuffleStream = uint64_t{1} << 63;
// So many skipped steps in a row mean that gradients will not become finite again.
constexpr uint64_t kSkipLimit = 10;
// When and from which share of rows in quarantine on the log says so.
constexpr uint64_t kWarningEpochs = 3;
constexpr double kWarningShare = 0.05;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::vector<uint64_t> rows_in_order(uint64_t rows) {
  std::vector<uint64_t> order(rows);
  std::iota(order.begin(), order.end(), uint64_t{0});
  return order;
}

// Whether something that happens every `interval` counts does so at `number`; never when the interval is 0.
bool falls_due(uint64_t number, uint64_t interval) {
  return interval != 0 && number % interval == 0;
}

// Two digits are enough for advice.
std::string rough_text(double value) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::general, 2).ptr};
}

}  // namespace

std::vector<uint64_t> shuffled_rows(uint64_t rows, uint64_t seed, uint64_t epoch) {
  std::vector<uint64_t> order = rows_in_order(rows);
  Random random(seed, kShuffleStream + epoch);
  for (uint64_t last = rows; last > 1; last--) std::swap(order[last - 1], order[random.below(last)]);
  return order;
}

void Run::begin(const std::atomic<bool> &) {
  begun_ = last_progress_ = Clock::now();
  const ngd_event begun = event(NGD_EVENT_BEGIN);
  directory_.write_config(config_record(*model_, *optimizer_, options_, *training_, held_out_.get()));
  directory_.log(begin_record(begun));
  events_.send(begun);
}

bool Run::advance(uint64_t steps, const std::atomic<bool> &cancelled) {
  for (;;) {
    if (finished()) {
      checkpoint();
      end(position_.epoch >= settings_.epochs ? "epochs" : "patience");
      return false;
    }
    if (cancelled.load(std::memory_order_relaxed)) {
      checkpoint();
      end("cancelled");
      fail(NGD_E_CANCELLED, "training was cancelled after step ", position_.step,
           directory_.given() ? concat("; set resume=1 to go on from ", last_checkpoint_) : std::string());
    }
    if (steps-- == 0) return true;
    step();
  }
}

bool Run::finished() const {
  return position_.epoch >= settings_.epochs ||
         (settings_.patience != 0 && position_.stalled >= settings_.patience);
}

void Run::step() {
  if (position_.batch == 0) {
    position_.loss_sum = position_.epoch_rows = 0;
    if (icea_ != nullptr) position_.hard_before = icea_->info().hard_draws;
  }
  const uint64_t rows = std::min(batch_rows_, rows_ - position_.batch * batch_rows_);

  apply_schedule();
  if (settings_.freeze_epochs > 0) model_->freeze_table(position_.epoch < settings_.freeze_epochs);
  const uint64_t skipped_before = optimizer_->skip_count();
  const Clock::time_point started = Clock::now();
  const double loss = train(next_rows(rows));
  const Clock::time_point stopped = Clock::now();
  training_seconds_ += std::chrono::duration<double>(stopped - started).count();
  if (!std::isfinite(loss)) diverge(concat("the loss became ", loss), position_.step + 1, position_.epoch + 1);
  count_skips(skipped_before);

  position_.step++;
  position_.rows += rows;
  position_.batch++;
  position_.epoch_rows += rows;
  position_.logged_rows += rows;
  position_.loss_sum += loss * static_cast<double>(rows);
  position_.logged_loss_sum += loss * static_cast<double>(rows);

  if (directory_.given() && falls_due(position_.step, settings_.log_steps)) {
    ngd_event line = event(NGD_EVENT_PROGRESS);
    line.rows_per_second = speed_since(step_speed_);
    directory_.log(step_record(line, position_.logged_loss_sum / static_cast<double>(position_.logged_rows)));
    position_.logged_loss_sum = position_.logged_rows = 0;
  }
  bool due = falls_due(position_.step, settings_.checkpoint_steps);
  if (position_.batch == batches_) {
    end_epoch();
    due = due || falls_due(position_.epoch, settings_.checkpoint_epochs);
  } else if (std::chrono::duration<double>(stopped - last_progress_).count() >= settings_.progress_seconds) {
    last_progress_ = stopped;
    ngd_event progress = event(NGD_EVENT_PROGRESS);
    progress.rows_per_second = speed_since(progress_speed_);
    events_.send(progress);
  }
  if (due) checkpoint();
}

std::span<const uint64_t> Run::next_rows(uint64_t count) {
  if (icea_ != nullptr) {
    order_.resize(count);
    weights_.resize(count);
    icea_->draw(order_, weights_.data());
    return order_;
  }
  if (order_epoch_ != position_.epoch) {
    order_ = settings_.shuffle ? shuffled_rows(rows_, settings_.seed, position_.epoch) : rows_in_order(rows_);
    order_epoch_ = position_.epoch;
  }
  return std::span(order_).subspan(position_.batch * batch_rows_, count);
}

double Run::train(std::span<const uint64_t> rows) {
  try {
    if (icea_ == nullptr) return model_->train_batch(*optimizer_, *training_, rows);
    losses_.resize(rows.size());
    correct_.resize(rows.size());
    const double loss = model_->train_rows(*optimizer_, *training_, rows, {weights_, losses_, correct_});
    if (std::isfinite(loss)) icea_->record(rows, losses_.data(), correct_.data());
    return loss;
  } catch (const Error &error) {
    // An optimizer with nonfinite=error says so instead of skipping.
    if (error.status() != NGD_E_NOT_FINITE) throw;
    diverge("a gradient became infinite or nan", position_.step + 1, position_.epoch + 1);
  }
}

// The optimizer's own rate may change at any time; the schedule of the run is a factor on it.
void Run::apply_schedule() {
  position_.learning_rate = optimizer_->options()["learning_rate"];
  optimizer_->use_rate_factor(
      schedule_factor(settings_.schedule, position_.step, settings_.epochs * batches_, settings_.warmup_steps));
  rate_ = optimizer_->learning_rate();
}

void Run::restore_rate() {
  position_.learning_rate = optimizer_->options()["learning_rate"];
  optimizer_->use_rate_factor(1);
  rate_ = position_.learning_rate;
}

void Run::count_skips(uint64_t skipped_before) {
  position_.skipped_in_a_row = optimizer_->skip_count() == skipped_before ? 0 : position_.skipped_in_a_row + 1;
  if (position_.skipped_in_a_row >= kSkipLimit)
    diverge(concat("the gradients of ", kSkipLimit, " steps in a row were not finite, up to the one"),
            position_.step + 1, position_.epoch + 1);
}

void Run::end_epoch() {
  position_.epoch++;
  position_.batch = 0;
  check_finite();
  const bool better = held_out_ != nullptr && evaluate();
  ngd_event ended = event(NGD_EVENT_EPOCH);
  ended.rows_per_second = speed_since(epoch_speed_);
  directory_.log(epoch_record(ended, icea_ != nullptr));
  events_.send(ended);
  if (icea_ != nullptr) warn_of_quarantine();
  if (better && settings_.save_best) {
    StateWriter writer;
    save(writer);
    announce(directory_.save_best(writer));
  }
}

// Under label noise the gain is the quarantine's, and priority makes the beginning slower: docs/icea.md.
void Run::warn_of_quarantine() {
  const uint64_t quarantined = icea_->info().quarantined;
  if (position_.epoch < kWarningEpochs || position_.warned != 0 ||
      static_cast<double>(quarantined) <= kWarningShare * static_cast<double>(rows_))
    return;
  position_.warned = 1;
  const std::string text =
      concat(rough_text(100 * static_cast<double>(quarantined) / static_cast<double>(rows_)),
             " % of the samples (", quarantined, " of ", rows_, ") are in quarantine after ", position_.epoch,
             " epochs: their labels may be wrong, their class rare, or little is learned yet. Look at the list "
             "(ngd_icea_get_quarantine, or ngd icea RUN --list quarantine). With wrong labels the gain is the "
             "quarantine's, "
             "not the priority's: try icea:sampler=prioritized,exponent=0,cap=1,boost=0");
  ngd_event warning = event(NGD_EVENT_WARNING);
  warning.message = text.c_str();
  directory_.log(warning_record(warning));
  events_.send(warning);
}

bool Run::evaluate() {
  const Metrics metrics = model_->evaluate(*held_out_);
  position_.held_out_loss = metrics.loss;
  position_.held_out_accuracy = metrics.accuracy;
  position_.majority = metrics.majority;
  const bool better = metrics.loss < position_.best_loss;
  if (better) position_.best_loss = metrics.loss;
  position_.stalled = better ? 0 : position_.stalled + 1;
  return better;
}

void Run::save(StateWriter &writer) {
  check_finite();
  position_.learning_rate = optimizer_->options()["learning_rate"];
  position_.seconds = seconds();
  writer.prefix = "model.";
  model_->save(writer);
  writer.prefix = "optimizer.";
  optimizer_->save(writer);
  if (icea_ != nullptr) {
    writer.prefix = "icea.";
    icea_->save(writer, saved_icea_);
  }
  writer.prefix = "trainer.";
  writer.text("spec", options_.spec());
  position_.save(writer);
  save_terms(writer, *training_, options_);
}

void Run::checkpoint() {
  if (!directory_.given() || last_checkpoint_step_ == position_.step) return;
  StateWriter writer;
  save(writer);
  last_checkpoint_ = directory_.save(position_.step, writer);
  last_checkpoint_step_ = position_.step;
  announce(last_checkpoint_);
}

void Run::announce(const std::string &checkpoint) {
  ngd_event written = event(NGD_EVENT_CHECKPOINT);
  written.path = checkpoint.c_str();
  directory_.log(checkpoint_record(written));
  events_.send(written);
}

void Run::end(const char *reason) {
  ngd_event ended = event(NGD_EVENT_END);
  ended.rows_per_second = speed_since(whole_speed_);
  directory_.log(end_record(ended, reason, ""));
  restore_rate();
  events_.send(ended);
}

void Run::note_failure(const Error &error) noexcept {
  if (error.status() == NGD_E_CANCELLED) return;  // end() has noted it
  const char *reason = error.status() == NGD_E_DIVERGED   ? "diverged"
                       : error.status() == NGD_E_CALLBACK ? "callback"
                                                          : "failed";
  try {
    directory_.log(end_record(event(NGD_EVENT_END), reason, error.what()));
  } catch (const std::exception &) {
    // The caller is told of the first failure; that the log could not take it adds nothing.
  }
}

void Run::check_finite() const {
  if (!model_->finite())
    diverge("a parameter became infinite or nan", position_.step,
            position_.batch == 0 ? position_.epoch : position_.epoch + 1);
}

void Run::diverge(const std::string &what, uint64_t step, uint64_t epoch) const {
  fail(NGD_E_DIVERGED, what, " at step ", step, " of epoch ", epoch, " (learning_rate ", rate_, ", optimizer ",
       optimizer_->options().kind(), "); ",
       !last_checkpoint_.empty() ? concat("last good checkpoint: ", last_checkpoint_)
       : directory_.given()      ? std::string("no checkpoint was written yet")
                                 : std::string("no checkpoint was written: set run_directory to have them"),
       ". Try a learning_rate of ", rough_text(position_.learning_rate / 10), ", or scale the inputs.");
}

double Run::seconds() const {
  return earlier_seconds_ + std::chrono::duration<double>(Clock::now() - begun_).count();
}

double Run::mean_loss() const {
  return position_.epoch_rows == 0 ? kNone : position_.loss_sum / static_cast<double>(position_.epoch_rows);
}

double Run::speed_since(Speed &last) const {
  const double rate = static_cast<double>(position_.rows - last.rows) / (training_seconds_ - last.seconds);
  last = {position_.rows, training_seconds_};
  return rate;
}

ngd_event Run::event(int32_t kind) const {
  ngd_event event = {};
  event.struct_size = sizeof event;
  event.kind = kind;
  event.epoch = position_.epoch;
  event.epochs = settings_.epochs;
  event.step = position_.step;
  event.steps = settings_.epochs * batches_;
  event.rows = position_.rows;
  event.skipped = optimizer_->skip_count() - position_.skipped_before;
  event.loss = mean_loss();
  event.held_out_loss = position_.held_out_loss;
  event.held_out_accuracy = position_.held_out_accuracy;
  event.majority = position_.majority;
  event.learning_rate = rate_;
  event.rows_per_second = kNone;
  event.seconds = seconds();
  const uint64_t taken = position_.step - earlier_steps_;
  event.seconds_left = finished()   ? 0
                       : taken == 0 ? kNone
                                    : (event.seconds - earlier_seconds_) / static_cast<double>(taken) *
                                          static_cast<double>(event.steps - position_.step);
  event.path = event.message = "";
  event.hard_share = kNone;
  if (icea_ != nullptr) {
    const IceaInfo info = icea_->info();
    event.hard_set = info.hard;
    event.quarantined = info.quarantined;
    if (position_.epoch_rows > 0)
      event.hard_share = static_cast<double>(info.hard_draws - position_.hard_before) /
                         static_cast<double>(position_.epoch_rows);
  }
  event.resumed = settings_.resume;
  return event;
}

}  // namespace ngd
