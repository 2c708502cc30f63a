// Fitting the scaling of inputs.
#include "model/scaling.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace ngd {
namespace {

constexpr uint64_t kChunkRows = 1024;

template <class Body>
void for_each_chunk(const Samples &samples, Body body) {
  Batch batch;
  std::vector<uint64_t> which;
  for (uint64_t first = 0; first < samples.rows(); first += kChunkRows) {
    which.resize(std::min(kChunkRows, samples.rows() - first));
    std::iota(which.begin(), which.end(), first);
    samples.read(which, batch);
    body(batch);
  }
}

// Mean and variance in one pass (Welford 1962): m += (x - m) / n; s += (x - m_old) (x - m).
Scaling fit_standard(const Samples &samples, size_t inputs) {
  std::vector<double> mean(inputs), squares(inputs);
  double count = 0;
  for_each_chunk(samples, [&](const Batch &batch) {
    for (size_t i = 0; i < batch.rows; i++) {
      count++;
      const float *x = batch.dense.data() + i * inputs;
      for (size_t j = 0; j < inputs; j++) {
        const double difference = static_cast<double>(x[j]) - mean[j];
        mean[j] += difference / count;
        squares[j] += difference * (static_cast<double>(x[j]) - mean[j]);
      }
    }
  });
  Scaling scaling{std::move(mean), std::move(squares)};
  for (double &factor : scaling.factor) factor = factor > 0 ? 1 / std::sqrt(factor / count) : 0;
  return scaling;
}

Scaling fit_max_abs(const Samples &samples, size_t inputs) {
  Scaling scaling{std::vector<double>(inputs), std::vector<double>(inputs)};
  const auto see = [&](size_t column, float value) {
    scaling.factor[column] = std::max(scaling.factor[column], static_cast<double>(std::fabs(value)));
  };
  for_each_chunk(samples, [&](const Batch &batch) {
    if (samples.feature_kind() == FeatureKind::sparse) {
      for (size_t k = 0; k < batch.offsets[batch.rows]; k++) see(batch.index[k], batch.value[k]);
    } else {
      for (size_t k = 0; k < batch.rows * inputs; k++) see(k % inputs, batch.dense[k]);
    }
  });
  for (double &factor : scaling.factor) factor = factor > 0 ? 1 / factor : 0;
  return scaling;
}

}  // namespace

Scaling fit_scaling(std::string_view method, const Samples &samples, size_t inputs) {
  if (method == "none") return {};
  if (method == "max_abs") return fit_max_abs(samples, inputs);
  if (samples.feature_kind() == FeatureKind::sparse)
    fail(NGD_E_SHAPE, "scale=standard would fill the dataset's sparse rows; use max_abs or none");
  return fit_standard(samples, inputs);
}

}  // namespace ngd
