// Encoding and decoding of 8-bit state, on the bits of float32 in 32-bit lanes.
//
// With s the block's scale, C the least number with E = 1, and a float's bits read as one whole number:
//
//   z = |x| + max(|x|, C)                   from C to 2 C evenly spaced numbers below C; from there on 2 |x|
//   code = (bits(z) - bits(C)) / 2^20       rounded: exponent and upper three bits of the mantissa, as one number
//   |x| = min(z - C, z / 2)
//
// Every operation is exact but the sum |x| + C, which loses what is 2^-20 of the smallest code. Subnormal numbers meet
// only this sum and integer operations, so a host that takes them for zero changes nothing.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "math/block8.cc"
#include "math/block8.h"

#include <algorithm>
#include <bit>

#include "math/dither.h"

#ifndef NGD_MATH_BLOCK8_SCALES
#define NGD_MATH_BLOCK8_SCALES
namespace ngd {

// Bits of 1.875 * 2^126, the largest number that a block can hold.
inline constexpr uint32_t kLargestBlock8 = (253u << 23) + 0x700000;

// The scale for a block whose largest magnitude has these bits, as bits: its power of two, or the next one where the
// mantissa is above 1.875, which makes the addition carry.
inline uint32_t block8_exponent(uint32_t most) {
  return std::clamp((most + 0xFFFFF) & 0x7F800000, (127u - 93) << 23, (127u + 126) << 23);
}

// For a block that holds numbers that are not finite, or too large: they become the largest code of its other numbers.
// Returns the new largest magnitude as bits.
uint32_t tame_block8(const float *from, float *to);

}  // namespace ngd
#endif

// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "math/dither-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <Block8 kKind>
struct Codec {
  using Floats = hn::ScalableTag<float>;
  using Words = hn::Rebind<uint32_t, Floats>;
  using SignedWords = hn::Rebind<int32_t, Floats>;
  using Word = hn::Vec<Words>;

  static constexpr bool kSigned = kKind == Block8::first;
  // C as bits, with its exponent counted from that of the scale.
  static constexpr uint32_t kStart = (kSigned ? 14u : 30u) << 23;
  static constexpr size_t kLanes = hn::MaxLanes(Floats());
  static constexpr size_t kGroup = 2 * kDitherLanes;

  static HWY_INLINE Word word(uint32_t value) { return hn::Set(Words(), value); }
  static HWY_INLINE Word bits_of(hn::Vec<Floats> x) { return hn::BitCast(Words(), x); }
  static HWY_INLINE hn::Vec<Floats> float_of(Word bits) { return hn::BitCast(Floats(), bits); }
  static HWY_INLINE Word load(const float *from) { return bits_of(hn::LoadU(Floats(), from)); }
  static HWY_INLINE hn::Vec<SignedWords> as_signed(Word bits) { return hn::BitCast(SignedWords(), bits); }

  // Two vectors of codes to consecutive bytes.
  static HWY_INLINE void store(Word low, Word high, uint8_t *to) {
#if HWY_TARGET == HWY_AVX2
    // Both at once: packing leaves groups of four in the order low, high, low, high.
    const hn::Rebind<uint8_t, hn::Full256<int16_t>> bytes;
    const auto halves = hn::ReorderDemote2To(hn::Full256<int16_t>(), as_signed(low), as_signed(high));
    const auto fours = hn::BitCast(hn::Full128<uint32_t>(), hn::DemoteTo(bytes, halves));
    alignas(16) static constexpr int32_t kOrder[] = {0, 2, 1, 3};
    const auto order = hn::SetTableIndices(hn::Full128<uint32_t>(), kOrder);
    hn::StoreU(hn::BitCast(bytes, hn::TableLookupLanes(fours, order)), bytes, to);
#else
    const hn::Rebind<uint8_t, Floats> bytes;
    hn::StoreU(hn::DemoteTo(bytes, as_signed(low)), bytes, to);
    hn::StoreU(hn::DemoteTo(bytes, as_signed(high)), bytes, to + kLanes);
#endif
  }

