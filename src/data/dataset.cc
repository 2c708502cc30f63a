// Datasets: changing a table all or nothing, and reading rows of it, whole or in part.
#include "data/dataset.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "data/format.h"
#include "data/loading.h"
#include "data/table.h"
#include "data/tokens.h"

namespace ngd {
namespace {

// Stream of the random numbers that split() draws, apart from every other use of the same seed.
constexpr uint64_t kSplitStream = 0x73706C6974;  // "split"

constinit std::atomic<uint64_t> identities{0};

uint64_t next_identity() {
  return identities.fetch_add(1, std::memory_order_relaxed) + 1;
}

std::string owner(const Format &format) {
  return concat("format \"", format.name, "\"");
}

void check_columns(const Table &table, uint64_t columns) {
  if (columns < 1 || columns > static_cast<uint64_t>(kMaxColumns))
    fail(NGD_E_SHAPE, "columns is ", columns, ", expected 1 to ", kMaxColumns);
  if (table.features == FeatureKind::dense && table.rows != 0 && columns != table.width)
    fail(NGD_E_SHAPE, "columns is ", columns, ", expected ", table.width, " as in the rows before");
}

}  // namespace

Dataset::Dataset(std::string_view spec) : options_({}, "", ""), identity_(next_identity()) {
  const SpecText parsed = parse_spec(spec);
  const Format &format = format_named(parsed.kind);
  options_ = OptionSet(format.options, owner(format), format.name);
  options_.set_all(parsed);
  if (format.check != nullptr) format.check(options_);
  table_ = std::make_shared<Table>(format.features);
}

Dataset::Dataset(const Dataset &whole, Part part)
    : options_(whole.options_), table_(whole.table_), part_(std::move(part)), identity_(next_identity()) {}

void Dataset::set_text(std::string_view name, std::string_view value) {
  OptionSet changed = options_;
  changed.set_text(name, value);
  const Format &format = format_named(options_.kind());
  if (format.check != nullptr) format.check(changed);
  options_ = std::move(changed);
}

// Runs body(table) so that either all of it happens or nothing. Parts never see it: once they share the table,
// the whole goes on with a copy.
template <class Body>
void Dataset::change(Body body) {
  if (part_)
    fail(NGD_E_STATE, "this dataset is a part of another and cannot grow; add to the whole, then split again");
  std::shared_ptr<Table> table =
      table_->shared.value.load(std::memory_order_relaxed) ? std::make_shared<Table>(*table_) : table_;
  const Table::Mark before = table->mark();
  try {
    body(*table);
  } catch (...) {
    table->rewind(before);
    throw;
  }
  table_ = std::move(table);
  identity_ = next_identity();
  options_.lock();
}

void Dataset::load(const std::string &path) {
  const Format &format = format_named(options_.kind());
  if (format.load == nullptr)
    fail(NGD_E_UNSUPPORTED, owner(format), " reads no files; append arrays, or use csv, libsvm, text or idx");
  change([&](Table &table) {
    Loading loading(table, options_, path);
    format.load(loading);
  });
}

void Dataset::require_kind(FeatureKind kind, const char *function) const {
  if (table_->features == kind) return;
  const char *const mend[] = {"append_f32", "append_sparse_f32", "append_text"};
  fail(NGD_E_UNSUPPORTED, "format \"", options_.kind(), "\" takes no rows from ", function,
       "; use ngd_dataset_", mend[static_cast<int>(table_->features) - 1]);
}

void Dataset::check_labels_as_before(bool labelled) const {
  if (table_->rows == 0 || labelled == table_->labels.present()) return;
  fail(NGD_E_SHAPE,
       labelled ? "these rows have labels, but the rows before have none"
                : "these rows have no labels, but the rows before have some",
       "; give labels to all rows or to none");
}

// The option classes, of formats that have it.
std::vector<std::string_view> Dataset::given_class_names() const {
  if (options_.kind() != "dense" && options_.kind() != "sparse") return {};
  const std::string &text = options_.choice("classes");
  if (text.empty()) return {};
  std::vector<std::string_view> names = ngd::split(text, ',');
  for (size_t i = 0; i < names.size(); i++) {
    names[i] = trim(names[i]);
    if (names[i].empty() || std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i),
                                      names[i]) != names.begin() + static_cast<std::ptrdiff_t>(i))
      fail(NGD_E_RANGE, "option \"classes\" is ", quoted(text, 120), ", whose name number ", i, " is ",
           quoted(names[i]), ", expected names that differ and are not empty");
  }
  return names;
}

void Dataset::append(std::span<const float> features, const float *labels, size_t rows, size_t columns) {
  require_kind(FeatureKind::dense, "ngd_dataset_append_f32");
  check_columns(*table_, columns);
  if (rows == 0) return;
  check_labels_as_before(labels != nullptr);
  for (size_t i = 0; i < features.size(); i++) {
    if (!std::isfinite(features[i]))
      fail(NGD_E_NOT_FINITE, "features[", i / columns, "][", i % columns, "] is ", features[i],
           ", expected a finite number");
  }
  change([&](Table &table) {
    const LabelChoice choice = label_choice(options_.choice("label_type"));
    table.dense.insert(table.dense.end(), features.begin(), features.end());
    if (labels != nullptr) table.labels.add_array(labels, rows, choice, given_class_names());
    table.labels.settle(choice);
    table.rows += rows;
    table.width = columns;
  });
}

