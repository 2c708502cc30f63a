// Adding up how good a model is, row by row.
#pragma once

#include <cstdint>
#include <vector>

#include "model/loss.h"
#include "model/model.h"

namespace ngd {

class MetricsSum {
 public:
  MetricsSum(Loss loss, size_t classes) : loss_(loss), class_counts_(classes) {}

  // `outputs` [rows, columns] of the network against the targets; rows of kUnknownClass are counted apart.
  template <class T>
  void add(const T *outputs, size_t rows, size_t columns, const Targets<T> &targets);
  Metrics result() const;

 private:
  Loss loss_;
  std::vector<uint64_t> class_counts_;
  uint64_t rows_ = 0;
  uint64_t unknown_ = 0;
  uint64_t right_ = 0;
  double loss_sum_ = 0;
  // Of the labels of mean_square, by Welford's recurrence; and the squared errors.
  double label_count_ = 0, label_mean_ = 0, label_squares_ = 0, error_squares_ = 0;
};

}  // namespace ngd
