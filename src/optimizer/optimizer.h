// The optimizer: one rule, its options, and the state of a list of named tensors; takes steps over all of them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/option.h"
#include "base/state.h"
#include "math/simd.h"

namespace ngd {

class Rule;         // rule.h
class TensorState;  // tensor_state.h: the state arrays of one tensor

// One tensor's part in a step. Dense: `gradient` is shaped as the tensor. Row-sparse (declared with add_rows):
// `rows` lists the touched rows, rising and without repetition, and `gradient` holds just those rows, packed.
template <class T>
struct TensorStep {
  T *parameter = nullptr;
  const T *gradient = nullptr;
  std::span<const uint32_t> rows{};
};

enum class Element { none, f32, f64 };
template <class T>
inline constexpr Element element_of = std::is_same_v<T, float> ? Element::f32 : Element::f64;

class Optimizer {
 public:
  explicit Optimizer(std::string_view spec);
  ~Optimizer();

  const OptionSet &options() const { return options_; }
  void set(std::string_view name, double value);
  void set_text(std::string_view name, std::string_view value);

  void add(Element element, std::string_view name, std::span<const int64_t> shape);
  // A table whose gradients touch few rows a step. A row rests between its touches: its parameters do not move
  // and its moments decay as if the gradients in between had been zero. Rank 2.
  void add_rows(Element element, std::string_view name, std::span<const int64_t> shape);

  // True when the tensors are exactly these, in this order.
  struct TensorSpec {
    std::string name;
    Shape shape;
    bool rows = false;
    friend bool operator==(const TensorSpec &, const TensorSpec &) = default;
  };
  const std::vector<TensorSpec> &tensors() const { return specs_; }
  Element element() const { return element_; }

  template <class T>
  void step(std::span<const TensorStep<T>> tensors);

  // grad_penalty: whether a second gradient is needed, and the two halves of it. `gradient` of each step is
  // replaced by the combination in restore, so it must point to memory that may be written.
  bool wants_second_gradient() const;
  template <class T>
  void perturb(std::span<const TensorStep<T>> tensors);
  template <class T>
  void restore(std::span<const TensorStep<T>> tensors);

  // Which vector instructions to use: by default the widest that the CPU has. All give the same bits.
  void use_target(Target target) { target_ = target; }

  uint64_t step_count() const { return step_count_; }
  uint64_t skip_count() const { return skip_count_; }

  void save(StateWriter &writer) const;
  void load(const StateReader &reader);

 private:
  template <class Change>
  void configure(Change change);  // all or nothing
  template <class T>
  void check(std::span<const TensorStep<T>> tensors) const;
  void add_tensor(Element element, std::string_view name, std::span<const int64_t> shape, bool rows);
  void fill_initial_state();
  void swap(Optimizer &other);

  std::unique_ptr<Rule> rule_;
  OptionSet options_;
  Element element_ = Element::none;
  std::vector<TensorSpec> specs_;
  std::vector<TensorState> states_;
  uint64_t step_count_ = 0;
  uint64_t skip_count_ = 0;
  struct Perturbed;
  std::unique_ptr<Perturbed> perturbed_;
  Target target_ = best_target();
  bool combined_ = false;  // restore has been called since the last step
};

// The rules, for listing and describing.
const char *rule_name(size_t index);  // nullptr past the last
std::span<const OptionSpec> rule_options(std::string_view rule);

}  // namespace ngd
