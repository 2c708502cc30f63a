// Dense matrix products, row-major: the room's door to BLAS.
#pragma once

#include <cstddef>

namespace ngd {

enum class Transpose { no, yes };

// c = alpha * op(a) op(b) + beta * c, where op(a) is [rows, inner], op(b) [inner, columns], c [rows, columns],
// all packed. With beta 0 the old c is not read, so it may hold anything. Throws NGD_E_RANGE for a size that
// BLAS cannot express.
void multiply(Transpose transpose_a, Transpose transpose_b, size_t rows, size_t columns, size_t inner,
              float alpha, const float *a, const float *b, float beta, float *c);
void multiply(Transpose transpose_a, Transpose transpose_b, size_t rows, size_t columns, size_t inner,
              double alpha, const double *a, const double *b, double beta, double *c);

}  // namespace ngd
