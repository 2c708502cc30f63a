// The C contract of optimizers: include/ngd/optimizer.h.
#include "ngd/optimizer.h"

#include <algorithm>
#include <vector>

#include "base/struct.h"
#include "capi/guard.h"
#include "capi/handles.h"
#include "capi/options.h"

using ngd::guard;
using ngd::require;

namespace {

template <class T>
using Tensors = std::vector<ngd::TensorStep<T>>;

template <class T, class Gradient>
Tensors<T> tensors(T *const *parameters, Gradient *const *gradients, size_t count) {
  if (count != 0) {
    require(parameters, "parameters");
    require(gradients, "gradients");
  }
  Tensors<T> steps(count);
  for (size_t i = 0; i < count; i++) {
    if (parameters[i] == nullptr) ngd::fail(NGD_E_ARGUMENT, "parameters[", i, "] is NULL, but may not be");
    if (gradients[i] == nullptr) ngd::fail(NGD_E_ARGUMENT, "gradients[", i, "] is NULL, but may not be");
    steps[i] = {parameters[i], gradients[i]};
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

template <class T, class Gradient, class Call>
ngd_status with_tensors(ngd_optimizer *optimizer, T *const *parameters, Gradient *const *gradients,
                        size_t count, ngd_error *error, Call call) {
  return guard(error, [&] {
    require(optimizer, "optimizer");
    const Tensors<T> steps = tensors(parameters, gradients, count);
    call(*optimizer->object, std::span<const ngd::TensorStep<T>>(steps));
  });
}

constexpr auto kStep = [](ngd::Optimizer &optimizer, auto steps) { optimizer.step(steps); };
constexpr auto kPerturb = [](ngd::Optimizer &optimizer, auto steps) { optimizer.perturb(steps); };
constexpr auto kRestore = [](ngd::Optimizer &optimizer, auto steps) { optimizer.restore(steps); };

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

ngd_status ngd_optimizer_step_f32(ngd_optimizer *optimizer, float *const *parameters,
                                  const float *const *gradients, size_t count, ngd_error *error) noexcept {
  return with_tensors(optimizer, parameters, gradients, count, error, kStep);
}

ngd_status ngd_optimizer_step_f64(ngd_optimizer *optimizer, double *const *parameters,
                                  const double *const *gradients, size_t count, ngd_error *error) noexcept {
  return with_tensors(optimizer, parameters, gradients, count, error, kStep);
}

ngd_status ngd_optimizer_perturb_f32(ngd_optimizer *optimizer, float *const *parameters,
                                     const float *const *gradients, size_t count, ngd_error *error) noexcept {
  return with_tensors(optimizer, parameters, gradients, count, error, kPerturb);
}

ngd_status ngd_optimizer_perturb_f64(ngd_optimizer *optimizer, double *const *parameters,
                                     const double *const *gradients, size_t count, ngd_error *error) noexcept {
  return with_tensors(optimizer, parameters, gradients, count, error, kPerturb);
}

ngd_status ngd_optimizer_restore_f32(ngd_optimizer *optimizer, float *const *parameters,
                                     float *const *gradients, size_t count, ngd_error *error) noexcept {
  return with_tensors(optimizer, parameters, gradients, count, error, kRestore);
}

ngd_status ngd_optimizer_restore_f64(ngd_optimizer *optimizer, double *const *parameters,
                                     double *const *gradients, size_t count, ngd_error *error) noexcept {
  return with_tensors(optimizer, parameters, gradients, count, error, kRestore);
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