void Dataset::append_sparse(std::span<const uint64_t> offsets, const uint32_t *indices, const float *values,
                            const float *labels, size_t rows, size_t columns) {
  require_kind(FeatureKind::sparse, "ngd_dataset_append_sparse_f32");
  check_columns(*table_, columns);
  if (offsets[0] != 0) fail(NGD_E_SHAPE, "offsets[0] is ", offsets[0], ", expected 0");
  for (size_t row = 0; row < rows; row++) {
    if (offsets[row + 1] < offsets[row])
      fail(NGD_E_SHAPE, "offsets[", row + 1, "] is ", offsets[row + 1], ", less than offsets[", row,
           "], which is ", offsets[row]);
  }
  if (rows == 0) return;
  check_labels_as_before(labels != nullptr);
  const uint64_t entries = offsets[rows];
  if (entries != 0 && (indices == nullptr || values == nullptr))
    fail(NGD_E_ARGUMENT, "argument \"", indices == nullptr ? "indices" : "values", "\" is NULL, but there are ",
         entries, " entries");
  for (size_t row = 0; row < rows; row++) {
    for (uint64_t i = offsets[row]; i < offsets[row + 1]; i++) {
      if (indices[i] >= columns)
        fail(NGD_E_RANGE, "indices[", i, "] is ", indices[i], ", expected less than ", columns,
             ", the number of columns");
      if (i > offsets[row] && indices[i] <= indices[i - 1])
        fail(NGD_E_RANGE, "indices[", i, "] of row ", row, " is ", indices[i], " after ", indices[i - 1],
             ", expected strictly rising indices");
      if (!std::isfinite(values[i]))
        fail(NGD_E_NOT_FINITE, "values[", i, "] is ", values[i], ", expected a finite number");
    }
  }
  change([&](Table &table) {
    const LabelChoice choice = label_choice(options_.choice("label_type"));
    const uint64_t base = table.index.size();
    if (entries != 0) {
      table.index.insert(table.index.end(), indices, indices + entries);
      table.value.insert(table.value.end(), values, values + entries);
    }
    for (size_t row = 0; row < rows; row++) table.offsets.push_back(base + offsets[row + 1]);
    table.rows += rows;
    if (labels != nullptr) table.labels.add_array(labels, rows, choice, given_class_names());
    table.labels.settle(choice);
    table.width = std::max<uint64_t>(table.width, columns);
  });
}

void Dataset::append_text(std::string_view text, std::optional<std::string_view> label) {
  require_kind(FeatureKind::text, "ngd_dataset_append_text");
  check_labels_as_before(label.has_value());
  for (const auto &[name, value] : {std::pair("text", text), std::pair("label", label.value_or("x"))}) {
    if (const size_t at = find_invalid_utf8(value); at != std::string_view::npos)
      fail(NGD_E_ARGUMENT, "argument \"", name, "\" is not UTF-8 at byte ", at);
  }
  if (label && label->empty())
    fail(NGD_E_ARGUMENT, "argument \"label\" is empty; pass NULL for a row without a label");
  change([&](Table &table) {
    LabelChoice choice = label_choice(options_.choice("label_type"));
    if (table.labels.kind() == LabelKind::number) choice = LabelChoice::number;
    if (choice == LabelChoice::automatic) choice = LabelChoice::category;
    if (label && choice == LabelChoice::number) {
      double number;
      if (!parse_number(*label, number) || !std::isfinite(static_cast<float>(number)))
        fail(NGD_E_RANGE, "label is ", quoted(*label),
             ", expected a finite number; set label_type=category before the first rows if labels are classes");
      table.labels.add_number(static_cast<float>(number));
    } else if (label) {
      table.labels.add_text(*label);
    }
    Tokenizer(options_).each(text,
                             [&](std::string_view word) { table.index.push_back(table.words.add(word)); });
    table.end_row();
    table.labels.settle(choice);
  });
}

FeatureKind Dataset::feature_kind() const {
  return table_->features;
}
LabelKind Dataset::label_kind() const {
  return table_->labels.kind();
}
uint64_t Dataset::rows() const {
  return part_ ? part_->count : table_->rows;
}
uint64_t Dataset::columns() const {
  return table_->columns();
}
const std::vector<std::string> &Dataset::class_names() const {
  return table_->labels.class_names();
}
const std::vector<std::string> &Dataset::vocabulary() const {
  return table_->words.words();
}
uint64_t Dataset::identity() const {
  return identity_;
}
uint64_t Dataset::skipped() const {
  return table_->skipped;
}
const std::vector<std::string> &Dataset::sources() const {
  return table_->sources;
}

uint64_t Dataset::table_row(uint64_t row) const {
  if (!part_) return row;
  return part_->listed.empty() ? part_->first + row : part_->listed[row];
}

