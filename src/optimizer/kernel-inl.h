// The loops around a rule's formula, compiled once per vector target.
//
// A formula is a struct with
//   kSlots, kConstants     how many state arrays and constants it uses
//   update(c, w, g, s)     the rule for one vector of elements, written with + - * / and the functions below
//   direction(c, w, g, s)  only for rules that need norms: the step's direction; s becomes the new state
//   apply(c, w, u)         only for rules that settle: the step along that direction
//   settle(c, w, g, s)     and what takes back the trust constant's share of the step; s is the new state
// Each operation is correctly rounded and no product is fused with a sum, so that every target gives the same
// bits.

// Highway's form of an include guard: the file is read once per target.
#if defined(NGD_OPTIMIZER_KERNEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NGD_OPTIMIZER_KERNEL_INL_H_
#undef NGD_OPTIMIZER_KERNEL_INL_H_
#else
#define NGD_OPTIMIZER_KERNEL_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <limits>

// For loops over state arrays: their vectors stay in registers only when the loop is gone.
#ifndef NGD_UNROLL
#define NGD_UNROLL _Pragma("GCC unroll 8")
#endif

#include "math/dither-inl.h"
#include "math/half-inl.h"
#include "optimizer/kernel.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Wide = hn::ScalableTag<T>;

// What formulas may use beside + - * /.
template <class V>
HWY_INLINE V root(V x) {
  return hn::Sqrt(x);
}
template <class V>
HWY_INLINE V larger(V a, V b) {
  return hn::Max(a, b);
}
template <class V>
HWY_INLINE V smaller(V a, V b) {
  return hn::Min(a, b);
}
template <class V>
HWY_INLINE V magnitude(V x) {
  return hn::Abs(x);
}

// -1, 0 or 1.
template <class V>
HWY_INLINE V sign(V x) {
  const hn::DFromV<V> d;
  return hn::IfThenZeroElse(x == hn::Zero(d), hn::CopySign(hn::Set(d, 1), x));
}
// x > y ? a : b
template <class V>
HWY_INLINE V if_greater(V x, V y, V a, V b) {
  return hn::IfThenElse(hn::Gt(x, y), a, b);
}

// What a rule sees of the gradient: see Piece. D is the vector type.
template <class T, class D>
class Seen {
 public:
  using V = hn::Vec<D>;
  explicit HWY_INLINE Seen(const Piece<T> &piece)
      : scale_(hn::Set(D(), piece.scale)), bound_(hn::Set(D(), piece.bound)) {}

  // Counts in `bad`, lane by lane, what is not finite.
  HWY_INLINE V operator()(V raw, V &bad) const {
    const V g = raw * scale_;
    const auto finite = hn::Abs(g) <= hn::Set(D(), std::numeric_limits<T>::max());
    bad = bad + hn::IfThenZeroElse(finite, hn::Set(D(), T(1)));
    return hn::Min(hn::Max(hn::IfThenElseZero(finite, g), hn::Neg(bound_)), bound_);
  }

 private:
  V scale_, bound_;
};

// A copy of the last few elements of a piece, filled up with zeros to kStep, so that a kernel needs code for full vectors
// only.
template <class Formula, size_t kStep, class T>
struct Tail {
  // Slots that are packed are left to the caller.
  explicit Tail(const Piece<T> &piece, const PackedSlots &packed = {}) : whole(piece), at(piece.count / kStep * kStep) {
    padded.count = kStep;
    padded.parameter = w;
    padded.gradient = g;
    padded.scale = piece.scale;
    padded.bound = piece.bound;
    std::copy_n(piece.parameter + at, rest(), w);
    std::copy_n(piece.gradient + at, rest(), g);
    for (size_t s = 0; s < Formula::kSlots; s++) {
      padded.slot[s] = states[s];
      if (packed.slot[s] == nullptr) std::copy_n(piece.slot[s] + at, rest(), states[s]);
    }
  }
  size_t rest() const { return whole.count - at; }
  void put_back(const PackedSlots &packed = {}) const {
    std::copy_n(w, rest(), whole.parameter + at);
    for (size_t s = 0; s < Formula::kSlots; s++) {
      if (packed.slot[s] == nullptr) std::copy_n(states[s], rest(), whole.slot[s] + at);
    }
  }

  const Piece<T> &whole;
  size_t at;
  Piece<T> padded = {};
  T w[kStep] = {}, g[kStep] = {}, states[Formula::kSlots + 1][kStep] = {};
};

