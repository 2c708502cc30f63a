// The option engine: parsing, checking, nearest names, describing.
#include "base/option.h"

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/struct.h"
#include "base/text.h"

namespace ngd {
namespace {

std::string range_text(const OptionSpec &spec) {
  return concat(spec.minimum_excluded || spec.minimum == -kInfinity ? "(" : "[", spec.minimum, ", ",
                spec.maximum, spec.maximum_excluded || spec.maximum == kInfinity ? ")" : "]");
}

bool parse_flag(std::string_view text, double &value) {
  for (const char *yes : {"1", "yes", "true", "on"}) {
    if (text == yes) return value = 1, true;
  }
  for (const char *no : {"0", "no", "false", "off"}) {
    if (text == no) return value = 0, true;
  }
  return false;
}

std::string listed(const std::vector<std::string_view> &names) {
  std::string text;
  for (const std::string_view name : names) text += concat(text.empty() ? "" : ", ", name);
  return text;
}

std::string hint(std::string_view name, const std::vector<std::string_view> &candidates) {
  const std::string_view best = nearest(name, candidates);
  return best.empty() ? std::string() : concat("; did you mean \"", best, "\"?");
}

bool plain_value(std::string_view value) {
  return !value.empty() && value.find_first_of(",:=\"\\ \t\r\n") == std::string_view::npos;
}

std::string spec_value(std::string_view value) {
  if (plain_value(value)) return std::string(value);
  std::string result = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

}  // namespace

void fail_unknown(std::string_view what, std::string_view name,
                  const std::vector<std::string_view> &candidates) {
  const std::string mend = hint(name, candidates);
  fail(NGD_E_OPTION, "unknown ", what, " ", quoted(name), mend.empty() ? ";" : mend.c_str(),
       " Known: ", listed(candidates));
}

SpecText parse_spec(std::string_view text) {
  SpecText result;
  const size_t colon = text.find(':');
  result.kind = trim(text.substr(0, colon));
  if (result.kind.empty())
    fail(NGD_E_ARGUMENT, "the spec ", quoted(text),
         " has no name before its options; write name:option=value,...");
  if (colon == std::string_view::npos) return result;
  size_t at = colon + 1;
  const auto skip_blanks = [&] {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) at++;
  };
  skip_blanks();
  while (at < text.size()) {
    SpecText::Option option;
    option.column = at + 1;
    const size_t equals = text.find_first_of("=,", at);
    if (equals == std::string_view::npos || text[equals] != '=')
      fail(NGD_E_ARGUMENT, "expected name=value at column ", option.column, " of the spec ", quoted(text, 120),
           ", found ", quoted(text.substr(at, equals == std::string_view::npos ? equals : equals - at)));
    option.name = trim(text.substr(at, equals - at));
    at = equals + 1;
    skip_blanks();
    if (at < text.size() && text[at] == '"') {
      const size_t open = at++;
      while (at < text.size() && text[at] != '"') {
        if (text[at] == '\\' && at + 1 < text.size()) at++;
        option.value += text[at++];
      }
      if (at == text.size())
        fail(NGD_E_ARGUMENT, "the quote at column ", open + 1, " of the spec ", quoted(text, 120),
             " is not closed");
      at++;
      skip_blanks();
      if (at < text.size() && text[at] != ',')
        fail(NGD_E_ARGUMENT, "expected a comma at column ", at + 1, " of the spec ", quoted(text, 120));
    } else {
      const size_t end = std::min(text.find(',', at), text.size());
      option.value = trim(text.substr(at, end - at));
      at = end;
    }
    result.options.push_back(std::move(option));
    if (at < text.size()) {
      at++;  // the comma
      skip_blanks();
      if (at == text.size())
        fail(NGD_E_ARGUMENT, "the spec ", quoted(text, 120), " ends with a comma; add an option or remove it");
    }
  }
  return result;
}

OptionSet::OptionSet(const OptionTable &specs, std::string what, std::string kind)
    : specs_(specs), values_(specs.size()), what_(std::move(what)), kind_(std::move(kind)) {
  for (size_t i = 0; i < specs_.size(); i++) values_[i] = converted(i, specs_[i].default_text);
}

size_t OptionSet::find(std::string_view name) const {
  for (size_t i = 0; i < specs_.size(); i++) {
    if (name == specs_[i].name) return i;
  }
  std::vector<std::string_view> names;
  for (size_t i = 0; i < specs_.size(); i++) names.push_back(specs_[i].name);
  std::string mend = hint(name, names);
  if (mend.empty()) mend = names.empty() ? "; it has none" : concat("; it has: ", listed(names));
  fail(NGD_E_OPTION, "unknown option ", quoted(name), " for ", what_, mend);
}

void OptionSet::check_locked(size_t index) const {
  if (locked_ && specs_[index].fixed)
    fail(NGD_E_STATE, "option \"", specs_[index].name, "\" of ", what_,
         " is fixed once it is in use; set it right after creation");
}

void OptionSet::check_range(size_t index, double value) const {
  const OptionSpec &spec = specs_[index];
  const bool low = spec.minimum_excluded ? value <= spec.minimum : value < spec.minimum;
  const bool high = spec.maximum_excluded ? value >= spec.maximum : value > spec.maximum;
  if (low || high || !std::isfinite(value))
    fail(NGD_E_RANGE, "option \"", spec.name, "\" of ", what_, " is ", value, ", outside its range ",
         range_text(spec));
  if (spec.type == NGD_OPTION_INTEGER && (value != std::floor(value) || std::fabs(value) > 9007199254740992.0))
    fail(NGD_E_RANGE, "option \"", spec.name, "\" of ", what_, " is ", value,
         ", but takes a whole number up to 2^53");
  if (spec.type == NGD_OPTION_FLAG && value != 0 && value != 1)
    fail(NGD_E_RANGE, "option \"", spec.name, "\" of ", what_, " is ", value, ", but takes 0 or 1");
}

OptionSet::Value OptionSet::converted(size_t index, std::string_view text) const {
  const OptionSpec &spec = specs_[index];
  Value value;
  switch (spec.type) {
    case NGD_OPTION_TEXT:
      value.text = text;
      return value;
    case NGD_OPTION_CHOICE: {
      const auto choices = split(spec.choices, '|');
      for (const std::string_view choice : choices) {
        if (text == choice) {
          value.text = text;
          return value;
        }
      }
      fail(NGD_E_OPTION, "option \"", spec.name, "\" of ", what_, " cannot be ", quoted(text),
           hint(text, choices), nearest(text, choices).empty() ? "; " : " ", "It takes: ", listed(choices));
    }
    case NGD_OPTION_FLAG:
      if (!parse_flag(text, value.number))
        fail(NGD_E_RANGE, "option \"", spec.name, "\" of ", what_, " is ", quoted(text),
             ", but takes 0 or 1 (no or yes)");
      return value;
    default:
      if (!parse_number(text, value.number))
        fail(NGD_E_RANGE, "option \"", spec.name, "\" of ", what_, " is ", quoted(text),
             ", but takes a number such as ", spec.default_text);
      check_range(index, value.number);
      return value;
  }
}

void OptionSet::set(std::string_view name, double value) {
  const size_t index = find(name);
  check_locked(index);
  const int32_t type = specs_[index].type;
  if (type == NGD_OPTION_CHOICE || type == NGD_OPTION_TEXT)
    fail(NGD_E_OPTION, "option \"", specs_[index].name, "\" of ", what_,
         " takes text, not a number; use set_text",
         type == NGD_OPTION_CHOICE ? concat(" with one of: ", listed(split(specs_[index].choices, '|')))
                                   : std::string());
  check_range(index, value);
  values_[index].number = value;
}

void OptionSet::set_text(std::string_view name, std::string_view value) {
  const size_t index = find(name);
  check_locked(index);
  values_[index] = converted(index, value);
}

void OptionSet::set_all(const SpecText &spec) {
  std::vector<Value> before = values_;
  for (const SpecText::Option &option : spec.options) {
    try {
      set_text(option.name, option.value);
    } catch (const Error &error) {
      values_ = std::move(before);
      fail(error.status(), error.what(), " (column ", option.column, ")");
    }
  }
}

double OptionSet::number(std::string_view name) const {
  const size_t index = find(name);
  const int32_t type = specs_[index].type;
  if (type == NGD_OPTION_CHOICE || type == NGD_OPTION_TEXT)
    fail(NGD_E_OPTION, "option \"", specs_[index].name, "\" of ", what_,
         " holds text, not a number; use get_text");
  return values_[index].number;
}

std::string OptionSet::text(std::string_view name) const {
  if (name == "spec") return spec();
  const size_t index = find(name);
  const int32_t type = specs_[index].type;
  return type == NGD_OPTION_CHOICE || type == NGD_OPTION_TEXT ? values_[index].text
                                                              : number_text(values_[index].number);
}

std::string OptionSet::spec() const {
  return joined(false);
}

std::string OptionSet::full_spec() const {
  return joined(true);
}

std::string OptionSet::joined(bool with_defaults) const {
  std::string result = kind_;
  bool first = true;
  for (size_t i = 0; i < specs_.size(); i++) {
    const OptionSpec &spec = specs_[i];
    if (!with_defaults && is_default(spec.name)) continue;
    result += concat(first ? ":" : ",", spec.name, "=", spec_value(text(spec.name)));
    first = false;
  }
  return result;
}

double OptionSet::operator[](std::string_view name) const {
  return values_[find(name)].number;
}

const std::string &OptionSet::choice(std::string_view name) const {
  return values_[find(name)].text;
}

bool OptionSet::is_default(std::string_view name) const {
  const size_t index = find(name);
  const Value initial = converted(index, specs_[index].default_text);
  return values_[index].number == initial.number && values_[index].text == initial.text;
}

void describe_option(const OptionTable &specs, std::string_view what, size_t index, ngd_option_info *info) {
  if (index >= specs.size())
    fail(NGD_E_NOT_FOUND, what, " has ", specs.size(), " options; there is no option number ", index);
  const OptionSpec &spec = specs[index];
  ngd_option_info full = {};
  full.name = spec.name;
  full.help = spec.help;
  full.choices = spec.choices;
  full.default_text = spec.default_text;
  double value = 0;
  if (spec.type == NGD_OPTION_FLAG) parse_flag(spec.default_text, value);
  if (spec.type == NGD_OPTION_NUMBER || spec.type == NGD_OPTION_INTEGER) parse_number(spec.default_text, value);
  full.default_number = value;
  full.minimum = spec.minimum;
  full.maximum = spec.maximum;
  full.type = spec.type;
  full.minimum_excluded = spec.minimum_excluded;
  full.maximum_excluded = spec.maximum_excluded;
  full.fixed = spec.fixed;
  fill_struct(info, full, "ngd_option_info");
}

}  // namespace ngd
