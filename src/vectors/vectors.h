// Word vectors: words and a table with a row for each; filled once, then looked up.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/growing_memory.h"
#include "base/option.h"
#include "base/samples.h"
#include "base/vector_source.h"
#include "vectors/word_list.h"

namespace ngd {

class Optimizer;
class VectorTraining;  // training.h

// The words and numbers themselves.
class VectorTable {
 public:
  uint64_t rows() const { return words_.size(); }
  size_t dimension() const { return dimension_; }
  const WordList &words() const { return words_; }
  const float *values() const { return reinterpret_cast<const float *>(values_.data()); }
  float *values() { return reinterpret_cast<float *>(values_.data()); }
  const float *row(uint64_t row) const { return values() + row * dimension_; }
  uint64_t bytes() const { return words_.bytes() + rows() * row_bytes(); }
  uint64_t row_bytes() const { return sizeof(float) * dimension_; }

  void set_dimension(size_t dimension) { dimension_ = dimension; }
  // Bytes with one more word. To be asked before add(), where there is a limit.
  uint64_t bytes_with(size_t word_bytes) const {
    return words_.bytes_with(word_bytes) + (rows() + 1) * row_bytes();
  }
  // Where the numbers of a new word go; null when the word has a row already. Moves the table.
  float *add(std::string_view word);
  void truncate(uint64_t rows) noexcept { words_.truncate(rows); }
  void shrink() noexcept {
    words_.shrink();
    values_.shrink(rows() * row_bytes());
  }

 private:
  WordList words_;
  GrowingMemory values_;
  size_t dimension_ = 0;
};

struct Neighbour {
  uint64_t row = 0;
  float similarity = 0;
};

struct VectorProgress {
  uint64_t epoch = 0, epochs = 0, steps = 0, words = 0, words_all = 0;
  double loss = 0, learning_rate = 0, seconds = 0;
};

class Vectors final : public VectorSource {
 public:
  explicit Vectors(std::string_view spec);
  ~Vectors() override;

  const OptionSet &options() const { return options_; }
  void set(std::string_view name, double value) { options_.set(name, value); }
  void set_text(std::string_view name, std::string_view value) { options_.set_text(name, value); }

  // On failure the handle is as it was.
  void load(const std::string &path);
  void append(const char *const *words, const float *values, size_t count, size_t dimension);
  void save(const std::string &path, std::string_view format) const;

  const VectorTable &table() const { return table_; }
  size_t dimension() const override { return table_.dimension(); }
  double deviation() const override { return deviation_; }
  Found find_vector(std::string_view word) const override;
  uint64_t find(std::string_view word) const;  // throws NGD_E_NOT_FOUND

  struct Info {
    uint64_t words, dimension, bytes, declared, duplicates, skipped;
    double deviation, mean_length;
  };
  Info info() const;

  // The most similar first, at most `count`.
  std::vector<Neighbour> nearest(std::span<const float> query, std::span<const uint64_t> excluded,
                                 size_t count) const;
  std::vector<Neighbour> neighbours(std::string_view word, size_t count) const;
  std::vector<Neighbour> analogy(std::string_view first, std::string_view second, std::string_view third,
                                 size_t count) const;

  // Training, one step after another. `optimizer` may be null.
  void start(std::shared_ptr<const Samples> texts, std::shared_ptr<Optimizer> optimizer);
  bool advance(uint64_t steps);  // true while there is more to do
  VectorProgress progress() const;
  bool in_training() const { return training_ != nullptr; }

 private:
  uint32_t find_row(std::string_view word, bool &folded) const;
  void require_words() const;
  void require_empty(const char *what) const;
  void settle();  // after words were added: what is known of them as a whole, and the index of folded words
  void measure();

  OptionSet options_;
  VectorTable table_;
  WordList folded_;                   // lower-case forms, each once
  std::vector<uint32_t> folded_row_;  // the first word of that form
  uint64_t declared_ = 0, duplicates_ = 0, skipped_ = 0;
  double deviation_ = 0, mean_length_ = 0;
  std::unique_ptr<VectorTraining> training_;
  VectorProgress last_progress_;
  bool trained_ = false;
};

std::span<const OptionSpec> vectors_options();

}  // namespace ngd
