// Dense matrix products through CBLAS; the only file that includes cblas.h.
#include "math/product.h"

#include <cblas.h>

#include <limits>

#include "base/error.h"

namespace ngd {
namespace {

blasint blas_size(size_t size) {
  if (size > static_cast<size_t>(std::numeric_limits<blasint>::max()))
    fail(NGD_E_RANGE, "a matrix with a side of ", size, " is larger than BLAS can express, ",
         std::numeric_limits<blasint>::max());
  return static_cast<blasint>(size);
}

CBLAS_TRANSPOSE blas_transpose(Transpose transpose) {
  return transpose == Transpose::yes ? CblasTrans : CblasNoTrans;
}

}  // namespace

void multiply(Transpose transpose_a, Transpose transpose_b, size_t rows, size_t columns, size_t inner,
              float alpha, const float *a, const float *b, float beta, float *c) {
  cblas_sgemm(CblasRowMajor, blas_transpose(transpose_a), blas_transpose(transpose_b), blas_size(rows),
              blas_size(columns), blas_size(inner), alpha, a,
              blas_size(transpose_a == Transpose::yes ? rows : inner), b,
              blas_size(transpose_b == Transpose::yes ? inner : columns), beta, c, blas_size(columns));
}

void multiply(Transpose transpose_a, Transpose transpose_b, size_t rows, size_t columns, size_t inner,
              double alpha, const double *a, const double *b, double beta, double *c) {
  cblas_dgemm(CblasRowMajor, blas_transpose(transpose_a), blas_transpose(transpose_b), blas_size(rows),
              blas_size(columns), blas_size(inner), alpha, a,
              blas_size(transpose_a == Transpose::yes ? rows : inner), b,
              blas_size(transpose_b == Transpose::yes ? inner : columns), beta, c, blas_size(columns));
}

}  // namespace ngd
