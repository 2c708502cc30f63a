// Watches a training run: prints its events in the chosen style, keeps the progress line, hears Ctrl-C.
#pragma once

#include <exception>
#include <functional>

#include "handle.h"
#include "output.h"
#include "progress.h"

namespace cli {

class Watcher {
 public:
  // `icea`: whether the run has a buffer to tell of. `on_begin` is called once when training starts, when the run directory exists.
  Watcher(Style style, Progress::Mode progress, bool held_out, bool classes, bool icea,
          std::function<void()> on_begin);

  // Trains to the end under this watch. Ctrl-C cancels the run, a second one ends the program.
  void run(ngd_trainer *trainer, ngd_model *model, ngd_optimizer *optimizer, const ngd_dataset *training,
           const ngd_dataset *held_out);
  const Progress &progress() const { return progress_; }
  // Called at each event; what it returns is told to people.
  void ask_for_news(std::function<std::vector<std::string>(const ngd_event &)> news) {
    news_ = std::move(news);
  }

 private:
  static int32_t on_event(const ngd_event *event, void *user_data);
  void handle(const ngd_event &event);
  void print_epoch(const ngd_event &event);

  Style style_;
  Progress progress_;
  bool held_out_, classes_, icea_;
  std::function<void()> on_begin_;
  std::function<std::vector<std::string>(const ngd_event &)> news_;
  Table epochs_;
  std::exception_ptr failure_;  // an exception may not leave the callback; it waits here
};

}  // namespace cli
