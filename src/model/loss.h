// Losses from outputs: mean square, and the two cross-entropies from logits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
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

// What is asked and told of each row of a batch; an empty span is not used.
struct RowDetails {
  std::span<const float> weights{};  // w: the loss is the mean of w l
  std::span<float> losses{};         // receives l, without the weight
  std::span<int32_t>
      correct{};       // receives 1 where the decided class is the target's, else 0; 1 for mean_square
  double divisor = 0;  // of the gradient, where it is not the number of rows

  RowDetails from(size_t first, size_t count) const {
    return {part(weights, first, count), part(losses, first, count), part(correct, first, count), divisor};
  }

 private:
  template <class T>
  static std::span<T> part(std::span<T> all, size_t first, size_t count) {
    return all.empty() ? all : all.subspan(first, count);
  }
};

// Returns the sum of the rows' losses w l (w = 1 without weights); with `gradient` not NULL writes d(w l / divisor) / d(output) there.
//   mean_square:          l = sum_j (y_j - t_j)^2 / columns          dl/dy_j = 2 (y_j - t_j) / columns
//   binary_cross_entropy: l = max(z, 0) - z t + log(1 + e^-|z|)      dl/dz   = sigmoid(z) - t
//   cross_entropy:        l = log sum_j e^(z_j - m) + m - z_t        dl/dz_j = softmax(z)_j - [j = t]
// with m the largest z_j: no form overflows however large the logits are.
template <class T>
double loss_sum(Loss loss, const T *outputs, size_t rows, size_t columns, const Targets<T> &targets,
                T *gradient, double divisor, const RowDetails &details = {});

// Outputs to predictions: unchanged, sigmoid, or softmax by rows.
template <class T>
void probabilities(Loss loss, const T *outputs, size_t rows, size_t columns, float *results);

// The class that a row of outputs says: sign of the logit, or the first largest.
template <class T>
int32_t decided_class(Loss loss, const T *outputs, size_t columns);

}  // namespace ngd
