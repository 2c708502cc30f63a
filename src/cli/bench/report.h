// How a case of `ngd bench optimizer` went, as a row of a table and as JSON.
#pragma once

#include <cmath>

#include "bench/cases.h"
#include "output.h"

namespace cli {

struct Measured {
  const Case *one;
  Comparison comparison;  // its bursts are gone
  Times ours, other, plain, vector;
  double ratio = std::nan("");

  bool met() const;
};

// Rows are printed one by one, so the columns are made wide enough for all cases beforehand. by_hand: with the times
// of hand-written loops.
Table result_table(const std::vector<Case> &cases, bool by_hand);
std::vector<Cell> result_row(const Measured &measured, bool by_hand);

Json result_json(const Measured &measured);

// "1000 x 1000": tensors and the numbers in each.
std::string tensors_text(const Case &one);

}  // namespace cli
