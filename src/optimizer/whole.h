// What a rule is that works on whole tensors instead of elements: factored moments, matrix products, a history.
#pragma once

#include <algorithm>

#include "base/state.h"
#include "optimizer/rule.h"

namespace ngd {

class Team;  // base/team.h

// One tensor's part in a step. `gradient` is unscaled, clipped and finite; `slot` as Rule::slots(), each of the shape
// that Rule::slot_shape() gave, null where that was empty.
template <class T>
struct WholeTensor {
  const Shape *shape;
  size_t count;
  T *parameter;
  const T *gradient;
  T *slot[kMaximumSlots];
};

// The tensors of one group in the order of declaration, element type float or double. After begin_step() nothing can
// fail: what a step needs is reserved in prepare().
class WholeRule : public Rule {
 public:
  const Kernel &kernel() const final;  // an empty one
  const WholeRule *whole() const final { return this; }
  WholeRule *whole() final { return this; }

  // Called before the first step, and after tensors were added, with the shapes of the group's tensors.
  virtual void prepare(std::span<const Shape> /*shapes*/, size_t /*bytes of an element*/) {}
  virtual void step(Team &team, Target target, std::span<const WholeTensor<float>> tensors) noexcept = 0;
  virtual void step(Team &team, Target target, std::span<const WholeTensor<double>> tensors) noexcept = 0;
};

// Loops over elements in steps of 16, written so that the compiler uses vector instructions at any optimisation.
inline constexpr size_t kElementsAtOnce = 16;

// Calls body(i) for every i < count. No call may depend on another.
template <class Body>
void for_each_element(size_t count, Body body) {
  for (size_t start = 0; start < count; start += kElementsAtOnce) {
    if (count - start >= kElementsAtOnce) {
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC ivdep
#endif
      for (size_t i = 0; i < kElementsAtOnce; i++) body(start + i);
    } else {
      for (size_t i = start; i < count; i++) body(i);
    }
  }
}

// The sum of term(i) for i < count, in float64 and in the shape of math/reduce.h's: its bits depend on the terms alone.
template <class Term>
double fixed_sum(size_t count, Term term) {
  constexpr size_t kLanes = kElementsAtOnce, kBlock = 4096;
  double sum = 0;
  for (size_t start = 0; start < count; start += kBlock) {
    const size_t end = std::min(start + kBlock, count);
    double lanes[kLanes] = {};
    for (size_t i = start; i < end; i += kLanes) {
      if (end - i >= kLanes) {
        for (size_t lane = 0; lane < kLanes; lane++) lanes[lane] += term(i + lane);
      } else {
        for (size_t lane = 0; i + lane < end; lane++) lanes[lane] += term(i + lane);
      }
    }
    for (size_t half = kLanes / 2; half > 0; half /= 2) {
      for (size_t lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
    }
    sum += lanes[0];
  }
  return sum;
}

}  // namespace ngd
