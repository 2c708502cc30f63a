// What an update rule sees of a gradient: scaled, finite, and not too large.
#pragma once

#include <cstddef>
#include <cstdint>

#include "math/simd.h"

namespace ngd {

// to[i] = factor * from[i]
void multiply(Target target, const float *from, size_t count, float factor, float *to);
void multiply(Target target, const double *from, size_t count, double factor, double *to);

// With x = factor * from[i]: to[i] = 0 where x is not finite, else min(max(x, -bound), bound). Returns how many were not
// finite.
uint64_t screen(Target target, const float *from, size_t count, float factor, float bound, float *to);
uint64_t screen(Target target, const double *from, size_t count, double factor, double bound, double *to);

}  // namespace ngd
