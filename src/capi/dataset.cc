// include/ngd/dataset.h: checks arguments and calls the data room.
#include "ngd/dataset.h"

#include <limits>

#include "base/struct.h"
#include "capi/guard.h"
#include "capi/handles.h"

using ngd::guard;
using ngd::require;

namespace {

ngd_dataset *handle(std::shared_ptr<ngd::Dataset> object) {
  return new ngd_dataset{std::move(object)};
}

}  // namespace

const char *ngd_dataset_format(size_t index) noexcept {
  return ngd::dataset_format(index);
}

ngd_status ngd_dataset_describe(const char *format, size_t index, ngd_option_info *info,
                                ngd_error *error) noexcept {
  return guard(error, [&] {
    require(format, "format");
    require(info, "info");
    ngd::describe_option(ngd::dataset_options(format), ngd::concat("format \"", format, "\""), index, info);
  });
}

ngd_status ngd_dataset_create(const char *spec, ngd_dataset **out, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(out, "out");
    *out = nullptr;
    require(spec, "spec");
    *out = handle(std::make_shared<ngd::Dataset>(spec));
  });
}

void ngd_dataset_destroy(ngd_dataset *dataset) noexcept {
  delete dataset;
}

ngd_status ngd_dataset_set(ngd_dataset *dataset, const char *name, double value, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(dataset, "dataset");
    require(name, "name");
    dataset->object->set(name, value);
  });
}

ngd_status ngd_dataset_set_text(ngd_dataset *dataset, const char *name, const char *value,
                                ngd_error *error) noexcept {
  return guard(error, [&] {
    require(dataset, "dataset");
    require(name, "name");
    require(value, "value");
    dataset->object->set_text(name, value);
  });
}

ngd_status ngd_dataset_get(const ngd_dataset *dataset, const char *name, double *value,
                           ngd_error *error) noexcept {
  return guard(error, [&] {
    require(dataset, "dataset");
    require(name, "name");
    require(value, "value");
    *value = dataset->object->options().number(name);
  });
}

ngd_status ngd_dataset_get_text(const ngd_dataset *dataset, const char *name, char *buffer, size_t capacity,
                                size_t *needed, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(dataset, "dataset");
    require(name, "name");
    ngd::copy_text(dataset->object->options().text(name), buffer, capacity, needed);
  });
}

ngd_status ngd_dataset_load(ngd_dataset *dataset, const char *path, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(dataset, "dataset");
    require(path, "path");
    dataset->object->load(path);
  });
}

ngd_status ngd_dataset_append_f32(ngd_dataset *dataset, const float *features, const float *labels, size_t rows,
                                  size_t columns, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(dataset, "dataset");
    if (rows != 0) require(features, "features");
    if (columns != 0 && rows > std::numeric_limits<size_t>::max() / sizeof(float) / columns)
      ngd::fail(NGD_E_SHAPE, rows, " rows of ", columns, " columns are more numbers than memory can hold");
    dataset->object->append({features, rows * columns}, labels, rows, columns);
  });
}

ngd_status ngd_dataset_append_sparse_f32(ngd_dataset *dataset, const uint64_t *offsets, const uint32_t *indices,
                                         const float *values, const float *labels, size_t rows, size_t columns,
                                         ngd_error *error) noexcept {
  return guard(error, [&] {
    require(dataset, "dataset");
    require(offsets, "offsets");
    dataset->object->append_sparse({offsets, rows + 1}, indices, values, labels, rows, columns);
  });
}

ngd_status ngd_dataset_append_text(ngd_dataset *dataset, const char *text, const char *label,
                                   ngd_error *error) noexcept {
  return guard(error, [&] {
    require(dataset, "dataset");
    require(text, "text");
    std::optional<std::string_view> name;
    if (label != nullptr) name = label;
    dataset->object->append_text(text, name);
  });
}

ngd_status ngd_dataset_get_info(const ngd_dataset *dataset, ngd_dataset_info *info, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(dataset, "dataset");
    require(info, "info");
    const ngd::Dataset &object = *dataset->object;
    ngd_dataset_info full = {};
    full.rows = object.rows();
    full.columns = object.columns();
    full.classes = object.class_names().size();
    full.values = object.value_count();
    full.skipped = object.skipped();
    full.features = static_cast<int32_t>(object.feature_kind());
    full.labels = static_cast<int32_t>(object.label_kind());
    ngd::fill_struct(info, full, "ngd_dataset_info");
  });
}

ngd_status ngd_dataset_get_class(const ngd_dataset *dataset, size_t index, char *buffer, size_t capacity,
                                 size_t *needed, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(dataset, "dataset");
    const auto &names = dataset->object->class_names();
    if (index >= names.size())
      ngd::fail(NGD_E_NOT_FOUND, "the dataset has ", names.size(), " classes; there is no class number ",
                index);
    ngd::copy_text(names[index], buffer, capacity, needed);
  });
}

ngd_status ngd_dataset_get_rows_f32(const ngd_dataset *dataset, size_t first, size_t rows, float *features,
                                    size_t capacity, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(dataset, "dataset");
    if (rows != 0) require(features, "features");
    dataset->object->read_dense(first, rows, {features, rows == 0 ? 0 : capacity});
  });
}

ngd_status ngd_dataset_get_labels_f32(const ngd_dataset *dataset, size_t first, size_t rows, float *labels,
                                      size_t capacity, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(dataset, "dataset");
    if (rows != 0) require(labels, "labels");
    dataset->object->read_labels(first, rows, {labels, rows == 0 ? 0 : capacity});
  });
}

ngd_status ngd_dataset_split(const ngd_dataset *dataset, double fraction, uint64_t seed, ngd_dataset **rest,
                             ngd_dataset **held_out, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(rest, "rest");
    require(held_out, "held_out");
    *rest = *held_out = nullptr;
    require(dataset, "dataset");
    ngd::Dataset::Halves halves = dataset->object->split(fraction, seed);
    std::unique_ptr<ngd_dataset> first(handle(std::move(halves.rest)));
    *held_out = handle(std::move(halves.held_out));
    *rest = first.release();
  });
}

ngd_status ngd_dataset_slice(const ngd_dataset *dataset, size_t first, size_t rows, ngd_dataset **out,
                             ngd_error *error) noexcept {
  return guard(error, [&] {
    require(out, "out");
    *out = nullptr;
    require(dataset, "dataset");
    *out = handle(dataset->object->slice(first, rows));
  });
}
