// Scaling of dense and sparse inputs, fitted on the training data: x becomes (x - shift) * factor.
#pragma once

#include <string_view>
#include <vector>

#include "base/samples.h"

namespace ngd {

// Empty for no scaling.
//   standard: shift = mean, factor = 1 / standard deviation (of the rows, divisor n); dense rows only
//   max_abs:  shift = 0, factor = 1 / largest |x|
// A column that is constant (for max_abs: zero) in the training data gets factor 0. It has nothing to teach, so
// its weights would stay at their random start, and a new value in it would only add noise.
struct Scaling {
  std::vector<double> shift;
  std::vector<double> factor;
};

// `method` is none, standard or max_abs; throws NGD_E_SHAPE for standard on sparse rows.
Scaling fit_scaling(std::string_view method, const Samples &samples, size_t inputs);

}  // namespace ngd
