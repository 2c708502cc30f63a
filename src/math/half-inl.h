// Conversions of vectors between float32 and bf16, on the bits in 32-bit lanes.

// Highway's form of an include guard: the file is read once per target.
#if defined(NGD_MATH_HALF_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NGD_MATH_HALF_INL_H_
#undef NGD_MATH_HALF_INL_H_
#else
#define NGD_MATH_HALF_INL_H_
#endif

#include <hwy/highway.h>

#include "math/half.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE::half {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Words = hn::Rebind<uint32_t, Floats>;
using Halves = hn::Rebind<uint16_t, Floats>;  // as many lanes, so a vector of half the size
using Word = hn::Vec<Words>;

HWY_INLINE Word word(uint32_t value) {
  return hn::Set(Words(), value);
}
HWY_INLINE Word bits_of(hn::Vec<Floats> x) {
  return hn::BitCast(Words(), x);
}
HWY_INLINE hn::Vec<Floats> float_of(Word bits) {
  return hn::BitCast(Floats(), bits);
}
// a > b for words below 2^31.
HWY_INLINE hn::Mask<Words> above(Word a, Word b) {
  const hn::RebindToSigned<Words> di;
  return hn::RebindMask(Words(), hn::BitCast(di, a) > hn::BitCast(di, b));
}
HWY_INLINE Word if_nan(hn::Vec<Floats> x, Word yes, Word no) {
  return hn::IfThenElse(hn::RebindMask(Words(), hn::IsNaN(x)), yes, no);
}

HWY_INLINE Word load(const uint16_t *from) {
  return hn::PromoteTo(Words(), hn::LoadU(Halves(), from));
}
HWY_INLINE hn::Vec<Floats> load(const float *from) {
  return hn::LoadU(Floats(), from);
}
HWY_INLINE void store(Word bits, float *to) {
  hn::StoreU(float_of(bits), Floats(), to);
}
// For words below 2^16.
HWY_INLINE void store(Word bits, uint16_t *to) {
  hn::StoreU(hn::DemoteTo(Halves(), hn::BitCast(hn::RebindToSigned<Words>(), bits)), Halves(), to);
}

struct WidenBf16 {
  HWY_INLINE Word operator()(Word x) const { return hn::ShiftLeft<16>(x); }
};

// What rounding to nearest adds before the lower half of the bits is dropped: just under half of the last place that
// stays, or half where that place is odd.
HWY_INLINE Word half_of_last(Word bits) {
  return word(0x7FFF) + (hn::ShiftRight<16>(bits) & word(1));
}
// 0 where x is NaN: a carry could make a number of it.
HWY_INLINE Word unless_nan(hn::Vec<Floats> x, Word added) {
  return hn::IfThenZeroElse(hn::RebindMask(Words(), hn::IsNaN(x)), added);
}
// The bits of x, of NaN the quiet ones: their upper half is NaN too.
HWY_INLINE Word quiet_bits(hn::Vec<Floats> x) {
  return bits_of(x) | hn::IfThenElseZero(hn::RebindMask(Words(), hn::IsNaN(x)), word(0x00400000));
}

struct NarrowBf16 {
  HWY_INLINE Word operator()(hn::Vec<Floats> x) const {
    const Word bits = quiet_bits(x);
    return hn::ShiftRight<16>(bits + unless_nan(x, half_of_last(bits)));
  }
};

// The upper half of the bits after adding a random number below 2^16: the chance of a carry into the upper half is
// the lower half / 2^16. Numbers with the same exponent are evenly spaced, subnormal ones too, so that is unbiased. The
// lower half of infinity is 0, so it stays.
HWY_INLINE Word narrow_bf16_stochastic(hn::Vec<Floats> x, Word random) {
  return hn::ShiftRight<16>(quiet_bits(x) + unless_nan(x, random));
}

// Two vectors of bf16 in one vector of words, x in the lower halves and y in the upper: unpacked and packed in two
// operations each.
struct Bf16Pair {
  hn::Vec<Floats> x, y;
};
HWY_INLINE Bf16Pair unpack_pair(Word words) {
  return {float_of(hn::ShiftLeft<16>(words)), float_of(words & word(0xFFFF0000))};
}
// Rounds by what is added to the bits: one half, or random numbers below 2^16. What is not finite stays so, but for a NaN
// whose upper bits are all ones.
HWY_INLINE Word pack_pair(Bf16Pair pair, Word x_added, Word y_added) {
  const Word x = hn::ShiftRight<16>(bits_of(pair.x) + x_added), y = bits_of(pair.y) + y_added;
#if HWY_TARGET == HWY_SCALAR
  return x | (y & word(0xFFFF0000));
#else
  const hn::Repartition<uint16_t, Words> halves;
  return hn::BitCast(Words(), hn::OddEven(hn::BitCast(halves, y), hn::BitCast(halves, x)));
#endif
}

}  // namespace ngd::HWY_NAMESPACE::half
HWY_AFTER_NAMESPACE();

#endif
