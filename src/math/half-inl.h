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

// The upper half of the bits after adding just under half of its last place, or half where the last place is odd.
struct NarrowBf16 {
  HWY_INLINE Word operator()(hn::Vec<Floats> x) const {
    const Word bits = bits_of(x);
    const Word rounded = bits + word(0x7FFF) + (hn::ShiftRight<16>(bits) & word(1));
    return hn::ShiftRight<16>(if_nan(x, bits | word(0x00400000), rounded));
  }
};

// The upper half of the bits after adding a random number below 2^16: the chance of a carry into the upper half is
// the lower half / 2^16. Numbers with the same exponent are evenly spaced, subnormal ones too, so that is unbiased.
HWY_INLINE Word narrow_bf16_stochastic(hn::Vec<Floats> x, Word random) {
  const Word bits = bits_of(x);
  const Word infinity = word(0x7F800000);
  const Word kept = if_nan(x, bits | word(0x00400000), bits);
  return hn::ShiftRight<16>(hn::IfThenElse((bits & infinity) == infinity, kept, bits + random));
}

}  // namespace ngd::HWY_NAMESPACE::half
HWY_AFTER_NAMESPACE();

#endif
