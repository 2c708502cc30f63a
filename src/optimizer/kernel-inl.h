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
#include <cstring>

// For loops over state arrays: their vectors stay in registers only when the loop is gone.
#ifndef NGD_UNROLL
#define NGD_UNROLL _Pragma("GCC unroll 8")
// For the vectors of a turn; more than two, on narrow targets, are not worth their code.
#define NGD_UNROLL_VECTORS _Pragma("GCC unroll 2")
#define NGD_UNROLL_ALL _Pragma("GCC unroll 20")
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

// Copies the few elements at the end of a piece. A call of memcpy for each array would take longer than the copy.
template <class T>
HWY_INLINE void copy_few(const T *from, size_t count, T *to) {
  constexpr size_t kTogether = 32 / sizeof(T);
  size_t i = 0;
  for (; i + kTogether <= count; i += kTogether) std::memcpy(to + i, from + i, kTogether * sizeof(T));
  for (; i < count; i++) to[i] = from[i];
}

// A copy of the last few elements of a piece, filled up with zeros to kStep, so that a kernel needs code for full vectors
// only. Slots that are packed are left to the caller.
template <class Formula, size_t kStep, class T>
struct Tail {
  explicit Tail(const Piece<T> &piece, const PackedSlots &packed = {})
      : whole(piece), at(piece.count / kStep * kStep) {
    padded.count = kStep;
    padded.parameter = w;
    padded.gradient = g;
    padded.scale = piece.scale;
    padded.bound = piece.bound;
    copy_few(piece.parameter + at, rest(), w);
    copy_few(piece.gradient + at, rest(), g);
    for (size_t s = 0; s < Formula::kSlots; s++) {
      padded.slot[s] = states[s];
      if (packed.slot[s] == nullptr) copy_few(piece.slot[s] + at, rest(), states[s]);
    }
  }
  size_t rest() const { return whole.count - at; }
  void put_back(const PackedSlots &packed = {}) const {
    copy_few(w, rest(), whole.parameter + at);
    for (size_t s = 0; s < Formula::kSlots; s++) {
      if (packed.slot[s] == nullptr) copy_few(states[s], rest(), whole.slot[s] + at);
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
  using T = hn::TFromD<D>;
  T numbers[Formula::kConstants];
  for (size_t k = 0; k < Formula::kConstants; k++) numbers[k] = static_cast<T>(from[k]);
  NGD_UNROLL_ALL
  for (size_t k = 0; k < Formula::kConstants; k++) to[k] = hn::Set(D(), numbers[k]);
}

// A piece's arrays.
template <class Formula, class T>
struct Arrays {
  explicit HWY_INLINE Arrays(const Piece<T> &piece) : parameter(piece.parameter), gradient(piece.gradient) {
    NGD_UNROLL
    for (size_t s = 0; s < Formula::kSlots; s++) slot[s] = piece.slot[s];
  }
  // Asks for what will be needed soon: roots and quotients keep the loop from running far enough ahead by itself.
  HWY_INLINE void fetch_ahead(size_t i) const {
    constexpr size_t kAhead = 1024 / sizeof(T);
    __builtin_prefetch(parameter + i + kAhead);
    __builtin_prefetch(gradient + i + kAhead);
    NGD_UNROLL
    for (size_t s = 0; s < Formula::kSlots; s++) __builtin_prefetch(slot[s] + i + kAhead);
  }
  T *parameter;
  const T *gradient;
  T *slot[Formula::kSlots + 1];
};

// What of a gradient a rule may see: a Piece's scale and bound in all lanes.
template <class T>
struct Sight {
  using D = Wide<T>;
  using Bits = hn::RebindToSigned<D>;
  explicit HWY_INLINE Sight(const Piece<T> &piece)
      : scale(hn::Set(D(), piece.scale)),
        bound(hn::Set(D(), piece.bound)),
        start(hn::BitCast(Bits(), hn::Set(D(), piece.bound >= 2 ? T(0) : T(2)))) {}
  hn::Vec<D> scale, bound;
  hn::Vec<Bits> start;

  // kCount scaled elements, and false when not all of them may be seen.
  template <size_t kCount>
  HWY_INLINE bool load(const T *gradient, hn::Vec<D> *to) const {
    constexpr size_t kLanes = hn::MaxLanes(D()), kVectors = kCount / kLanes;
    auto all = start;
    NGD_UNROLL
    for (size_t v = 0; v < kVectors; v++) {
      to[v] = hn::LoadU(D(), gradient + v * kLanes) * scale;
      all = hn::Or(all, hn::BitCast(Bits(), to[v]));
    }
    // The upper bit of the exponent is set from 2 on, and in infinity and NaN: where it is not, the bound, unless that is
    // below 2, needs no look.
    if (HWY_LIKELY(hn::AllFalse(Bits(), hn::ShiftLeft<1>(all) < hn::Zero(Bits())))) return true;
    auto seen = hn::Abs(to[0]) <= bound;
    for (size_t v = 1; v < kVectors; v++) seen = hn::And(seen, hn::Abs(to[v]) <= bound);
    return hn::AllTrue(D(), seen);
  }
};

// Elements in a turn of the loop: a cache line, whatever the width of the vectors, so that kernels of all targets stop
// in the same places.
template <class T>
inline constexpr size_t kLine = 64 / sizeof(T);

// The rule at full width: update, or settle. Returns how many elements it came to.
template <class Formula, class T, bool kSettles = false>
HWY_NOINLINE size_t run(const Piece<T> &piece, const double *numbers) {
  using D = Wide<T>;
  using V = hn::Vec<D>;
  constexpr size_t kSlots = Formula::kSlots, kLanes = hn::MaxLanes(D()), kStep = kLine<T>;
  const D d;
  V c[Formula::kConstants];
  spread<Formula, D>(numbers, c);
  const Sight<T> sight(piece);
  // In variables of their own, which no store can change.
  const Arrays<Formula, T> arrays(piece);
  const size_t end = piece.count / kStep * kStep;
  for (size_t i = 0; i < end; i += kStep) {
    arrays.fetch_ahead(i);
    V gradient[kStep / kLanes];
    if (!sight.template load<kStep>(arrays.gradient + i, gradient)) return i;
    NGD_UNROLL_VECTORS
    for (size_t v = 0; v < kStep / kLanes; v++) {
      const size_t at = i + v * kLanes;
      V parameter = hn::LoadU(d, arrays.parameter + at);
      V state[kSlots + 1];
      NGD_UNROLL
      for (size_t s = 0; s < kSlots; s++) state[s] = hn::LoadU(d, arrays.slot[s] + at);
      if constexpr (kSettles) {
        Formula::settle(c, parameter, gradient[v], state);
      } else {
        Formula::update(c, parameter, gradient[v], state);
        NGD_UNROLL
        for (size_t s = 0; s < kSlots; s++) hn::StoreU(state[s], d, arrays.slot[s] + at);
      }
      hn::StoreU(parameter, d, arrays.parameter + at);
    }
  }
  if (end != piece.count) {
    const Tail<Formula, kStep, T> tail(piece);
    if (run<Formula, T, kSettles>(tail.padded, numbers) == 0) return end;
    tail.put_back();
  }
  return piece.count;
}

// The rule with some of its state in bf16, whose groups take the two halves of the same random words too. Returns how many
// elements it came to.
template <class Formula>
HWY_NOINLINE size_t run_packed(const Piece<float> &piece, const PackedSlots &packed, const double *numbers) {
  using D = Wide<float>;
  using V = hn::Vec<D>;
  using half::Word;
  constexpr size_t kSlots = Formula::kSlots, kLanes = hn::MaxLanes(D()), kGroup = kBf16Group,
                   kApart = kGroup / 2;
  constexpr size_t kAhead = 1024 / sizeof(float);
  const D d;
  V c[Formula::kConstants];
  spread<Formula, D>(numbers, c);
  const Sight<float> sight(piece);
  const Arrays<Formula, float> arrays(piece);
  uint32_t *words[kSlots + 1];
  NGD_UNROLL
  for (size_t s = 0; s < kSlots; s++) words[s] = reinterpret_cast<uint32_t *>(packed.slot[s]);
  const size_t end = piece.count / kGroup * kGroup;
  for (size_t i = 0; i < end; i += kGroup) {
    for (size_t line = 0; line < kGroup; line += kLine<float>) {
      __builtin_prefetch(arrays.parameter + i + line + kAhead);
      __builtin_prefetch(arrays.gradient + i + line + kAhead);
    }
    NGD_UNROLL
    for (size_t s = 0; s < kSlots; s++) {
      if (words[s] != nullptr) __builtin_prefetch(words[s] + (i + kAhead) / 2);
    }
    V gradient[kGroup / kLanes];
    if (!sight.load<kGroup>(arrays.gradient + i, gradient)) return i;
    NGD_UNROLL_VECTORS
    for (size_t lane = 0; lane < kApart; lane += kLanes) {
      const size_t at = i + lane;
      V x[kSlots + 1], y[kSlots + 1];  // the two halves of the same words, see math/half.h
      NGD_UNROLL
      for (size_t s = 0; s < kSlots; s++) {
        if (words[s] == nullptr) {
          x[s] = hn::LoadU(d, arrays.slot[s] + at);
          y[s] = hn::LoadU(d, arrays.slot[s] + at + kApart);
        } else {
          const half::Bf16Pair pair = half::unpack_pair(hn::LoadU(half::Words(), words[s] + i / 2 + lane));
          x[s] = pair.x;
          y[s] = pair.y;
        }
      }
      V w_x = hn::LoadU(d, arrays.parameter + at), w_y = hn::LoadU(d, arrays.parameter + at + kApart);
      Formula::update(c, w_x, gradient[lane / kLanes], x);
      Formula::update(c, w_y, gradient[(lane + kApart) / kLanes], y);
      hn::StoreU(w_x, d, arrays.parameter + at);
      hn::StoreU(w_y, d, arrays.parameter + at + kApart);
      NGD_UNROLL
      for (size_t s = 0; s < kSlots; s++) {
        if (words[s] == nullptr) {
          hn::StoreU(x[s], d, arrays.slot[s] + at);
          hn::StoreU(y[s], d, arrays.slot[s] + at + kApart);
          continue;
        }
        Word x_added = half::word(0x8000), y_added = x_added;
        if (packed.key[s].factor != 0) {
          const Dither<half::Words, 16> random(packed.counter + static_cast<uint32_t>(i / 2 + lane),
                                               packed.key[s]);
          x_added = random.first;
          y_added = random.second;
        }
        hn::StoreU(half::pack_pair({x[s], y[s]}, x_added, y_added), half::Words(), words[s] + i / 2 + lane);
      }
    }
  }
  if (end != piece.count) {
    // Of packed state a whole group is there.
    const Tail<Formula, kGroup, float> tail(piece, packed);
    PackedSlots rest = packed;
    for (size_t s = 0; s < kSlots; s++) {
      if (rest.slot[s] != nullptr) rest.slot[s] += end;
    }
    rest.counter += static_cast<uint32_t>(end / 2);
    if (run_packed<Formula>(tail.padded, rest, numbers) == 0) return end;
    tail.put_back(packed);
  }
  return piece.count;
}

// Sums of squares of parameters and directions: 8 running sums in float64, whatever the width of the vectors, so that
// every target adds in the same order. More of them would not stay in registers beside a formula. With kUpdates the step
// is taken too, and w measured before it.
inline constexpr size_t kSumLanes = 8;

// Running sums of squares of a turn's elements.
template <class T>
class RunningSums {
 public:
  using D = Wide<T>;
  using V = hn::Vec<D>;
  static constexpr size_t kLanes = hn::MaxLanes(D());

  HWY_INLINE RunningSums() {
    NGD_UNROLL
    for (size_t k = 0; k < kVectors; k++) sums_[k] = hn::Zero(Sums());
  }
  // Adds the squares of vector `v` of a turn.
  HWY_INLINE void add(V x, size_t v) {
    if constexpr (std::is_same_v<T, double>) {
      add_square(v, x);
    } else if constexpr (kLanes == 1) {
      add_square(v, hn::Set(Sums(), static_cast<double>(hn::GetLane(x))));
    } else {
#if HWY_TARGET != HWY_SCALAR  // which has no halves, and never comes here
      const hn::Half<D> half;
      add_square(2 * v, hn::PromoteTo(Sums(), hn::LowerHalf(half, x)));
      add_square(2 * v + 1, hn::PromoteTo(Sums(), hn::UpperHalf(half, x)));
#endif
    }
  }
  // All of them, in a fixed order.
  double total() const {
    double lanes[kSumLanes];
    for (size_t k = 0; k < kVectors; k++) hn::StoreU(sums_[k], Sums(), lanes + k * hn::MaxLanes(Sums()));
    for (size_t half = kSumLanes / 2; half > 0; half /= 2) {
      for (size_t lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
    }
    return lanes[0];
  }

 private:
  using Sums = Wide<double>;
  static constexpr size_t kVectors = kSumLanes / hn::MaxLanes(Sums());
  HWY_INLINE void add_square(size_t place, hn::Vec<Sums> x) {
    auto &sum = sums_[place % kVectors];
    sum = sum + x * x;
  }
  hn::Vec<Sums> sums_[kVectors];
};

// Measures whole lines, then the rest filled up with zeros.
template <class Formula, class T, bool kUpdates>
HWY_NOINLINE Norms measure(const Piece<T> &piece, const double *numbers) {
  using D = Wide<T>;
  using V = hn::Vec<D>;
  constexpr size_t kSlots = Formula::kSlots, kLanes = hn::MaxLanes(D()), kStep = kLine<T>;
  const D d;
  V c[Formula::kConstants];
  spread<Formula, D>(numbers, c);
  const Sight<T> sight(piece);
  const Arrays<Formula, T> arrays(piece);
  RunningSums<T> w_sums, u_sums;
  const size_t end = piece.count / kStep * kStep;
  for (size_t i = 0; i < end; i += kStep) {
    arrays.fetch_ahead(i);
    V gradient[kStep / kLanes];
    if (!sight.template load<kStep>(arrays.gradient + i, gradient)) return {w_sums.total(), u_sums.total(), i};
    NGD_UNROLL_VECTORS
    for (size_t v = 0; v < kStep / kLanes; v++) {
      const size_t at = i + v * kLanes;
      V state[kSlots + 1];
      NGD_UNROLL
      for (size_t s = 0; s < kSlots; s++) state[s] = hn::LoadU(d, arrays.slot[s] + at);
      V parameter = hn::LoadU(d, arrays.parameter + at);
      const V u = Formula::direction(c, parameter, gradient[v], state);
      w_sums.add(parameter, v);
      u_sums.add(u, v);
      if constexpr (kUpdates) {
        Formula::apply(c, parameter, u);
        hn::StoreU(parameter, d, arrays.parameter + at);
        NGD_UNROLL
        for (size_t s = 0; s < kSlots; s++) hn::StoreU(state[s], d, arrays.slot[s] + at);
      }
    }
  }
  Norms norms = {w_sums.total(), u_sums.total(), end};
  if (end != piece.count) {
    const Tail<Formula, kStep, T> tail(piece);
    Norms rest = measure<Formula, T, kUpdates>(tail.padded, numbers);
    if (rest.count == 0) return norms;
    if (kUpdates) tail.put_back();
    rest.count = tail.rest();
    norms.add(rest);
  }
  return norms;
}

// The functions of a formula by name, for NGD_KERNEL and its sisters.
template <class Formula>
struct KernelOf {
  static size_t update_f32(const Piece<float> &piece, const double *c) { return run<Formula>(piece, c); }
  static size_t update_packed(const Piece<float> &piece, const PackedSlots &packed, const double *c) {
    return run_packed<Formula>(piece, packed, c);
  }
  static size_t update_f64(const Piece<double> &piece, const double *c) { return run<Formula>(piece, c); }
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
  static size_t settle_f32(const Piece<float> &piece, const double *c) {
    return run<Formula, float, true>(piece, c);
  }
  static size_t settle_f64(const Piece<double> &piece, const double *c) {
    return run<Formula, double, true>(piece, c);
  }
};

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

// The Kernel of ngd::N_*::Name, a KernelOf<...>; for use in namespace ngd after all targets (HWY_ONCE).
// NGD_EXACT_KERNEL is for rules whose state is never packed.
#ifndef NGD_KERNEL
#define NGD_EXACT_KERNEL(Name)                                                                             \
  Kernel {                                                                                                 \
    {NGD_PER_TARGET(Name::update_f32), {}, {}, {}}, {NGD_PER_TARGET_F64(Name::update_f64), {}, {}, {}}, {} \
  }
#define NGD_KERNEL(Name)                                                                                \
  Kernel {                                                                                              \
    {NGD_PER_TARGET(Name::update_f32), {}, {}, {}}, {NGD_PER_TARGET_F64(Name::update_f64), {}, {}, {}}, \
        NGD_PER_WIDE_TARGET(Name::update_packed)                                                        \
  }
#define NGD_MEASURED_KERNEL(Name)                                                              \
  Kernel {                                                                                     \
    {NGD_PER_TARGET(Name::update_f32), NGD_PER_TARGET(Name::measure_f32), {}, {}},             \
        {NGD_PER_TARGET_F64(Name::update_f64), NGD_PER_TARGET_F64(Name::measure_f64), {}, {}}, \
        NGD_PER_WIDE_TARGET(Name::update_packed)                                               \
  }
#define NGD_SETTLED_KERNEL(Name)                                                               \
  Kernel {                                                                                     \
    {NGD_PER_TARGET(Name::update_f32), NGD_PER_TARGET(Name::measure_f32),                      \
     NGD_PER_TARGET(Name::measured_update_f32), NGD_PER_TARGET(Name::settle_f32)},             \
        {NGD_PER_TARGET_F64(Name::update_f64), NGD_PER_TARGET_F64(Name::measure_f64),          \
         NGD_PER_TARGET_F64(Name::measured_update_f64), NGD_PER_TARGET_F64(Name::settle_f64)}, \
        NGD_PER_WIDE_TARGET(Name::update_packed)                                               \
  }
#endif
