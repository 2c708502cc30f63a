// How a search goes on with a journal: its head must be that of the search, its records are played again.
#include "base/error.h"
#include "base/text.h"
#include "search/search.h"

namespace ngd {
namespace {

// What may differ between two parts of a search: only where it ends.
constexpr const char *kEnds[] = {"max_trials", "patience", "max_gradients", "max_seconds"};

std::string without_ends(std::string_view text) {
  const SpecText spec = parse_spec(text);
  OptionSet options(search_options(), "the search", "search");
  options.set_all(spec);
  for (const char *name : kEnds) options.set(name, 0);
  return options.full_spec();
}

[[noreturn]] void fail_damaged(const JournalRecord &record, const std::string &what) {
  fail(NGD_E_CHECKPOINT, "line ", record.line, ": ", what);
}

}  // namespace

JournalHead Search::head() const {
  JournalHead head = {options_.full_spec(), {}};
  for (const Parameter &parameter : space_.parameters())
    head.space.emplace_back(parameter.name(), parameter.spec());
  return head;
}

void Search::open_journal(const std::string &path) {
  const Lock lock(mutex_);
  check_unused("opening a journal");
  if (space_.parameters().empty())
    fail(NGD_E_STATE, "the search has no parameter to draw; add some with ngd_search_add before its journal");
  auto journal = std::make_unique<Journal>(path);
  const JournalContent content = read_journal(path);
  // Another search takes the records, so that this one is as before when they are refused.
  Search trial(options_.spec());
  trial.space_ = space_;
  if (!content.empty) {
    const JournalHead own = head();
    if (without_ends(content.head.search) != without_ends(own.search))
      fail(NGD_E_CHECKPOINT, "the journal ", quoted(path, 120), " is of ", quoted(content.head.search, 400),
           ", this search is ", quoted(own.search, 400), "; only where it ends may differ");
    if (content.head.space != own.space)
      fail(NGD_E_CHECKPOINT, "the journal ", quoted(path, 120),
           " is of a search with another space; give the same parameters in the same order, or take another "
           "file");
    try {
      trial.take_up(content);
    } catch (const Error &error) {
      fail(NGD_E_CHECKPOINT, "the journal ", quoted(path, 120), " is damaged: ", error.what());
    }
  }
  journal->cut(content.bytes);
  if (content.empty)
    journal->head(head());
  else
    journal->resume(options_.full_spec());
  trials_ = std::move(trial.trials_);
  unfinished_ = std::move(trial.unfinished_);
  earlier_seconds_ = trial.earlier_seconds_;
  journal_ = std::move(journal);
  options_.lock();
  settle();
}

std::shared_ptr<Search> Search::load(const std::string &path) {
  const JournalContent content = read_journal(path);
  if (content.empty) fail(NGD_E_CHECKPOINT, quoted(path, 200), " is no journal of a search: it is empty");
  try {
    std::string spec = content.head.search;
    for (const JournalRecord &record : content.records) {
      if (record.kind == JournalRecord::Kind::resume) spec = record.text;
    }
    auto search = std::make_shared<Search>(spec);
    for (const auto &[name, parameter] : content.head.space) search->space_.add(name, parameter);
    search->take_up(content);
    search->settle();
    search->time_over_ =
        search->options_["max_seconds"] > 0 && search->earlier_seconds_ >= search->options_["max_seconds"];
    search->options_.lock();
    search->looked_at_ = true;
    return search;
  } catch (const Error &error) {
    fail(NGD_E_CHECKPOINT, "the journal ", quoted(path, 200), " is damaged: ", error.what());
  }
}

void Search::take_up(const JournalContent &content) {
  for (const JournalRecord &record : content.records) replay(record);
  // What had not ended is handed out again, the lowest first.
  for (uint64_t i = 0; i < trials_.size(); i++) {
    if (!trials_[i].ended()) unfinished_.insert(i);
  }
}

void Search::replay(const JournalRecord &record) {
  if (record.kind == JournalRecord::Kind::resume) return;
  if (record.kind == JournalRecord::Kind::ask) {
    if (record.trial > trials_.size()) fail_damaged(record, concat("trial ", record.trial, " comes too early"));
    if (record.trial == trials_.size()) trials_.emplace_back();
    if (trials_[record.trial].ended()) fail_damaged(record, concat("trial ", record.trial, " had ended"));
    trials_[record.trial] = Trial();
    trials_[record.trial].begun = record.seconds;
    earlier_seconds_ = std::max(earlier_seconds_, record.seconds);
    return;
  }
  if (record.trial >= trials_.size() || trials_[record.trial].state != NGD_TRIAL_RUNNING)
    fail_damaged(record, concat("trial ", record.trial, " was not running"));
  Trial &trial = trials_[record.trial];
  if (record.kind == JournalRecord::Kind::report) {
    trial.reports[record.step] = trial.value = record.value;
    return;
  }
  trial.state = record.state;
  trial.value = record.value;
  trial.gradients = record.gradients;
  trial.took = record.took;
  trial.message = record.text;
  earlier_seconds_ = std::max(earlier_seconds_, record.seconds);
}

}  // namespace ngd
