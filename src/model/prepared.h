// A prepared model of one precision: what Model does once the architecture is settled.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "model/architecture.h"
#include "model/model.h"
#include "model/scaling.h"

namespace ngd {

class PreparedModel {
 public:
  virtual ~PreparedModel() = default;
  virtual const Architecture &architecture() const = 0;

  virtual void forward(const float *features, size_t rows, std::span<float> outputs) = 0;
  virtual void forward(const double *features, size_t rows, std::span<double> outputs) = 0;
  virtual double backward(std::span<const float> targets) = 0;
  virtual double backward(std::span<const double> targets) = 0;
  virtual void step(Optimizer &optimizer) = 0;

  // Text: how steps treat the table, and what it begins with.
  virtual void use_table_rate(double rate, bool frozen) = 0;
  virtual Coverage begin_with_vectors(const VectorSource &vectors, const Samples &samples, double scale,
                                      uint64_t seed) = 0;

  virtual double train_rows(Optimizer &optimizer, const Samples &samples, std::span<const uint64_t> rows,
                            const RowDetails &details) = 0;
  virtual double compute_gradients(const Samples &samples, std::span<const uint64_t> rows,
                                   const RowDetails &details) = 0;
  virtual std::span<const TensorStep<float>> gradients() = 0;
  virtual std::vector<uint32_t> touched_rows(const Samples &samples, std::span<const uint64_t> rows) = 0;
  virtual const std::vector<TensorSpec> &tensor_specs() const = 0;
  virtual void predict(const Samples &samples, uint64_t first, uint64_t rows, std::span<float> outputs) = 0;
  virtual Metrics evaluate(const Samples &samples) = 0;
  virtual bool finite() const = 0;

  virtual const std::vector<TensorView> &tensors() const = 0;
  virtual void get_tensor(size_t index, std::span<float> values) const = 0;
  virtual void get_tensor(size_t index, std::span<double> values) const = 0;
  virtual void set_tensor(size_t index, std::span<const float> values) = 0;
  virtual void set_tensor(size_t index, std::span<const double> values) = 0;
  virtual void get_gradient(size_t index, std::span<double> values) const = 0;

  virtual void save(StateWriter &writer) const = 0;
  // Takes the parameters; names, shapes, classes and words must be this model's.
  virtual void restore(const StateReader &reader) = 0;
};

struct InitialParameters {
  Initializer initializer = Initializer::zeros;
  double scale = 0;
  uint64_t seed = 0;
};

// With the precision "f32" or "f64".
std::unique_ptr<PreparedModel> make_prepared(std::string_view precision, Architecture architecture,
                                             const Scaling &scaling, const InitialParameters &initial);
// Everything checked against the checkpoint before memory is taken.
std::unique_ptr<PreparedModel> load_prepared(std::string_view precision, Architecture architecture,
                                             const StateReader &reader);

}  // namespace ngd
