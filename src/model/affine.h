// The affine layer y = x W + b, for dense and for sparse rows x.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/row_gradient.h"

namespace ngd {

struct AffineShape {
  size_t inputs = 0;
  size_t outputs = 0;
};

// y [rows, outputs] = x [rows, inputs] W [inputs, outputs] + b [outputs], b repeated in every row.
template <class T>
void affine_forward(AffineShape shape, const T *x, size_t rows, const T *weight, const T *bias, T *y);

// Adds to the gradients: dW += x^T dy, db += column sums of dy; with dx not NULL writes dx = dy W^T.
template <class T>
void affine_backward(AffineShape shape, const T *x, const T *dy, size_t rows, const T *weight, T *dweight,
                     T *dbias, T *dx);

// Sparse rows: row i has `value[k]` in column `index[k]` for k from offsets[i] to offsets[i + 1].
template <class T>
struct SparseRows {
  const size_t *offsets = nullptr;
  const uint32_t *index = nullptr;
  const T *value = nullptr;
};

// y = sum over k of value[k] W[index[k], :] + b
template <class T>
void sparse_affine_forward(AffineShape shape, const SparseRows<T> &x, size_t rows, const T *weight,
                           const T *bias, T *y);

// dW[index[k], :] += value[k] dy. Every index must have been touched.
template <class T>
void sparse_affine_backward(AffineShape shape, const SparseRows<T> &x, const T *dy, size_t rows,
                            RowGradient<T> &dweight, T *dbias);

}  // namespace ngd
