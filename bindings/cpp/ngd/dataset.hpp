// Datasets: labelled samples from files, arrays or texts.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ngd/handle.hpp"

namespace ngd {
inline namespace cpp {

// Labelled samples from files or arrays.
class Dataset : public detail::Handle<ngd_dataset, detail::dataset_functions> {
 public:
  explicit Dataset(const std::string &spec) : Handle(spec) {}
  static Dataset load(const std::string &path, const std::string &spec) {
    Dataset dataset(spec);
    dataset.append_file(path);
    return dataset;
  }
  static std::vector<std::string> formats() { return detail::names(ngd_dataset_format); }
  static std::vector<Option> describe(const std::string &format) {
    return detail::options([&](size_t index, ngd_option_info *info, ngd_error *error) {
      return ngd_dataset_describe(detail::text(format), index, info, error);
    });
  }
  std::vector<Option> options() const { return describe(kind()); }

  void append_file(const std::string &path) { detail::check(ngd_dataset_load, raw(), detail::text(path)); }
  // Rows of `columns` numbers each, and a label for each row or none at all.
  void append(std::span<const float> features, size_t columns, std::span<const float> labels = {}) {
    const size_t rows = columns == 0 ? 0 : features.size() / columns;
    if (rows * columns != features.size() || (!labels.empty() && labels.size() != rows))
      throw Error(NGD_E_SHAPE, std::to_string(features.size()) + " features and " +
                                   std::to_string(labels.size()) + " labels do not make rows of " +
                                   std::to_string(columns) + " columns");
    detail::check(ngd_dataset_append_f32, raw(), features.data(), labels.empty() ? nullptr : labels.data(),
                  rows, columns);
  }
  void append_sparse(std::span<const uint64_t> offsets, std::span<const uint32_t> indices,
                     std::span<const float> values, size_t columns, std::span<const float> labels = {}) {
    const size_t rows = offsets.empty() ? 0 : offsets.size() - 1;
    if (offsets.empty() || offsets.back() != values.size() || indices.size() != values.size() ||
        (!labels.empty() && labels.size() != rows))
      throw Error(NGD_E_SHAPE, std::to_string(indices.size()) + " indices, " + std::to_string(values.size()) +
                                   " values and " + std::to_string(labels.size()) + " labels do not make " +
                                   std::to_string(rows) + " rows");
    detail::check(ngd_dataset_append_sparse_f32, raw(), offsets.data(), indices.data(), values.data(),
                  labels.empty() ? nullptr : labels.data(), rows, columns);
  }
  void append_text(const std::string &words, const std::optional<std::string> &label = std::nullopt) {
    detail::check(ngd_dataset_append_text, raw(), detail::text(words), label ? detail::text(*label) : nullptr);
  }

  ngd_dataset_info info() const {
    auto result = detail::sized<ngd_dataset_info>();
    detail::check(ngd_dataset_get_info, raw(), &result);
    return result;
  }
  uint64_t rows() const { return info().rows; }
  std::vector<std::string> class_names() const {
    std::vector<std::string> result(info().classes);
    for (size_t index = 0; index < result.size(); index++)
      result[index] = detail::read_text(ngd_dataset_get_class, raw(), index);
    return result;
  }
  std::vector<float> features(size_t first, size_t rows) const {
    std::vector<float> result(rows * info().columns);
    detail::check(ngd_dataset_get_rows_f32, raw(), first, rows, result.data(), result.size());
    return result;
  }
  std::vector<float> labels(size_t first, size_t rows) const {
    std::vector<float> result(rows);
    detail::check(ngd_dataset_get_labels_f32, raw(), first, rows, result.data(), result.size());
    return result;
  }

  struct Halves;  // of split: the others, and about `fraction` of the rows
  Halves split(double fraction, uint64_t seed = 0) const;
  Dataset slice(size_t first, size_t rows) const {
    ngd_dataset *part = nullptr;
    detail::check(ngd_dataset_slice, raw(), first, rows, &part);
    return Dataset(part);
  }

 private:
  explicit Dataset(ngd_dataset *handle) : Handle(handle) {}
};

struct Dataset::Halves {
  Dataset rest, held_out;
};

inline Dataset::Halves Dataset::split(double fraction, uint64_t seed) const {
  ngd_dataset *rest = nullptr, *held_out = nullptr;
  detail::check(ngd_dataset_split, raw(), fraction, seed, &rest, &held_out);
  return {Dataset(rest), Dataset(held_out)};
}

}  // namespace cpp
}  // namespace ngd
