// The gradient of a table of which a batch touches few rows: those rows, packed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace ngd {

// Use: begin(), touch() every row that will be added to, seal(), then add at row(r). The rows come out rising
// and without repetition, as Optimizer::step wants them.
template <class T>
class RowGradient {
 public:
  void resize(size_t table_rows, size_t columns) {
    slots_.assign(table_rows, Slot{});
    epoch_ = 0;
    columns_ = columns;
    touched_.clear();
  }

  void begin() {
    touched_.clear();
    if (++epoch_ == 0) {  // after 2^32 batches old stamps could be taken for new ones
      slots_.assign(slots_.size(), Slot{});
      epoch_ = 1;
    }
  }
  void touch(uint32_t row) {
    if (slots_[row].epoch == epoch_) return;
    slots_[row].epoch = epoch_;
    touched_.push_back(row);
  }
  void touch_all() {
    for (size_t row = 0; row < slots_.size(); row++) touch(static_cast<uint32_t>(row));
  }
  // begin(), touch() and seal() at once, for rows that rise.
  void begin_with(std::span<const uint32_t> rising) {
    begin();
    touched_.assign(rising.begin(), rising.end());
    for (size_t i = 0; i < touched_.size(); i++) slots_[touched_[i]] = {epoch_, static_cast<uint32_t>(i)};
    clear();
  }
  // Sorts the touched rows, gives each its place and sets the gradient to zero.
  void seal() {
    std::sort(touched_.begin(), touched_.end());
    for (size_t i = 0; i < touched_.size(); i++) slots_[touched_[i]].position = static_cast<uint32_t>(i);
    clear();
  }

  T *row(uint32_t row) { return values_.data() + slots_[row].position * columns_; }
  std::span<const uint32_t> touched() const { return touched_; }
  T *values() { return values_.data(); }
  const T *values() const { return values_.data(); }
  size_t columns() const { return columns_; }

 private:
  struct Slot {
    uint32_t epoch = 0;
    uint32_t position = 0;
  };
  void clear() {
    if (values_.size() < touched_.size() * columns_) values_.resize(touched_.size() * columns_);
    std::fill_n(values_.begin(), touched_.size() * columns_, T{0});
  }
  std::vector<Slot> slots_;  // one per row of the table; valid where epoch is the current one
  std::vector<uint32_t> touched_;
  std::vector<T> values_;
  uint32_t epoch_ = 0;
  size_t columns_ = 0;
};

}  // namespace ngd
