// Loss, accuracy, majority share and R squared.
#include "model/metrics.h"

#include <algorithm>
#include <limits>

namespace ngd {

template <class T>
void MetricsSum::add(const T *outputs, size_t rows, size_t columns, const Targets<T> &targets) {
  loss_sum_ += loss_sum<T>(loss_, outputs, rows, columns, targets, nullptr, 1);
  if (loss_ == Loss::mean_square) {
    rows_ += rows;
    for (size_t k = 0; k < rows * columns; k++) {
      const double label = static_cast<double>(targets.numbers[k]);
      const double error = static_cast<double>(outputs[k]) - label;
      error_squares_ += error * error;
      const double difference = label - label_mean_;
      label_mean_ += difference / ++label_count_;
      label_squares_ += difference * (label - label_mean_);
    }
    return;
  }
  for (size_t i = 0; i < rows; i++) {
    const int32_t target = targets.classes[i];
    if (target == kUnknownClass) {
      unknown_++;
      continue;
    }
    rows_++;
    right_ += decided_class(loss_, outputs + i * columns, columns) == target;
    class_counts_[static_cast<size_t>(target)]++;
  }
}

Metrics MetricsSum::result() const {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Metrics metrics{rows_, unknown_, nan, nan, nan, nan};
  if (rows_ == 0) return metrics;
  const double rows = static_cast<double>(rows_);
  metrics.loss = loss_sum_ / rows;
  if (loss_ == Loss::mean_square) {
    if (label_squares_ > 0) metrics.r_squared = 1 - error_squares_ / label_squares_;
    return metrics;
  }
  metrics.accuracy = static_cast<double>(right_) / rows;
  metrics.majority = static_cast<double>(*std::max_element(class_counts_.begin(), class_counts_.end())) / rows;
  return metrics;
}

template void MetricsSum::add(const float *, size_t, size_t, const Targets<float> &);
template void MetricsSum::add(const double *, size_t, size_t, const Targets<double> &);

}  // namespace ngd
