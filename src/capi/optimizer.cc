// The C contract of optimizers: include/ngd/optimizer.h.
#include "ngd/optimizer.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "base/struct.h"
#include "capi/guard.h"
#include "capi/handles.h"
#include "capi/options.h"

using ngd::guard;
using ngd::require;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

template <class T>
using Tensors = std::vector<ngd::TensorStep<T>>;

// Sixteen-bit elements travel as uint16_t; inside they have types of their own.
template <class T, class Public>
T *inside(Public *array) {
  if constexpr (std::is_same_v<std::remove_const_t<Public>, std::remove_const_t<T>>)
    return array;
  else
    return reinterpret_cast<T *>(array);
}

template <class T, class Parameter, class Gradient>
Tensors<T> tensors(Parameter *const *parameters, Gradient *const *gradients, size_t count,
                   uint16_t *const *copies = nullptr, const uint32_t *const *rows = nullptr,
                   const size_t *row_counts = nullptr) {
  if (count != 0) {
    require(parameters, "parameters");
    require(gradients, "gradients");
  }
  Tensors<T> steps(count);
  for (size_t i = 0; i < count; i++) {
    const bool untouched = row_counts != nullptr && row_counts[i] == 0 && rows[i] != nullptr;
    if (parameters[i] == nullptr) ngd::fail(NGD_E_ARGUMENT, "parameters[", i, "] is NULL, but may not be");
    if (gradients[i] == nullptr && !untouched)
      ngd::fail(NGD_E_ARGUMENT, "gradients[", i, "] is NULL, but may not be");
    if (row_counts != nullptr && row_counts[i] != 0 && rows[i] == nullptr)
      ngd::fail(NGD_E_ARGUMENT, "rows[", i, "] is NULL, but may not be, since row_counts[", i, "] is ",
                row_counts[i]);
    steps[i] = {inside<T>(parameters[i]), inside<const T>(gradients[i])};
    if (copies != nullptr) steps[i].copy = copies[i];
    if (row_counts != nullptr) steps[i].rows = {rows[i], row_counts[i]};
  }
  return steps;
}

ngd_status add(ngd_optimizer *optimizer, ngd::Element element, const char *name, const int64_t *shape,
               size_t rank, ngd_error *error) {
  return guard(error, [&] {
    require(optimizer, "optimizer");
    require(name, "name");
    if (rank != 0) require(shape, "shape");
    optimizer->object->add(element, name, {shape, rank});
  });
}

ngd_status add_rows(ngd_optimizer *optimizer, ngd::Element element, const char *name, const int64_t *shape,
                    size_t rank, ngd_error *error) {
  return guard(error, [&] {
    require(optimizer, "optimizer");
    require(name, "name");
    require(shape, "shape");
    optimizer->object->add_rows(element, name, {shape, rank});
  });
}

template <class T, class Parameter, class Gradient, class Call>
ngd_status with_tensors(ngd_optimizer *optimizer, Parameter *const *parameters, Gradient *const *gradients,
                        size_t count, ngd_error *error, Call call) {
  return guard(error, [&] {
    require(optimizer, "optimizer");
    const Tensors<T> steps = tensors<T>(parameters, gradients, count);
    call(*optimizer->object, std::span<const ngd::TensorStep<T>>(steps));
  });
}

constexpr auto kStep = [](ngd::Optimizer &optimizer, auto steps) { optimizer.step(steps); };
constexpr auto kPerturb = [](ngd::Optimizer &optimizer, auto steps) { optimizer.perturb(steps); };
constexpr auto kRestore = [](ngd::Optimizer &optimizer, auto steps) { optimizer.restore(steps); };

template <class T, class Public>
ngd_status sweep(ngd_optimizer *optimizer, Public *const *parameters, Public *const *gradients,
                 uint16_t *const *copies, size_t count, ngd_error *error) {
  return guard(error, [&] {
    require(optimizer, "optimizer");
    const Tensors<T> steps = tensors<T>(parameters, gradients, count, copies);
    optimizer->object->step(std::span<const ngd::TensorStep<T>>(steps), true);
  });
}

template <class T>
ngd_status step_rows(ngd_optimizer *optimizer, T *const *parameters, const T *const *gradients,
                     const uint32_t *const *rows, const size_t *row_counts, size_t count, ngd_error *error) {
  return guard(error, [&] {
    require(optimizer, "optimizer");
    if (count != 0) {
      require(rows, "rows");
      require(row_counts, "row_counts");
    }
    const Tensors<T> steps = tensors<T>(parameters, gradients, count, nullptr, rows, row_counts);
    optimizer->object->step(std::span<const ngd::TensorStep<T>>(steps));
  });
}

