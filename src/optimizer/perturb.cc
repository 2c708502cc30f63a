// The gradient-norm penalty's two halves: moving the parameters along the gradient, and putting them back.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "math/reduce.h"
#include "optimizer/optimizer.h"
#include "optimizer/perturbed.h"

namespace ngd {
namespace {

// Elements of `gradient`: the tensor's, or those of the touched rows.
template <class T>
size_t gradient_count(const TensorSpec &spec, const TensorStep<T> &step) {
  if (!spec.rows) return element_count(spec.shape);
  return step.rows.size() * static_cast<size_t>(spec.shape[1]);
}

// Calls body(offset, parameter, gradient, count) for the tensor, or for each touched row; offset counts
// gradient elements.
template <class T, class Body>
void for_each_row(const TensorSpec &spec, const TensorStep<T> &step, Body body) {
  if (!spec.rows) return body(size_t{0}, step.parameter, step.gradient, element_count(spec.shape));
  const size_t width = static_cast<size_t>(spec.shape[1]);
  for (size_t i = 0; i < step.rows.size(); i++)
    body(i * width, step.parameter + step.rows[i] * width, step.gradient + i * width, width);
}

}  // namespace

template <class T>
void Optimizer::perturb(std::span<const TensorStep<T>> tensors) {
  const Rule &rule = *groups_.front().rule;
  const std::vector<TensorSpec> &specs = sweep_.specs;
  if (options().kind() != "ngd")
    fail(NGD_E_UNSUPPORTED, "rule ", quoted(options().kind()),
         " has no gradient-norm penalty; use rule \"ngd\"");
  if (rule.penalty() == 0) fail(NGD_E_STATE, "grad_penalty is 0; set it above 0 before perturb");
  if (perturbed_) fail(NGD_E_STATE, "the parameters are already perturbed; call restore first");
  check(tensors);
  double squares = 0;
  for (size_t i = 0; i < tensors.size(); i++)
    squares += sum_of_squares(tensors[i].gradient, gradient_count(specs[i], tensors[i]));
  const double norm = std::sqrt(squares);
  if (!std::isfinite(norm)) fail(NGD_E_NOT_FINITE, "the gradient's norm is ", norm, "; nothing was moved");

  auto saved = std::make_unique<Perturbed>();
  for (size_t i = 0; i < tensors.size(); i++) {
    const size_t count = gradient_count(specs[i], tensors[i]);
    saved->parameters.emplace_back(element_of<T> == Element::f64 ? Storage::f64 : Storage::f32, count, count);
    saved->gradients.emplace_back(element_of<T> == Element::f64 ? Storage::f64 : Storage::f32, count, count);
  }
  // g = 0 leaves the parameters where they are: there is no direction to move along.
  const T factor = static_cast<T>(norm > 0 ? rule.penalty_radius() / norm : 0);
  for (size_t i = 0; i < tensors.size(); i++) {
    T *parameters = saved->parameters[i].template values<T>();
    T *gradients = saved->gradients[i].template values<T>();
    for_each_row(specs[i], tensors[i], [&](size_t offset, T *w, const T *g, size_t count) {
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
  const Rule &rule = *groups_.front().rule;
  const std::vector<TensorSpec> &specs = sweep_.specs;
  if (!perturbed_) fail(NGD_E_STATE, "the parameters are not perturbed; call perturb first");
  check(tensors);
  for (size_t i = 0; i < tensors.size(); i++) {
    if (gradient_count(specs[i], tensors[i]) != perturbed_->parameters[i].count())
      fail(NGD_E_SHAPE, "tensor ", quoted(specs[i].name),
           " has other rows than when it was perturbed; use the same batch");
  }
  const T second = static_cast<T>(rule.penalty()), first = static_cast<T>(1 - rule.penalty());
  for (size_t i = 0; i < tensors.size(); i++) {
    const T *parameters = perturbed_->parameters[i].template values<T>();
    const T *gradients = perturbed_->gradients[i].template values<T>();
    for_each_row(specs[i], tensors[i], [&](size_t offset, T *w, const T *g, size_t count) {
      std::copy_n(parameters + offset, count, w);
      // The contract of restore: the caller's gradient arrays may be written.
      T *combined = const_cast<T *>(g);
      for (size_t k = 0; k < count; k++) combined[k] = first * gradients[offset + k] + second * g[k];
    });
  }
  perturbed_.reset();
  combined_ = true;
}

template void Optimizer::perturb(std::span<const TensorStep<float>>);
template void Optimizer::perturb(std::span<const TensorStep<double>>);
template void Optimizer::restore(std::span<const TensorStep<float>>);
template void Optimizer::restore(std::span<const TensorStep<double>>);

}  // namespace ngd
