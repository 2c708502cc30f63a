// The loop of a worker.
#include "distributed/worker.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

#include "distributed/scores.h"

namespace ngd::distributed {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStoreEvery{2000};             // scores of a partition, for whoever has it next
constexpr milliseconds kLookEvery{500};               // whether the training was ended
constexpr milliseconds kAskEvery{1000};               // for partitions that somebody has left behind
constexpr milliseconds kLateAfter{10000};             // a worker that has not come by then is not waited for
constexpr milliseconds kPatience{300};                // without a partition, before standing by
constexpr const char *kWaiting = "training.waiting";  // the value that says who has nothing to do
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

}  // namespace

Worker::Worker(Connection connection, const RunInputs &inputs)
    : inputs_(inputs),
      link_(std::move(connection), inputs),
      shares_(link_.shares()),
      epochs_(static_cast<uint64_t>(inputs.options["epochs"])),
      local_steps_(static_cast<uint64_t>(inputs.options["local_steps"])),
      prefetch_(static_cast<size_t>(inputs.options["prefetch"])),
      live_(*inputs.optimizer) {
  begun_ = told_ = looked_ = counted_ = idle_ = Clock::now();
}

void Worker::begin(const std::atomic<bool> &cancelled) {
  link_.open_first(true, cancelled);
  say(NGD_EVENT_BEGIN);
}

bool Worker::advance(uint64_t steps, const std::atomic<bool> &cancelled) {
  while (steps-- > 0) {
    if (cancelled.load(std::memory_order_relaxed)) {
      leave();
      say(NGD_EVENT_END);
      fail(NGD_E_CANCELLED, "training was cancelled; others may go on with the partitions of this worker");
    }
    try {
      if (step()) continue;
      leave();
      say(NGD_EVENT_END);
      return false;
    } catch (const Error &error) {
      forget();
      if (!Link::may_retry(error)) {
        leave();
        throw;
      }
      link_.bear(error);
      parts_.clear();
      link_.close();
    }
  }
  return true;
}

// What was begun may happen or not; the progress of the partitions will tell.
void Worker::forget() {
  flights_.clear();
  ahead_.clear();
  next_round_.reset();
}

void Worker::leave() noexcept {
  try {
    leaving_ = true;
    while (!ahead_.empty()) train();
    land_all();
    while (!parts_.empty() && link_.is_open()) give_back(parts_.size() - 1);
  } catch (const std::exception &) {
    // They become free when the session ends, and their progress is known.
    forget();
  }
  leaving_ = false;
  parts_.clear();
  link_.close();
  try {
    live_.bring(*inputs_.optimizer, {});
  } catch (const std::exception &) {
    // Without memory for it the optimizer keeps the last settings.
  }
}

bool Worker::step() {
  if (!link_.is_open()) link_.open(!standing_by_);
  look_around();
  if (done_) return false;
  take_partitions();
  if (parts_.empty()) return !done_;
  local_steps_ > 0 ? train_here() : link_.bulk() ? train_round() : train();
  link_.went_forward();
  const Clock::time_point now = Clock::now();
  if (now - counted_ >= milliseconds(500)) {
    speed_ = static_cast<double>(rows_ - counted_rows_) / std::chrono::duration<double>(now - counted_).count();
    counted_ = now;
    counted_rows_ = rows_;
  }
  if (std::chrono::duration<double>(now - told_).count() >= inputs_.options["progress_seconds"]) {
    told_ = now;
    say(NGD_EVENT_PROGRESS);
  }
  return true;
}

// --- partitions -----------------------------------------------------------------------------------------------------

void Worker::take(uint64_t number) {
  Claimed claimed = link_.claim(number);
  auto part = std::make_unique<Part>();
  if (claimed.offset > 0) part->note = read_note(link_.look().partitions.at(number).note);
  if (!inputs_.options.choice("icea").empty())
    icea_ = part->icea = read_scores(inputs_.options, shares_, number, claimed.blob, claimed.offset);
  part->begun = claimed.offset;
  part->claim = std::move(claimed);
  part->claim.blob.clear();
  part->note.worker = link_.rank();
  part->stored = Clock::now();
  parts_.push_back(std::move(part));
}

void Worker::give_back(size_t index) {
  const Part &part = *parts_[index];
  link_.store(part.claim, part.icea != nullptr ? write_scores(*part.icea, part.claim.offset) : std::string(),
              true);
  parts_.erase(parts_.begin() + static_cast<ptrdiff_t>(index));
}