uint64_t Dataset::value_count() const {
  if (table_->features == FeatureKind::dense) return rows() * table_->width;
  uint64_t count = 0;
  for (uint64_t row = 0; row < rows(); row++) count += table_->row_size(table_row(row));
  return count;
}

void Dataset::read(std::span<const uint64_t> which, Batch &batch) const {
  const Table &table = *table_;
  batch.rows = which.size();
  batch.columns = columns();
  batch.dense.clear();
  batch.offsets.assign(table.features == FeatureKind::dense ? 0 : 1, 0);
  batch.index.clear();
  batch.value.clear();
  batch.number.clear();
  batch.category.clear();
  for (const uint64_t asked : which) {
    const uint64_t row = table_row(asked);
    if (table.features == FeatureKind::dense) {
      const float *from = table.dense.data() + row * table.width;
      batch.dense.insert(batch.dense.end(), from, from + table.width);
    } else {
      const uint64_t begin = table.row_begin(row), end = table.row_end(row);
      batch.index.insert(batch.index.end(), table.index.data() + begin, table.index.data() + end);
      if (table.features == FeatureKind::sparse)
        batch.value.insert(batch.value.end(), table.value.data() + begin, table.value.data() + end);
      batch.offsets.push_back(batch.index.size());
    }
    if (label_kind() == LabelKind::number) batch.number.push_back(table.labels.number(row));
    if (label_kind() == LabelKind::category) batch.category.push_back(table.labels.category(row));
  }
}

void Dataset::check_rows(uint64_t first, uint64_t count) const {
  if (first > rows() || count > rows() - first)
    fail(NGD_E_RANGE, "asked for ", count, " rows from row ", first, " on, but the dataset has ", rows(),
         " rows");
}

void Dataset::read_dense(uint64_t first, uint64_t count, std::span<float> features) const {
  check_rows(first, count);
  const uint64_t width = columns();
  if (count != 0 && features.size() / count < width)
    fail(NGD_E_BUFFER, "the buffer has room for ", features.size(), " numbers, but ", count, " rows of ", width,
         " columns need more");
  std::fill_n(features.begin(), count * width, 0.0f);
  for (uint64_t i = 0; i < count; i++) {
    const uint64_t row = table_row(first + i);
    float *out = features.data() + i * width;
    if (table_->features == FeatureKind::dense) {
      std::copy_n(table_->dense.data() + row * width, width, out);
      continue;
    }
    for (uint64_t at = table_->row_begin(row); at < table_->row_end(row); at++) {
      if (table_->features == FeatureKind::text)
        out[table_->index[at]] += 1;
      else
        out[table_->index[at]] = table_->value[at];
    }
  }
}

void Dataset::read_labels(uint64_t first, uint64_t count, std::span<float> labels) const {
  if (label_kind() == LabelKind::none) fail(NGD_E_STATE, "the dataset has no labels");
  check_rows(first, count);
  if (labels.size() < count)
    fail(NGD_E_BUFFER, "the buffer has room for ", labels.size(), " numbers, but ", count, " labels need more");
  for (uint64_t i = 0; i < count; i++) {
    const uint64_t row = table_row(first + i);
    labels[i] = label_kind() == LabelKind::number ? table_->labels.number(row)
                                                  : static_cast<float>(table_->labels.category(row));
  }
}

Dataset::Halves Dataset::split(double fraction, uint64_t seed) const {
  if (!(fraction > 0 && fraction < 1))
    fail(NGD_E_RANGE, "fraction is ", fraction, ", expected more than 0 and less than 1");
  Part rest, held_out;
  Random random(seed, kSplitStream);
  for (uint64_t row = 0; row < rows(); row++) {
    random.seek(row);
    (random.uniform() < fraction ? held_out : rest).listed.push_back(table_row(row));
  }
  for (Part *part : {&rest, &held_out}) {
    part->listed.shrink_to_fit();
    part->count = part->listed.size();
  }
  table_->shared.value.store(true, std::memory_order_relaxed);
  return {std::shared_ptr<Dataset>(new Dataset(*this, std::move(rest))),
          std::shared_ptr<Dataset>(new Dataset(*this, std::move(held_out)))};
}

std::shared_ptr<Dataset> Dataset::slice(uint64_t first, uint64_t count) const {
  check_rows(first, count);
  Part part;
  part.count = count;
  if (part_ && !part_->listed.empty()) {
    const auto begin = part_->listed.begin() + static_cast<ptrdiff_t>(first);
    part.listed.assign(begin, begin + static_cast<ptrdiff_t>(count));
  } else {
    part.first = table_row(first);
  }
  table_->shared.value.store(true, std::memory_order_relaxed);
  return std::shared_ptr<Dataset>(new Dataset(*this, std::move(part)));
}

const char *dataset_format(size_t index) {
  const Format *format = format_at(index);
  return format == nullptr ? nullptr : format->name;
}

std::span<const OptionSpec> dataset_options(std::string_view format) {
  return format_named(format).options;
}

}  // namespace ngd
