// A random search: hands out trials, takes their results, decides which count and when it ends.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/option.h"
#include "ngd/search.h"
#include "search/importance.h"
#include "search/journal.h"
#include "search/space.h"

namespace ngd {

struct Trial {
  int32_t state = NGD_TRIAL_RUNNING;
  bool pruned = false, abandoned = false;  // what the last report answered
  uint64_t gradients = 0;
  double value = std::numeric_limits<double>::quiet_NaN();
  double begun = 0, took = std::numeric_limits<double>::quiet_NaN();  // seconds of the search
  std::map<uint64_t, double> reports;                                 // by step
  std::string message;

  bool ended() const { return state != NGD_TRIAL_RUNNING && state != NGD_TRIAL_ABANDONED; }
};

class Search {
 public:
  explicit Search(std::string_view spec);
  static std::shared_ptr<Search> load(const std::string &path);  // to be looked at

  // What the names of ngd/search.h say. Each takes the lock.
  void set(std::string_view name, double value);
  void set_text(std::string_view name, std::string_view value);
  double number(std::string_view name) const;
  std::string text(std::string_view name) const;
  void add(std::string_view name, std::string_view spec);
  std::string parameter(size_t index) const;
  std::string parameter_spec(std::string_view name) const;
  void open_journal(const std::string &path);
  int32_t ask(uint64_t &trial);
  double value(uint64_t trial, std::string_view name) const;
  std::string value_text(uint64_t trial, std::string_view name) const;
  bool report(uint64_t trial, uint64_t step, double value);
  void tell(uint64_t trial, double value, uint64_t gradients);
  void fail_trial(uint64_t trial, std::string_view message, uint64_t gradients);
  ngd_search_info info() const;
  ngd_trial_info trial_info(uint64_t trial) const;
  std::string message(uint64_t trial) const;
  ngd_importance importance(std::string_view name) const;

 private:
  using Clock = std::chrono::steady_clock;
  using Lock = std::lock_guard<std::mutex>;

  uint64_t seed() const { return static_cast<uint64_t>(options_["seed"]); }
  uint64_t count_option(std::string_view name) const { return static_cast<uint64_t>(options_[name]); }
  double cost(double value) const;  // less is better; infinite when not finite
  double seconds() const;
  void check_unused(const char *what) const;
  void check_can_ask() const;
  Trial &running(uint64_t trial);
  const Trial &known(uint64_t trial) const;
  void start(uint64_t number);
  void end_trial(uint64_t number, Trial result);
  void settle();
  void count(const Trial &trial, uint64_t number);
  bool worse_than_median(uint64_t number, uint64_t step) const;

  // Of the journal: see journal.h.
  JournalHead head() const;
  void take_up(const JournalContent &content);
  void replay(const JournalRecord &record);

  mutable std::mutex mutex_;
  OptionSet options_;
  Space space_;
  std::vector<Trial> trials_;
  std::set<uint64_t> unfinished_;  // handed out in an earlier life, or abandoned
  bool looked_at_ = false, time_over_ = false;
  std::unique_ptr<Journal> journal_;
  double earlier_seconds_ = 0;
  bool clock_runs_ = false;
  Clock::time_point begun_;

  // The counted trials.
  uint64_t ended_ = 0;    // the longest run from 0 of trials that have ended
  uint64_t counted_ = 0;  // of these, up to where the search ends
  uint64_t finished_ = 0, pruned_ = 0, failed_ = 0, stalled_ = 0, gradients_ = 0;
  uint64_t best_trial_ = UINT64_MAX;
  double best_cost_ = kInfinity;
  double mark_ = kInfinity;  // what the next improvement has to be below, by min_delta
  int32_t reason_ = NGD_SEARCH_GOES_ON;
};

std::span<const OptionSpec> search_options();

}  // namespace ngd
