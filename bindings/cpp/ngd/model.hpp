// Models: linear, multilayer perceptron and text classifier, whole or by parts.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "ngd/dataset.hpp"
#include "ngd/handle.hpp"
#include "ngd/optimizer.hpp"

namespace ngd {
inline namespace cpp {

// A linear model, multilayer perceptron or text classifier.
class Model : public detail::Handle<ngd_model, detail::model_functions> {
 public:
  explicit Model(const std::string &spec) : Handle(spec) {}
  static Model load(const std::string &path) {
    ngd_model *made = nullptr;
    detail::check(ngd_model_load, detail::text(path), &made);
    return Model(made);
  }
  static std::vector<std::string> kinds() { return detail::names(ngd_model_kind); }
  static std::vector<Option> describe(const std::string &kind) {
    return detail::options([&](size_t index, ngd_option_info *info, ngd_error *error) {
      return ngd_model_describe(detail::text(kind), index, info, error);
    });
  }
  std::vector<Option> options() const { return describe(kind()); }

  void prepare() { detail::check(ngd_model_prepare, raw(), nullptr); }  // from the options inputs and outputs
  void prepare(const Dataset &training) { detail::check(ngd_model_prepare, raw(), training.raw()); }
  size_t input_count() const noexcept { return ngd_model_input_count(raw()); }
  size_t output_count() const noexcept { return ngd_model_output_count(raw()); }
  std::vector<std::string> class_names() const {
    std::vector<std::string> result(ngd_model_class_count(raw()));
    for (size_t index = 0; index < result.size(); index++)
      result[index] = detail::read_text(ngd_model_get_class, raw(), index);
    return result;
  }

  // By parts: outputs of rows of input_count() numbers; then the loss against targets; then a step.
  std::vector<float> forward(std::span<const float> features) {
    return forward(ngd_model_forward_f32, features);
  }
  std::vector<double> forward(std::span<const double> features) {
    return forward(ngd_model_forward_f64, features);
  }
  double backward(std::span<const float> targets) { return backward(ngd_model_backward_f32, targets); }
  double backward(std::span<const double> targets) { return backward(ngd_model_backward_f64, targets); }
  void step(Optimizer &optimizer) { detail::check(ngd_model_step, raw(), optimizer.raw()); }

  // Whole: one training step on rows of a dataset; the mean loss before it.
  double train_batch(Optimizer &optimizer, const Dataset &dataset, std::span<const uint64_t> rows) {
    double loss = 0;
    detail::check(ngd_model_train_batch, raw(), optimizer.raw(), dataset.raw(), rows.data(), rows.size(),
                  &loss);
    return loss;
  }
  // The same with a weight a row, which Icea::draw() gives; tells the losses and answers that Icea::record() takes.
  double train_weighted(Optimizer &optimizer, const Dataset &dataset, std::span<const uint64_t> rows,
                        std::span<const float> weights, std::span<float> losses, std::span<int32_t> correct) {
    for (const size_t size : {weights.size(), losses.size(), correct.size()}) {
      if (size != rows.size())
        throw Error(NGD_E_SHAPE, "an array has " + std::to_string(size) + " entries, but there are " +
                                     std::to_string(rows.size()) + " rows");
    }
    double loss = 0;
    detail::check(ngd_model_train_weighted, raw(), optimizer.raw(), dataset.raw(), rows.data(), weights.data(),
                  rows.size(), losses.data(), correct.data(), &loss);
    return loss;
  }
  // rows x output_count() numbers: values of a regression, probabilities otherwise.
  std::vector<float> predict(const Dataset &dataset) const {
    const size_t rows = dataset.rows();
    std::vector<float> outputs(rows * output_count());
    detail::check(ngd_model_predict_f32, raw(), dataset.raw(), size_t{0}, rows, outputs.data(), outputs.size());
    return outputs;
  }
  ngd_metrics evaluate(const Dataset &dataset) const {
    auto metrics = detail::sized<ngd_metrics>();
    detail::check(ngd_model_evaluate, raw(), dataset.raw(), &metrics);
    return metrics;
  }

  std::vector<TensorInfo> tensors() const {
    return detail::tensors(raw(), ngd_model_tensor_count(raw()), ngd_model_tensor);
  }
  template <Element T>
  std::vector<T> get_tensor(size_t index) const {
    const auto function = [] {
      if constexpr (std::is_same_v<T, float>)
        return ngd_model_get_tensor_f32;
      else
        return ngd_model_get_tensor_f64;
    }();
    std::vector<T> values(element_count(index));
    detail::check(function, raw(), index, values.data(), values.size());
    return values;
  }
  void set_tensor(size_t index, std::span<const float> values) {
    detail::check(ngd_model_set_tensor_f32, raw(), index, values.data(), values.size());
  }
  void set_tensor(size_t index, std::span<const double> values) {
    detail::check(ngd_model_set_tensor_f64, raw(), index, values.data(), values.size());
  }
  std::vector<double> gradient(size_t index) const {
    std::vector<double> values(element_count(index));
    detail::check(ngd_model_get_gradient_f64, raw(), index, values.data(), values.size());
    return values;
  }
  void save(const std::string &path) const { detail::check(ngd_model_save, raw(), detail::text(path)); }

 private:
  explicit Model(ngd_model *handle) : Handle(handle) {}

  size_t element_count(size_t index) const {
    auto info = detail::sized<ngd_tensor_info>();
    detail::check(ngd_model_tensor, raw(), index, &info);
    return info.elements;
  }
  template <class Function, class T>
  std::vector<T> forward(Function *function, std::span<const T> features) {
    const size_t inputs = input_count(), rows = inputs == 0 ? 0 : features.size() / inputs;
    if (inputs != 0 && rows * inputs != features.size())
      throw Error(NGD_E_SHAPE, std::to_string(features.size()) + " features do not make rows of " +
                                   std::to_string(inputs) + " inputs");
    std::vector<T> outputs(rows * output_count());
    detail::check(function, raw(), features.data(), rows, outputs.data(), outputs.size());
    return outputs;
  }
  template <class Function, class T>
  double backward(Function *function, std::span<const T> targets) {
    double loss = 0;
    detail::check(function, raw(), targets.data(), targets.size(), &loss);
    return loss;
  }
};

}  // namespace cpp
}  // namespace ngd
