// Reductions over arrays whose result does not depend on how the work is cut up, nor on the vector target: norms, the
// finite check and the range check.
#pragma once

#include <cstddef>

#include "math/simd.h"

namespace ngd {

// Sum of x^2 in float64, added in a fixed shape: 16 running sums over blocks of 4096, blocks in order.
double sum_of_squares(Target target, const float *values, size_t count);
double sum_of_squares(Target target, const double *values, size_t count);

// True when every |x| <= bound; false when a value is NaN or infinite.
bool all_within(Target target, const float *values, size_t count, float bound);
bool all_within(Target target, const double *values, size_t count, double bound);

// The same on the widest target, for those who do not carry one about.
double sum_of_squares(const float *values, size_t count);
double sum_of_squares(const double *values, size_t count);
// True when no value is NaN or infinite.
bool all_finite(const float *values, size_t count);
bool all_finite(const double *values, size_t count);

}  // namespace ngd
