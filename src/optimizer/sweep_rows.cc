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

// The slots of a table in variables of their own: a row takes no longer than a few calls.
template <class T>
struct SlotPlaces {
  SlotPlaces(const TensorState &arrays, size_t slots) : count(slots) {
    for (size_t s = 0; s < count; s++)
      values[s] = arrays.slots[s].packed() ? nullptr : arrays.slots[s].template values<T>();
  }
  size_t count;
  T *values[kMaximumSlots] = {};  // null where they are packed
};

}  // namespace

template <class T>
void SweepJob<T>::gather(size_t tensor, std::span<const uint32_t> all, size_t first, size_t count,
                         size_t column, size_t wide) {
  const TensorState &arrays = state(tensor);
  const GroupStep &group = sweep_.groups[sweep_.group_of[tensor]];
  const std::span<const Slot> slots = group.rule->slots();
  const SlotPlaces<T> places(arrays, slots.size());
  const DecayTable *decays = group.decays.data();
  const uint64_t *touched = arrays.touched.data(), step = sweep_.step;
  const size_t width = sweep_.width(tensor);
  const T *table = static_cast<const T *>(call(tensor).parameter);  // tables of rows are not packed
  const uint32_t *rows = all.data() + first;
  const size_t known = all.size() - first;
  for (size_t i = 0; i < count; i++) {
    if (i + kRowsAhead < known) {
      const size_t later = rows[i + kRowsAhead], at = later * width + column;
      __builtin_prefetch(touched + later, 1);
      fetch_row(table + at, wide);
      for (size_t s = 0; s < places.count; s++) {
        if (places.values[s] != nullptr) fetch_row(places.values[s] + at, wide);
      }
    }
    const size_t row = rows[i], at = row * width + column;
    copy_row(table + at, wide, scratch(0) + i * wide);
    const uint64_t last = touched[row], rest = rested(last, step);
    for (size_t s = 0; s < places.count; s++) {
      T *to = scratch(1 + s) + i * wide;
      const T *from = places.values[s] == nullptr ? to : places.values[s] + at;
      if (last == 0) {
        // Not read: a page that was read before it is written comes in small ones.
        std::fill_n(to, wide, static_cast<T>(slots[s].initial));
        continue;
      }
      if (from == to) arrays.slots[s].load(sweep_.target, at, wide, to);
      if (rest != 0 && decays[s].decay() != 1)
        copy_decayed(from, wide, static_cast<T>(decays[s](rest)), to);
      else if (from != to)
        copy_row(from, wide, to);
    }
  }
}

template <class T>
void SweepJob<T>::scatter(size_t tensor, std::span<const uint32_t> rows, size_t column, size_t wide) {
  TensorState &arrays = state(tensor);
  const SlotPlaces<T> places(arrays, arrays.slots.size());
  const size_t width = sweep_.width(tensor);
  T *table = static_cast<T *>(call(tensor).parameter);
  for (size_t i = 0; i < rows.size(); i++) {
    const size_t at = rows[i] * width + column;
    copy_row<T>(scratch(0) + i * wide, wide, table + at);
    for (size_t s = 0; s < places.count; s++) {
      const T *from = scratch(1 + s) + i * wide;
      if (places.values[s] != nullptr)
        copy_row(from, wide, places.values[s] + at);
      else
        arrays.slots[s].store(sweep_.target, at, wide, from, dither(tensor, s));
    }
  }
}

template void SweepJob<float>::gather(size_t, std::span<const uint32_t>, size_t, size_t, size_t, size_t);
template void SweepJob<double>::gather(size_t, std::span<const uint32_t>, size_t, size_t, size_t, size_t);
template void SweepJob<float>::scatter(size_t, std::span<const uint32_t>, size_t, size_t);
template void SweepJob<double>::scatter(size_t, std::span<const uint32_t>, size_t, size_t);

}  // namespace ngd
