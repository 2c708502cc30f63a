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

// Calls body(w, g, slots, i) for every kStep elements from i on; the last few elements pass through arrays of kStep,
// filled up with zeros, and come back when kWrites.
template <class Formula, size_t kStep, bool kWrites, class T, class Body>
HWY_INLINE void walk(const Piece<T> &piece, Body body) {
  constexpr size_t kSlots = Formula::kSlots;
  T *slots[kSlots + 1];  // one more, so that rules without state have an array
  for (size_t s = 0; s < kSlots; s++) slots[s] = piece.slot[s];
  size_t i = 0;
  for (; i + kStep <= piece.count; i += kStep) body(piece.parameter, piece.gradient, slots, i);
  const size_t rest = piece.count - i;
  if (rest == 0) return;
  T w[kStep] = {}, g[kStep] = {}, states[kSlots + 1][kStep] = {};
  std::copy_n(piece.parameter + i, rest, w);
  std::copy_n(piece.gradient + i, rest, g);
  for (size_t s = 0; s < kSlots; s++) std::copy_n(piece.slot[s] + i, rest, slots[s] = states[s]);
  body(w, g, slots, size_t{0});
  if (!kWrites) return;
  std::copy_n(w, rest, piece.parameter + i);
  for (size_t s = 0; s < kSlots; s++) std::copy_n(states[s], rest, piece.slot[s] + i);
}

// The formula's numbers, each in all lanes.
template <class Formula, class D>
HWY_INLINE void spread(const double *from, hn::Vec<D> *to) {
  for (size_t k = 0; k < Formula::kConstants; k++) to[k] = hn::Set(D(), static_cast<hn::TFromD<D>>(from[k]));
}

template <class D>
HWY_INLINE uint64_t counted(hn::Vec<D> bad) {
  return static_cast<uint64_t>(hn::GetLane(hn::SumOfLanes(D(), bad)));
}

// The rule at full width: update, or settle.
template <class Formula, class T, bool kSettles = false>
uint64_t run(const Piece<T> &piece, const double *numbers) {
  using D = Wide<T>;
  using V = hn::Vec<D>;
  constexpr size_t kSlots = Formula::kSlots;
  const D d;
  V c[Formula::kConstants];
  spread<Formula, D>(numbers, c);
  const Seen<T, D> seen(piece);
  V bad = hn::Zero(d);
  walk<Formula, hn::MaxLanes(D()), true>(piece, [&](T *w, const T *g, T *const *slots, size_t i) HWY_ATTR {
    V parameter = hn::LoadU(d, w + i);
    V state[kSlots + 1];
    for (size_t s = 0; s < kSlots; s++) state[s] = hn::LoadU(d, slots[s] + i);
    const V gradient = seen(hn::LoadU(d, g + i), bad);
    if constexpr (kSettles) {
      Formula::settle(c, parameter, gradient, state);
    } else {
      Formula::update(c, parameter, gradient, state);
      for (size_t s = 0; s < kSlots; s++) hn::StoreU(state[s], d, slots[s] + i);
    }
    hn::StoreU(parameter, d, w + i);
  });
  return counted<D>(bad);
}

// Sums of squares of parameters and directions: 16 running sums in float64, whatever the width of the vectors,
// so that every target adds in the same order. With kUpdates the step is taken too, and w measured before it.
template <class Formula, class T, bool kUpdates>
Norms measure(const Piece<T> &piece, const double *numbers) {
  constexpr size_t kLanes = 16;
  using Sums = hn::ScalableTag<double>;
  constexpr size_t kWidth = hn::MaxLanes(Sums());
  constexpr size_t kVectors = kLanes / kWidth;
  using D = hn::Rebind<T, Sums>;  // as many lanes as the sums
  using V = hn::Vec<D>;
  constexpr size_t kSlots = Formula::kSlots;
  const auto widened = [](V x) HWY_ATTR {
    if constexpr (std::is_same_v<T, double>)
      return x;
    else
      return hn::PromoteTo(Sums(), x);
  };
  const auto total = [](const hn::Vec<Sums> *sums) HWY_ATTR {
    double lanes[kLanes];
    for (size_t k = 0; k < kVectors; k++) hn::StoreU(sums[k], Sums(), lanes + k * kWidth);
    for (size_t half = kLanes / 2; half > 0; half /= 2) {
      for (size_t lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
    }
    return lanes[0];
  };

  const D d;
  V c[Formula::kConstants];
  spread<Formula, D>(numbers, c);
  const Seen<T, D> seen(piece);
  V bad = hn::Zero(d);
  hn::Vec<Sums> w_sums[kVectors], u_sums[kVectors];
  for (size_t k = 0; k < kVectors; k++) w_sums[k] = u_sums[k] = hn::Zero(Sums());
  walk<Formula, kLanes, kUpdates>(piece, [&](T *w, const T *g, T *const *slots, size_t i) HWY_ATTR {
    for (size_t k = 0; k < kVectors; k++) {
      const size_t at = i + k * kWidth;
      V state[kSlots + 1];
      for (size_t s = 0; s < kSlots; s++) state[s] = hn::LoadU(d, slots[s] + at);
      V parameter = hn::LoadU(d, w + at);
      const V u = Formula::direction(c, parameter, seen(hn::LoadU(d, g + at), bad), state);
      const auto wide = widened(parameter), wide_u = widened(u);
      w_sums[k] = w_sums[k] + wide * wide;
      u_sums[k] = u_sums[k] + wide_u * wide_u;
      if constexpr (kUpdates) {
        Formula::apply(c, parameter, u);
        hn::StoreU(parameter, d, w + at);
        for (size_t s = 0; s < kSlots; s++) hn::StoreU(state[s], d, slots[s] + at);
      }
    }
  });
  return {total(w_sums), total(u_sums), piece.count, counted<D>(bad)};
}

// The functions of a formula by name, for NGD_KERNEL and its sisters.
template <class Formula>
struct KernelOf {
  static uint64_t update_f32(const Piece<float> &piece, const double *c) { return run<Formula>(piece, c); }
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
#ifndef NGD_KERNEL
#define NGD_KERNEL(Name)                              \
  Kernel {                                            \
    {NGD_PER_TARGET(Name::update_f32), {}, {}, {}}, { \
      NGD_PER_TARGET(Name::update_f64), {}, {}, {}    \
    }                                                 \
  }
#define NGD_MEASURED_KERNEL(Name)                                                              \
  Kernel {                                                                                     \
    {NGD_PER_TARGET(Name::update_f32), NGD_PER_TARGET(Name::measure_f32), {}, {}}, {           \
      NGD_PER_TARGET(Name::update_f64), NGD_PER_TARGET(Name::measure_f64), {}, {}              \
    }                                                                                          \
  }
#define NGD_SETTLED_KERNEL(Name)                                                               \
  Kernel {                                                                                     \
    {NGD_PER_TARGET(Name::update_f32), NGD_PER_TARGET(Name::measure_f32),                      \
     NGD_PER_TARGET(Name::measured_update_f32), NGD_PER_TARGET(Name::settle_f32)}, {           \
      NGD_PER_TARGET(Name::update_f64), NGD_PER_TARGET(Name::measure_f64),                     \
          NGD_PER_TARGET(Name::measured_update_f64), NGD_PER_TARGET(Name::settle_f64)          \
    }                                                                                          \
  }
#endif
