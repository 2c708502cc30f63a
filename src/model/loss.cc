// Losses, their gradients, and what outputs mean.
#include "model/loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "model/activation.h"

namespace ngd {
namespace {

constexpr const char *kNames[] = {"mean_square", "binary_cross_entropy", "cross_entropy"};

template <class T>
double mean_square(const T *y, const T *target, size_t columns, T *gradient, double divisor) {
  double sum = 0;
  const T factor = static_cast<T>(2 / (divisor * static_cast<double>(columns)));
  for (size_t j = 0; j < columns; j++) {
    const T difference = y[j] - target[j];
    sum += static_cast<double>(difference) * static_cast<double>(difference);
    if (gradient != nullptr) gradient[j] = factor * difference;
  }
  return sum / static_cast<double>(columns);
}

template <class T>
double binary_cross_entropy(T z, int32_t target, T *gradient, double divisor) {
  if (gradient != nullptr) *gradient = static_cast<T>((static_cast<double>(sigmoid(z)) - target) / divisor);
  const double logit = static_cast<double>(z);
  return std::fmax(logit, 0.0) - logit * target + std::log1p(std::exp(-std::fabs(logit)));
}

template <class T>
double cross_entropy(const T *z, size_t columns, int32_t target, T *gradient, double divisor) {
  const T largest = *std::max_element(z, z + columns);
  double sum = 0;
  for (size_t j = 0; j < columns; j++) {
    const T power = std::exp(z[j] - largest);
    if (gradient != nullptr) gradient[j] = power;
    sum += static_cast<double>(power);
  }
  if (gradient != nullptr) {
    const T factor = static_cast<T>(1 / (sum * divisor));
    for (size_t j = 0; j < columns; j++) gradient[j] *= factor;
    gradient[target] -= static_cast<T>(1 / divisor);
  }
  return std::log(sum) + static_cast<double>(largest) - static_cast<double>(z[target]);
}

// A finite loss stays finite.
float as_float(double loss) {
  const double most = static_cast<double>(std::numeric_limits<float>::max());
  return static_cast<float>(std::isfinite(loss) ? std::min(loss, most) : loss);
}

}  // namespace

const char *loss_name(Loss loss) {
  return kNames[static_cast<size_t>(loss)];
}

Loss loss_of(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); i++) {
    if (name == kNames[i]) return static_cast<Loss>(i);
  }
  fail(NGD_E_OPTION, "unknown loss ", quoted(name));
}

template <class T>
double loss_sum(Loss loss, const T *outputs, size_t rows, size_t columns, const Targets<T> &targets,
                T *gradient, double divisor, const RowDetails &details) {
  double sum = 0;
  for (size_t row = 0; row < rows; row++) {
    const T *y = outputs + row * columns;
    T *g = gradient == nullptr ? nullptr : gradient + row * columns;
    const double weight = details.weights.empty() ? 1 : static_cast<double>(details.weights[row]);
    double own = 0;
    int32_t correct = 1;
    if (loss == Loss::mean_square) {
      own = mean_square(y, targets.numbers + row * columns, columns, g, divisor / weight);
    } else if (const int32_t target = targets.classes[row]; target == kUnknownClass) {
      if (g != nullptr) std::fill_n(g, columns, T{0});
      correct = 0;
    } else {
      own = loss == Loss::binary_cross_entropy ? binary_cross_entropy(*y, target, g, divisor / weight)
                                               : cross_entropy(y, columns, target, g, divisor / weight);
      if (!details.correct.empty()) correct = decided_class(loss, y, columns) == target;
    }
    if (!details.losses.empty()) details.losses[row] = as_float(own);
    if (!details.correct.empty()) details.correct[row] = correct;
    sum += weight * own;
  }
  return sum;
}

template <class T>
void probabilities(Loss loss, const T *outputs, size_t rows, size_t columns, float *results) {
  for (size_t row = 0; row < rows; row++) {
    const T *y = outputs + row * columns;
    float *p = results + row * columns;
    if (loss == Loss::mean_square) {
      for (size_t j = 0; j < columns; j++) p[j] = static_cast<float>(y[j]);
    } else if (loss == Loss::binary_cross_entropy) {
      *p = static_cast<float>(sigmoid(*y));
    } else {
      const T largest = *std::max_element(y, y + columns);
      T sum = 0;
      for (size_t j = 0; j < columns; j++) sum += std::exp(y[j] - largest);
      for (size_t j = 0; j < columns; j++) p[j] = static_cast<float>(std::exp(y[j] - largest) / sum);
    }
  }
}

template <class T>
int32_t decided_class(Loss loss, const T *outputs, size_t columns) {
  if (loss == Loss::binary_cross_entropy) return *outputs > 0;
  return static_cast<int32_t>(std::max_element(outputs, outputs + columns) - outputs);
}

template double loss_sum(Loss, const float *, size_t, size_t, const Targets<float> &, float *, double,
                         const RowDetails &);
template double loss_sum(Loss, const double *, size_t, size_t, const Targets<double> &, double *, double,
                         const RowDetails &);
template void probabilities(Loss, const float *, size_t, size_t, float *);
template void probabilities(Loss, const double *, size_t, size_t, float *);
template int32_t decided_class(Loss, const float *, size_t);
template int32_t decided_class(Loss, const double *, size_t);

}  // namespace ngd