// Takes its fair part at once, and now and then one that somebody has left behind.
void Worker::take_partitions() {
  const Clock::time_point now = Clock::now();
  if (!ahead_.empty() || (!parts_.empty() && now - asked_ < kAskEvery)) return;
  asked_ = now;
  const cluster::PartitionSet set = link_.look();
  if (std::ranges::all_of(set.partitions, &cluster::Partition::finished)) {
    done_ = parts_.empty();
    return;
  }
  const uint64_t own = (link_.rank() == 0 ? 0 : link_.rank() - 1) % set.partitions.size();
  std::vector<uint64_t> free;
  for (uint64_t i = 0; i < set.partitions.size(); i++) {
    const uint64_t number = (own + i) % set.partitions.size();
    const cluster::Partition &one = set.partitions[number];
    if (one.finished || one.owner != wire::ClientId()) continue;
    // One that nobody has had yet is left to the worker that is still to come, for a while.
    if (parts_.size() >= link_.fair_part() && one.token == 0 && now - begun_ < kLateAfter) continue;
    free.push_back(number);
  }
  if (free.empty()) {
    link_.went_forward();
    if (!parts_.empty()) return;
    // All have an owner. Whoever waits for one to die must not hold up the others meanwhile.
    if (!standing_by_ && now - idle_ > kPatience) {
      standing_by_ = true;
      link_.open(false);
      link_.set_value(kWaiting, std::to_string(link_.rank()));
    }
    std::this_thread::sleep_for(milliseconds(50));
    return;
  }
  if (standing_by_) {
    standing_by_ = false;
    link_.open(true);
    link_.set_value(kWaiting, "");
  }
  for (const uint64_t number : free) {
    if (!parts_.empty() && parts_.size() >= link_.fair_part() && number != free.front()) break;
    try {
      take(number);
    } catch (const Error &error) {
      if (error.status() != NGD_E_CONFLICT) throw;  // another was faster
    }
  }
  idle_ = now;
}

// At the end of an epoch: where others have nothing to do, one that has several partitions gives one back.
void Worker::share_out() {
  if (parts_.size() <= link_.fair_part() || link_.value(kWaiting).value_or("").empty()) return;
  const bool first_is_own = parts_.front()->claim.number + 1 == link_.rank();
  give_back(first_is_own ? parts_.size() - 1 : 0);
  asked_ = Clock::now() + kAskEvery;
}

void Worker::keep_scores(Part &part) {
  const std::string blob = write_scores(*part.icea, part.begun);
  if (!blob.empty()) link_.store(part.claim, blob, false);
  part.stored = Clock::now();
}

void Worker::look_around() {
  const Clock::time_point now = Clock::now();
  if (now - looked_ < kLookEvery) return;
  looked_ = now;
  if (link_.value(kEnd)) done_ = true;
}

// --- steps ----------------------------------------------------------------------------------------------------------

// Of the partition that is least far; in a round of all workers, with others that stand at the same step.
Worker::Step Worker::next_step(uint64_t ahead) {
  std::vector<Part *> order;
  for (const auto &part : parts_) order.push_back(part.get());
  std::ranges::stable_sort(order, {},
                           [](const Part *part) { return std::pair(part->begun, part->claim.number); });
  Step step;
  for (Part *part : order) {
    if (!step.pieces.empty() && (!link_.bulk() || part->begun != order.front()->begun)) break;
    const uint64_t number = part->claim.number, at = part->begun + ahead;
    Piece piece;
    piece.part = part;
    piece.at = at;
    piece.first = step.rows.size();
    piece.count = shares_.count(number, at);
    if (part->icea == nullptr) {
      const std::vector<uint64_t> rows = shares_.rows(number, at);
      step.rows.insert(step.rows.end(), rows.begin(), rows.end());
    } else if (piece.count > 0) {
      piece.ids.resize(piece.count);
      step.weights.resize(step.rows.size() + piece.count, 1.0f);
      part->icea->draw(piece.ids, step.weights.data() + step.rows.size());
      for (const uint64_t id : piece.ids) step.rows.push_back(shares_.own_row(number, id));
    }
    step.pieces.push_back(std::move(piece));
  }
  // A round adds what the workers send: each the sum over its rows, divided by the rows of the whole batch.
  if (link_.bulk()) step.divisor = static_cast<double>(shares_.batch(order.front()->begun + ahead));
  return step;
}

void Worker::compute(Step &step) {
  step.losses.resize(step.rows.size());
  step.correct.resize(step.rows.size());
  if (step.rows.empty()) return;
  RowDetails details{step.weights, step.losses, step.correct};
  details.divisor = step.divisor;
  loss_ = inputs_.model->compute_gradients(*inputs_.training, step.rows, details);
  check_loss(step);
}

void Worker::check_loss(const Step &step) {
  if (std::isfinite(loss_)) return;
  link_.set_value(kEnd, "diverged");
  const Claimed &claim = step.pieces.front().part->claim;
  fail(NGD_E_DIVERGED, "the loss became ", loss_, " at step ", claim.offset + 1, " of partition ", claim.number,
       "; try a lower learning_rate, or scale the inputs");
}