// The formula's numbers, each in all lanes.
template <class Formula, class D>
HWY_INLINE void spread(const double *from, hn::Vec<D> *to) {
  for (size_t k = 0; k < Formula::kConstants; k++) to[k] = hn::Set(D(), static_cast<hn::TFromD<D>>(from[k]));
}

template <class D>
HWY_INLINE uint64_t counted(hn::Vec<D> bad) {
  return static_cast<uint64_t>(hn::GetLane(hn::SumOfLanes(D(), bad)));
}

// Asks for what will be needed soon: roots and quotients keep the loop from running far enough ahead by itself.
template <class Formula, class T>
HWY_INLINE void fetch_ahead(const Piece<T> &piece, size_t i) {
  constexpr size_t kAhead = 1024 / sizeof(T);
  __builtin_prefetch(piece.parameter + i + kAhead);
  __builtin_prefetch(piece.gradient + i + kAhead);
  for (size_t s = 0; s < Formula::kSlots; s++) __builtin_prefetch(piece.slot[s] + i + kAhead);
}

template <class Formula>
HWY_INLINE void fetch_ahead_packed(const Piece<float> &piece, const PackedSlots &packed, size_t i) {
  constexpr size_t kAhead = 1024 / sizeof(float);
  __builtin_prefetch(piece.parameter + i + kAhead);
  __builtin_prefetch(piece.gradient + i + kAhead);
  for (size_t s = 0; s < Formula::kSlots; s++) {
    if (packed.slot[s] != nullptr) __builtin_prefetch(packed.slot[s] + i + kAhead);
  }
}

// The rule at full width: update, or settle.
template <class Formula, class T, bool kSettles = false>
HWY_NOINLINE uint64_t run(const Piece<T> &piece, const double *numbers) {
  using D = Wide<T>;
  using V = hn::Vec<D>;
  constexpr size_t kSlots = Formula::kSlots, kStep = hn::MaxLanes(D());
  const D d;
  V c[Formula::kConstants];
  spread<Formula, D>(numbers, c);
  const Seen<T, D> seen(piece);
  V bad = hn::Zero(d);
  for (size_t i = 0; i + kStep <= piece.count; i += kStep) {
    fetch_ahead<Formula>(piece, i);
    V parameter = hn::LoadU(d, piece.parameter + i);
    V state[kSlots + 1];
NGD_UNROLL
    for (size_t s = 0; s < kSlots; s++) state[s] = hn::LoadU(d, piece.slot[s] + i);
    const V gradient = seen(hn::LoadU(d, piece.gradient + i), bad);
    if constexpr (kSettles) {
      Formula::settle(c, parameter, gradient, state);
    } else {
      Formula::update(c, parameter, gradient, state);
NGD_UNROLL
      for (size_t s = 0; s < kSlots; s++) hn::StoreU(state[s], d, piece.slot[s] + i);
    }
    hn::StoreU(parameter, d, piece.parameter + i);
  }
  uint64_t not_finite = counted<D>(bad);
  if (piece.count % kStep != 0) {
    const Tail<Formula, kStep, T> tail(piece);
    not_finite += run<Formula, T, kSettles>(tail.padded, numbers);
    tail.put_back();
  }
  return not_finite;
}

