// Losses from outputs: mean square, and the two cross-entropies from logits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ngd {

enum class Loss { mean_square, binary_cross_entropy, cross_entropy };

const char *loss_name(Loss loss);
Loss loss_of(std::string_view name);  // throws NGD_E_OPTION

inline constexpr int32_t kUnknownClass = -1;

// What the outputs should have been: `numbers` [rows, columns] for mean_square, else one class a row (0 or 1
// for binary_cross_entropy). Rows of kUnknownClass count for nothing.
template <class T>
struct Targets {
  const T *numbers = nullptr;
  const int32_t *classes = nullptr;
};

// Returns the sum of the rows' losses l; with `gradient` not NULL writes d(l / divisor) / d(output) there.
//   mean_square:          l = sum_j (y_j - t_j)^2 / columns          dl/dy_j = 2 (y_j - t_j) / columns
//   binary_cross_entropy: l = max(z, 0) - z t + log(1 + e^-|z|)      dl/dz   = sigmoid(z) - t
//   cross_entropy:        l = log sum_j e^(z_j - m) + m - z_t        dl/dz_j = softmax(z)_j - [j = t]
// with m the largest z_j: no form overflows however large the logits are.
template <class T>
double loss_sum(Loss loss, const T *outputs, size_t rows, size_t columns, const Targets<T> &targets,
                T *gradient, double divisor);

// Outputs to predictions: unchanged, sigmoid, or softmax by rows.
template <class T>
void probabilities(Loss loss, const T *outputs, size_t rows, size_t columns, float *results);

// The class that a row of outputs says: sign of the logit, or the first largest.
template <class T>
int32_t decided_class(Loss loss, const T *outputs, size_t columns);

}  // namespace ngd
