// Events to lines; signals to a cancelled run.
#include "watcher.h"

#include <fmt/core.h>

#include <atomic>
#include <csignal>
#include <cstdio>

namespace cli {
namespace {

std::atomic<ngd_trainer *> running_trainer{nullptr};

// SA_RESETHAND has put the default action back: the next signal ends the program.
void cancel_run(int) {
  ngd_trainer_cancel(running_trainer.load());
}

// While it lives, Ctrl-C and a polite kill cancel the run instead of ending the program.
class CancelOnSignal {
 public:
  explicit CancelOnSignal(ngd_trainer *trainer) {
    running_trainer = trainer;
    struct sigaction action = {};
    action.sa_handler = cancel_run;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &old_interrupt_);
    sigaction(SIGTERM, &action, &old_terminate_);
  }
  ~CancelOnSignal() {
    sigaction(SIGINT, &old_interrupt_, nullptr);
    sigaction(SIGTERM, &old_terminate_, nullptr);
    running_trainer = nullptr;
  }
  CancelOnSignal(const CancelOnSignal &) = delete;
  CancelOnSignal &operator=(const CancelOnSignal &) = delete;

 private:
  struct sigaction old_interrupt_ = {}, old_terminate_ = {};
};

std::vector<Column> columns(Style style, bool held_out, bool classes, bool icea) {
  std::vector<Column> result = {{"epoch", "epoch"}, {"loss", "loss"}};
  if (held_out || style != Style::table) result.push_back({"held_out_loss", "held-out loss"});
  if ((held_out && classes) || style != Style::table) {
    result.push_back({"held_out_accuracy", "accuracy"});
    result.push_back({"majority", "largest class"});
  }
  result.push_back({"rows_per_second", "samples/s"});
  result.push_back({"seconds", "seconds"});
  if (icea) {
    result.push_back({"hard_set", "hard set"});
    result.push_back({"quarantined", "quarantine"});
    result.push_back({"hard_share", "hard draws"});
  }
  return result;
}

const char *event_name(int32_t kind) {
  switch (kind) {
    case NGD_EVENT_BEGIN:
      return "begin";
    case NGD_EVENT_PROGRESS:
      return "progress";
    case NGD_EVENT_EPOCH:
      return "epoch";
    case NGD_EVENT_CHECKPOINT:
      return "checkpoint";
    case NGD_EVENT_END:
      return "end";
    case NGD_EVENT_WARNING:
      return "warning";
    case NGD_EVENT_SETTINGS:
      return "settings";
    default:
      return "other";
  }
}

Json event_json(const ngd_event &event) {
  return {{"event", event_name(event.kind)},
          {"epoch", event.epoch},
          {"epochs", event.epochs},
          {"step", event.step},
          {"steps", event.steps},
          {"rows", event.rows},
          {"skipped", event.skipped},
          {"loss", event.loss},
          {"held_out_loss", event.held_out_loss},
          {"held_out_accuracy", event.held_out_accuracy},
          {"majority", event.majority},
          {"learning_rate", event.learning_rate},
          {"rows_per_second", event.rows_per_second},
          {"seconds", event.seconds},
          {"seconds_left", event.seconds_left},
          {"path", event.path == nullptr ? "" : event.path},
          {"resumed", event.resumed != 0},
          {"hard_set", event.hard_set},
          {"quarantined", event.quarantined},
          {"hard_share", event.hard_share},
          {"message", event.message == nullptr ? "" : event.message}};
}

}  // namespace

Watcher::Watcher(Style style, Progress::Mode progress, bool held_out, bool classes, bool icea,
                 std::function<void()> on_begin)
    : style_(style),
      progress_(progress),
      held_out_(held_out),
      classes_(classes),
      icea_(icea),
      on_begin_(std::move(on_begin)),
      epochs_(columns(style, held_out, classes, icea)) {
  for (size_t column = 1; column < columns(style, held_out, classes, icea).size(); column++)
    epochs_.widen(column, 8);
}

void Watcher::run(ngd_trainer *trainer, ngd_model *model, ngd_optimizer *optimizer, const ngd_dataset *training,
                  const ngd_dataset *held_out) {
  call(ngd_trainer_on_event, trainer, on_event, static_cast<void *>(this), nullptr);
  try {
    const CancelOnSignal signals(trainer);
    call(ngd_trainer_run, trainer, model, optimizer, training, held_out);
  } catch (const Failure &) {
    progress_.clear();
    if (failure_) std::rethrow_exception(failure_);
    throw;
  }
  progress_.clear();
}

int32_t Watcher::on_event(const ngd_event *event, void *user_data) {
  auto &watcher = *static_cast<Watcher *>(user_data);
  try {
    watcher.handle(*event);
    return 0;
  } catch (...) {
    watcher.failure_ = std::current_exception();
    return 1;
  }
}

void Watcher::handle(const ngd_event &event) {
  if (event.kind == NGD_EVENT_BEGIN) on_begin_();
  if (news_) {
    for (const std::string &line : news_(event)) {
      progress_.clear();
      fmt::print(stderr, "ngd: {}\n", line);
    }
  }
  if (style_ == Style::json) {
    progress_.clear();
    print_json(event_json(event));
    std::fflush(stdout);
  } else if (event.kind == NGD_EVENT_EPOCH) {
    progress_.clear();
    print_epoch(event);
    std::fflush(stdout);
  }
  if (event.kind == NGD_EVENT_WARNING || event.kind == NGD_EVENT_SETTINGS) {
    progress_.clear();
    fmt::print(stderr, "ngd: {}{}\n",
               event.kind == NGD_EVENT_WARNING ? "warning: " : "settings: ", event.message);
  }
  if (event.kind == NGD_EVENT_BEGIN || event.kind == NGD_EVENT_PROGRESS) progress_.update(event);
}

void Watcher::print_epoch(const ngd_event &event) {
  std::vector<Cell> cells = {integer_cell(event.epoch), number_cell(event.loss, 4)};
  if (held_out_ || style_ != Style::table) cells.push_back(number_cell(event.held_out_loss, 4));
  if ((held_out_ && classes_) || style_ != Style::table) {
    cells.push_back(number_cell(event.held_out_accuracy, 4));
    cells.push_back(number_cell(event.majority, 4));
  }
  cells.push_back({event.rows_per_second, rounded(event.rows_per_second, 3)});
  cells.push_back(number_cell(event.seconds, 1));
  if (icea_) {
    cells.push_back(integer_cell(event.hard_set));
    cells.push_back(integer_cell(event.quarantined));
    cells.push_back(number_cell(event.hard_share, 2));
  }
  epochs_.add(std::move(cells));
  epochs_.print(style_);
}

}  // namespace cli