// The rule with some of its state in bf16. Elements go in groups of 2 kDitherLanes, whose halves take the two halves of
// the same random words.
template <class Formula>
HWY_NOINLINE uint64_t run_packed(const Piece<float> &piece, const PackedSlots &packed, const double *numbers) {
  using D = Wide<float>;
  using V = hn::Vec<D>;
  constexpr size_t kSlots = Formula::kSlots, kStep = hn::MaxLanes(D()), kGroup = 2 * kDitherLanes;
  const D d;
  V c[Formula::kConstants];
  spread<Formula, D>(numbers, c);
  const Seen<float, D> seen(piece);
  V bad = hn::Zero(d);
  const size_t end = piece.count / kGroup * kGroup;
  for (size_t i = 0; i < end; i += kStep) {
    fetch_ahead_packed<Formula>(piece, packed, i);
    V parameter = hn::LoadU(d, piece.parameter + i);
    V state[kSlots + 1];
NGD_UNROLL
    for (size_t s = 0; s < kSlots; s++) {
      state[s] = packed.slot[s] == nullptr
                     ? hn::LoadU(d, piece.slot[s] + i)
                     : half::float_of(half::WidenBf16()(
                           half::load(reinterpret_cast<const uint16_t *>(packed.slot[s]) + i)));
    }
    Formula::update(c, parameter, seen(hn::LoadU(d, piece.gradient + i), bad), state);
    hn::StoreU(parameter, d, piece.parameter + i);
    const size_t place = i % kGroup;
    const uint32_t counter = packed.counter + static_cast<uint32_t>(i / 2 - place / 2 + place % kDitherLanes);
NGD_UNROLL
    for (size_t s = 0; s < kSlots; s++) {
      if (packed.slot[s] == nullptr) {
        hn::StoreU(state[s], d, piece.slot[s] + i);
        continue;
      }
      uint16_t *to = reinterpret_cast<uint16_t *>(packed.slot[s]) + i;
      if (packed.key[s].factor == 0) {
        half::store(half::NarrowBf16()(state[s]), to);
      } else {
        const Dither<half::Words, 16> random(counter, packed.key[s]);
        half::store(half::narrow_bf16_stochastic(state[s], place < kDitherLanes ? random.first : random.second), to);
      }
    }
  }
  uint64_t not_finite = counted<D>(bad);
  if (end != piece.count) {
    const Tail<Formula, kGroup, float> tail(piece, packed);
    PackedSlots padded = packed;
    Bf16 halves[kSlots + 1][kGroup] = {};
NGD_UNROLL
    for (size_t s = 0; s < kSlots; s++) {
      if (packed.slot[s] != nullptr) std::copy_n(packed.slot[s] + end, tail.rest(), padded.slot[s] = halves[s]);
    }
    padded.counter += static_cast<uint32_t>(end / 2);
    not_finite += run_packed<Formula>(tail.padded, padded, numbers);
    tail.put_back(packed);
NGD_UNROLL
    for (size_t s = 0; s < kSlots; s++) {
      if (packed.slot[s] != nullptr) std::copy_n(halves[s], tail.rest(), packed.slot[s] + end);
    }
  }
  return not_finite;
}

// Sums of squares of parameters and directions: 16 running sums in float64, whatever the width of the vectors,
// so that every target adds in the same order. With kUpdates the step is taken too, and w measured before it.
inline constexpr size_t kSumLanes = 16;

// sums[i] += x[i]^2 in float64, for the lanes of x.
template <class V>
HWY_INLINE void add_squares_of(V x, double *sums) {
  const hn::DFromV<V> d;
  if constexpr (std::is_same_v<hn::TFromV<V>, double>) {
    hn::StoreU(hn::LoadU(d, sums) + x * x, d, sums);
  } else if constexpr (hn::MaxLanes(d) == 1) {
    const double wide = static_cast<double>(hn::GetLane(x));
    *sums += wide * wide;
  } else {
#if HWY_TARGET != HWY_SCALAR  // which has no halves, and never comes here
    const hn::Repartition<double, decltype(d)> wide;
    const hn::Half<decltype(d)> half;
    const auto low = hn::PromoteTo(wide, hn::LowerHalf(half, x));
    const auto high = hn::PromoteTo(wide, hn::UpperHalf(half, x));
    hn::StoreU(hn::LoadU(wide, sums) + low * low, wide, sums);
    double *rest = sums + hn::MaxLanes(wide);
    hn::StoreU(hn::LoadU(wide, rest) + high * high, wide, rest);
#endif
  }
}

// Adds to the running sums: whole vectors of 16, then the rest filled up with zeros.
template <class Formula, class T, bool kUpdates>
HWY_NOINLINE uint64_t add_squares(const Piece<T> &piece, const double *numbers, double *w_sums, double *u_sums) {
  using D = Wide<T>;
  using V = hn::Vec<D>;
  constexpr size_t kSlots = Formula::kSlots;
  const D d;
  V c[Formula::kConstants];
  spread<Formula, D>(numbers, c);
  const Seen<T, D> seen(piece);
  V bad = hn::Zero(d);
  const size_t end = piece.count / kSumLanes * kSumLanes;
  // The sums lie in the first cache: they are read and written while memory is waited for.
  for (size_t i = 0; i < end; i += hn::MaxLanes(D())) {
    V state[kSlots + 1];
NGD_UNROLL
    for (size_t s = 0; s < kSlots; s++) state[s] = hn::LoadU(d, piece.slot[s] + i);
    V parameter = hn::LoadU(d, piece.parameter + i);
    const V u = Formula::direction(c, parameter, seen(hn::LoadU(d, piece.gradient + i), bad), state);
    add_squares_of(parameter, w_sums + i % kSumLanes);
    add_squares_of(u, u_sums + i % kSumLanes);
    if constexpr (kUpdates) {
      Formula::apply(c, parameter, u);
      hn::StoreU(parameter, d, piece.parameter + i);
NGD_UNROLL
      for (size_t s = 0; s < kSlots; s++) hn::StoreU(state[s], d, piece.slot[s] + i);
    }
  }
  uint64_t not_finite = counted<D>(bad);
  if (end != piece.count) {
    const Tail<Formula, kSumLanes, T> tail(piece);
    not_finite += add_squares<Formula, T, kUpdates>(tail.padded, numbers, w_sums, u_sums);
    if (kUpdates) tail.put_back();
  }
  return not_finite;
}