template <class T, class Public>
ngd_status average(const ngd_optimizer *optimizer, const Public *const *parameters, Public *const *averages,
                   size_t count, ngd_error *error) {
  return guard(error, [&] {
    require(optimizer, "optimizer");
    std::vector<const T *> from(count);
    std::vector<T *> to(count);
    if (count != 0) {
      require(parameters, "parameters");
      require(averages, "averages");
    }
    for (size_t i = 0; i < count; i++) {
      if (parameters[i] == nullptr) ngd::fail(NGD_E_ARGUMENT, "parameters[", i, "] is NULL, but may not be");
      if (averages[i] == nullptr) ngd::fail(NGD_E_ARGUMENT, "averages[", i, "] is NULL, but may not be");
      from[i] = inside<const T>(parameters[i]);
      to[i] = inside<T>(averages[i]);
    }
    optimizer->object->average(std::span<const T *const>(from), std::span<T *const>(to));
  });
}

}  // namespace

const char *ngd_optimizer_rule(size_t index) noexcept {
  return ngd::rule_name(index);
}

ngd_status ngd_optimizer_describe(const char *rule, size_t index, ngd_option_info *info,
                                  ngd_error *error) noexcept {
  return guard(error, [&] {
    require(rule, "rule");
    require(info, "info");
    ngd::describe_option(ngd::rule_options(rule), ngd::concat("rule ", ngd::quoted(rule)), index, info);
  });
}

ngd_status ngd_optimizer_create(const char *spec, ngd_optimizer **out, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(out, "out");
    *out = nullptr;
    require(spec, "spec");
    *out = new ngd_optimizer{std::make_shared<ngd::Optimizer>(spec)};
  });
}

void ngd_optimizer_destroy(ngd_optimizer *optimizer) noexcept {
  delete optimizer;
}

ngd_status ngd_optimizer_set(ngd_optimizer *optimizer, const char *name, double value,
                             ngd_error *error) noexcept {
  return ngd::set_option(optimizer, "optimizer", name, value, error);
}

ngd_status ngd_optimizer_set_text(ngd_optimizer *optimizer, const char *name, const char *value,
                                  ngd_error *error) noexcept {
  return ngd::set_text_option(optimizer, "optimizer", name, value, error);
}

ngd_status ngd_optimizer_get(const ngd_optimizer *optimizer, const char *name, double *value,
                             ngd_error *error) noexcept {
  return ngd::get_option(optimizer, "optimizer", name, value, error);
}

ngd_status ngd_optimizer_get_text(const ngd_optimizer *optimizer, const char *name, char *buffer,
                                  size_t capacity, size_t *needed, ngd_error *error) noexcept {
  return ngd::get_text_option(optimizer, "optimizer", name, buffer, capacity, needed, error);
}

ngd_status ngd_optimizer_add_f32(ngd_optimizer *optimizer, const char *name, const int64_t *shape, size_t rank,
                                 ngd_error *error) noexcept {
  return add(optimizer, ngd::Element::f32, name, shape, rank, error);
}

ngd_status ngd_optimizer_add_f64(ngd_optimizer *optimizer, const char *name, const int64_t *shape, size_t rank,
                                 ngd_error *error) noexcept {
  return add(optimizer, ngd::Element::f64, name, shape, rank, error);
}

ngd_status ngd_optimizer_add_bf16(ngd_optimizer *optimizer, const char *name, const int64_t *shape, size_t rank,
                                  ngd_error *error) noexcept {
  return add(optimizer, ngd::Element::bf16, name, shape, rank, error);
}

ngd_status ngd_optimizer_add_f16(ngd_optimizer *optimizer, const char *name, const int64_t *shape, size_t rank,
                                 ngd_error *error) noexcept {
  return add(optimizer, ngd::Element::f16, name, shape, rank, error);
}

ngd_status ngd_optimizer_add_rows_f32(ngd_optimizer *optimizer, const char *name, const int64_t *shape,
                                      size_t rank, ngd_error *error) noexcept {
  return add_rows(optimizer, ngd::Element::f32, name, shape, rank, error);
}

ngd_status ngd_optimizer_add_rows_f64(ngd_optimizer *optimizer, const char *name, const int64_t *shape,
                                      size_t rank, ngd_error *error) noexcept {
  return add_rows(optimizer, ngd::Element::f64, name, shape, rank, error);
}

ngd_status ngd_optimizer_add_group(ngd_optimizer *optimizer, const char *group, const char *pattern,
                                   const char *options, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(optimizer, "optimizer");
    require(group, "group");
    require(pattern, "pattern");
    require(options, "options");
    optimizer->object->add_group(group, pattern, options);
  });
}

ngd_status ngd_optimizer_set_group(ngd_optimizer *optimizer, const char *group, const char *name, double value,
                                   ngd_error *error) noexcept {
  return guard(error, [&] {
    require(optimizer, "optimizer");
    require(group, "group");
    require(name, "name");
    optimizer->object->set_group(group, name, value);
  });
}

