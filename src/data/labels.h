// The labels of a table: numbers, or classes that are numbered anew whenever a new name appears.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/samples.h"
#include "data/interner.h"

namespace ngd {

// The option label_type.
enum class LabelChoice { automatic, number, category };
LabelChoice label_choice(std::string_view text);

class Labels {
 public:
  LabelKind kind() const { return kind_; }
  bool present() const { return !number_.empty() || !category_.empty(); }
  const std::vector<std::string> &class_names() const { return class_names_; }

  void add_number(float value) { number_.push_back(value); }
  void add_text(std::string_view text);
  // Labels from an array, where category k is the class numbered k. `names` (the option classes) names the
  // classes when these are the first labels; they keep that order. Throws before anything has changed.
  void add_array(const float *labels, size_t rows, LabelChoice choice,
                 const std::vector<std::string_view> &names);
  // Called when a load or append is complete: decides the kind when none is decided, and numbers the classes.
  // Throws before anything has changed.
  void settle(LabelChoice choice);

  float number(uint64_t row) const { return number_[row]; }
  int32_t category(uint64_t row) const { return class_of_[category_[row]]; }

  struct Mark {
    size_t number, category, classes;
  };
  Mark mark() const { return {number_.size(), category_.size(), classes_.size()}; }
  // Undoes what was added since `mark` and was not settled.
  void rewind(const Mark &mark) noexcept;
  void shrink();

 private:
  bool every_class_is_a_fitting_number() const;
  void number_classes();

  LabelKind kind_ = LabelKind::none;
  std::vector<float> number_;       // a number a row
  std::vector<uint32_t> category_;  // a name a row, by order of first appearance
  Interner classes_;                // the names in that order
  std::vector<int32_t> class_of_;   // name to class
  std::vector<std::string> class_names_;
  bool named_ = false;  // the classes came with names, in order
};

}  // namespace ngd