template <class Formula, class T, bool kUpdates>
Norms measure(const Piece<T> &piece, const double *numbers) {
  double w_sums[kSumLanes] = {}, u_sums[kSumLanes] = {};
  const uint64_t not_finite = add_squares<Formula, T, kUpdates>(piece, numbers, w_sums, u_sums);
  const auto total = [](double *lanes) {
    for (size_t half = kSumLanes / 2; half > 0; half /= 2) {
      for (size_t lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
    }
    return lanes[0];
  };
  return {total(w_sums), total(u_sums), piece.count, not_finite};
}

// The functions of a formula by name, for NGD_KERNEL and its sisters.
template <class Formula>
struct KernelOf {
  static uint64_t update_f32(const Piece<float> &piece, const double *c) { return run<Formula>(piece, c); }
  static uint64_t update_packed(const Piece<float> &piece, const PackedSlots &packed, const double *c) {
    return run_packed<Formula>(piece, packed, c);
  }
  static uint64_t update_f64(const Piece<double> &piece, const double *c) { return run<Formula>(piece, c); }
  static Norms measure_f32(const Piece<float> &piece, const double *c) {
    return measure<Formula, float, false>(piece, c);
  }
  static Norms measure_f64(const Piece<double> &piece, const double *c) {
    return measure<Formula, double, false>(piece, c);
  }
  static Norms measured_update_f32(const Piece<float> &piece, const double *c) {
    return measure<Formula, float, true>(piece, c);
  }
  static Norms measured_update_f64(const Piece<double> &piece, const double *c) {
    return measure<Formula, double, true>(piece, c);
  }
  static uint64_t settle_f32(const Piece<float> &piece, const double *c) {
    return run<Formula, float, true>(piece, c);
  }
  static uint64_t settle_f64(const Piece<double> &piece, const double *c) {
    return run<Formula, double, true>(piece, c);
  }
};

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

// The Kernel of ngd::N_*::Name, a KernelOf<...>; for use in namespace ngd after all targets (HWY_ONCE).
// NGD_EXACT_KERNEL is for rules whose state is never packed.
#ifndef NGD_KERNEL
#define NGD_EXACT_KERNEL(Name)                          \
  Kernel {                                              \
    {NGD_PER_TARGET(Name::update_f32), {}, {}, {}},     \
        {NGD_PER_TARGET_F64(Name::update_f64), {}, {}, {}}, \
        {}                                              \
  }
#define NGD_KERNEL(Name)                                \
  Kernel {                                              \
    {NGD_PER_TARGET(Name::update_f32), {}, {}, {}},     \
        {NGD_PER_TARGET_F64(Name::update_f64), {}, {}, {}}, \
        NGD_PER_WIDE_TARGET(Name::update_packed)             \
  }
#define NGD_MEASURED_KERNEL(Name)                                                     \
  Kernel {                                                                            \
    {NGD_PER_TARGET(Name::update_f32), NGD_PER_TARGET(Name::measure_f32), {}, {}},    \
        {NGD_PER_TARGET_F64(Name::update_f64), NGD_PER_TARGET_F64(Name::measure_f64), {}, {}}, \
        NGD_PER_WIDE_TARGET(Name::update_packed)                                           \
  }
#define NGD_SETTLED_KERNEL(Name)                                                     \
  Kernel {                                                                           \
    {NGD_PER_TARGET(Name::update_f32), NGD_PER_TARGET(Name::measure_f32),            \
     NGD_PER_TARGET(Name::measured_update_f32), NGD_PER_TARGET(Name::settle_f32)},   \
        {NGD_PER_TARGET_F64(Name::update_f64), NGD_PER_TARGET_F64(Name::measure_f64),        \
         NGD_PER_TARGET_F64(Name::measured_update_f64), NGD_PER_TARGET_F64(Name::settle_f64)}, \
        NGD_PER_WIDE_TARGET(Name::update_packed)                                          \
  }
#endif
