// The loops around a rule's formula, compiled once per vector target.
//
// A formula is a struct with
//   kSlots, kConstants     how many state arrays and constants it uses
//   update(c, w, g, s)     the rule for one vector of elements, written with + - * / and the functions below
//   direction(c, w, g, s)  only for rules that need norms: the step's direction; s may be changed, it is a copy
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

template <class Formula, class T>
struct Loop {
  using D = Wide<T>;
  using V = hn::Vec<D>;
  static constexpr size_t kSlots = Formula::kSlots;

  static HWY_INLINE void constants(const double *from, V *to) {
    for (size_t k = 0; k < Formula::kConstants; k++) to[k] = hn::Set(D(), static_cast<T>(from[k]));
  }

  static HWY_INLINE void update_at(const V *c, T *w, const T *g, T *const *slots, size_t i) {
    const D d;
    V parameter = hn::LoadU(d, w + i);
    V state[kSlots + 1];  // one more, so that rules without state have an array
    for (size_t s = 0; s < kSlots; s++) state[s] = hn::LoadU(d, slots[s] + i);
    Formula::update(c, parameter, hn::LoadU(d, g + i), state);
    hn::StoreU(parameter, d, w + i);
    for (size_t s = 0; s < kSlots; s++) hn::StoreU(state[s], d, slots[s] + i);
  }

  static void update(const Piece<T> &piece, const double *numbers) {
    V c[Formula::kConstants];
    constants(numbers, c);
    const size_t lanes = hn::Lanes(D());
    size_t i = 0;
    for (; i + lanes <= piece.count; i += lanes) update_at(c, piece.parameter, piece.gradient, piece.slot, i);
    const size_t rest = piece.count - i;
    if (rest == 0) return;
    // The last few elements pass through arrays of one vector.
    constexpr size_t kLanes = hn::MaxLanes(D());
    T w[kLanes] = {}, g[kLanes] = {}, states[kSlots + 1][kLanes] = {};
    T *slots[kSlots + 1] = {};
    std::copy_n(piece.parameter + i, rest, w);
    std::copy_n(piece.gradient + i, rest, g);
    for (size_t s = 0; s < kSlots; s++) std::copy_n(piece.slot[s] + i, rest, slots[s] = states[s]);
    update_at(c, w, g, slots, 0);
    std::copy_n(w, rest, piece.parameter + i);
    for (size_t s = 0; s < kSlots; s++) std::copy_n(states[s], rest, piece.slot[s] + i);
  }
};

// Sums of squares of parameters and directions: 16 running sums in float64, whatever the width of the vectors,
// so that every target adds in the same order.
template <class Formula, class T>
struct Measure {
  static constexpr size_t kLanes = 16;
  using Sums = hn::ScalableTag<double>;
  static constexpr size_t kWidth = hn::MaxLanes(Sums());
  static constexpr size_t kVectors = kLanes / kWidth;
  using D = hn::Rebind<T, Sums>;  // as many lanes as the sums
  using V = hn::Vec<D>;
  static constexpr size_t kSlots = Formula::kSlots;

  static HWY_INLINE hn::Vec<Sums> widened(V x) {
    if constexpr (std::is_same_v<T, double>)
      return x;
    else
      return hn::PromoteTo(Sums(), x);
  }

  static HWY_INLINE void add(const V *c, const T *w, const T *g, const T *const *slots, size_t i,
                             hn::Vec<Sums> *w_sums, hn::Vec<Sums> *u_sums) {
    const D d;
    for (size_t k = 0; k < kVectors; k++) {
      const size_t at = i + k * kWidth;
      V state[kSlots + 1];
      for (size_t s = 0; s < kSlots; s++) state[s] = hn::LoadU(d, slots[s] + at);
      const V parameter = hn::LoadU(d, w + at);
      const auto u = widened(Formula::direction(c, parameter, hn::LoadU(d, g + at), state));
      const auto wide = widened(parameter);
      w_sums[k] = w_sums[k] + wide * wide;
      u_sums[k] = u_sums[k] + u * u;
    }
  }

  static double total(const hn::Vec<Sums> *sums) {
    double lanes[kLanes];
    for (size_t k = 0; k < kVectors; k++) hn::StoreU(sums[k], Sums(), lanes + k * kWidth);
    for (size_t half = kLanes / 2; half > 0; half /= 2) {
      for (size_t lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
    }
    return lanes[0];
  }

  static Norms measure(const Piece<T> &piece, const double *numbers) {
    V c[Formula::kConstants];
    for (size_t k = 0; k < Formula::kConstants; k++) c[k] = hn::Set(D(), static_cast<T>(numbers[k]));
    hn::Vec<Sums> w_sums[kVectors], u_sums[kVectors];
    for (size_t k = 0; k < kVectors; k++) w_sums[k] = u_sums[k] = hn::Zero(Sums());
    const T *slots[kSlots + 1] = {};
    for (size_t s = 0; s < kSlots; s++) slots[s] = piece.slot[s];
    size_t i = 0;
    for (; i + kLanes <= piece.count; i += kLanes)
      add(c, piece.parameter, piece.gradient, slots, i, w_sums, u_sums);
    if (const size_t rest = piece.count - i; rest != 0) {
      T w[kLanes] = {}, g[kLanes] = {}, states[kSlots + 1][kLanes] = {};
      std::copy_n(piece.parameter + i, rest, w);
      std::copy_n(piece.gradient + i, rest, g);
      for (size_t s = 0; s < kSlots; s++) {
        std::copy_n(piece.slot[s] + i, rest, states[s]);
        slots[s] = states[s];
      }
      add(c, w, g, slots, 0, w_sums, u_sums);
    }
    return {total(w_sums), total(u_sums), piece.count};
  }
};

// The functions of a formula by name, for NGD_KERNEL and NGD_MEASURED_KERNEL.
template <class Formula>
struct KernelOf {
  static void update_f32(const Piece<float> &piece, const double *c) { Loop<Formula, float>::update(piece, c); }
  static void update_f64(const Piece<double> &piece, const double *c) {
    Loop<Formula, double>::update(piece, c);
  }
  static Norms measure_f32(const Piece<float> &piece, const double *c) {
    return Measure<Formula, float>::measure(piece, c);
  }
  static Norms measure_f64(const Piece<double> &piece, const double *c) {
    return Measure<Formula, double>::measure(piece, c);
  }
};

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

// The Kernel of ngd::N_*::Name, a KernelOf<...>; for use in namespace ngd after all targets (HWY_ONCE).
#ifndef NGD_KERNEL
#define NGD_KERNEL(Name)                                                       \
  Kernel {                                                                     \
    NGD_PER_TARGET(Name::update_f32), NGD_PER_TARGET(Name::update_f64), {}, {} \
  }
#define NGD_MEASURED_KERNEL(Name)                                                                          \
  Kernel {                                                                                                 \
    NGD_PER_TARGET(Name::update_f32), NGD_PER_TARGET(Name::update_f64), NGD_PER_TARGET(Name::measure_f32), \
        NGD_PER_TARGET(Name::measure_f64)                                                                  \
  }
#endif
