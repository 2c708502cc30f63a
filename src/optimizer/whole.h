// What a rule is that works on whole tensors instead of elements: factored moments, matrix products, a history.
#pragma once

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

}  // namespace ngd
