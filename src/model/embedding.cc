// Embedding means and their gradients.
#include "model/embedding.h"

#include <algorithm>

#include "math/elementwise.h"

namespace ngd {

template <class T>
void embedding_mean_forward(const FeatureRows &x, size_t rows, const T *table, size_t dimension, T *y) {
  for (size_t i = 0; i < rows; i++) {
    T *mean = y + i * dimension;
    std::fill_n(mean, dimension, T{0});
    const size_t count = x.offsets[i + 1] - x.offsets[i];
    if (count == 0) continue;
    for (size_t k = x.offsets[i]; k < x.offsets[i + 1]; k++)
      add(table + x.feature[k] * dimension, mean, dimension);
    multiply_by(1 / static_cast<T>(count), mean, dimension);
  }
}

template <class T>
void embedding_mean_backward(const FeatureRows &x, size_t rows, T *dy, size_t dimension,
                             RowGradient<T> &dtable) {
  for (size_t i = 0; i < rows; i++) {
    T *gradient = dy + i * dimension;
    const size_t count = x.offsets[i + 1] - x.offsets[i];
    if (count == 0) continue;
    multiply_by(1 / static_cast<T>(count), gradient, dimension);
    for (size_t k = x.offsets[i]; k < x.offsets[i + 1]; k++) add(gradient, dtable.row(x.feature[k]), dimension);
  }
}

template void embedding_mean_forward(const FeatureRows &, size_t, const float *, size_t, float *);
template void embedding_mean_forward(const FeatureRows &, size_t, const double *, size_t, double *);
template void embedding_mean_backward(const FeatureRows &, size_t, float *, size_t, RowGradient<float> &);
template void embedding_mean_backward(const FeatureRows &, size_t, double *, size_t, RowGradient<double> &);

}  // namespace ngd
