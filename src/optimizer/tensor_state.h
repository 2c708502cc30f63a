// The state arrays of one tensor: one per slot of the rule, of the tensor's element type.
#pragma once

#include <span>
#include <variant>
#include <vector>

#include "base/state.h"
#include "optimizer/optimizer.h"

namespace ngd {

class TensorState {
 public:
  TensorState(const Optimizer::TensorSpec &spec, Element element, size_t slots)
      : TensorState(element_count(spec.shape), element, slots) {
    if (spec.rows) touched.resize(static_cast<size_t>(spec.shape[0]));
  }
  // One or more arrays of `count` zeros.
  TensorState(size_t count, Element element, size_t slots = 1) : element_(element) {
    for (size_t s = 0; s < slots; s++) {
      if (element == Element::f32)
        slots_.emplace_back(std::vector<float>(count));
      else
        slots_.emplace_back(std::vector<double>(count));
    }
  }

  size_t slot_count() const { return slots_.size(); }
  template <class T>
  std::span<T> slot(size_t index) {
    return std::get<std::vector<T>>(slots_[index]);
  }
  template <class T>
  std::span<const T> slot(size_t index) const {
    return std::get<std::vector<T>>(slots_[index]);
  }
  void fill(size_t index, double value) {
    std::visit([&](auto &values) { std::ranges::fill(values, value); }, slots_[index]);
  }
  Element element() const { return element_; }

  std::vector<uint64_t> touched;  // row-sparse tables: the step that last touched each row, 0 for never

 private:
  Element element_;
  std::vector<std::variant<std::vector<float>, std::vector<double>>> slots_;
};

// What perturb keeps until restore.
struct Optimizer::Perturbed {
  std::vector<TensorState> parameters, gradients;
};

}  // namespace ngd
