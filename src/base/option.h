// Named options: a static table of specs per kind of handle, and the values one handle has.
//
// Every handle of the contract keeps one OptionSet. The table is data, so describe, set, get, spec text, and
// the "did you mean" hint are written once, here.
#pragma once

#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ngd/option.h"

namespace ngd {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct OptionSpec {
  const char *name;
  int32_t type;  // one of the NGD_OPTION_ numbers
  const char *default_text;
  const char *help;
  double minimum = -kInfinity;
  double maximum = kInfinity;
  bool minimum_excluded = false;
  bool maximum_excluded = false;
  const char *choices = "";  // separated by '|'
  bool fixed = false;        // cannot be set once the handle is in use
};

// How tables are written: number("beta1", "0.9", "...").in(0, 1) reads as a sentence.
constexpr OptionSpec number_option(const char *name, const char *default_text, double minimum, double maximum,
                                   const char *help) {
  return {name, NGD_OPTION_NUMBER, default_text, help, minimum, maximum};
}
// Minimum excluded: (minimum, maximum].
constexpr OptionSpec above_option(const char *name, const char *default_text, double minimum, double maximum,
                                  const char *help) {
  return {name, NGD_OPTION_NUMBER, default_text, help, minimum, maximum, true, false};
}
// Maximum excluded: [minimum, maximum).
constexpr OptionSpec below_option(const char *name, const char *default_text, double minimum, double maximum,
                                  const char *help) {
  return {name, NGD_OPTION_NUMBER, default_text, help, minimum, maximum, false, true};
}
constexpr OptionSpec integer_option(const char *name, const char *default_text, double minimum, double maximum,
                                    const char *help) {
  return {name, NGD_OPTION_INTEGER, default_text, help, minimum, maximum};
}
constexpr OptionSpec flag_option(const char *name, const char *default_text, const char *help) {
  return {name, NGD_OPTION_FLAG, default_text, help, 0, 1};
}
constexpr OptionSpec choice_option(const char *name, const char *default_text, const char *choices,
                                   const char *help) {
  return {name, NGD_OPTION_CHOICE, default_text, help, -kInfinity, kInfinity, false, false, choices};
}
constexpr OptionSpec text_option(const char *name, const char *default_text, const char *help) {
  return {name, NGD_OPTION_TEXT, default_text, help};
}
// The same option, settable only before the handle is in use.
constexpr OptionSpec fixed(OptionSpec spec) {
  spec.fixed = true;
  return spec;
}

// A kind's own options, followed by those that it has in common with others.
class OptionTable {
 public:
  OptionTable() = default;
  template <class Specs>
  OptionTable(const Specs &own) : own_(own) {}
  OptionTable(std::span<const OptionSpec> own, std::span<const OptionSpec> common)
      : own_(own), common_(common) {}

  size_t size() const { return own_.size() + common_.size(); }
  size_t own_size() const { return own_.size(); }
  const OptionSpec &operator[](size_t index) const {
    return index < own_.size() ? own_[index] : common_[index - own_.size()];
  }

 private:
  std::span<const OptionSpec> own_, common_;
};

struct SpecText {  // "adam:beta1=0.9" taken apart
  struct Option {
    std::string name;
    std::string value;
    size_t column;  // of the name, from 1
  };
  std::string kind;
  std::vector<Option> options;
};
SpecText parse_spec(std::string_view text);

class OptionSet {
 public:
  // `what` names the owner in messages: `rule "adam"`. `kind` is the word before the colon of a spec.
  OptionSet(const OptionTable &specs, std::string what, std::string kind);

  void set(std::string_view name, double value);
  void set_text(std::string_view name, std::string_view value);
  void set_all(const SpecText &spec);  // all or nothing; an error names the column
  double number(std::string_view name) const;
  std::string text(std::string_view name) const;  // any type; "spec" gives spec()
  std::string spec() const;                       // kind and every option that is not at its default
  std::string full_spec() const;  // kind and every option: for saved state, should a default ever change

  // For code that knows its own table: no check of the type, the name must exist.
  double operator[](std::string_view name) const;
  const std::string &choice(std::string_view name) const;
  bool is_default(std::string_view name) const;

  // Where an option stands in the table: among the kind's own, or among the common ones.
  bool is_own(std::string_view name) const { return find(name) < specs_.own_size(); }

  void lock() { locked_ = true; }  // from now on options marked fixed are refused
  void unlock() { locked_ = false; }
  const std::string &kind() const { return kind_; }

 private:
  std::string joined(bool with_defaults) const;
  struct Value {
    double number = 0;
    std::string text;
  };
  size_t find(std::string_view name) const;  // throws with the nearest name
  void check_locked(size_t index) const;
  Value converted(size_t index, std::string_view text) const;
  void check_range(size_t index, double value) const;

  OptionTable specs_;
  std::vector<Value> values_;
  std::string what_;
  std::string kind_;
  bool locked_ = false;
};

// Fills `info` from specs[index], within its struct_size; throws NGD_E_NOT_FOUND past the end.
void describe_option(const OptionTable &specs, std::string_view what, size_t index, ngd_option_info *info);

// Throws NGD_E_OPTION: `unknown rule "adm"; did you mean "adam"? Known: ...`.
[[noreturn]] void fail_unknown(std::string_view what, std::string_view name,
                               const std::vector<std::string_view> &candidates);

}  // namespace ngd
