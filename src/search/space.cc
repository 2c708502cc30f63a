// Parameters: their options, conditions and draws.
#include "search/space.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/error.h"
#include "base/random.h"
#include "base/text.h"

namespace ngd {
namespace {

constexpr double kWhole = 9007199254740992.0;  // 2^53: every whole number up to here is a double
constexpr size_t kLongestName = 200;

constexpr const char *kKinds[] = {"uniform", "log_uniform", "integer", "log_integer", "categorical"};

constexpr OptionSpec kWhen = text_option(
    "when", "", "Draw it only where an earlier parameter has one of these values, such as rule=ngd|adam.");
constexpr OptionSpec kUniform[] = {number_option("low", "0", -1e300, 1e300, "Smallest value."),
                                   number_option("high", "1", -1e300, 1e300, "Bound above all values."), kWhen};
constexpr OptionSpec kLogUniform[] = {above_option("low", "0.0001", 0, 1e300, "Smallest value."),
                                      above_option("high", "1", 0, 1e300, "Bound above all values."), kWhen};
constexpr OptionSpec kInteger[] = {integer_option("low", "1", -kWhole, kWhole, "Smallest value."),
                                   integer_option("high", "10", -kWhole, kWhole, "Largest value."), kWhen};
constexpr OptionSpec kLogInteger[] = {integer_option("low", "1", 1, kWhole, "Smallest value."),
                                      integer_option("high", "1024", 1, kWhole, "Largest value."), kWhen};
constexpr OptionSpec kCategorical[] = {text_option("values", "", "The texts to choose from, separated by |."),
                                       kWhen};

ParameterKind kind_of_parameter(std::string_view name) {
  const auto found = std::ranges::find(kKinds, name);
  if (found == std::end(kKinds))
    fail_unknown("kind of parameter", name, {std::begin(kKinds), std::end(kKinds)});
  return static_cast<ParameterKind>(found - std::begin(kKinds));
}

// FNV-1a of the name (Fowler, Noll and Vo 1991): easy to compute anywhere, and a name's place never moves. 256 numbers lie
// between two places: far more than the few that an unbiased whole number may take.
uint64_t place_of(std::string_view name) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash & ~uint64_t{0xFF};
}

void check_name(std::string_view name) {
  const auto wrong = [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '=' || c == '|';
  };
  if (name.empty() || name.size() > kLongestName || std::ranges::any_of(name, wrong))
    fail(NGD_E_RANGE, "a parameter cannot be called ", quoted(name, 60), "; a name has 1 to ", kLongestName,
         " bytes, none of them a control character, = or |");
}

std::vector<std::string> texts_of(std::string_view joined) {
  std::vector<std::string> texts;
  for (const std::string_view part : split(joined, '|')) texts.emplace_back(trim(part));
  return texts;
}

}  // namespace

const char *parameter_kind(size_t index) {
  return index < std::size(kKinds) ? kKinds[index] : nullptr;
}

std::span<const OptionSpec> parameter_options(std::string_view kind) {
  switch (kind_of_parameter(kind)) {
    case ParameterKind::uniform:
      return kUniform;
    case ParameterKind::log_uniform:
      return kLogUniform;
    case ParameterKind::integer:
      return kInteger;
    case ParameterKind::log_integer:
      return kLogInteger;
    default:
      return kCategorical;
  }
}

Parameter::Parameter(std::string_view name, std::string_view spec_text, std::span<const Parameter> earlier)
    : name_(name), options_({}, "", "") {
  check_name(name);
  const SpecText spec = parse_spec(spec_text);
  kind_ = kind_of_parameter(spec.kind);
  options_ = OptionSet(parameter_options(spec.kind), concat("parameter ", quoted(name_, 60)), spec.kind);
  options_.set_all(spec);
  if (categorical())
    read_categories();
  else
    read_range();
  if (!options_.choice("when").empty()) read_condition(earlier);
}

void Parameter::read_range() {
  low_ = options_["low"];
  high_ = options_["high"];
  const bool whole = kind_ == ParameterKind::integer || kind_ == ParameterKind::log_integer;
  if (whole ? low_ > high_ : low_ >= high_)
    fail(NGD_E_RANGE, "parameter ", quoted(name_, 60), " has nothing to draw from: low is ", low_,
         " and high is ", high_);
}