  // The number of 20 bits is added just under the last place that is kept.
  static HWY_INLINE Word encode(const float *from, Word start, Word random) {
    const Word bits = load(from);
    const Word magnitude = bits & word(0x7FFFFFFF);
    const auto size = float_of(magnitude);
    const Word z = bits_of(size + hn::Max(size, float_of(start)));
    const Word code = hn::ShiftRight<20>(z - start + random);
    if constexpr (kSigned) return code | (hn::ShiftRight<24>(bits) & word(0x80));
    return hn::Max(code, hn::Min(magnitude, word(1)));
  }

  static HWY_INLINE void decode(const uint8_t *from, float *to, Word start) {
    constexpr uint32_t kMagnitude = kSigned ? 0x07F00000 : 0x0FF00000;
    using Byte = std::conditional_t<kSigned, int8_t, uint8_t>;
    const hn::Rebind<Byte, Floats> bytes;
    const auto code = hn::PromoteTo(SignedWords(), hn::LoadU(bytes, reinterpret_cast<const Byte *>(from)));
    const Word place = hn::ShiftLeft<20>(hn::BitCast(Words(), code));
    const auto z = float_of((place & word(kMagnitude)) + start);
    Word bits = bits_of(hn::Min(z - float_of(start), z * hn::Set(Floats(), 0.5f)));
    if constexpr (kSigned) bits = bits | (place & word(0x80000000));
    hn::StoreU(float_of(bits), Floats(), to);
  }

  // The largest magnitude of a block, as bits; by quarters, whose instructions may overlap.
  static HWY_INLINE uint32_t largest(const float *from) {
    constexpr size_t kQuarter = kBlock8 / 4;
    const auto at = [](const float *x) HWY_ATTR { return as_signed(load(x) & word(0x7FFFFFFF)); };
    auto a = hn::Zero(SignedWords()), b = a, c = a, d = a;
    for (size_t i = 0; i < kQuarter; i += kLanes) {
      a = hn::Max(a, at(from + i));
      b = hn::Max(b, at(from + kQuarter + i));
      c = hn::Max(c, at(from + 2 * kQuarter + i));
      d = hn::Max(d, at(from + 3 * kQuarter + i));
    }
    const auto most = hn::MaxOfLanes(SignedWords(), hn::Max(hn::Max(a, b), hn::Max(c, d)));
    return static_cast<uint32_t>(hn::GetLane(most));
  }

  static HWY_INLINE void encode_block(const float *from, uint8_t *codes, float *scale, DitherKey key,
                                      uint32_t counter) {
    float tamed[kBlock8];
    uint32_t most = largest(from);
    if (most > kLargestBlock8) {
      most = tame_block8(from, tamed);
      from = tamed;
    }
    const uint32_t exponent = block8_exponent(most);
    *scale = std::bit_cast<float>(exponent);
    const Word start = word(exponent - kStart);
    for (size_t i = 0; i < kBlock8; i += kGroup) {
      constexpr size_t kVectors = kDitherLanes / kLanes;
      Word code[2 * kVectors];
#pragma GCC unroll 2
      for (size_t v = 0; v < kVectors; v++) {
        const size_t k = v * kLanes;
        const Dither<Words, 20> random(counter + static_cast<uint32_t>(i / 2 + k), key);
        code[v] = encode(from + i + k, start, random.first);
        code[v + kVectors] = encode(from + i + kDitherLanes + k, start, random.second);
      }
      for (size_t v = 0; v < 2 * kVectors; v += 2) store(code[v], code[v + 1], codes + i + v * kLanes);
    }
  }

