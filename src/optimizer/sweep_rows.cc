// Touched rows of a table, between their places and arrays in which they stand together.
#include "optimizer/sweep_job.h"

namespace ngd {
namespace {

// Rows are anywhere in memory: so many later ones are asked for while one is copied, those of the next turn too.
constexpr size_t kRowsAhead = 12;

// Asks for all cache lines of a row.
template <class T>
inline void fetch_row(const T *row, size_t count) {
  for (size_t i = 0; i < count; i += 64 / sizeof(T)) __builtin_prefetch(row + i, 1);
}

// Rows are short: a call of memcpy for each would take longer than the copy.
template <class T>
inline void copy_row(const T *from, size_t count, T *to) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) std::memcpy(to + i, from + i, 8 * sizeof(T));
  for (; i < count; i++) to[i] = from[i];
}
template <class T>
inline void copy_decayed(const T *from, size_t count, T factor, T *to) {
  constexpr size_t kTogether = 8;
  size_t i = 0;
  for (; i + kTogether <= count; i += kTogether) {
    T part[kTogether];
    std::memcpy(part, from + i, sizeof part);
    for (T &value : part) value *= factor;
    std::memcpy(to + i, part, sizeof part);
  }
  for (; i < count; i++) to[i] = from[i] * factor;
}

// What a turn needs of a table whose state is not packed, in variables of its own: a row takes as long as a few calls.
template <class T, size_t kSlots>
struct Rows {
  T *table, *gathered;
  uint64_t *touched;
  T *slot[kSlots + 1], *gathered_slot[kSlots + 1];
  const DecayTable *decay[kSlots + 1];
  T initial[kSlots + 1];
  size_t width, column, wide;

  void fetch(size_t row) const {
    const size_t at = row * width + column;
    __builtin_prefetch(touched + row, 1);
    fetch_row(table + at, wide);
    for (size_t s = 0; s < kSlots; s++) fetch_row(slot[s] + at, wide);
  }
  void gather(const uint32_t *rows, size_t count, size_t known, uint64_t step) const {
    for (size_t i = 0; i < count; i++) {
      if (i + kRowsAhead < known) fetch(rows[i + kRowsAhead]);
      const size_t row = rows[i], at = row * width + column, place = i * wide;
      const uint64_t last = touched[row], rest = rested(last, step);
      copy_row(table + at, wide, gathered + place);
      for (size_t s = 0; s < kSlots; s++) {
        // A row that was never touched is not read: a page that was read before it is written comes in small ones.
        if (last == 0)
          std::fill_n(gathered_slot[s] + place, wide, initial[s]);
        else if (rest == 0 || decay[s]->decay() == 1)
          copy_row(slot[s] + at, wide, gathered_slot[s] + place);
        else
          copy_decayed(slot[s] + at, wide, static_cast<T>((*decay[s])(rest)), gathered_slot[s] + place);
      }
    }
  }
  void scatter(const uint32_t *rows, size_t count) const {
    for (size_t i = 0; i < count; i++) {
      const size_t at = rows[i] * width + column, place = i * wide;
      copy_row(gathered + place, wide, table + at);
      for (size_t s = 0; s < kSlots; s++) copy_row(gathered_slot[s] + place, wide, slot[s] + at);
    }
  }
};

}  // namespace

