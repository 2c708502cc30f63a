// The hash of math/dither.h over vectors of 32-bit lanes.

// Highway's form of an include guard: the file is read once per target.
#if defined(NGD_MATH_DITHER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NGD_MATH_DITHER_INL_H_
#undef NGD_MATH_DITHER_INL_H_
#else
#define NGD_MATH_DITHER_INL_H_
#endif

#include <hwy/highway.h>

#include "math/dither.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Random numbers of so many bits, at most 20, for two vectors of elements; their counters are `counter` and those
// after it.
template <class Words, int kBits>
struct Dither {
  hn::Vec<Words> first, second;

  HWY_INLINE Dither(uint32_t counter, DitherKey key) {
    const Words d;
    auto x = (hn::Set(d, counter) + hn::Iota(d, 0)) ^ hn::Set(d, key.before);
    x = x ^ hn::ShiftRight<16>(x);
    x = x * hn::Set(d, 0x7FEB352D);
    x = x ^ hn::ShiftRight<15>(x) ^ hn::Set(d, key.between);
    x = x * hn::Set(d, key.factor) ^ hn::Set(d, key.after);
    first = hn::ShiftRight<32 - kBits>(x);
    second = (x ^ first) & hn::Set(d, (1u << kBits) - 1);
  }
};

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
