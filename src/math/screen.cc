// Scaling and limiting of gradients, once per vector target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "math/screen.cc"
#include "math/screen.h"

#include <limits>

// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
HWY_INLINE void multiply_run(D d, const hn::TFromD<D> *from, size_t count, hn::TFromD<D> factor,
                             hn::TFromD<D> *to) {
  const auto factors = hn::Set(d, factor);
  size_t i = 0;
  for (; i + hn::MaxLanes(d) <= count; i += hn::MaxLanes(d))
    hn::StoreU(hn::LoadU(d, from + i) * factors, d, to + i);
  for (; i < count; i++) to[i] = from[i] * factor;
}

template <class D>
HWY_INLINE uint64_t screen_run(D d, const hn::TFromD<D> *from, size_t count, hn::TFromD<D> factor,
                               hn::TFromD<D> bound, hn::TFromD<D> *to) {
  using T = hn::TFromD<D>;
  constexpr T kMost = std::numeric_limits<T>::max();
  constexpr size_t kLanes = hn::MaxLanes(D());
  const auto factors = hn::Set(d, factor), bounds = hn::Set(d, bound), most = hn::Set(d, kMost),
             one = hn::Set(d, T(1));
  auto bad = hn::Zero(d);
  uint64_t not_finite = 0;
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const auto x = hn::LoadU(d, from + i) * factors;
    const auto finite = hn::Abs(x) <= most;
    bad = bad + hn::IfThenZeroElse(finite, one);
    hn::StoreU(hn::Min(hn::Max(hn::IfThenElseZero(finite, x), hn::Neg(bounds)), bounds), d, to + i);
  }
  T counts[kLanes];
  hn::StoreU(bad, d, counts);
  for (const T lane : counts) not_finite += static_cast<uint64_t>(lane);
  for (; i < count; i++) {
    const T x = from[i] * factor;
    const bool finite = x >= -kMost && x <= kMost;
    not_finite += !finite;
    to[i] = !finite ? T(0) : x < -bound ? -bound : x > bound ? bound : x;
  }
  return not_finite;
}

HWY_NOINLINE void multiply_f32(const float *from, size_t count, float factor, float *to) {
  multiply_run(hn::ScalableTag<float>(), from, count, factor, to);
}
HWY_NOINLINE void multiply_f64(const double *from, size_t count, double factor, double *to) {
  multiply_run(hn::ScalableTag<double>(), from, count, factor, to);
}
HWY_NOINLINE uint64_t screen_f32(const float *from, size_t count, float factor, float bound, float *to) {
  return screen_run(hn::ScalableTag<float>(), from, count, factor, bound, to);
}
HWY_NOINLINE uint64_t screen_f64(const double *from, size_t count, double factor, double bound, double *to) {
  return screen_run(hn::ScalableTag<double>(), from, count, factor, bound, to);
}

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

template <class T>
using Multiply = void (*)(const T *, size_t, T, T *);
template <class T>
using Screen = uint64_t (*)(const T *, size_t, T, T, T *);

constexpr PerTarget<Multiply<float>> kMultiplyF32 = NGD_PER_TARGET(multiply_f32);
constexpr PerTarget<Multiply<double>> kMultiplyF64 = NGD_PER_TARGET(multiply_f64);
constexpr PerTarget<Screen<float>> kScreenF32 = NGD_PER_TARGET(screen_f32);
constexpr PerTarget<Screen<double>> kScreenF64 = NGD_PER_TARGET(screen_f64);

}  // namespace

void multiply(Target target, const float *from, size_t count, float factor, float *to) {
  kMultiplyF32[target](from, count, factor, to);
}
void multiply(Target target, const double *from, size_t count, double factor, double *to) {
  kMultiplyF64[target](from, count, factor, to);
}
uint64_t screen(Target target, const float *from, size_t count, float factor, float bound, float *to) {
  return kScreenF32[target](from, count, factor, bound, to);
}
uint64_t screen(Target target, const double *from, size_t count, double factor, double bound, double *to) {
  return kScreenF64[target](from, count, factor, bound, to);
}

}  // namespace ngd
#endif
