// Sorting a batch's occurrences by row, by a bit map of the table.
#include "vectors/word_batch.h"

#include <algorithm>
#include <bit>

#include "math/elementwise.h"

namespace ngd {

void Occurrences::resize(size_t table_rows) {
  seen_.assign((table_rows + 63) / 64, 0);
  slot_.assign(table_rows, 0);
}

void Occurrences::seal() {
  uint64_t lowest = seen_.size(), highest = 0;
  for (const uint32_t row : rows_) {
    const uint64_t at = row / 64;
    seen_[at] |= uint64_t{1} << (row % 64);
    lowest = std::min(lowest, at);
    highest = std::max(highest, at);
  }
  touched_.clear();
  for (uint64_t at = lowest; at <= highest && at < seen_.size(); at++) {
    for (uint64_t bits = seen_[at]; bits != 0; bits &= bits - 1) {
      const uint32_t row = static_cast<uint32_t>(at * 64 + static_cast<uint64_t>(std::countr_zero(bits)));
      slot_[row] = static_cast<uint32_t>(touched_.size());
      touched_.push_back(row);
    }
    seen_[at] = 0;
  }
  count_.assign(touched_.size(), 0);
  for (const uint32_t row : rows_) count_[slot_[row]]++;
  begin_.resize(touched_.size() + 1);
  uint32_t behind = static_cast<uint32_t>(touched_.size());
  for (size_t i = 0; i < touched_.size(); i++) {
    begin_[i] = behind;
    behind += count_[i] - 1;
    count_[i] = 0;
  }
  begin_[touched_.size()] = behind;
  places_.resize(rows_.size());
  for (size_t k = 0; k < rows_.size(); k++) {
    const uint32_t slot = slot_[rows_[k]], before = count_[slot]++;
    places_[k] = before == 0 ? slot : begin_[slot] + before - 1;
  }
}

void Occurrences::merge(size_t from, size_t to, float *values, size_t dimension) const {
  for (size_t i = from; i < to; i++) {
    float *const sum = values + i * dimension;
    for (uint32_t behind = begin_[i]; behind < begin_[i + 1]; behind++)
      add(values + behind * dimension, sum, dimension);
  }
}

}  // namespace ngd
