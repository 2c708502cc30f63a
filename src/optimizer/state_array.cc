// Reading and writing runs of packed numbers.
#include "optimizer/state_array.h"

#include <algorithm>

namespace ngd {
namespace {

size_t bytes_of(Storage storage) {
  switch (storage) {
    case Storage::f32:
      return 4;
    case Storage::f64:
      return 8;
    case Storage::bf16:
    case Storage::bf16_grouped:
      return 2;
    default:
      return 1;
  }
}

Block8 kind_of(Storage storage) {
  return storage == Storage::block8_signed ? Block8::first : Block8::second;
}

}  // namespace

StateArray::StateArray(Storage storage, size_t count, size_t run, MemoryPool *pool)
    : storage_(storage), count_(count), run_(std::max<size_t>(run, 1)) {
  const size_t room =
      storage_ == Storage::bf16_grouped ? (count + kBf16Group - 1) / kBf16Group * kBf16Group : count;
  const size_t bytes = room * bytes_of(storage_);
  data_ = run >= count && pool != nullptr ? pool->take(bytes) : Memory(bytes, run < count);
  if (storage < Storage::block8_signed) return;
  blocks_ = (run_ + kBlock8 - 1) / kBlock8;
  scales_ = Memory(count / run_ * blocks_ * sizeof(float), run_ < count);
}

void StateArray::load(Target target, size_t begin, size_t count, float *to) const {
  switch (storage_) {
    case Storage::bf16:
      widen(target, values<const Bf16>() + begin, to, count);
      break;
    case Storage::bf16_grouped:
      widen_grouped(values<const Bf16>(), begin, count, to);
      break;
    case Storage::block8_signed:
    case Storage::block8_positive:
      decode(target, kind_of(storage_), values<const uint8_t>() + begin, scales().data() + scale_index(begin),
             to, count);
      break;
    default:
      std::copy_n(values<const float>() + begin, count, to);
  }
}

void StateArray::store(Target target, size_t begin, size_t count, const float *from, const Dither &dither) {
  switch (storage_) {
    case Storage::bf16:
      if (dither.on)
        narrow_stochastic(target, from, values<Bf16>() + begin, count, dither.seed, dither.stream, begin);
      else
        narrow(target, from, values<Bf16>() + begin, count);
      break;
    case Storage::bf16_grouped:
      if (dither.on)
        narrow_grouped_stochastic(target, from, values<Bf16>(), begin, count, dither.seed, dither.stream);
      else
        narrow_grouped(from, values<Bf16>(), begin, count);
      break;
    case Storage::block8_signed:
    case Storage::block8_positive:
      if (dither.on)
        encode_stochastic(target, kind_of(storage_), from, values<uint8_t>() + begin,
                          scales().data() + scale_index(begin), count, dither.seed, dither.stream,
                          place(begin));
      else
        encode_nearest(target, kind_of(storage_), from, values<uint8_t>() + begin,
                       scales().data() + scale_index(begin), count);
      break;
    default:
      std::copy_n(from, count, values<float>() + begin);
  }
}

void StateArray::fill(Target target, double value) {
  if (storage_ == Storage::f64) {
    std::fill_n(values<double>(), count_, value);
    return;
  }
  if (storage_ == Storage::f32) {
    std::fill_n(values<float>(), count_, static_cast<float>(value));
    return;
  }
  float block[kBlock8];
  std::ranges::fill(block, static_cast<float>(value));
  for (size_t run = 0; run < count_; run += run_) {
    for (size_t i = 0; i < run_; i += kBlock8)
      store(target, run + i, std::min(kBlock8, run_ - i), block, Dither());
  }
}

std::vector<std::byte> StateArray::saved() const {
  std::vector<std::byte> all(count_ * bytes_of(storage_));
  if (storage_ != Storage::bf16_grouped) {
    std::copy_n(data_.data(), all.size(), all.data());
    return all;
  }
  Bf16 *to = reinterpret_cast<Bf16 *>(all.data());
  for (size_t i = 0; i < count_; i++) to[i] = values<const Bf16>()[bf16_place(i)];
  return all;
}

void StateArray::restore(const std::byte *saved) {
  if (storage_ != Storage::bf16_grouped) {
    std::copy_n(saved, count_ * bytes_of(storage_), data_.data());
    return;
  }
  for (size_t i = 0; i < count_; i++)
    std::copy_n(saved + i * sizeof(Bf16), sizeof(Bf16),
                reinterpret_cast<std::byte *>(values<Bf16>() + bf16_place(i)));
}

}  // namespace ngd
