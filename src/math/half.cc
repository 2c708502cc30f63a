// Conversions between float32 and sixteen-bit floats, on the bits in 32-bit lanes.
//
// Only integer operations, and additions of float32 whose results are normal numbers and to which a subnormal operand
// adds nothing: so neither the vector target nor a host that takes subnormal numbers for zero can change a result.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "math/half.cc"
#include "math/half.h"

#include <algorithm>
#include <bit>

#include "math/dither.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "math/dither-inl.h"
#include "math/half-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using namespace half;

// With e and m the 5 bits of the exponent and the 10 of the mantissa, moved to their places in a float:
//   0 < e < 31   e + 127 - 15
//   e = 31       255: infinity and NaN
//   e = 0        m / 2^24 = (2^-14 + m / 2^24) - 2^-14
struct WidenF16 {
  HWY_INLINE Word operator()(Word x) const {
    const Word rebias = word((127 - 15) << 23);
    const Word all_ones = word(0x7C00 << 13);
    const Word magnitude = hn::ShiftLeft<13>(x & word(0x7FFF));
    const Word exponent = magnitude & all_ones;
    const Word normal = magnitude + rebias + hn::IfThenElseZero(exponent == all_ones, rebias);
    const Word smallest = word((127 - 14) << 23);
    const Word subnormal = bits_of(float_of(magnitude + smallest) - float_of(smallest));
    return hn::IfThenElse(exponent == word(0), subnormal, normal) | hn::ShiftLeft<16>(x & word(0x8000));
  }
};

// With a = |x|:
//   a >= 2^16     infinity; numbers from 65520 to there carry into it below
//   a >= 2^-14    rebias, and round as for bf16
//   a < 2^-14     a + 1/2: the last place of the sum is 2^-24, and the addition rounds
struct NarrowF16 {
  HWY_INLINE Word operator()(hn::Vec<Floats> x) const {
    const Word bits = bits_of(x);
    const Word magnitude = bits & word(0x7FFFFFFF);
    const Word odd = hn::ShiftRight<13>(magnitude) & word(1);
    const Word normal = hn::ShiftRight<13>(magnitude - word(((127 - 15) << 23) - 0xFFF) + odd);
    const Word half = word(126 << 23);
    const Word subnormal = bits_of(float_of(magnitude) + float_of(half)) - half;
    Word result = hn::IfThenElse(above(word((127 - 14) << 23), magnitude), subnormal, normal);
    result = hn::IfThenElse(above(magnitude, word(((127 + 16) << 23) - 1)), word(0x7C00), result);
    return if_nan(x, word(0x7E00), result) | (hn::ShiftRight<16>(bits) & word(0x8000));
  }
};

template <class Convert, class From, class To>
HWY_INLINE void convert(const Convert &body, const From *from, To *to, size_t count) {
  constexpr size_t kAtOnce = 2;  // vectors whose instructions may overlap
  constexpr size_t kMost = kAtOnce * hn::MaxLanes(Floats());
  const size_t lanes = hn::Lanes(Floats());
  From last[kMost] = {};
  To converted[kMost];
  for (size_t i = 0; i < count; i += kAtOnce * lanes) {
    const From *source = from + i;
    To *result = to + i;
    const size_t rest = count - i;
    const bool whole = rest >= kAtOnce * lanes;
    // The last few elements pass through arrays.
    if (!whole) {
      std::copy_n(source, rest, last);
      source = last;
      result = converted;
    }
#pragma GCC unroll 2
    for (size_t k = 0; k < kAtOnce * lanes; k += lanes) store(body(load(source + k)), result + k);
    if (!whole) std::copy_n(converted, rest, to + i);
  }
}