ngd_status ngd_optimizer_set_group_text(ngd_optimizer *optimizer, const char *group, const char *name,
                                        const char *value, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(optimizer, "optimizer");
    require(group, "group");
    require(name, "name");
    require(value, "value");
    optimizer->object->set_group_text(group, name, value);
  });
}

ngd_status ngd_optimizer_get_group_text(const ngd_optimizer *optimizer, const char *group, const char *name,
                                        char *buffer, size_t capacity, size_t *needed,
                                        ngd_error *error) noexcept {
  return guard(error, [&] {
    require(optimizer, "optimizer");
    require(group, "group");
    require(name, "name");
    ngd::copy_text(optimizer->object->group_options(group).text(name), buffer, capacity, needed);
  });
}

ngd_status ngd_optimizer_step_f32(ngd_optimizer *optimizer, float *const *parameters,
                                  const float *const *gradients, size_t count, ngd_error *error) noexcept {
  return with_tensors<float>(optimizer, parameters, gradients, count, error, kStep);
}

ngd_status ngd_optimizer_step_f64(ngd_optimizer *optimizer, double *const *parameters,
                                  const double *const *gradients, size_t count, ngd_error *error) noexcept {
  return with_tensors<double>(optimizer, parameters, gradients, count, error, kStep);
}

ngd_status ngd_optimizer_step_bf16(ngd_optimizer *optimizer, uint16_t *const *parameters,
                                   const uint16_t *const *gradients, size_t count, ngd_error *error) noexcept {
  return with_tensors<ngd::Bf16>(optimizer, parameters, gradients, count, error, kStep);
}

ngd_status ngd_optimizer_step_f16(ngd_optimizer *optimizer, uint16_t *const *parameters,
                                  const uint16_t *const *gradients, size_t count, ngd_error *error) noexcept {
  return with_tensors<ngd::F16>(optimizer, parameters, gradients, count, error, kStep);
}

ngd_status ngd_optimizer_sweep_f32(ngd_optimizer *optimizer, float *const *parameters, float *const *gradients,
                                   uint16_t *const *copies, size_t count, ngd_error *error) noexcept {
  return sweep<float>(optimizer, parameters, gradients, copies, count, error);
}

ngd_status ngd_optimizer_sweep_f64(ngd_optimizer *optimizer, double *const *parameters,
                                   double *const *gradients, uint16_t *const *copies, size_t count,
                                   ngd_error *error) noexcept {
  return sweep<double>(optimizer, parameters, gradients, copies, count, error);
}

ngd_status ngd_optimizer_sweep_bf16(ngd_optimizer *optimizer, uint16_t *const *parameters,
                                    uint16_t *const *gradients, uint16_t *const *copies, size_t count,
                                    ngd_error *error) noexcept {
  return sweep<ngd::Bf16>(optimizer, parameters, gradients, copies, count, error);
}

ngd_status ngd_optimizer_sweep_f16(ngd_optimizer *optimizer, uint16_t *const *parameters,
                                   uint16_t *const *gradients, uint16_t *const *copies, size_t count,
                                   ngd_error *error) noexcept {
  return sweep<ngd::F16>(optimizer, parameters, gradients, copies, count, error);
}

ngd_status ngd_optimizer_step_rows_f32(ngd_optimizer *optimizer, float *const *parameters,
                                       const float *const *gradients, const uint32_t *const *rows,
                                       const size_t *row_counts, size_t count, ngd_error *error) noexcept {
  return step_rows(optimizer, parameters, gradients, rows, row_counts, count, error);
}

ngd_status ngd_optimizer_step_rows_f64(ngd_optimizer *optimizer, double *const *parameters,
                                       const double *const *gradients, const uint32_t *const *rows,
                                       const size_t *row_counts, size_t count, ngd_error *error) noexcept {
  return step_rows(optimizer, parameters, gradients, rows, row_counts, count, error);
}

ngd_status ngd_optimizer_average_f32(const ngd_optimizer *optimizer, const float *const *parameters,
                                     float *const *averages, size_t count, ngd_error *error) noexcept {
  return average<float>(optimizer, parameters, averages, count, error);
}

ngd_status ngd_optimizer_average_f64(const ngd_optimizer *optimizer, const double *const *parameters,
                                     double *const *averages, size_t count, ngd_error *error) noexcept {
  return average<double>(optimizer, parameters, averages, count, error);
}

ngd_status ngd_optimizer_average_bf16(const ngd_optimizer *optimizer, const uint16_t *const *parameters,
                                      uint16_t *const *averages, size_t count, ngd_error *error) noexcept {
  return average<ngd::Bf16>(optimizer, parameters, averages, count, error);
}

