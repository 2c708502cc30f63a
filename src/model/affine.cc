// The affine layer, dense through BLAS and sparse by rows.
#include "model/affine.h"

#include <algorithm>

#include "math/elementwise.h"
#include "math/product.h"

namespace ngd {

template <class T>
void affine_forward(AffineShape shape, const T *x, size_t rows, const T *weight, const T *bias, T *y) {
  for (size_t i = 0; i < rows; i++) std::copy_n(bias, shape.outputs, y + i * shape.outputs);
  multiply(Transpose::no, Transpose::no, rows, shape.outputs, shape.inputs, T{1}, x, weight, T{1}, y);
}

template <class T>
void affine_backward(AffineShape shape, const T *x, const T *dy, size_t rows, const T *weight, T *dweight,
                     T *dbias, T *dx) {
  multiply(Transpose::yes, Transpose::no, shape.inputs, shape.outputs, rows, T{1}, x, dy, T{1}, dweight);
  for (size_t i = 0; i < rows; i++) add(dy + i * shape.outputs, dbias, shape.outputs);
  if (dx != nullptr)
    multiply(Transpose::no, Transpose::yes, rows, shape.inputs, shape.outputs, T{1}, dy, weight, T{0}, dx);
}

template <class T>
void sparse_affine_forward(AffineShape shape, const SparseRows<T> &x, size_t rows, const T *weight,
                           const T *bias, T *y) {
  for (size_t i = 0; i < rows; i++) {
    T *out = y + i * shape.outputs;
    std::copy_n(bias, shape.outputs, out);
    for (size_t k = x.offsets[i]; k < x.offsets[i + 1]; k++)
      add_scaled(x.value[k], weight + x.index[k] * shape.outputs, out, shape.outputs);
  }
}

template <class T>
void sparse_affine_backward(AffineShape shape, const SparseRows<T> &x, const T *dy, size_t rows,
                            RowGradient<T> &dweight, T *dbias) {
  for (size_t i = 0; i < rows; i++) {
    const T *gradient = dy + i * shape.outputs;
    add(gradient, dbias, shape.outputs);
    for (size_t k = x.offsets[i]; k < x.offsets[i + 1]; k++)
      add_scaled(x.value[k], gradient, dweight.row(x.index[k]), shape.outputs);
  }
}

template void affine_forward(AffineShape, const float *, size_t, const float *, const float *, float *);
template void affine_forward(AffineShape, const double *, size_t, const double *, const double *, double *);
template void affine_backward(AffineShape, const float *, const float *, size_t, const float *, float *,
                              float *, float *);
template void affine_backward(AffineShape, const double *, const double *, size_t, const double *, double *,
                              double *, double *);
template void sparse_affine_forward(AffineShape, const SparseRows<float> &, size_t, const float *,
                                    const float *, float *);
template void sparse_affine_forward(AffineShape, const SparseRows<double> &, size_t, const double *,
                                    const double *, double *);
template void sparse_affine_backward(AffineShape, const SparseRows<float> &, const float *, size_t,
                                     RowGradient<float> &, float *);
template void sparse_affine_backward(AffineShape, const SparseRows<double> &, const double *, size_t,
                                     RowGradient<double> &, double *);

}  // namespace ngd
