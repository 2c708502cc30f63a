// The rows of a dataset in memory: dense numbers, sparse entries, or words, one array each.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/samples.h"
#include "data/interner.h"
#include "data/labels.h"

namespace ngd {

// Set once parts share the table: from then on the whole appends to a copy. A copy starts unshared.
struct Shared {
  Shared() = default;
  Shared(const Shared &) {}
  std::atomic<bool> value{false};
};

struct Table {
  explicit Table(FeatureKind kind) : features(kind) {}

  FeatureKind features;
  uint64_t rows = 0;
  uint64_t width = 0;             // columns of dense and sparse rows
  std::vector<float> dense;       // dense: rows x width
  std::vector<uint64_t> offsets;  // sparse and text: where each row ends in `index`
  std::vector<uint32_t> index;    // sparse: columns; text: words
  std::vector<float> value;       // sparse: one per index
  Interner words;                 // text: the vocabulary
  Labels labels;
  uint64_t skipped = 0;
  int index_base = -1;               // libsvm: 0 or 1 once a file has decided
  std::vector<std::string> header;   // csv: names of all columns, from the first file that had a header
  std::vector<std::string> sources;  // files read, in order
  mutable Shared shared;

  uint64_t columns() const { return features == FeatureKind::text ? words.size() : width; }
  uint64_t row_begin(uint64_t row) const { return row == 0 ? 0 : offsets[row - 1]; }
  uint64_t row_end(uint64_t row) const { return offsets[row]; }
  uint64_t row_size(uint64_t row) const {
    return features == FeatureKind::dense ? width : row_end(row) - row_begin(row);
  }

  // A point to return to. rewind() undoes what was added since; it does not allocate.
  struct Mark {
    uint64_t rows, width, skipped;
    size_t dense, index, value, words;
    Labels::Mark labels;
    int index_base;
    size_t header, sources;
  };
  Mark mark() const {
    return {rows,         width,         skipped,    dense.size(),  index.size(),  value.size(),
            words.size(), labels.mark(), index_base, header.size(), sources.size()};
  }
  void rewind(const Mark &mark) noexcept {
    rows = mark.rows;
    width = mark.width;
    skipped = mark.skipped;
    index_base = mark.index_base;
    header.resize(mark.header);
    sources.resize(mark.sources);
    dense.resize(mark.dense);
    if (features != FeatureKind::dense) offsets.resize(rows);
    index.resize(mark.index);
    value.resize(mark.value);
    words.truncate(mark.words);
    labels.rewind(mark.labels);
  }
  // Ends the row whose values have been appended.
  void end_row() {
    if (features != FeatureKind::dense) offsets.push_back(index.size());
    rows++;
  }
  // Gives back what growing arrays reserved in vain.
  void shrink() {
    dense.shrink_to_fit();
    offsets.shrink_to_fit();
    index.shrink_to_fit();
    value.shrink_to_fit();
    labels.shrink();
  }
};

}  // namespace ngd