std::vector<TensorStep<float>> Worker::empty_gradients() {
  const auto &specs = inputs_.model->tensor_specs();
  std::vector<TensorStep<float>> gradients(specs.size());
  for (const TensorSpec &spec : specs) {
    if (!spec.rows) zeros_.resize(std::max(zeros_.size(), element_count(spec.shape)));
  }
  for (TensorStep<float> &one : gradients) one.gradient = zeros_.data();
  return gradients;
}

std::vector<Note> Worker::notes_of(std::span<const Step> steps) {
  std::vector<Note> notes;
  for (size_t p = 0; p < steps.front().pieces.size(); p++) {
    const Part &part = *steps.front().pieces[p].part;
    Note note = part.note;
    EpochLoss &epoch = note.of_epoch(steps.front().pieces[p].at / shares_.steps(part.claim.number));
    for (const Step &step : steps) {
      const Piece &piece = step.pieces[p];
      epoch.rows += piece.count;
      for (size_t i = 0; i < piece.count; i++) epoch.loss += static_cast<double>(step.losses[piece.first + i]);
    }
    note.rows_per_second = speed_;
    note.steps += steps.size();
    note.updates++;
    note.staleness += staleness_;
    if (p == 0) {
      note.bytes_out += link_.bytes_out() - bytes_out_;
      note.bytes_in += link_.bytes_in() - bytes_in_;
    }
    if (part.icea != nullptr) {
      const IceaInfo info = part.icea->info();
      note.hard_set = info.hard;
      note.quarantined = info.quarantined;
      note.hard_draws = info.hard_draws;
    }
    notes.push_back(std::move(note));
  }
  bytes_out_ = link_.bytes_out();
  bytes_in_ = link_.bytes_in();
  return notes;
}

std::vector<wire::Progress> Worker::progress_of(std::span<const Step> steps,
                                                const std::vector<Note> &notes) const {
  std::vector<wire::Progress> progress;
  for (size_t i = 0; i < notes.size(); i++) {
    const Claimed &claim = steps.front().pieces[i].part->claim;
    wire::Progress one;
    one.number = claim.number;
    one.token = claim.token;
    one.offset = steps.front().pieces[i].at + steps.size();
    one.finish = one.offset >= total(claim.number);
    one.note = write_note(notes[i]);
    progress.push_back(std::move(one));
  }
  return progress;
}

// An update that brought the partitions of these steps further has happened.
void Worker::happened(std::span<const Step> steps, std::vector<Note> notes, uint64_t version, uint64_t made) {
  staleness_ = made > version ? made - version - 1 : 0;
  bool epoch_ended = false;
  for (const Step &step : steps) {
    rows_ += step.rows.size();
    steps_++;
  }
  for (size_t i = 0; i < notes.size(); i++) {
    Part &part = *steps.front().pieces[i].part;
    part.claim.offset += steps.size();
    part.begun = std::max(part.begun, part.claim.offset);
    const bool ended = part.claim.offset % shares_.steps(part.claim.number) == 0;
    epoch_ended = epoch_ended || ended;
    if (part.icea != nullptr && part.begun == part.claim.offset && (ended || store_due(part)))
      keep_scores(part);
  }
  std::erase_if(parts_, [&](const auto &part) { return part->claim.offset >= total(part->claim.number); });
  if (epoch_ended) share_out();
}

bool Worker::store_due(const Part &part) const {
  return part.icea != nullptr && Clock::now() - part.stored > kStoreEvery;
}

void Worker::record(const Step &step) {
  for (const Piece &piece : step.pieces) {
    if (piece.part->icea != nullptr && piece.count > 0)
      piece.part->icea->record(piece.ids, step.losses.data() + piece.first, step.correct.data() + piece.first);
  }
}

uint64_t Worker::land(cluster::Ticket until) {
  for (;;) {
    const Flight flight = std::move(flights_.front());
    flights_.pop_front();
    const Link::Pushed pushed = link_.end_push(flight.ticket);
    happened(flight.steps, flight.notes, flight.version, pushed.made);
    if (until == 0 || flight.ticket == until) return pushed.read;
  }
}

void Worker::land_all() {
  while (!flights_.empty()) land();
}

std::vector<uint32_t> Worker::touched(const Step &step) {
  if (step.rows.empty()) return {};
  return inputs_.model->touched_rows(*inputs_.training, step.rows);
}

Worker::Step Worker::begin_step() {
  Step step = next_step();
  for (const Piece &piece : step.pieces) piece.part->begun = piece.at + 1;
  return step;
}

// Where scores are to be stored, or a partition's epoch ends, nothing may be on its way.
bool Worker::may_begin() const {
  return !leaving_ && std::ranges::none_of(parts_, [&](const auto &part) {
    return part->begun % shares_.steps(part->claim.number) == 0 || store_due(*part);
  });
}