ngd_status ngd_optimizer_average_f16(const ngd_optimizer *optimizer, const uint16_t *const *parameters,
                                     uint16_t *const *averages, size_t count, ngd_error *error) noexcept {
  return average<ngd::F16>(optimizer, parameters, averages, count, error);
}

ngd_status ngd_optimizer_perturb_f32(ngd_optimizer *optimizer, float *const *parameters,
                                     const float *const *gradients, size_t count, ngd_error *error) noexcept {
  return with_tensors<float>(optimizer, parameters, gradients, count, error, kPerturb);
}

ngd_status ngd_optimizer_perturb_f64(ngd_optimizer *optimizer, double *const *parameters,
                                     const double *const *gradients, size_t count, ngd_error *error) noexcept {
  return with_tensors<double>(optimizer, parameters, gradients, count, error, kPerturb);
}

ngd_status ngd_optimizer_restore_f32(ngd_optimizer *optimizer, float *const *parameters,
                                     float *const *gradients, size_t count, ngd_error *error) noexcept {
  return with_tensors<float>(optimizer, parameters, gradients, count, error, kRestore);
}

ngd_status ngd_optimizer_restore_f64(ngd_optimizer *optimizer, double *const *parameters,
                                     double *const *gradients, size_t count, ngd_error *error) noexcept {
  return with_tensors<double>(optimizer, parameters, gradients, count, error, kRestore);
}

size_t ngd_optimizer_tensor_count(const ngd_optimizer *optimizer) noexcept {
  return optimizer == nullptr ? 0 : optimizer->object->tensors().size();
}

ngd_status ngd_optimizer_tensor(const ngd_optimizer *optimizer, size_t index, ngd_tensor_info *info,
                                ngd_error *error) noexcept {
  return guard(error, [&] {
    require(optimizer, "optimizer");
    require(info, "info");
    const auto &specs = optimizer->object->tensors();
    if (index >= specs.size())
      ngd::fail(NGD_E_NOT_FOUND, "there is no tensor number ", index, "; the optimizer has ", specs.size());
    const ngd::TensorSpec &spec = specs[index];
    ngd_tensor_info full{};
    full.name = spec.name.c_str();
    full.dtype = ngd::element_name(optimizer->object->element());
    full.elements = ngd::element_count(spec.shape);
    full.rank = spec.shape.size();
    std::copy(spec.shape.begin(), spec.shape.end(), full.shape);
    ngd::fill_struct(info, full, "ngd_tensor_info");
  });
}

uint64_t ngd_optimizer_step_count(const ngd_optimizer *optimizer) noexcept {
  return optimizer == nullptr ? 0 : optimizer->object->step_count();
}

uint64_t ngd_optimizer_skip_count(const ngd_optimizer *optimizer) noexcept {
  return optimizer == nullptr ? 0 : optimizer->object->skip_count();
}

uint64_t ngd_optimizer_zero_count(const ngd_optimizer *optimizer) noexcept {
  return optimizer == nullptr ? 0 : optimizer->object->zero_count();
}

double ngd_optimizer_gradient_norm(const ngd_optimizer *optimizer) noexcept {
  return optimizer == nullptr ? kNaN : optimizer->object->gradient_norm();
}

double ngd_optimizer_learning_rate(const ngd_optimizer *optimizer) noexcept {
  return optimizer == nullptr ? kNaN : optimizer->object->learning_rate();
}

ngd_status ngd_optimizer_report(ngd_optimizer *optimizer, double loss, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(optimizer, "optimizer");
    optimizer->object->report(loss);
  });
}

ngd_status ngd_optimizer_save(const ngd_optimizer *optimizer, const char *path, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(optimizer, "optimizer");
    require(path, "path");
    ngd::StateWriter writer;
    writer.prefix = "optimizer.";
    optimizer->object->save(writer);
    ngd::write_safetensors(path, writer);
  });
}

ngd_status ngd_optimizer_load(ngd_optimizer *optimizer, const char *path, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(optimizer, "optimizer");
    require(path, "path");
    const ngd::SafetensorsFile file(path);
    ngd::StateReader reader = file.reader();
    reader.prefix = "optimizer.";
    optimizer->object->load(reader);
  });
}

ngd_status ngd_optimizer_load_matching(ngd_optimizer *optimizer, const char *path, size_t *matched,
                                       ngd_error *error) noexcept {
  return guard(error, [&] {
    require(optimizer, "optimizer");
    require(path, "path");
    const ngd::SafetensorsFile file(path);
    ngd::StateReader reader = file.reader();
    reader.prefix = "optimizer.";
    const size_t count = optimizer->object->load_matching(reader);
    if (matched != nullptr) *matched = count;
  });
}