// Calls body(rows) with the table's arrays; false where state is packed.
template <class T>
template <class Body>
bool SweepJob<T>::with_rows(size_t tensor, size_t column, size_t wide, Body body) {
  if (!is_plain(tensor)) return false;
  TensorState &arrays = state(tensor);
  const GroupStep &group = sweep_.groups[sweep_.group_of[tensor]];
  const std::span<const Slot> slots = group.rule->slots();
  const auto call_with = [&]<size_t kSlots>(std::integral_constant<size_t, kSlots>) {
    Rows<T, kSlots> rows = {};
    rows.table = static_cast<T *>(call(tensor).parameter);
    rows.gathered = scratch(0);
    rows.touched = arrays.touched.data();
    for (size_t s = 0; s < kSlots; s++) {
      rows.slot[s] = arrays.slots[s].template values<T>();
      rows.gathered_slot[s] = scratch(1 + s);
      rows.decay[s] = &group.decays[s];
      rows.initial[s] = static_cast<T>(slots[s].initial);
    }
    rows.width = sweep_.width(tensor);
    rows.column = column;
    rows.wide = wide;
    body(rows);
    return true;
  };
  switch (slots.size()) {
    case 0:
      return call_with(std::integral_constant<size_t, 0>());
    case 1:
      return call_with(std::integral_constant<size_t, 1>());
    case 2:
      return call_with(std::integral_constant<size_t, 2>());
    case 3:
      return call_with(std::integral_constant<size_t, 3>());
    default:
      return call_with(std::integral_constant<size_t, kMaximumSlots>());
  }
}

template <class T>
void SweepJob<T>::gather(size_t tensor, std::span<const uint32_t> all, size_t first, size_t count,
                         size_t column, size_t wide) {
  const auto plain = [&](const auto &rows) {
    rows.gather(all.data() + first, count, all.size() - first, sweep_.step);
  };
  if (with_rows(tensor, column, wide, plain)) return;
  const TensorState &arrays = state(tensor);
  const GroupStep &group = sweep_.groups[sweep_.group_of[tensor]];
  const std::span<const Slot> slots = group.rule->slots();
  const size_t width = sweep_.width(tensor);
  const T *table = static_cast<const T *>(call(tensor).parameter);
  for (size_t i = 0; i < count; i++) {
    const size_t row = all[first + i], at = row * width + column;
    copy_row(table + at, wide, scratch(0) + i * wide);
    const uint64_t last = arrays.touched[row], rest = rested(last, sweep_.step);
    for (size_t s = 0; s < arrays.slots.size(); s++) {
      T *to = scratch(1 + s) + i * wide;
      if (last == 0) {
        std::fill_n(to, wide, static_cast<T>(slots[s].initial));
        continue;
      }
      if (arrays.slots[s].packed())
        arrays.slots[s].load(sweep_.target, at, wide, to);
      else
        copy_row(arrays.slots[s].template values<T>() + at, wide, to);
      if (rest == 0 || group.decays[s].decay() == 1) continue;
      const T factor = static_cast<T>(group.decays[s](rest));
      for (size_t k = 0; k < wide; k++) to[k] *= factor;
    }
  }
}

template <class T>
void SweepJob<T>::scatter(size_t tensor, std::span<const uint32_t> touched, size_t column, size_t wide) {
  if (with_rows(tensor, column, wide, [&](const auto &rows) { rows.scatter(touched.data(), touched.size()); }))
    return;
  TensorState &arrays = state(tensor);
  const size_t width = sweep_.width(tensor);
  for (size_t i = 0; i < touched.size(); i++) {
    const size_t at = touched[i] * width + column;
    copy_row<T>(scratch(0) + i * wide, wide, static_cast<T *>(call(tensor).parameter) + at);
    for (size_t s = 0; s < arrays.slots.size(); s++) {
      const T *from = scratch(1 + s) + i * wide;
      if (arrays.slots[s].packed())
        arrays.slots[s].store(sweep_.target, at, wide, from, dither(tensor, s));
      else
        copy_row(from, wide, arrays.slots[s].template values<T>() + at);
    }
  }
}

template void SweepJob<float>::gather(size_t, std::span<const uint32_t>, size_t, size_t, size_t, size_t);
template void SweepJob<double>::gather(size_t, std::span<const uint32_t>, size_t, size_t, size_t, size_t);
template void SweepJob<float>::scatter(size_t, std::span<const uint32_t>, size_t, size_t);
template void SweepJob<double>::scatter(size_t, std::span<const uint32_t>, size_t, size_t);

}  // namespace ngd