// While updates are on their way the parameters of the next steps are too, and gradients are computed. On one shard the
// answer to an update brings what the step after the next reads, so that a step is one message there and one back.
void Worker::train() {
  std::vector<Step> steps(1);
  if (ahead_.empty()) {
    steps.front() = begin_step();
    version_ = link_.pull(touched(steps.front()));
  } else {
    Ahead ahead = std::move(ahead_.front());
    ahead_.pop_front();
    steps.front() = std::move(ahead.step);
    version_ = ahead.with_update ? land(ahead.ticket) : link_.end_pull(ahead.ticket);
  }
  const uint64_t version = version_;
  Step &step = steps.front();
  compute(step);
  record(step);
  std::vector<Note> notes = notes_of(steps);
  for (size_t p = 0; p < notes.size(); p++) step.pieces[p].part->note = notes[p];
  const auto start_push = [&](const std::vector<uint32_t> *then) {
    const cluster::Ticket ticket = link_.start_push(wire::UpdateKind::gradient, inputs_.model->gradients(),
                                                    progress_of(steps, notes), then);
    flights_.push_back({std::move(steps), std::move(notes), ticket, version});
    return ticket;
  };
  const auto start_pull = [&] {
    Ahead ahead{begin_step(), 0, false};
    ahead.ticket = link_.start_pull(touched(ahead.step));
    ahead_.push_back(std::move(ahead));
  };
  if (link_.reads_with_updates()) {
    while (ahead_.size() < prefetch_ && may_begin()) start_pull();
    if (may_begin()) {
      Ahead ahead{begin_step(), 0, true};
      const std::vector<uint32_t> rows = touched(ahead.step);
      ahead.ticket = start_push(&rows);
      ahead_.push_back(std::move(ahead));
    } else {
      start_push(nullptr);
    }
  } else {
    land_all();
    start_push(nullptr);
    while (ahead_.size() < prefetch_ && may_begin()) start_pull();
  }
  if (ahead_.empty()) land_all();
}

// Buffers of scores are drawn from when the round is known to have happened.
std::optional<Worker::NextRound> Worker::next_round() {
  for (const auto &part : parts_) {
    if (part->icea != nullptr || part->begun + 1 >= total(part->claim.number)) return std::nullopt;
  }
  const Step step = next_step(1);
  return NextRound{step.rows, touched(step), 0};
}

// In a round of all workers.
void Worker::train_round() {
  std::vector<Step> steps;
  steps.push_back(next_step());
  Step &step = steps.front();
  // A slice of a last, small batch may have no rows; the round waits for it all the same.
  const bool empty = step.rows.empty();
  std::optional<NextRound> known = std::exchange(next_round_, std::nullopt);
  if (known && known->rows != step.rows) known.reset();
  const auto rows = known ? known->touched : touched(step);
  const auto nothing = empty ? empty_gradients() : std::vector<TensorStep<float>>();
  std::optional<NextRound> next;
  for (;;) {
    version_ = known ? known->version : link_.pull(rows);
    known.reset();
    compute(step);
    const std::vector<Note> notes = notes_of(steps);
    if (!next) next = next_round();
    try {
      const Link::Pushed pushed =
          link_.push(wire::UpdateKind::gradient, empty ? std::span(nothing) : inputs_.model->gradients(),
                     progress_of(steps, notes), version_, next ? &next->touched : nullptr);
      record(step);
      for (size_t p = 0; p < notes.size(); p++) step.pieces[p].part->note = notes[p];
      if (next) next->version = pushed.read;
      next_round_ = std::move(next);
      return happened(steps, notes, version_, pushed.made);
    } catch (const Error &error) {
      // The round went on without this worker, which was taken for dead: once more, on the newest parameters.
      if (error.status() != NGD_E_CONFLICT) throw;
    }
  }
}

void Worker::say(int32_t kind) {
  ngd_event event = {};
  event.struct_size = sizeof event;
  event.kind = kind;
  event.epochs = epochs_;
  event.epoch = epochs_;
  for (const auto &part : parts_)
    event.epoch = std::min(event.epoch, part->claim.offset / shares_.steps(part->claim.number));
  if (parts_.empty() && !done_) event.epoch = 0;
  event.step = steps_;
  event.steps = link_.total_updates();
  event.rows = rows_;
  event.loss = steps_ > 0 ? loss_ : kNone;
  event.held_out_loss = event.held_out_accuracy = event.majority = event.seconds_left = event.hard_share =
      kNone;
  event.learning_rate = inputs_.optimizer->options()["learning_rate"];
  event.rows_per_second = speed_;
  event.seconds = std::chrono::duration<double>(Clock::now() - begun_).count();
  event.path = event.message = "";
  inputs_.events.send(event);
}

}  // namespace ngd::distributed
