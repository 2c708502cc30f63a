// Options and space of a search, handing out trials, taking results.
#include "search/search.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"

namespace ngd {
namespace {

constexpr double kMany = 9007199254740992.0;  // 2^53: every whole number up to here is a double
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kLongestMessage = 2000;

constexpr OptionSpec kOptions[] = {
    fixed(integer_option("seed", "1", 0, kMany, "Decides what every trial is.")),
    fixed(choice_option("goal", "minimize", "minimize|maximize",
                        "Whether a smaller or a larger value is better.")),
    fixed(integer_option("max_trials", "100", 0, kMany, "Stop after so many trials; 0 for never.")),
    fixed(integer_option("patience", "20", 0, kMany,
                         "Stop after so many trials in a row without an improvement; 0 for never.")),
    fixed(
        number_option("min_delta", "0", 0, 1e300, "By how much a value must be better to be an improvement.")),
    fixed(flag_option("relative", "0", "Take min_delta as a share of the best value's magnitude.")),
    fixed(integer_option("max_gradients", "0", 0, kMany,
                         "Stop when the trials took so many gradients; 0 for never.")),
    fixed(
        number_option("max_seconds", "0", 0, 1e12, "Hand out no trial after so many seconds; 0 for no limit.")),
    fixed(choice_option(
        "pruning", "none", "none|median",
        "Whether a trial is given up that does worse on the way than the median of earlier ones.")),
    fixed(integer_option("startup_trials", "5", 1, kMany,
                         "Trials that must have reported a step before it prunes.")),
    fixed(integer_option("warmup_steps", "0", 0, kMany, "Steps of a trial in which it is never pruned.")),
    fixed(integer_option("parallel", "16", 1, 65536,
                         "Largest number of trials between the first that runs and the next to begin.")),
};

OptionSet options_of(std::string_view spec_text) {
  const SpecText spec = parse_spec(spec_text);
  if (spec.kind != "search") fail_unknown("kind of search", spec.kind, {"search"});
  OptionSet options(kOptions, "the search", "search");
  options.set_all(spec);
  return options;
}

}  // namespace

std::span<const OptionSpec> search_options() {
  return kOptions;
}

Search::Search(std::string_view spec) : options_(options_of(spec)) {}

void Search::set(std::string_view name, double value) {
  const Lock lock(mutex_);
  options_.set(name, value);
}

void Search::set_text(std::string_view name, std::string_view value) {
  const Lock lock(mutex_);
  options_.set_text(name, value);
}

double Search::number(std::string_view name) const {
  const Lock lock(mutex_);
  return options_.number(name);
}

std::string Search::text(std::string_view name) const {
  const Lock lock(mutex_);
  return options_.text(name);
}

void Search::check_unused(const char *what) const {
  if (looked_at_) fail(NGD_E_STATE, "the search was loaded to be looked at; ", what, " needs one of its own");
  if (!trials_.empty() || journal_ != nullptr)
    fail(NGD_E_STATE, "the search is in use: ", what,
         " must come before the first trial and before the journal");
}

void Search::add(std::string_view name, std::string_view spec) {
  const Lock lock(mutex_);
  check_unused("adding a parameter");
  space_.add(name, spec);
}

std::string Search::parameter(size_t index) const {
  const Lock lock(mutex_);
  if (index >= space_.parameters().size())
    fail(NGD_E_NOT_FOUND, "there is no parameter number ", index, "; the space has ",
         space_.parameters().size());
  return space_.parameters()[index].name();
}

std::string Search::parameter_spec(std::string_view name) const {
  const Lock lock(mutex_);
  return space_.parameters()[space_.find(name)].spec();
}

double Search::value(uint64_t trial, std::string_view name) const {
  const Lock lock(mutex_);
  const size_t index = space_.find(name);
  const Drawn drawn = space_.draw(seed(), trial, index);
  return drawn ? space_.parameters()[index].number(*drawn) : kNone;
}

std::string Search::value_text(uint64_t trial, std::string_view name) const {
  const Lock lock(mutex_);
  const size_t index = space_.find(name);
  const Drawn drawn = space_.draw(seed(), trial, index);
  return drawn ? space_.parameters()[index].text(*drawn) : std::string();
}

double Search::seconds() const {
  return earlier_seconds_ + (clock_runs_ ? std::chrono::duration<double>(Clock::now() - begun_).count() : 0);
}

const Trial &Search::known(uint64_t trial) const {
  if (trial >= trials_.size())
    fail(NGD_E_NOT_FOUND, "trial ", trial, " was not handed out; ", trials_.size(), " were, from 0");
  return trials_[trial];
}

Trial &Search::running(uint64_t trial) {
  if (looked_at_) fail(NGD_E_STATE, "the search was loaded to be looked at; it takes no results");
  if (trial >= trials_.size() || unfinished_.contains(trial))
    fail(NGD_E_STATE, "trial ", trial, " was not handed out; ask for it first");
  if (trials_[trial].state != NGD_TRIAL_RUNNING) fail(NGD_E_STATE, "trial ", trial, " has already ended");
  return trials_[trial];
}

void Search::check_can_ask() const {
  if (looked_at_) fail(NGD_E_STATE, "the search was loaded to be looked at; it hands out no trials");
  if (space_.parameters().empty())
    fail(NGD_E_STATE, "the search has no parameter to draw; add some with ngd_search_add");
  for (const char *rule : {"max_trials", "patience", "max_gradients", "max_seconds"}) {
    if (options_[rule] != 0) return;
  }
  fail(NGD_E_STATE, "the search would never end; set max_trials, patience, max_gradients or max_seconds");
}

int32_t Search::ask(uint64_t &trial) {
  const Lock lock(mutex_);
  check_can_ask();
  if (reason_ != NGD_SEARCH_GOES_ON) return NGD_SEARCH_END;
  if (options_["max_seconds"] > 0 && seconds() >= options_["max_seconds"]) time_over_ = true;
  if (time_over_) return NGD_SEARCH_END;
  uint64_t number = trials_.size();
  if (!unfinished_.empty()) {
    number = *unfinished_.begin();
  } else {
    const uint64_t most = count_option("max_trials");
    if (most != 0 && number >= most) return NGD_SEARCH_END;
    if (number >= ended_ + count_option("parallel")) return NGD_SEARCH_WAIT;
  }
  if (!clock_runs_) {
    begun_ = Clock::now();
    clock_runs_ = true;
  }
  start(number);
  trial = number;
  return NGD_SEARCH_TRIAL;
}

void Search::start(uint64_t number) {
  Trial trial;
  trial.begun = seconds();
  trials_.reserve(std::max(number + 1, number + number / 2));  // what follows the journal cannot fail
  if (journal_ != nullptr) {
    Journal::Values values;
    for (size_t i = 0; i < space_.parameters().size(); i++) {
      const Parameter &parameter = space_.parameters()[i];
      const Drawn drawn = space_.draw(seed(), number, i);
      if (!drawn) continue;
      const std::string text = parameter.text(*drawn);
      values.emplace_back(parameter.name(), parameter.categorical() ? journal_text(text) : text);
    }
    journal_->ask(number, trial.begun, values);
  }
  options_.lock();
  unfinished_.erase(number);
  if (number < trials_.size())
    trials_[number] = std::move(trial);
  else
    trials_.push_back(std::move(trial));
}

bool Search::report(uint64_t number, uint64_t step, double value) {
  const Lock lock(mutex_);
  Trial &trial = running(number);
  if (!trial.reports.empty() && step <= trial.reports.rbegin()->first)
    fail(NGD_E_RANGE, "trial ", number, " reports step ", step, ", but its last was ",
         trial.reports.rbegin()->first, "; steps must grow");
  const auto place = trial.reports.emplace(step, value).first;
  try {
    if (journal_ != nullptr) journal_->report(number, step, value);
  } catch (...) {
    trial.reports.erase(place);
    throw;
  }
  trial.value = value;
  if (reason_ != NGD_SEARCH_GOES_ON && number >= counted_) trial.abandoned = true;
  if (worse_than_median(number, step)) trial.pruned = true;
  return trial.abandoned || trial.pruned;
}

void Search::tell(uint64_t number, double value, uint64_t gradients) {
  const Lock lock(mutex_);
  Trial result = running(number);
  result.value = value;
  result.gradients = gradients;
  result.state = result.abandoned        ? NGD_TRIAL_ABANDONED
                 : !std::isfinite(value) ? NGD_TRIAL_FAILED
                 : result.pruned         ? NGD_TRIAL_PRUNED
                                         : NGD_TRIAL_FINISHED;
  if (result.state == NGD_TRIAL_FAILED) result.message = concat("its value is ", value);
  end_trial(number, std::move(result));
}

void Search::fail_trial(uint64_t number, std::string_view message, uint64_t gradients) {
  const Lock lock(mutex_);
  Trial result = running(number);
  result.value = kNone;
  result.gradients = gradients;
  result.state = result.abandoned ? NGD_TRIAL_ABANDONED : NGD_TRIAL_FAILED;
  result.message = message.substr(0, kLongestMessage);
  end_trial(number, std::move(result));
}

void Search::end_trial(uint64_t number, Trial result) {
  const double now = seconds();
  result.took = now - result.begun;
  const bool abandoned = result.state == NGD_TRIAL_ABANDONED;
  if (abandoned) unfinished_.insert(number);
  try {
    if (journal_ != nullptr)
      journal_->tell({JournalRecord::Kind::tell, number, 0, result.gradients, result.value, result.took, now,
                      result.state, result.message});
  } catch (...) {
    if (abandoned) unfinished_.erase(number);
    throw;
  }
  trials_[number] = std::move(result);
  settle();
}

}  // namespace ngd
