// The mean of the embedding rows of a text's features.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/row_gradient.h"

namespace ngd {

// Row i has the features feature[k] for k from offsets[i] to offsets[i + 1]: rows of the table, repetition
// counted.
struct FeatureRows {
  const size_t *offsets = nullptr;
  const uint32_t *feature = nullptr;
};

// y[i] = 1 / n_i sum over k of table[feature[k], :]; zero when the row has no feature.
template <class T>
void embedding_mean_forward(const FeatureRows &x, size_t rows, const T *table, size_t dimension, T *y);

// dtable[feature[k], :] += dy[i] / n_i. Every feature must have been touched. Changes dy.
template <class T>
void embedding_mean_backward(const FeatureRows &x, size_t rows, T *dy, size_t dimension,
                             RowGradient<T> &dtable);

}  // namespace ngd
