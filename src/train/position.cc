// Saving and loading a position: counters as texts, numbers as float64 tensors of one element.
#include "train/position.h"

#include "base/error.h"

namespace ngd {
namespace {

struct Counter {
  const char *name;
  uint64_t Position::*member;
  bool optional = false;  // files of runs without it are good
};
constexpr Counter kCounters[] = {{"epoch", &Position::epoch},
                                 {"batch", &Position::batch},
                                 {"step", &Position::step},
                                 {"rows", &Position::rows},
                                 {"epoch_rows", &Position::epoch_rows},
                                 {"logged_rows", &Position::logged_rows},
                                 {"stalled", &Position::stalled},
                                 {"skipped_before", &Position::skipped_before},
                                 {"skipped_in_a_row", &Position::skipped_in_a_row},
                                 {"hard_before", &Position::hard_before, true},
                                 {"warned", &Position::warned, true}};

struct Number {
  const char *name;
  double Position::*member;
};
constexpr Number kNumbers[] = {{"loss_sum", &Position::loss_sum},
                               {"logged_loss_sum", &Position::logged_loss_sum},
                               {"learning_rate", &Position::learning_rate},
                               {"seconds", &Position::seconds},
                               {"best_loss", &Position::best_loss},
                               {"held_out_loss", &Position::held_out_loss},
                               {"held_out_accuracy", &Position::held_out_accuracy},
                               {"majority", &Position::majority}};

constexpr int64_t kOne[] = {1};

struct Fact {
  const char *key;
  const char *name;  // in the message
  uint64_t value;
};
std::vector<Fact> facts(const Samples &training) {
  return {{"data.features", "feature kind", static_cast<uint64_t>(training.feature_kind())},
          {"data.labels", "label kind", static_cast<uint64_t>(training.label_kind())},
          {"data.rows", "rows", training.rows()},
          {"data.columns", "columns", training.columns()},
          {"data.classes", "classes", training.class_names().size()}};
}

constexpr const char *kOrderOptions[] = {"batch_size", "shuffle", "seed", "icea"};

}  // namespace

void Position::save(StateWriter &writer) const {
  for (const Counter &counter : kCounters) writer.text(counter.name, std::to_string(this->*counter.member));
  for (const Number &number : kNumbers)
    writer.tensor(number.name, {1}, std::span<const double>(&(this->*number.member), 1));
}

Position Position::load(const StateReader &reader) {
  Position position;
  for (const Counter &counter : kCounters) {
    if (!counter.optional || reader.has_text(counter.name))
      position.*counter.member = reader.counter(counter.name);
  }
  for (const Number &number : kNumbers) position.*number.member = reader.values<double>(number.name, kOne)[0];
  return position;
}

void save_terms(StateWriter &writer, const Samples &training, const OptionSet &trainer) {
  for (const Fact &fact : facts(training)) writer.text(fact.key, std::to_string(fact.value));
  for (const char *option : kOrderOptions) writer.text(option, trainer.text(option));
}

void check_terms(const StateReader &reader, const Samples &training, const OptionSet &trainer) {
  for (const Fact &fact : facts(training)) {
    const uint64_t then = reader.counter(fact.key);
    if (then != fact.value)
      fail(NGD_E_CHECKPOINT, "the run cannot be resumed with other training data: its ", fact.name, " were ",
           then, ", but are now ", fact.value, "; give the data it began with");
  }
  for (const char *option : kOrderOptions) {
    const std::string then = reader.has_text(option) ? reader.text(option) : std::string();
    const std::string now = trainer.text(option);
    if (then != now)
      fail(NGD_E_CHECKPOINT, "the run cannot be resumed with ", option, "=", now, ": it began with ", option,
           "=", then, ", and another value would change which rows come next");
  }
}

}  // namespace ngd
