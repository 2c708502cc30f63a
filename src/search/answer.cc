// Which trials count, when the search ends, which trials are given up, and what is told of it all.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "search/search.h"

namespace ngd {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

}  // namespace

double Search::cost(double value) const {
  if (!std::isfinite(value)) return kInfinity;
  return options_.choice("goal") == "minimize" ? value : -value;
}

bool Search::worse_than_median(uint64_t number, uint64_t step) const {
  const uint64_t parallel = count_option("parallel");
  if (options_.choice("pruning") == "none" || step <= count_option("warmup_steps") || number < parallel)
    return false;
  std::vector<double> others;
  for (uint64_t i = 0; i + parallel <= number; i++) {
    const auto report = trials_[i].reports.find(step);
    if (trials_[i].state == NGD_TRIAL_FINISHED && report != trials_[i].reports.end())
      others.push_back(cost(report->second));
  }
  if (others.size() < count_option("startup_trials")) return false;
  std::ranges::sort(others);
  const size_t half = others.size() / 2;
  const double median = others.size() % 2 == 1 ? others[half] : (others[half - 1] + others[half]) / 2;
  double best = kInfinity;
  for (const auto &[at, value] : trials_[number].reports) best = std::min(best, cost(value));
  return best > median;
}

// Counts what has become countable, in the order of the trials' numbers.
void Search::settle() {
  while (ended_ < trials_.size() && trials_[ended_].ended()) ended_++;
  while (reason_ == NGD_SEARCH_GOES_ON && counted_ < ended_) {
    count(trials_[counted_], counted_);
    counted_++;
    if (options_["patience"] != 0 && stalled_ >= count_option("patience"))
      reason_ = NGD_SEARCH_PATIENCE;
    else if (options_["max_gradients"] != 0 && gradients_ >= count_option("max_gradients"))
      reason_ = NGD_SEARCH_MAX_GRADIENTS;
    else if (options_["max_trials"] != 0 && counted_ >= count_option("max_trials"))
      reason_ = NGD_SEARCH_MAX_TRIALS;
  }
}

void Search::count(const Trial &trial, uint64_t number) {
  gradients_ += std::min(trial.gradients, UINT64_MAX - gradients_);
  stalled_++;
  if (trial.state == NGD_TRIAL_PRUNED) pruned_++;
  if (trial.state == NGD_TRIAL_FAILED) failed_++;
  if (trial.state != NGD_TRIAL_FINISHED) return;
  finished_++;
  const double found = cost(trial.value);
  if (found < mark_) stalled_ = 0;
  if (found >= best_cost_) return;
  best_cost_ = found;
  best_trial_ = number;
  mark_ = found - options_["min_delta"] * (options_["relative"] != 0 ? std::fabs(found) : 1);
}

ngd_search_info Search::info() const {
  const Lock lock(mutex_);
  ngd_search_info info = {};
  info.parameters = space_.parameters().size();
  info.trials = trials_.size();
  for (uint64_t i = 0; i < trials_.size(); i++)
    info.running += trials_[i].state == NGD_TRIAL_RUNNING && !unfinished_.contains(i);
  info.counted = counted_;
  info.finished = finished_;
  info.pruned = pruned_;
  info.failed = failed_;
  info.stalled = stalled_;
  info.gradients = gradients_;
  info.best_trial = best_trial_;
  info.best_value = best_trial_ == UINT64_MAX ? kNone : trials_[best_trial_].value;
  info.seconds = seconds();
  info.reason = reason_ == NGD_SEARCH_GOES_ON && time_over_ ? NGD_SEARCH_MAX_SECONDS : reason_;
  return info;
}

ngd_trial_info Search::trial_info(uint64_t number) const {
  const Lock lock(mutex_);
  const Trial &trial = known(number);
  ngd_trial_info info = {};
  info.gradients = trial.gradients;
  info.reports = trial.reports.size();
  info.value = trial.value;
  info.seconds = trial.took;
  info.state = trial.state;
  info.counted = number < counted_;
  return info;
}

std::string Search::message(uint64_t number) const {
  const Lock lock(mutex_);
  return known(number).message;
}

ngd_importance Search::importance(std::string_view name) const {
  const Lock lock(mutex_);
  const size_t index = space_.find(name);
  std::vector<double> drawn, values;
  for (uint64_t i = 0; i < counted_; i++) {
    const Drawn value = space_.draw(seed(), i, index);
    if (trials_[i].state != NGD_TRIAL_FINISHED || !value) continue;
    drawn.push_back(*value);
    values.push_back(trials_[i].value);
  }
  const Importance found =
      space_.parameters()[index].categorical() ? rank_ratio(drawn, values) : rank_correlation(drawn, values);
  ngd_importance importance = {};
  importance.trials = values.size();
  importance.correlation = found.correlation;
  importance.chance = found.chance;
  return importance;
}

}  // namespace ngd
