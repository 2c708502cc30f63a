// Random search: ask for a trial, evaluate it in any way, tell the result.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "ngd/handle.hpp"

namespace ngd {
inline namespace cpp {

// A random search. Any number of threads may ask, report and tell at once.
class Search : public detail::Handle<ngd_search, detail::search_functions> {
 public:
  // A trial that was handed out. It must be told, or fail; the search must outlive it.
  class Trial {
   public:
    uint64_t number() const noexcept { return number_; }
    // Of a parameter that its condition leaves out: NaN and "".
    double value(const std::string &name) const { return search_->value(number_, name); }
    std::string text(const std::string &name) const { return search_->text(number_, name); }
    // True when the trial is to be given up: tell then the last value.
    bool report(uint64_t step, double value) {
      int32_t stop = 0;
      detail::check(ngd_search_report, search_->raw(), number_, step, value, &stop);
      return stop != 0;
    }
    void tell(double value, uint64_t gradients = 0) {
      detail::check(ngd_search_tell, search_->raw(), number_, value, gradients);
    }
    void fail(const std::string &message, uint64_t gradients = 0) {
      detail::check(ngd_search_fail, search_->raw(), number_, detail::text(message), gradients);
    }

   private:
    friend class Search;
    Trial(Search &search, uint64_t number) : search_(&search), number_(number) {}
    Search *search_;
    uint64_t number_;
  };

  explicit Search(const std::string &spec = "search") : Handle(spec) {}
  // A search of a journal, to be looked at.
  static Search load(const std::string &path) {
    ngd_search *handle = nullptr;
    detail::check(ngd_search_load, detail::text(path), &handle);
    return Search(handle);
  }
  static std::vector<std::string> kinds() { return detail::names(ngd_search_kind); }
  static std::vector<Option> describe() { return detail::options(ngd_search_describe); }
  static std::vector<Option> describe_kind(const std::string &kind) {
    return detail::options([&](size_t index, ngd_option_info *info, ngd_error *error) {
      return ngd_search_describe_kind(kind.c_str(), index, info, error);
    });
  }
  std::vector<Option> options() const { return describe(); }

  Search &add(const std::string &name, const std::string &parameter) {
    detail::check(ngd_search_add, raw(), detail::text(name), detail::text(parameter));
    return *this;
  }
  std::vector<std::string> parameters() const {
    std::vector<std::string> names;
    for (size_t i = 0; i < info().parameters; i++)
      names.push_back(detail::read_text(ngd_search_get_parameter, raw(), i));
    return names;
  }
  std::string parameter_spec(const std::string &name) const {
    return detail::read_text(ngd_search_get_spec, raw(), detail::text(name));
  }
  void open_journal(const std::string &path) {
    detail::check(ngd_search_open_journal, raw(), detail::text(path));
  }

  // One of NGD_SEARCH_TRIAL, _WAIT and _END; with the first, `trial` is set.
  int32_t ask(std::optional<Trial> &trial) {
    uint64_t number = 0;
    int32_t answer = 0;
    detail::check(ngd_search_ask, raw(), &number, &answer);
    trial.reset();
    if (answer == NGD_SEARCH_TRIAL) trial = Trial(*this, number);
    return answer;
  }
  // The next trial, or nothing at the end of the search. For one worker: it waits for others by asking again.
  std::optional<Trial> ask() {
    std::optional<Trial> trial;
    while (ask(trial) == NGD_SEARCH_WAIT) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return trial;
  }
  // Evaluates trial after trial to the end: objective(trial) gives the value. An exception fails its trial.
  template <class Objective>
  void run(Objective objective) {
    while (std::optional<Trial> trial = ask()) {
      double value = 0;
      try {
        value = objective(*trial);
      } catch (const std::exception &error) {
        trial->fail(error.what());
        continue;
      }
      trial->tell(value);
    }
  }

  double value(uint64_t trial, const std::string &name) const {
    double value = 0;
    detail::check(ngd_search_get_value, raw(), trial, detail::text(name), &value);
    return value;
  }
  std::string text(uint64_t trial, const std::string &name) const {
    return detail::read_text(ngd_search_get_value_text, raw(), trial, detail::text(name));
  }
  // Of every parameter that the trial has.
  std::map<std::string, std::string> values(uint64_t trial) const {
    std::map<std::string, std::string> values;
    for (const std::string &name : parameters()) {
      std::string drawn = text(trial, name);
      if (!drawn.empty()) values.emplace(name, std::move(drawn));
    }
    return values;
  }
  ngd_search_info info() const {
    auto info = detail::sized<ngd_search_info>();
    detail::check(ngd_search_get_info, raw(), &info);
    return info;
  }
  ngd_trial_info trial(uint64_t number) const {
    auto info = detail::sized<ngd_trial_info>();
    detail::check(ngd_search_get_trial, raw(), number, &info);
    return info;
  }
  std::string message(uint64_t number) const {
    return detail::read_text(ngd_search_get_message, raw(), number);
  }
  ngd_importance importance(const std::string &name) const {
    auto importance = detail::sized<ngd_importance>();
    detail::check(ngd_search_get_importance, raw(), detail::text(name), &importance);
    return importance;
  }

 private:
  explicit Search(ngd_search *handle) : Handle(handle) {}
};

}  // namespace cpp
}  // namespace ngd
