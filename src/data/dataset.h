// Datasets: labelled rows of one format, filled from files or arrays, and parts of them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/option.h"
#include "base/samples.h"

namespace ngd {

struct Format;
struct Table;  // the rows themselves; shared by a dataset and its parts (table.h)

class Dataset : public Samples {
 public:
  explicit Dataset(std::string_view spec);

  const OptionSet &options() const { return options_; }
  void set(std::string_view name, double value) { options_.set(name, value); }
  void set_text(std::string_view name, std::string_view value);

  // Appends. On failure the dataset is as it was.
  void load(const std::string &path);
  void append(std::span<const float> features, const float *labels, size_t rows, size_t columns);
  void append_sparse(std::span<const uint64_t> offsets, const uint32_t *indices, const float *values,
                     const float *labels, size_t rows, size_t columns);
  void append_text(std::string_view text, std::optional<std::string_view> label);

  FeatureKind feature_kind() const override;
  LabelKind label_kind() const override;
  uint64_t rows() const override;
  uint64_t columns() const override;
  const std::vector<std::string> &class_names() const override;
  const std::vector<std::string> &vocabulary() const override;
  uint64_t identity() const override;
  void read(std::span<const uint64_t> which, Batch &batch) const override;

  uint64_t value_count() const;
  uint64_t skipped() const;
  const std::vector<std::string> &sources() const;  // paths loaded, in order: for config.json
  void read_dense(uint64_t first, uint64_t rows, std::span<float> features) const;
  void read_labels(uint64_t first, uint64_t rows, std::span<float> labels) const;

  struct Halves {
    std::shared_ptr<Dataset> rest, held_out;
  };
  Halves split(double fraction, uint64_t seed) const;
  std::shared_ptr<Dataset> slice(uint64_t first, uint64_t rows) const;

 private:
  struct Part {  // rows of the table: those listed, or `count` from `first` on
    uint64_t first = 0, count = 0;
    std::vector<uint64_t> listed;
  };
  Dataset(const Dataset &whole, Part part);
  uint64_t table_row(uint64_t row) const;
  void check_rows(uint64_t first, uint64_t rows) const;
  void check_labels_as_before(bool labelled) const;
  std::vector<std::string_view> given_class_names() const;
  void require_kind(FeatureKind kind, const char *function) const;
  template <class Body>
  void change(Body body);

  OptionSet options_;
  std::shared_ptr<Table> table_;
  std::optional<Part> part_;  // none: all rows
  uint64_t identity_;
};

const char *dataset_format(size_t index);  // nullptr past the last
std::span<const OptionSpec> dataset_options(std::string_view format);

}  // namespace ngd
