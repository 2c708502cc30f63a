// Optimizers: gradients in, better parameters out, for a model of your own.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "ngd/handle.hpp"

namespace ngd {
inline namespace cpp {

// Gradients in, better parameters out, for a model of your own.
class Optimizer : public detail::Handle<ngd_optimizer, detail::optimizer_functions> {
 public:
  explicit Optimizer(const std::string &spec = "ngd") : Handle(spec) {}
  static std::vector<std::string> rules() { return detail::names(ngd_optimizer_rule); }
  static std::vector<Option> describe(const std::string &rule) {
    return detail::options([&](size_t index, ngd_option_info *info, ngd_error *error) {
      return ngd_optimizer_describe(detail::text(rule), index, info, error);
    });
  }
  std::vector<Option> options() const { return describe(kind()); }

  template <Element T>
  void add(const std::string &name, std::span<const int64_t> shape) {
    const auto function = std::is_same_v<T, float> ? ngd_optimizer_add_f32 : ngd_optimizer_add_f64;
    detail::check(function, raw(), detail::text(name), shape.data(), shape.size());
  }
  template <Element T>
  void add(const std::string &name, Shape shape) {
    add<T>(name, std::span<const int64_t>(shape.begin(), shape.size()));
  }
  std::vector<TensorInfo> tensors() const {
    return detail::tensors(raw(), ngd_optimizer_tensor_count(raw()), ngd_optimizer_tensor);
  }

  // One span for each tensor, in the order of declaration: optimizer.step({w, b}, {w_gradient, b_gradient}).
  // Sizes are checked.
  template <class T>
  using Spans = std::initializer_list<std::span<T>>;
  void step(Spans<float> parameters, Spans<const float> gradients) {
    call(ngd_optimizer_step_f32, parameters, gradients);
  }
  void step(Spans<double> parameters, Spans<const double> gradients) {
    call(ngd_optimizer_step_f64, parameters, gradients);
  }
  void perturb(Spans<float> parameters, Spans<const float> gradients) {
    call(ngd_optimizer_perturb_f32, parameters, gradients);
  }
  void perturb(Spans<double> parameters, Spans<const double> gradients) {
    call(ngd_optimizer_perturb_f64, parameters, gradients);
  }
  void restore(Spans<float> parameters, Spans<float> gradients) {
    call(ngd_optimizer_restore_f32, parameters, gradients);
  }
  void restore(Spans<double> parameters, Spans<double> gradients) {
    call(ngd_optimizer_restore_f64, parameters, gradients);
  }
  // Pointers as the C contract takes them, for lists made once and used for many steps; sizes are the caller's
  // care.
  void step_pointers(std::span<float *const> parameters, std::span<const float *const> gradients) {
    same_count(parameters.size(), gradients.size());
    detail::check(ngd_optimizer_step_f32, raw(), parameters.data(), gradients.data(), parameters.size());
  }
  void step_pointers(std::span<double *const> parameters, std::span<const double *const> gradients) {
    same_count(parameters.size(), gradients.size());
    detail::check(ngd_optimizer_step_f64, raw(), parameters.data(), gradients.data(), parameters.size());
  }

  uint64_t step_count() const noexcept { return ngd_optimizer_step_count(raw()); }
  uint64_t skip_count() const noexcept { return ngd_optimizer_skip_count(raw()); }
  uint64_t zero_count() const noexcept { return ngd_optimizer_zero_count(raw()); }
  double gradient_norm() const noexcept { return ngd_optimizer_gradient_norm(raw()); }
  // Of the next step: the option times what the schedule makes of it.
  double learning_rate() const noexcept { return ngd_optimizer_learning_rate(raw()); }
  void report(double loss) { detail::check(ngd_optimizer_report, raw(), loss); }

  // Tensors whose names match `pattern` ("*.bias", "@vectors") have `options` of their own ("weight_decay=0").
  void add_group(const std::string &group, const std::string &pattern, const std::string &options) {
    detail::check(ngd_optimizer_add_group, raw(), detail::text(group), detail::text(pattern),
                  detail::text(options));
  }
  void set_group(const std::string &group, const std::string &name, double value) {
    detail::check(ngd_optimizer_set_group, raw(), detail::text(group), detail::text(name), value);
  }
  void set_group(const std::string &group, const std::string &name, const std::string &value) {
    detail::check(ngd_optimizer_set_group_text, raw(), detail::text(group), detail::text(name),
                  detail::text(value));
  }
  // The averaged parameters, of the option average or of a rule that has its own.
  void average(Spans<const float> parameters, Spans<float> averages) const {
    write_averages(ngd_optimizer_average_f32, parameters, averages);
  }
  void average(Spans<const double> parameters, Spans<double> averages) const {
    write_averages(ngd_optimizer_average_f64, parameters, averages);
  }
  // Takes the state of tensors that the file has under the same name and shape; returns how many.
  size_t load_matching(const std::string &path) {
    size_t matched = 0;
    detail::check(ngd_optimizer_load_matching, raw(), detail::text(path), &matched);
    return matched;
  }
  void save(const std::string &path) const { detail::check(ngd_optimizer_save, raw(), detail::text(path)); }
  void load(const std::string &path) { detail::check(ngd_optimizer_load, raw(), detail::text(path)); }

 private:
  static void same_count(size_t parameters, size_t gradients) {
    if (parameters != gradients)
      throw Error(NGD_E_SHAPE, std::to_string(parameters) + " parameter arrays, but " +
                                   std::to_string(gradients) + " gradient arrays");
  }

  template <class Function, class T, class Gradient>
  void call(Function *function, Spans<T> parameters, Spans<Gradient> gradients) {
    same_count(parameters.size(), gradients.size());
    if (sizes_.size() != ngd_optimizer_tensor_count(raw())) {  // tensors are only ever added
      sizes_.clear();
      for (const TensorInfo &info : tensors()) sizes_.push_back(info.elements);
    }
    std::vector<T *> parameter_pointers;
    std::vector<Gradient *> gradient_pointers;
    for (size_t index = 0; index < parameters.size(); index++) {
      const std::span<T> parameter = parameters.begin()[index];
      const std::span<Gradient> gradient = gradients.begin()[index];
      const size_t size = index < sizes_.size() ? sizes_[index] : parameter.size();
      if (parameter.size() != size || gradient.size() != size)
        throw Error(NGD_E_SHAPE, "tensor number " + std::to_string(index) + " has " + std::to_string(size) +
                                     " elements, but the parameters " + std::to_string(parameter.size()) +
                                     " and the gradient " + std::to_string(gradient.size()));
      parameter_pointers.push_back(parameter.data());
      gradient_pointers.push_back(gradient.data());
    }
    detail::check(function, raw(), parameter_pointers.data(), gradient_pointers.data(), parameters.size());
  }

  template <class Function, class T>
  void write_averages(Function *function, Spans<const T> parameters, Spans<T> averages) const {
    same_count(parameters.size(), averages.size());
    const std::vector<TensorInfo> infos = tensors();
    std::vector<const T *> from;
    std::vector<T *> to;
    for (size_t index = 0; index < parameters.size(); index++) {
      const std::span<const T> parameter = parameters.begin()[index];
      const std::span<T> average = averages.begin()[index];
      if (index < infos.size() &&
          (parameter.size() != infos[index].elements || average.size() != infos[index].elements))
        throw Error(NGD_E_SHAPE, "tensor " + infos[index].name + " has " +
                                     std::to_string(infos[index].elements) + " elements, but the arrays " +
                                     std::to_string(parameter.size()) + " and " +
                                     std::to_string(average.size()));
      from.push_back(parameter.data());
      to.push_back(average.data());
    }
    detail::check(function, raw(), from.data(), to.data(), from.size());
  }

  std::vector<size_t> sizes_;
};

}  // namespace cpp
}  // namespace ngd
