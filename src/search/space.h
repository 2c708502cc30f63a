// The space of a search: parameters, and their values in a trial as functions of (seed, trial, name).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/option.h"

namespace ngd {

enum class ParameterKind { uniform, log_uniform, integer, log_integer, categorical };

// One value: a number, for a categorical parameter the index of its text. None where `when` leaves it out.
using Drawn = std::optional<double>;

class Parameter {
 public:
  // `earlier`: those that `when` may speak of. Throws NGD_E_OPTION or NGD_E_RANGE.
  Parameter(std::string_view name, std::string_view spec, std::span<const Parameter> earlier);

  const std::string &name() const { return name_; }
  std::string spec() const { return options_.spec(); }
  bool categorical() const { return kind_ == ParameterKind::categorical; }
  const std::vector<std::string> &categories() const { return categories_; }

  // Whatever `when` says.
  double draw(uint64_t seed, uint64_t trial) const;
  std::string text(double drawn) const;
  double number(double drawn) const;  // NaN for a text that is no number

 private:
  friend class Space;
  void read_range();
  void read_categories();
  void read_condition(std::span<const Parameter> earlier);

  std::string name_;
  ParameterKind kind_;
  OptionSet options_;
  double low_ = 0, high_ = 0;
  std::vector<std::string> categories_;
  size_t condition_ = SIZE_MAX;  // the parameter that `when` names
  std::vector<std::string> condition_values_;
};

class Space {
 public:
  void add(std::string_view name, std::string_view spec);
  const std::vector<Parameter> &parameters() const { return parameters_; }
  size_t find(std::string_view name) const;  // throws NGD_E_NOT_FOUND

  Drawn draw(uint64_t seed, uint64_t trial, size_t parameter) const;

 private:
  std::vector<Parameter> parameters_;
};

std::span<const OptionSpec> parameter_options(std::string_view kind);  // throws NGD_E_OPTION
const char *parameter_kind(size_t index);                              // nullptr past the last

}  // namespace ngd