  static void encode_run(const float *from, uint8_t *codes, float *scales, size_t count, DitherKey key,
                         uint32_t counter) {
    float last[kBlock8];
    uint8_t last_codes[kBlock8];
    for (size_t i = 0; i < count; i += kBlock8) {
      const float *source = from + i;
      uint8_t *result = codes + i;
      const size_t rest = count - i;
      // A short block is filled with zeros.
      if (rest < kBlock8) {
        std::fill(std::copy_n(source, rest, last), last + kBlock8, 0.0f);
        source = last;
        result = last_codes;
      }
      encode_block(source, result, scales++, key, counter + static_cast<uint32_t>(i / 2));
      if (rest < kBlock8) std::copy_n(last_codes, rest, codes + i);
    }
  }

  static void decode_run(const uint8_t *codes, const float *scales, float *to, size_t count) {
    uint8_t last[kBlock8] = {};
    float decoded[kBlock8];
    for (size_t i = 0; i < count; i += kBlock8) {
      const uint8_t *source = codes + i;
      float *result = to + i;
      const size_t rest = count - i;
      if (rest < kBlock8) {
        std::copy_n(source, rest, last);
        source = last;
        result = decoded;
      }
      // Whatever a scale is, zero of fresh memory too, it decodes to finite numbers.
      const Word start = word(block8_exponent(std::bit_cast<uint32_t>(*scales++) & 0x7F800000) - kStart);
      for (size_t k = 0; k < kBlock8; k += kLanes) decode(source + k, result + k, start);
      if (rest < kBlock8) std::copy_n(decoded, rest, to + i);
    }
  }
};

using First = Codec<Block8::first>;
using Second = Codec<Block8::second>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

using Decode = void (*)(const uint8_t *, const float *, float *, size_t);
using Encode = void (*)(const float *, uint8_t *, float *, size_t, DitherKey, uint32_t);

constexpr PerTarget<Decode> kDecode[] = {NGD_PER_TARGET(First::decode_run), NGD_PER_TARGET(Second::decode_run)};
constexpr PerTarget<Encode> kEncode[] = {NGD_PER_TARGET(First::encode_run), NGD_PER_TARGET(Second::encode_run)};

}  // namespace

uint32_t tame_block8(const float *from, float *to) {
  constexpr uint32_t kInfinity = 0x7F800000;
  uint32_t most = 0;
  for (size_t i = 0; i < kBlock8; i++) {
    const uint32_t magnitude = std::bit_cast<uint32_t>(from[i]) & 0x7FFFFFFF;
    if (magnitude < kInfinity) most = std::max(most, magnitude);
  }
  const uint32_t limit = block8_exponent(most) + 0x700000;
  for (size_t i = 0; i < kBlock8; i++) {
    const uint32_t bits = std::bit_cast<uint32_t>(from[i]);
    to[i] = std::bit_cast<float>((bits & 0x80000000) | std::min(bits & 0x7FFFFFFF, limit));
  }
  return limit;
}

void decode(Target target, Block8 kind, const uint8_t *codes, const float *scales, float *to, size_t count) {
  kDecode[static_cast<size_t>(kind)][target](codes, scales, to, count);
}

void encode_nearest(Target target, Block8 kind, const float *from, uint8_t *codes, float *scales,
                    size_t count) {
  kEncode[static_cast<size_t>(kind)][target](from, codes, scales, count, kNoDither, 0);
}

void encode_stochastic(Target target, Block8 kind, const float *from, uint8_t *codes, float *scales,
                       size_t count, uint64_t seed, uint64_t stream, uint64_t position) {
  for (size_t done = 0; done < count;) {
    const uint64_t at = position + done;
    const size_t run =
        static_cast<size_t>(std::min<uint64_t>(kDitherPeriod - at % kDitherPeriod, count - done));
    kEncode[static_cast<size_t>(kind)][target](from + done, codes + done, scales + done / kBlock8, run,
                                               dither_key(seed, stream, at), dither_counter(at));
    done += run;
  }
}

}  // namespace ngd
#endif
