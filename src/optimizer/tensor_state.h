// What an optimizer knows of one tensor: its declaration, and the arrays that belong to it.
#pragma once

#include <string>
#include <vector>

#include "base/state.h"
#include "optimizer/rule.h"
#include "optimizer/state_array.h"

namespace ngd {

struct TensorSpec {
  std::string name;
  Shape shape;
  bool rows = false;  // a table of which a step touches some rows
  friend bool operator==(const TensorSpec &, const TensorSpec &) = default;
};

struct TensorState {
  std::vector<StateArray> slots;    // in the order of Rule::slots()
  StateArray average;               // option average
  StateArray accumulated;           // option accumulate: the sum of the gradients so far
  StateArray master;                // option master
  std::vector<uint64_t> touched;    // tables: the step that last touched each row, 0 for never
  double nearness = kMeasureFirst;  // of the last step, see Rule::settles

  // Above this, the norms are measured before a step; below, in the same pass.
  static constexpr double kSettleBelow = 0.5;
  static constexpr double kMeasureFirst = 1;
};

// Two or more dimensions larger than 1: what rules treat by norms.
inline bool is_matrix(const Shape &shape) {
  size_t wide = 0;
  for (const int64_t size : shape) wide += size > 1;
  return wide >= 2;
}

}  // namespace ngd
