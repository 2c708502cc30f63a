// One array of an optimizer's state: numbers kept as they are computed with, or packed into fewer bits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/memory.h"
#include "math/block8.h"
#include "math/half.h"
#include "math/simd.h"

namespace ngd {

// bf16_grouped: in the order of math/half.h, for arrays that are one run.
enum class Storage : uint8_t { f32, f64, bf16, bf16_grouped, block8_signed, block8_positive };

// How packed numbers are rounded at random: the result is a function of these and the element's place.
struct Dither {
  bool on = false;
  uint64_t seed = 0, stream = 0;
};

class StateArray {
 public:
  StateArray() = default;  // an empty one
  // `run` elements stand together (a row of a table, or all of it): blocks of 8-bit numbers do not cross runs.
  // More than one run is a table whose rows may never be touched: its memory comes with use.
  // Dense arrays come from the pool, where there is one.
  StateArray(Storage storage, size_t count, size_t run, MemoryPool *pool = nullptr);

  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  Storage storage() const { return storage_; }
  bool packed() const { return storage_ > Storage::f64; }

  // The numbers themselves, where they are not packed.
  template <class T>
  T *values() const {
    return reinterpret_cast<T *>(data_.data());
  }
  std::span<std::byte> bytes() const { return {data_.data(), data_.bytes()}; }
  std::span<float> scales() const {
    return {reinterpret_cast<float *>(scales_.data()), scales_.bytes() / sizeof(float)};
  }

  // Packed numbers begin, begin + 1, ... of one run; `begin` stands at a multiple of kBlock8 within its run.
  void load(Target target, size_t begin, size_t count, float *to) const;
  void store(Target target, size_t begin, size_t count, const float *from, const Dither &dither);
  // There are no packed float64 numbers.
  void load(Target, size_t, size_t, double *) const {}
  void store(Target, size_t, size_t, const double *, const Dither &) {}

  void fill(Target target, double value);

  // The numbers as they are saved, in their order.
  std::vector<std::byte> saved() const;
  void restore(const std::byte *saved);

 private:
  size_t scale_index(size_t begin) const { return begin / run_ * blocks_ + begin % run_ / kBlock8; }
  // Of the random numbers: runs begin at whole blocks.
  uint64_t place(size_t begin) const { return scale_index(begin) * kBlock8; }

  Storage storage_ = Storage::f32;
  size_t count_ = 0, run_ = 1, blocks_ = 0;
  Memory data_, scales_;
};

}  // namespace ngd