void widen_bf16(const uint16_t *from, float *to, size_t count) {
  convert(WidenBf16(), from, to, count);
}
void widen_f16(const uint16_t *from, float *to, size_t count) {
  convert(WidenF16(), from, to, count);
}
void narrow_bf16(const float *from, uint16_t *to, size_t count) {
  convert(NarrowBf16(), from, to, count);
}
void narrow_f16(const float *from, uint16_t *to, size_t count) {
  convert(NarrowF16(), from, to, count);
}
// Elements are taken in groups of 2 kDitherLanes by their position; the first and the last of a run may be part of
// their group, and pass through arrays.
void narrow_bf16_stochastic_run(const float *from, uint16_t *to, size_t count, DitherKey key,
                                uint64_t position) {
  constexpr size_t kGroup = 2 * kDitherLanes;
  float part[kGroup] = {};
  uint16_t converted[kGroup];
  for (size_t i = 0; i < count;) {
    const size_t skip = (position + i) % kGroup;
    const size_t taken = std::min(kGroup - skip, count - i);
    const float *source = from + i;
    uint16_t *result = to + i;
    if (taken < kGroup) {
      std::copy_n(source, taken, part + skip);
      source = part;
      result = converted;
    }
    const uint32_t counter = dither_counter(position + i);
    for (size_t k = 0; k < kDitherLanes; k += hn::Lanes(Words())) {
      const Dither<Words, 16> random(counter + static_cast<uint32_t>(k), key);
      store(narrow_bf16_stochastic(load(source + k), random.first), result + k);
      store(narrow_bf16_stochastic(load(source + kDitherLanes + k), random.second), result + kDitherLanes + k);
    }
    if (taken < kGroup) std::copy_n(converted + skip, taken, to + i);
    i += taken;
  }
}

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

using Widen = void (*)(const uint16_t *, float *, size_t);
using Narrow = void (*)(const float *, uint16_t *, size_t);
using NarrowStochastic = void (*)(const float *, uint16_t *, size_t, DitherKey, uint64_t);

constexpr PerTarget<Widen> kWidenBf16 = NGD_PER_TARGET(widen_bf16);
constexpr PerTarget<Widen> kWidenF16 = NGD_PER_TARGET(widen_f16);
constexpr PerTarget<Narrow> kNarrowBf16 = NGD_PER_TARGET(narrow_bf16);
constexpr PerTarget<Narrow> kNarrowF16 = NGD_PER_TARGET(narrow_f16);
constexpr PerTarget<NarrowStochastic> kNarrowBf16Stochastic = NGD_PER_TARGET(narrow_bf16_stochastic_run);

}  // namespace

void widen(Target target, const Bf16 *from, float *to, size_t count) {
  kWidenBf16[target](reinterpret_cast<const uint16_t *>(from), to, count);
}
void widen(Target target, const F16 *from, float *to, size_t count) {
  kWidenF16[target](reinterpret_cast<const uint16_t *>(from), to, count);
}
void narrow(Target target, const float *from, Bf16 *to, size_t count) {
  kNarrowBf16[target](from, reinterpret_cast<uint16_t *>(to), count);
}
void narrow(Target target, const float *from, F16 *to, size_t count) {
  kNarrowF16[target](from, reinterpret_cast<uint16_t *>(to), count);
}

void narrow_stochastic(Target target, const float *from, Bf16 *to, size_t count, uint64_t seed, uint64_t stream,
                       uint64_t position) {
  for (size_t done = 0; done < count;) {
    const uint64_t at = position + done;
    const size_t run =
        static_cast<size_t>(std::min<uint64_t>(kDitherPeriod - at % kDitherPeriod, count - done));
    kNarrowBf16Stochastic[target](from + done, reinterpret_cast<uint16_t *>(to) + done, run,
                                  dither_key(seed, stream, at), at);
    done += run;
  }
}

// The kernels of rules unpack groups in their registers; these are for all else.
void widen_grouped(const Bf16 *array, size_t begin, size_t count, float *to) {
  const uint16_t *halves = reinterpret_cast<const uint16_t *>(array);
  for (size_t i = 0; i < count; i++)
    to[i] = std::bit_cast<float>(uint32_t{halves[bf16_place(begin + i)]} << 16);
}
void narrow_grouped(const float *from, Bf16 *array, size_t begin, size_t count) {
  uint16_t *halves = reinterpret_cast<uint16_t *>(array);
  for (size_t i = 0; i < count; i++)
    halves[bf16_place(begin + i)] = static_cast<uint16_t>((std::bit_cast<uint32_t>(from[i]) + 0x8000) >> 16);
}
void narrow_grouped_stochastic(Target target, const float *from, Bf16 *array, size_t begin, size_t count,
                               uint64_t seed, uint64_t stream) {
  constexpr size_t kRun = 256;
  Bf16 rounded[kRun];
  for (size_t done = 0; done < count; done += kRun) {
    const size_t run = std::min(kRun, count - done);
    narrow_stochastic(target, from + done, rounded, run, seed, stream, begin + done);
    for (size_t i = 0; i < run; i++) array[bf16_place(begin + done + i)] = rounded[i];
  }
}

}  // namespace ngd
#endif
