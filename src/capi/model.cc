// The C contract of models: include/ngd/model.h.
#include "ngd/model.h"

#include <algorithm>

#include "base/struct.h"
#include "capi/guard.h"
#include "capi/handles.h"
#include "capi/options.h"
#include "train/run_directory.h"

using ngd::guard;
using ngd::require;

namespace {

constexpr const char *kPrefix = "model.";

template <class T>
ngd_status forward(ngd_model *model, const T *features, size_t rows, T *outputs, size_t capacity,
                   ngd_error *error) {
  return guard(error, [&] {
    require(model, "model");
    require(features, "features");
    model->object->forward(features, rows, std::span<T>(outputs, outputs == nullptr ? 0 : capacity));
  });
}

template <class T>
ngd_status backward(ngd_model *model, const T *targets, size_t count, double *loss, ngd_error *error) {
  return guard(error, [&] {
    require(model, "model");
    require(targets, "targets");
    const double mean = model->object->backward(std::span<const T>(targets, count));
    if (loss != nullptr) *loss = mean;
  });
}

template <class T>
ngd_status get_tensor(const ngd_model *model, size_t index, T *values, size_t count, ngd_error *error) {
  return guard(error, [&] {
    require(model, "model");
    require(values, "values");
    model->object->get_tensor(index, std::span<T>(values, count));
  });
}

template <class T>
ngd_status set_tensor(ngd_model *model, size_t index, const T *values, size_t count, ngd_error *error) {
  return guard(error, [&] {
    require(model, "model");
    require(values, "values");
    model->object->set_tensor(index, std::span<const T>(values, count));
  });
}

// Names are kept by the model, so that the pointers stay good after the call.
ngd_tensor_info tensor_info(const ngd::Model &model, size_t index) {
  const std::vector<ngd::TensorView> &tensors = model.tensors();
  if (index >= tensors.size())
    ngd::fail(NGD_E_NOT_FOUND, "there is no tensor number ", index, "; the model has ", tensors.size());
  const ngd::TensorView &tensor = tensors[index];
  ngd_tensor_info info = {};
  info.name = tensor.name.c_str();
  info.dtype = tensor.dtype == "F64" ? "F64" : "F32";
  info.elements = ngd::element_count(tensor.shape);
  info.rank = tensor.shape.size();
  std::copy(tensor.shape.begin(), tensor.shape.end(), info.shape);
  return info;
}

}  // namespace

const char *ngd_model_kind(size_t index) noexcept {
  return ngd::model_kind(index);
}

ngd_status ngd_model_describe(const char *kind, size_t index, ngd_option_info *info,
                              ngd_error *error) noexcept {
  return guard(error, [&] {
    require(kind, "kind");
    require(info, "info");
    ngd::describe_option(ngd::model_options(kind), ngd::concat("kind ", ngd::quoted(kind)), index, info);
  });
}

ngd_status ngd_model_create(const char *spec, ngd_model **out, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(out, "out");
    *out = nullptr;
    require(spec, "spec");
    *out = new ngd_model{ngd::Model::create(spec)};
  });
}

void ngd_model_destroy(ngd_model *model) noexcept {
  delete model;
}

ngd_status ngd_model_set(ngd_model *model, const char *name, double value, ngd_error *error) noexcept {
  return ngd::set_option(model, "model", name, value, error);
}

ngd_status ngd_model_set_text(ngd_model *model, const char *name, const char *value,
                              ngd_error *error) noexcept {
  return ngd::set_text_option(model, "model", name, value, error);
}

ngd_status ngd_model_get(const ngd_model *model, const char *name, double *value, ngd_error *error) noexcept {
  return ngd::get_option(model, "model", name, value, error);
}

ngd_status ngd_model_get_text(const ngd_model *model, const char *name, char *buffer, size_t capacity,
                              size_t *needed, ngd_error *error) noexcept {
  return ngd::get_text_option(model, "model", name, buffer, capacity, needed, error);
}

ngd_status ngd_model_prepare(ngd_model *model, const ngd_dataset *dataset, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(model, "model");
    model->object->prepare(dataset == nullptr ? nullptr : dataset->object.get());
  });
}

size_t ngd_model_input_count(const ngd_model *model) noexcept {
  return model == nullptr ? 0 : model->object->input_count();
}

size_t ngd_model_output_count(const ngd_model *model) noexcept {
  return model == nullptr ? 0 : model->object->output_count();
}

size_t ngd_model_class_count(const ngd_model *model) noexcept {
  return model == nullptr ? 0 : model->object->class_names().size();
}

ngd_status ngd_model_get_class(const ngd_model *model, size_t index, char *buffer, size_t capacity,
                               size_t *needed, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(model, "model");
    const std::vector<std::string> &names = model->object->class_names();
    if (index >= names.size())
      ngd::fail(NGD_E_NOT_FOUND, "there is no class number ", index, "; the model has ", names.size());
    ngd::copy_text(names[index], buffer, capacity, needed);
  });
}

ngd_status ngd_model_forward_f32(ngd_model *model, const float *features, size_t rows, float *outputs,
                                 size_t capacity, ngd_error *error) noexcept {
  return forward(model, features, rows, outputs, capacity, error);
}

