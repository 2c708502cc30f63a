// Labels: deciding between numbers and categories, and numbering classes.
#include "data/labels.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/text.h"

namespace ngd {
namespace {

// Array labels beyond this are taken for numbers, or refused: every class up to the largest has a name.
constexpr float kArrayClasses = 1048576;

bool whole(double value) {
  return std::floor(value) == value && std::isfinite(value);
}

// One spelling for one whole number: "+1" and "1.0" are the class "1".
std::string_view canonical(std::string_view text) {
  if (text.size() < 2) return text;
  std::string_view digits = text;
  if (digits[0] == '+' || digits[0] == '-') digits.remove_prefix(1);
  const size_t count = std::min(digits.find_first_not_of("0123456789"), digits.size());
  if (count == 0) return text;
  std::string_view rest = digits.substr(count);
  if (!rest.empty() && (rest[0] != '.' || rest.find_first_not_of('0', 1) != std::string_view::npos))
    return text;
  return text[0] == '-' ? text.substr(0, count + 1) : digits.substr(0, count);
}

}  // namespace

LabelChoice label_choice(std::string_view text) {
  if (text == "number") return LabelChoice::number;
  return text == "category" ? LabelChoice::category : LabelChoice::automatic;
}

void Labels::add_text(std::string_view text) {
  category_.push_back(classes_.add(canonical(text)));
}

void Labels::add_array(const float *labels, size_t rows, LabelChoice choice,
                       const std::vector<std::string_view> &names) {
  for (size_t i = 0; i < rows; i++) {
    if (!std::isfinite(labels[i]))
      fail(NGD_E_NOT_FINITE, "labels[", i, "] is ", labels[i], ", expected a finite number");
  }
  LabelKind kind = kind_;
  const bool naming = kind == LabelKind::none && !names.empty() && choice != LabelChoice::number;
  if (naming) {
    kind = LabelKind::category;
  } else if (kind == LabelKind::none) {
    kind = choice == LabelChoice::number ? LabelKind::number : LabelKind::category;
    if (choice == LabelChoice::automatic && !std::all_of(labels, labels + rows, [](float label) {
          return whole(label) && label >= 0 && label < kArrayClasses;
        }))
      kind = LabelKind::number;
  }
  if (kind == LabelKind::number) {
    number_.insert(number_.end(), labels, labels + rows);
    return;
  }
  // Classes that are the numbers 0, 1, 2, ... grow with the labels; classes with names of their own do not.
  bool growing = !naming && !named_;
  for (size_t i = 0; i < class_names_.size() && growing; i++) growing = class_names_[i] == std::to_string(i);
  const size_t known = naming ? names.size() : class_names_.size();
  const float limit = growing ? kArrayClasses : static_cast<float>(known);
  float largest = -1;
  for (size_t i = 0; i < rows; i++) {
    if (!whole(labels[i]) || labels[i] < 0 || labels[i] >= limit)
      fail(NGD_E_RANGE, "labels[", i, "] is ", labels[i], ", expected a class: a whole number from 0 to ",
           limit - 1,
           naming || named_ ? "; name every class in the option \"classes\""
                            : "; set label_type=number before the first rows if labels are numbers");
    largest = std::max(largest, labels[i]);
  }
  if (naming) {
    for (const std::string_view name : names) classes_.add(name);
    named_ = true;
    number_classes();
  }
  std::vector<uint32_t> name_of(class_names_.size());
  for (size_t name = 0; name < class_of_.size(); name++)
    name_of[static_cast<size_t>(class_of_[name])] = static_cast<uint32_t>(name);
  for (size_t k = name_of.size(); static_cast<float>(k) <= largest; k++)
    name_of.push_back(classes_.add(std::to_string(k)));
  for (size_t i = 0; i < rows; i++) category_.push_back(name_of[static_cast<size_t>(labels[i])]);
}

// True when every class is a number and one of them is not whole.
bool Labels::every_class_is_a_fitting_number() const {
  bool fraction = false;
  for (const std::string &name : classes_.words()) {
    double value;
    if (!parse_number(name, value) || !std::isfinite(static_cast<float>(value))) return false;
    fraction = fraction || !whole(value);
  }
  return fraction;
}

void Labels::settle(LabelChoice choice) {
  if (!present()) return;
  if (kind_ == LabelKind::none && choice == LabelChoice::automatic && number_.empty() &&
      every_class_is_a_fitting_number()) {
    std::vector<float> values;
    for (const std::string &name : classes_.words()) {
      double value = 0;
      parse_number(name, value);
      values.push_back(static_cast<float>(value));
    }
    std::vector<float> number;
    number.reserve(category_.size());
    for (const uint32_t name : category_) number.push_back(values[name]);
    number_ = std::move(number);
    category_ = {};
    classes_ = {};
  }
  if (!category_.empty() && classes_.size() != class_names_.size()) number_classes();
  kind_ = category_.empty() ? LabelKind::number : LabelKind::category;
}

// Classes are in order of first appearance, unless all are whole numbers that were not given in an order: then
// they are sorted.
void Labels::number_classes() {
  const size_t count = classes_.size();
  std::vector<double> values(count);
  bool all_whole = !named_;
  for (size_t name = 0; name < count && all_whole; name++)
    all_whole = parse_number(classes_[name], values[name]) && whole(values[name]);
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  if (all_whole)
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<int32_t> class_of(count);
  std::vector<std::string> class_names;
  class_names.reserve(count);
  for (size_t k = 0; k < count; k++) {
    class_of[order[k]] = static_cast<int32_t>(k);
    class_names.push_back(classes_[order[k]]);
  }
  class_of_ = std::move(class_of);
  class_names_ = std::move(class_names);
}

void Labels::rewind(const Mark &mark) noexcept {
  number_.resize(mark.number);
  category_.resize(mark.category);
  classes_.truncate(mark.classes);
  if (mark.classes != 0) return;
  class_of_.clear();
  class_names_.clear();
  named_ = false;
}

void Labels::shrink() {
  number_.shrink_to_fit();
  category_.shrink_to_fit();
}

}  // namespace ngd