void Parameter::read_categories() {
  categories_ = texts_of(options_.choice("values"));
  for (size_t i = 0; i < categories_.size(); i++) {
    if (categories_[i].empty())
      fail(NGD_E_RANGE, "parameter ", quoted(name_, 60), " has an empty value; write values=\"one|two\"");
    if (std::find(categories_.begin(), categories_.begin() + static_cast<ptrdiff_t>(i), categories_[i]) !=
        categories_.begin() + static_cast<ptrdiff_t>(i))
      fail(NGD_E_RANGE, "parameter ", quoted(name_, 60), " has the value ", quoted(categories_[i], 60),
           " twice");
  }
}

void Parameter::read_condition(std::span<const Parameter> earlier) {
  const std::string &when = options_.choice("when");
  const size_t equals = when.find('=');
  const std::string_view other = trim(std::string_view(when).substr(0, equals));
  const auto found = std::ranges::find(earlier, other, &Parameter::name);
  if (equals == std::string::npos || found == earlier.end())
    fail(NGD_E_RANGE, "parameter ", quoted(name_, 60), " has when=", quoted(when, 60),
         equals == std::string::npos ? ", but it takes name=value|value"
                                     : ", but no parameter before it has that name");
  if (found->kind_ == ParameterKind::uniform || found->kind_ == ParameterKind::log_uniform)
    fail(NGD_E_RANGE, "parameter ", quoted(name_, 60), " cannot depend on ", quoted(other, 60),
         ", whose values are no list; let it depend on a categorical or an integer");
  condition_ = static_cast<size_t>(found - earlier.begin());
  condition_values_ = texts_of(std::string_view(when).substr(equals + 1));
  for (const std::string &value : condition_values_) {
    double number = 0;
    const bool known = found->categorical()
                           ? std::ranges::find(found->categories_, value) != found->categories_.end()
                           : parse_number(value, number) && number_text(number) == value &&
                                 number >= found->low_ && number <= found->high_;
    if (!known)
      fail(NGD_E_RANGE, "parameter ", quoted(name_, 60), " depends on the value ", quoted(value, 60), " of ",
           quoted(other, 60), ", which that never has: it is ", quoted(found->spec(), 120));
  }
}

double Parameter::draw(uint64_t seed, uint64_t trial) const {
  Random random(seed, trial);
  random.seek(place_of(name_));
  switch (kind_) {
    case ParameterKind::uniform:
      return std::clamp(low_ + random.uniform() * (high_ - low_), low_, high_);
    case ParameterKind::log_uniform: {
      const double start = std::log(low_);
      return std::clamp(std::exp(start + random.uniform() * (std::log(high_) - start)), low_, high_);
    }
    case ParameterKind::integer:
      return low_ + static_cast<double>(random.below(static_cast<uint64_t>(high_ - low_) + 1));
    case ParameterKind::log_integer: {
      const double start = std::log(low_);
      return std::clamp(std::floor(std::exp(start + random.uniform() * (std::log(high_ + 1) - start))), low_,
                        high_);
    }
    default:
      return static_cast<double>(random.below(categories_.size()));
  }
}

std::string Parameter::text(double drawn) const {
  return categorical() ? categories_[static_cast<size_t>(drawn)] : number_text(drawn);
}

double Parameter::number(double drawn) const {
  if (!categorical()) return drawn;
  double number = 0;
  return parse_number(categories_[static_cast<size_t>(drawn)], number)
             ? number
             : std::numeric_limits<double>::quiet_NaN();
}

void Space::add(std::string_view name, std::string_view spec) {
  if (std::ranges::find(parameters_, name, &Parameter::name) != parameters_.end())
    fail(NGD_E_STATE, "the space already has a parameter ", quoted(name, 60));
  Parameter parameter(name, spec, parameters_);
  parameters_.push_back(std::move(parameter));
}

size_t Space::find(std::string_view name) const {
  const auto found = std::ranges::find(parameters_, name, &Parameter::name);
  if (found != parameters_.end()) return static_cast<size_t>(found - parameters_.begin());
  std::vector<std::string_view> names;
  for (const Parameter &parameter : parameters_) names.push_back(parameter.name());
  const std::string_view near = nearest(name, names);
  fail(NGD_E_NOT_FOUND, "the space has no parameter ", quoted(name, 60),
       near.empty() ? std::string() : concat("; did you mean ", quoted(near, 60), "?"));
}

Drawn Space::draw(uint64_t seed, uint64_t trial, size_t index) const {
  const Parameter &parameter = parameters_[index];
  if (parameter.condition_ != SIZE_MAX) {
    const Drawn other = draw(seed, trial, parameter.condition_);
    if (!other ||
        std::ranges::find(parameter.condition_values_, parameters_[parameter.condition_].text(*other)) ==
            parameter.condition_values_.end())
      return std::nullopt;
  }
  return parameter.draw(seed, trial);
}

}  // namespace ngd