ngd_status ngd_model_forward_f64(ngd_model *model, const double *features, size_t rows, double *outputs,
                                 size_t capacity, ngd_error *error) noexcept {
  return forward(model, features, rows, outputs, capacity, error);
}

ngd_status ngd_model_backward_f32(ngd_model *model, const float *targets, size_t count, double *loss,
                                  ngd_error *error) noexcept {
  return backward(model, targets, count, loss, error);
}

ngd_status ngd_model_backward_f64(ngd_model *model, const double *targets, size_t count, double *loss,
                                  ngd_error *error) noexcept {
  return backward(model, targets, count, loss, error);
}

ngd_status ngd_model_step(ngd_model *model, ngd_optimizer *optimizer, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(model, "model");
    require(optimizer, "optimizer");
    model->object->step(*optimizer->object);
  });
}

ngd_status ngd_model_train_batch(ngd_model *model, ngd_optimizer *optimizer, const ngd_dataset *dataset,
                                 const uint64_t *rows, size_t count, double *loss, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(model, "model");
    require(optimizer, "optimizer");
    require(dataset, "dataset");
    require(rows, "rows");
    const double mean = model->object->train_batch(*optimizer->object, *dataset->object, {rows, count});
    if (loss != nullptr) *loss = mean;
  });
}

ngd_status ngd_model_train_weighted(ngd_model *model, ngd_optimizer *optimizer, const ngd_dataset *dataset,
                                    const uint64_t *rows, const float *weights, size_t count, float *losses,
                                    int32_t *correct, double *loss, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(model, "model");
    require(optimizer, "optimizer");
    require(dataset, "dataset");
    require(rows, "rows");
    const auto given = [count](auto *array) { return std::span(array, array == nullptr ? 0 : count); };
    const double mean = model->object->train_rows(*optimizer->object, *dataset->object, {rows, count},
                                                  {given(weights), given(losses), given(correct)});
    if (loss != nullptr) *loss = mean;
  });
}

ngd_status ngd_model_predict_f32(const ngd_model *model, const ngd_dataset *dataset, size_t first, size_t rows,
                                 float *outputs, size_t capacity, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(model, "model");
    require(dataset, "dataset");
    if (rows != 0) require(outputs, "outputs");
    model->object->predict(*dataset->object, first, rows,
                           std::span<float>(outputs, outputs == nullptr ? 0 : capacity));
  });
}

ngd_status ngd_model_evaluate(const ngd_model *model, const ngd_dataset *dataset, ngd_metrics *metrics,
                              ngd_error *error) noexcept {
  return guard(error, [&] {
    require(model, "model");
    require(dataset, "dataset");
    require(metrics, "metrics");
    const ngd::Metrics found = model->object->evaluate(*dataset->object);
    ngd_metrics full = {};
    full.rows = found.rows;
    full.unknown = found.unknown;
    full.loss = found.loss;
    full.accuracy = found.accuracy;
    full.majority = found.majority;
    full.r_squared = found.r_squared;
    ngd::fill_struct(metrics, full, "ngd_metrics");
  });
}

size_t ngd_model_tensor_count(const ngd_model *model) noexcept {
  return model == nullptr ? 0 : model->object->tensors().size();
}

ngd_status ngd_model_tensor(const ngd_model *model, size_t index, ngd_tensor_info *info,
                            ngd_error *error) noexcept {
  return guard(error, [&] {
    require(model, "model");
    require(info, "info");
    ngd::fill_struct(info, tensor_info(*model->object, index), "ngd_tensor_info");
  });
}

ngd_status ngd_model_get_tensor_f32(const ngd_model *model, size_t index, float *values, size_t count,
                                    ngd_error *error) noexcept {
  return get_tensor(model, index, values, count, error);
}

ngd_status ngd_model_get_tensor_f64(const ngd_model *model, size_t index, double *values, size_t count,
                                    ngd_error *error) noexcept {
  return get_tensor(model, index, values, count, error);
}

ngd_status ngd_model_set_tensor_f32(ngd_model *model, size_t index, const float *values, size_t count,
                                    ngd_error *error) noexcept {
  return set_tensor(model, index, values, count, error);
}

ngd_status ngd_model_set_tensor_f64(ngd_model *model, size_t index, const double *values, size_t count,
                                    ngd_error *error) noexcept {
  return set_tensor(model, index, values, count, error);
}

ngd_status ngd_model_get_gradient_f64(const ngd_model *model, size_t index, double *values, size_t count,
                                      ngd_error *error) noexcept {
  return guard(error, [&] {
    require(model, "model");
    require(values, "values");
    model->object->get_gradient(index, {values, count});
  });
}

ngd_status ngd_model_save(const ngd_model *model, const char *path, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(model, "model");
    require(path, "path");
    ngd::StateWriter writer;
    writer.prefix = kPrefix;
    model->object->save(writer);
    ngd::write_safetensors(path, writer);
  });
}

ngd_status ngd_model_load(const char *path, ngd_model **out, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(out, "out");
    *out = nullptr;
    require(path, "path");
    const ngd::SafetensorsFile file(ngd::checkpoint_path(path));
    ngd::StateReader reader = file.reader();
    reader.prefix = kPrefix;
    *out = new ngd_model{ngd::Model::load(reader)};
  });
}
