// Declaring tensors, checking a step, and the walk over tensors and touched rows.
#include "optimizer/optimizer.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "math/reduce.h"
#include "optimizer/rule.h"
#include "optimizer/tensor_state.h"

namespace ngd {
namespace {

bool is_matrix(const Shape &shape) {
  return std::ranges::count_if(shape, [](int64_t size) { return size > 1; }) >= 2;
}

// Elements of `gradient`: the tensor's, or those of the touched rows.
template <class T>
size_t gradient_count(const Optimizer::TensorSpec &spec, const TensorStep<T> &step) {
  if (!spec.rows) return element_count(spec.shape);
  return step.rows.size() * static_cast<size_t>(spec.shape[1]);
}

// Calls body(offset, parameter, gradient, count) for the tensor, or for each touched row; offset counts
// gradient elements.
template <class T, class Body>
void for_each_row(const Optimizer::TensorSpec &spec, const TensorStep<T> &step, Body body) {
  if (!spec.rows) return body(size_t{0}, step.parameter, step.gradient, element_count(spec.shape));
  const size_t width = static_cast<size_t>(spec.shape[1]);
  for (size_t i = 0; i < step.rows.size(); i++)
    body(i * width, step.parameter + step.rows[i] * width, step.gradient + i * width, width);
}

// Calls body(piece) for the tensor, or for each touched row, in order.
template <class T, class Body>
void for_each_piece(const Optimizer::TensorSpec &spec, const TensorStep<T> &step, TensorState &state,
                    Body body) {
  for_each_row(spec, step, [&](size_t, T *parameter, const T *gradient, size_t count) {
    Piece<T> piece = {count, parameter, gradient, {}};
    const size_t start = static_cast<size_t>(parameter - step.parameter);
    for (size_t s = 0; s < state.slot_count(); s++) piece.slot[s] = state.slot<T>(s).data() + start;
    body(piece);
  });
}

// Brings the moments of the touched rows up to date: as many decays as steps in which the row rested.
template <class T>
void wake_rows(const Optimizer::TensorSpec &spec, const TensorStep<T> &step, std::span<const Slot> slots,
               uint64_t now, TensorState &state) {
  const size_t width = static_cast<size_t>(spec.shape[1]);
  for (const uint32_t row : step.rows) {
    uint64_t &touched = state.touched[row];
    // A row that was never touched has moments of zero, or of their initial value: nothing to decay.
    const uint64_t rested = touched == 0 ? 0 : now - touched - 1;
    touched = now;
    if (rested == 0) continue;
    for (size_t s = 0; s < slots.size(); s++) {
      if (slots[s].decay == 1) continue;
      const T factor = static_cast<T>(std::pow(slots[s].decay, static_cast<double>(rested)));
      for (T &value : state.slot<T>(s).subspan(row * width, width)) value *= factor;
    }
  }
}

}  // namespace

Optimizer::Optimizer(std::string_view spec_text) : options_({}, {}, {}) {
  const SpecText spec = parse_spec(spec_text);
  const RuleEntry &entry = find_rule(spec.kind);
  options_ = OptionSet(entry.options, concat("rule ", quoted(spec.kind)), spec.kind);
  options_.set_all(spec);
  rule_ = entry.create();
  rule_->configure(options_);
}

Optimizer::~Optimizer() = default;

void Optimizer::set(std::string_view name, double value) {
  configure([&](OptionSet &options) { options.set(name, value); });
}

void Optimizer::set_text(std::string_view name, std::string_view value) {
  configure([&](OptionSet &options) { options.set_text(name, value); });
}

template <class Change>
void Optimizer::configure(Change change) {
  OptionSet changed = options_;
  change(changed);
  try {
    rule_->configure(changed);
  } catch (...) {
    rule_->configure(options_);
    throw;
  }
  options_ = std::move(changed);
}

void Optimizer::add(Element element, std::string_view name, std::span<const int64_t> shape) {
  add_tensor(element, name, shape, false);
}

void Optimizer::add_rows(Element element, std::string_view name, std::span<const int64_t> shape) {
  if (shape.size() != 2)
    fail(NGD_E_SHAPE, "a table of rows has two dimensions, but \"", name, "\" is ", shape_text(shape));
  add_tensor(element, name, shape, true);
}

void Optimizer::add_tensor(Element element, std::string_view name, std::span<const int64_t> shape, bool rows) {
  if (step_count_ != 0)
    fail(NGD_E_STATE, "tensor ", quoted(name),
         " cannot be added after the first step; declare all tensors first");
  if (element_ != Element::none && element_ != element)
    fail(NGD_E_STATE, "tensor ", quoted(name), " is ", element == Element::f32 ? "float32" : "float64",
         ", but the tensors before it are not; use one optimizer for each element type");
  if (name.empty() || name.size() > 255)
    fail(NGD_E_ARGUMENT, "a tensor's name has 1 to 255 bytes, not ", name.size());
  for (const TensorSpec &spec : specs_) {
    if (spec.name == name)
      fail(NGD_E_ARGUMENT, "there is already a tensor ", quoted(name), "; names must differ");
  }
  if (shape.size() > 8)
    fail(NGD_E_SHAPE, "tensor ", quoted(name), " has ", shape.size(), " dimensions; at most 8 are possible");
  const TensorSpec spec = {std::string(name), Shape(shape.begin(), shape.end()), rows};
  states_.push_back(TensorState(spec, element, rule_->slots().size()));
  specs_.push_back(spec);
  element_ = element;
}

template <class T>
void Optimizer::check(std::span<const TensorStep<T>> tensors) const {
  if (specs_.empty()) fail(NGD_E_STATE, "the optimizer has no tensors; declare them first");
  if (element_ != element_of<T>)
    fail(NGD_E_STATE, "the tensors were declared as ", element_ == Element::f32 ? "float32" : "float64",
         "; use the functions of that type");
  if (tensors.size() != specs_.size())
    fail(NGD_E_SHAPE, "the step has ", tensors.size(), " tensors, but ", specs_.size(), " were declared");
}

template <class T>
void Optimizer::step(std::span<const TensorStep<T>> tensors) {
  check(tensors);
  if (rule_->penalty() > 0 && !combined_)
    fail(NGD_E_STATE, perturbed_
                          ? "the parameters are still perturbed; call restore before the step"
                          : "grad_penalty is on: call perturb and restore before each step, or set it to 0");
  double squares = 0;
  for (size_t i = 0; i < tensors.size(); i++) {
    const size_t count = gradient_count(specs_[i], tensors[i]);
    if (!all_finite(tensors[i].gradient, count)) {
      combined_ = false;
      if (options_.choice("nonfinite") == "error")
        fail(NGD_E_NOT_FINITE, "the gradient of tensor ", quoted(specs_[i].name), " is not finite at step ",
             step_count_ + 1, "; nothing was changed. Lower the learning_rate, or set nonfinite=skip");
      skip_count_++;
      return;
    }
    if (rule_->wants_gradient_norm()) squares += sum_of_squares(tensors[i].gradient, count);
  }
  const uint64_t now = step_count_ + 1;
  rule_->begin_step(now, std::sqrt(squares));
  if (step_count_ == 0) fill_initial_state();

  // From here on nothing can fail.
  const std::span<const Slot> slots = rule_->slots();
  for (size_t i = 0; i < tensors.size(); i++) {
    const TensorSpec &spec = specs_[i];
    if (spec.rows) wake_rows(spec, tensors[i], slots, now, states_[i]);
    double constants[kMaximumConstants];
    std::ranges::copy(rule_->constants, constants);
    if (rule_->wants_norms(is_matrix(spec.shape))) {
      const MeasureFunction<T> measure = rule_->kernel().measure<T>(target_);
      Norms norms;
      for_each_piece(spec, tensors[i], states_[i],
                     [&](const Piece<T> &piece) { norms.add(measure(piece, constants)); });
      constants[rule_->trust_constant()] = rule_->trust(norms);
    }
    const UpdateFunction<T> update = rule_->kernel().update<T>(target_);
    for_each_piece(spec, tensors[i], states_[i], [&](const Piece<T> &piece) { update(piece, constants); });
  }
  step_count_ = now;
  combined_ = false;
  options_.lock();
}

void Optimizer::fill_initial_state() {
  const std::span<const Slot> slots = rule_->slots();
  for (TensorState &state : states_) {
    for (size_t s = 0; s < slots.size(); s++) {
      if (slots[s].initial != 0) state.fill(s, slots[s].initial);
    }
  }
}

bool Optimizer::wants_second_gradient() const {
  return rule_->penalty() > 0;
}

template <class T>
void Optimizer::perturb(std::span<const TensorStep<T>> tensors) {
  if (options_.kind() != "ngd")
    fail(NGD_E_UNSUPPORTED, "rule ", quoted(options_.kind()),
         " has no gradient-norm penalty; use rule \"ngd\"");
  if (rule_->penalty() == 0) fail(NGD_E_STATE, "grad_penalty is 0; set it above 0 before perturb");
  if (perturbed_) fail(NGD_E_STATE, "the parameters are already perturbed; call restore first");
  check(tensors);
  double squares = 0;
  for (size_t i = 0; i < tensors.size(); i++)
    squares += sum_of_squares(tensors[i].gradient, gradient_count(specs_[i], tensors[i]));
  const double norm = std::sqrt(squares);
  if (!std::isfinite(norm)) fail(NGD_E_NOT_FINITE, "the gradient's norm is ", norm, "; nothing was moved");

  auto saved = std::make_unique<Perturbed>();
  for (size_t i = 0; i < tensors.size(); i++) {
    const size_t count = gradient_count(specs_[i], tensors[i]);
    saved->parameters.push_back(TensorState(count, element_of<T>));
    saved->gradients.push_back(TensorState(count, element_of<T>));
  }
  // g = 0 leaves the parameters where they are: there is no direction to move along.
  const T factor = static_cast<T>(norm > 0 ? rule_->penalty_radius() / norm : 0);
  for (size_t i = 0; i < tensors.size(); i++) {
    T *parameters = saved->parameters[i].template slot<T>(0).data();
    T *gradients = saved->gradients[i].template slot<T>(0).data();
    for_each_row(specs_[i], tensors[i], [&](size_t offset, T *w, const T *g, size_t count) {
      std::copy_n(w, count, parameters + offset);
      std::copy_n(g, count, gradients + offset);
      for (size_t k = 0; k < count; k++) w[k] += factor * g[k];
    });
  }
  perturbed_ = std::move(saved);
  combined_ = false;
}

template <class T>
void Optimizer::restore(std::span<const TensorStep<T>> tensors) {
  if (!perturbed_) fail(NGD_E_STATE, "the parameters are not perturbed; call perturb first");
  check(tensors);
  for (size_t i = 0; i < tensors.size(); i++) {
    if (gradient_count(specs_[i], tensors[i]) != perturbed_->parameters[i].template slot<T>(0).size())
      fail(NGD_E_SHAPE, "tensor ", quoted(specs_[i].name),
           " has other rows than when it was perturbed; use the same batch");
  }
  const T second = static_cast<T>(rule_->penalty()), first = static_cast<T>(1 - rule_->penalty());
  for (size_t i = 0; i < tensors.size(); i++) {
    const T *parameters = perturbed_->parameters[i].template slot<T>(0).data();
    const T *gradients = perturbed_->gradients[i].template slot<T>(0).data();
    for_each_row(specs_[i], tensors[i], [&](size_t offset, T *w, const T *g, size_t count) {
      std::copy_n(parameters + offset, count, w);
      // The contract of restore: the caller's gradient arrays may be written.
      T *combined = const_cast<T *>(g);
      for (size_t k = 0; k < count; k++) combined[k] = first * gradients[offset + k] + second * g[k];
    });
  }
  perturbed_.reset();
  combined_ = true;
}

template void Optimizer::step(std::span<const TensorStep<float>>);
template void Optimizer::step(std::span<const TensorStep<double>>);
template void Optimizer::perturb(std::span<const TensorStep<float>>);
template void Optimizer::perturb(std::span<const TensorStep<double>>);
template void Optimizer::restore(std::span<const TensorStep<float>>);
template void Optimizer::restore(std::span<const TensorStep<double>>);

}  // namespace ngd
