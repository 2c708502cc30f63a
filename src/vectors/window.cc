// Products of a window's rows, once per vector target. Sums run in 16 lanes and are added up in one shape, whatever the width.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "vectors/window.cc"
#include "vectors/window.h"

#include <algorithm>

// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t kSumLanes = 16;
using Floats = hn::CappedTag<float, kSumLanes>;
using V = hn::Vec<Floats>;
constexpr size_t kLanes = hn::MaxLanes(Floats());
constexpr size_t kParts = kSumLanes / kLanes;  // vectors that hold 16 lanes

#if defined(__GNUC__)
#define NGD_UNROLL _Pragma("GCC unroll 16")
#else
#define NGD_UNROLL
#endif

// Lane i + lane i + 8, then + 4, + 2, + 1.
HWY_INLINE float sum_of_lanes(const V *parts) {
  const Floats d;
  V sums[kParts];
  NGD_UNROLL for (size_t p = 0; p < kParts; p++) sums[p] = parts[p];
  NGD_UNROLL for (size_t half = kParts / 2; half > 0; half /= 2) {
    NGD_UNROLL for (size_t p = 0; p < half; p++) sums[p] = sums[p] + sums[p + half];
  }
  alignas(64) float lanes[kLanes];
  hn::Store(sums[0], d, lanes);
  NGD_UNROLL for (size_t half = kLanes / 2; half > 0; half /= 2) {
    NGD_UNROLL for (size_t lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}

// Products of one row with kRows others.
template <size_t kRows>
HWY_INLINE void dots(const float *one, const float *const *others, size_t count, float *to) {
  const Floats d;
  V sums[kRows][kParts];
  NGD_UNROLL for (size_t r = 0; r < kRows; r++) {
    NGD_UNROLL for (size_t p = 0; p < kParts; p++) sums[r][p] = hn::Zero(d);
  }
  size_t i = 0;
  for (; i + kSumLanes <= count; i += kSumLanes) {
    NGD_UNROLL for (size_t p = 0; p < kParts; p++) {
      const V x = hn::LoadU(d, one + i + p * kLanes);
      NGD_UNROLL for (size_t r = 0; r < kRows; r++) sums[r][p] =
          sums[r][p] + x * hn::LoadU(d, others[r] + i + p * kLanes);
    }
  }
  if (i < count) {
    alignas(64) float rest[kSumLanes] = {}, other[kSumLanes] = {};
    std::copy(one + i, one + count, rest);
    NGD_UNROLL for (size_t r = 0; r < kRows; r++) {
      std::copy(others[r] + i, others[r] + count, other);
      NGD_UNROLL for (size_t p = 0; p < kParts; p++) sums[r][p] =
          sums[r][p] + hn::Load(d, rest + p * kLanes) * hn::Load(d, other + p * kLanes);
    }
  }
  NGD_UNROLL for (size_t r = 0; r < kRows; r++) to[r] = sum_of_lanes(sums[r]);
}

HWY_NOINLINE void dots_of(const float *one, const float *const *others, size_t rows, size_t count, float *to) {
  size_t r = 0;
  for (; r + 3 <= rows; r += 3) dots<3>(one, others + r, count, to + r);
  for (; r < rows; r++) dots<1>(one, others + r, count, to + r);
}

// to = (add ? to : 0) + sum over r of factor[r * stride] row_r
HWY_NOINLINE void combine(const float *factors, size_t stride, const float *const *rows, size_t row_count,
                          bool add, float *to, size_t count) {
  const Floats d;
  size_t i = 0;
  for (; i + kSumLanes <= count; i += kSumLanes) {
    V sums[kParts];
    NGD_UNROLL for (size_t p = 0; p < kParts; p++) sums[p] =
        add ? hn::LoadU(d, to + i + p * kLanes) : hn::Zero(d);
    for (size_t r = 0; r < row_count; r++) {
      const V factor = hn::Set(d, factors[r * stride]);
      NGD_UNROLL for (size_t p = 0; p < kParts; p++) sums[p] =
          sums[p] + factor * hn::LoadU(d, rows[r] + i + p * kLanes);
    }
    NGD_UNROLL for (size_t p = 0; p < kParts; p++) hn::StoreU(sums[p], d, to + i + p * kLanes);
  }
  if (i == count) return;
  // The rest: nothing is read or written past the end of a row.
  float rest[kSumLanes] = {};
  const size_t left = count - i;
  if (add) std::copy_n(to + i, left, rest);
  for (size_t r = 0; r < row_count; r++) {
    const float factor = factors[r * stride];
    for (size_t k = 0; k < left; k++) rest[k] += factor * rows[r][i + k];
  }
  std::copy_n(rest, left, to + i);
}

// e^x for x within +-40: 2^n e^r, |r| <= ln 2 / 2, e^r by its Taylor series to the sixth power (error below 2e-7).
HWY_INLINE V exponential(V x) {
  const Floats d;
  const hn::RebindToSigned<Floats> whole;
  x = hn::Min(hn::Max(x, hn::Set(d, -40.0f)), hn::Set(d, 40.0f));
  const V n = hn::Round(x * hn::Set(d, 1.44269504f));
  // ln 2 in two parts, the first with few bits, so that n times it is exact.
  const V r = (x - n * hn::Set(d, 0.693359375f)) - n * hn::Set(d, -2.12194440e-4f);
  V p = hn::Set(d, 1.0f / 720);
  for (const float c : {1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f}) p = p * r + hn::Set(d, c);
  const auto power = hn::ShiftLeft<23>(hn::ConvertTo(whole, n) + hn::Set(whole, 127));
  return p * hn::BitCast(d, power);
}

// g = 1 / (1 + e^-s) - label for rows of scores of `outputs` each; 0 where a label is negative.
HWY_NOINLINE void score_gradients(const float *scores, const float *labels, size_t rows, size_t outputs,
                                  float *to) {
  const Floats d;
  const size_t count = rows * outputs;
  for (size_t i = 0; i < count; i += kLanes) {
    const V one = hn::Set(d, 1.0f);
    hn::StoreU(one / (one + exponential(hn::Neg(hn::LoadU(d, scores + i)))), d, to + i);
  }
  for (size_t i = 0, k = 0; i < rows; i++) {
    for (size_t j = 0; j < outputs; j++, k++) to[k] = labels[j] < 0 ? 0 : to[k] - labels[j];
  }
}

HWY_NOINLINE void skip_gram_of(const Window &w) {
  for (size_t i = 0; i < w.inputs; i++)
    dots_of(w.input[i], w.output, w.outputs, w.dimension, w.scores + i * w.outputs);
  score_gradients(w.scores, w.label, w.inputs, w.outputs, w.gradients);
  for (size_t j = 0; j < w.outputs; j++)
    combine(w.gradients + j, w.outputs, w.input, w.inputs, false, w.output_gradient[j], w.dimension);
  for (size_t i = 0; i < w.inputs; i++)
    combine(w.gradients + i * w.outputs, 1, w.output, w.outputs, true, w.input_gradient[i], w.dimension);
}

HWY_NOINLINE void continuous_bag_of(const Window &w) {
  float *const mean = w.hidden, *const change = w.hidden + w.dimension;
  const float share = 1 / static_cast<float>(w.inputs);
  combine(&share, 0, w.input, w.inputs, false, mean, w.dimension);
  dots_of(mean, w.output, w.outputs, w.dimension, w.scores);
  score_gradients(w.scores, w.label, 1, w.outputs, w.gradients);
  for (size_t j = 0; j < w.outputs; j++)
    combine(w.gradients + j, 0, &w.hidden, 1, false, w.output_gradient[j], w.dimension);
  combine(w.gradients, 1, w.output, w.outputs, false, change, w.dimension);
  const float *const changes = change;
  for (size_t i = 0; i < w.inputs; i++) combine(&share, 0, &changes, 1, true, w.input_gradient[i], w.dimension);
}

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

using Function = void (*)(const Window &);
constexpr PerTarget<Function> kSkipGram = NGD_PER_TARGET(skip_gram_of);
constexpr PerTarget<Function> kContinuousBag = NGD_PER_TARGET(continuous_bag_of);

}  // namespace

void skip_gram(Target target, const Window &window) {
  kSkipGram[target](window);
}
void continuous_bag(Target target, const Window &window) {
  kContinuousBag[target](window);
}

}  // namespace ngd
#endif
