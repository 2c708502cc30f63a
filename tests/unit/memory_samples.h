// Samples in memory, of every kind of feature and label, for tests of models.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/samples.h"
#include "base/text.h"

struct MemorySamples : ngd::Samples {
  ngd::FeatureKind features = ngd::FeatureKind::dense;
  ngd::LabelKind labels = ngd::LabelKind::none;
  size_t width = 0;
  std::vector<std::vector<float>> dense;
  std::vector<std::vector<std::pair<uint32_t, float>>> sparse;
  std::vector<std::vector<uint32_t>> texts;
  std::vector<float> number;
  std::vector<int32_t> category;
  std::vector<std::string> classes;
  std::vector<std::string> words;
  uint64_t number_of_contents = next_identity();

  static uint64_t next_identity() {
    static uint64_t last = 0;
    return ++last;
  }

  ngd::FeatureKind feature_kind() const override { return features; }
  ngd::LabelKind label_kind() const override { return labels; }
  uint64_t rows() const override { return dense.size() + sparse.size() + texts.size(); }
  uint64_t columns() const override { return features == ngd::FeatureKind::text ? words.size() : width; }
  const std::vector<std::string> &class_names() const override { return classes; }
  const std::vector<std::string> &vocabulary() const override { return words; }
  uint64_t identity() const override { return number_of_contents; }

  void read(std::span<const uint64_t> which, ngd::Batch &batch) const override {
    batch.rows = which.size();
    batch.columns = columns();
    batch.dense.clear();
    batch.offsets.assign(1, 0);
    batch.index.clear();
    batch.value.clear();
    batch.number.clear();
    batch.category.clear();
    for (const uint64_t row : which) {
      if (features == ngd::FeatureKind::dense)
        batch.dense.insert(batch.dense.end(), dense[row].begin(), dense[row].end());
      if (features == ngd::FeatureKind::sparse) {
        for (const auto &[column, value] : sparse[row]) {
          batch.index.push_back(column);
          batch.value.push_back(value);
        }
      }
      if (features == ngd::FeatureKind::text)
        batch.index.insert(batch.index.end(), texts[row].begin(), texts[row].end());
      batch.offsets.push_back(batch.index.size());
      if (labels == ngd::LabelKind::number) batch.number.push_back(number[row]);
      if (labels == ngd::LabelKind::category) batch.category.push_back(category[row]);
    }
  }

  // Adds a text; words that are new join the vocabulary.
  void add_text(std::string_view text, int32_t label) {
    features = ngd::FeatureKind::text;
    labels = ngd::LabelKind::category;
    std::vector<uint32_t> row;
    for (const std::string_view word : ngd::split(text, ' ')) {
      if (word.empty()) continue;
      size_t at = 0;
      while (at < words.size() && words[at] != word) at++;
      if (at == words.size()) words.emplace_back(word);
      row.push_back(static_cast<uint32_t>(at));
    }
    texts.push_back(row);
    category.push_back(label);
    number_of_contents = next_identity();
  }
};

// Normal random rows of `columns`, with labels of `classes` classes named "c0", "c1", ..., or numbers for 0.
inline MemorySamples random_dense(size_t rows, size_t columns, int32_t classes, uint64_t seed) {
  MemorySamples samples;
  samples.width = columns;
  samples.labels = classes == 0 ? ngd::LabelKind::number : ngd::LabelKind::category;
  ngd::Random random(seed, 77);
  for (int32_t c = 0; c < classes; c++) samples.classes.push_back(ngd::concat("c", c));
  for (size_t i = 0; i < rows; i++) {
    std::vector<float> row(columns);
    for (float &value : row) value = static_cast<float>(random.normal());
    samples.dense.push_back(row);
    if (classes == 0)
      samples.number.push_back(static_cast<float>(random.normal()));
    else
      samples.category.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(classes))));
  }
  return samples;
}

// The same rows with about half of the columns left out.
inline MemorySamples random_sparse(size_t rows, size_t columns, int32_t classes, uint64_t seed) {
  MemorySamples samples = random_dense(rows, columns, classes, seed);
  samples.features = ngd::FeatureKind::sparse;
  ngd::Random random(seed, 78);
  for (const std::vector<float> &dense_row : samples.dense) {
    std::vector<std::pair<uint32_t, float>> row;
    for (size_t j = 0; j < columns; j++) {
      if (random.uniform() < 0.5) row.emplace_back(static_cast<uint32_t>(j), dense_row[j]);
    }
    samples.sparse.push_back(row);
  }
  samples.dense.clear();
  return samples;
}

// Texts of words "w0", "w1", ...
inline MemorySamples random_texts(size_t rows, size_t vocabulary, size_t length, int32_t classes,
                                  uint64_t seed) {
  MemorySamples samples;
  ngd::Random random(seed, 79);
  for (int32_t c = 0; c < classes; c++) samples.classes.push_back(ngd::concat("c", c));
  for (size_t i = 0; i < rows; i++) {
    std::string text;
    for (size_t k = 0; k < length; k++) text += ngd::concat("w", random.below(vocabulary), " ");
    samples.add_text(text, static_cast<int32_t>(random.below(static_cast<uint64_t>(classes))));
  }
  return samples;
}

inline std::vector<uint64_t> all_rows(const ngd::Samples &samples) {
  std::vector<uint64_t> rows(samples.rows());
  for (size_t i = 0; i < rows.size(); i++) rows[i] = i;
  return rows;
}
