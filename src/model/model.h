// Models as the rest of the library sees them: created from a spec, prepared from data, trained batch by batch.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/option.h"
#include "base/samples.h"
#include "base/state.h"
#include "base/vector_source.h"
#include "model/loss.h"
#include "optimizer/optimizer.h"

namespace ngd {

struct Metrics {
  uint64_t rows = 0;
  uint64_t unknown = 0;
  double loss = 0, accuracy = 0, majority = 0, r_squared = 0;  // NaN where there is no meaning
};

// What a text model took from word vectors.
struct Coverage {
  uint64_t words = 0, found = 0, folded = 0, rows = 0, tokens = 0, tokens_found = 0;
  double scale = 1, deviation = 0;
};

class Model {
 public:
  // Makes the kind that the spec names; throws NGD_E_OPTION.
  static std::shared_ptr<Model> create(std::string_view spec);
  // Makes a prepared model from what save() wrote.
  static std::shared_ptr<Model> load(const StateReader &reader);
  virtual ~Model() = default;

  virtual const OptionSet &options() const = 0;
  virtual void set(std::string_view name, double value) = 0;
  virtual void set_text(std::string_view name, std::string_view value) = 0;

  // Text: what the table begins with when it is prepared; null for nothing.
  virtual void set_vectors(std::shared_ptr<const VectorSource> vectors) = 0;
  virtual const Coverage &coverage() const = 0;
  // Text: while it is frozen, steps leave the table as it is.
  virtual void freeze_table(bool frozen) = 0;

  virtual void prepare(const Samples *samples) = 0;
  virtual bool prepared() const = 0;
  virtual size_t input_count() const = 0;   // features a row; 0 before prepare and for text
  virtual size_t output_count() const = 0;  // 0 before prepare
  virtual const std::vector<std::string> &class_names() const = 0;

  // By parts, with arrays: `features` is rows x inputs. A model of the other precision converts. `outputs`
  // without data is not written; one that is too small is NGD_E_BUFFER.
  virtual void forward(const float *features, size_t rows, std::span<float> outputs) = 0;
  virtual void forward(const double *features, size_t rows, std::span<double> outputs) = 0;
  virtual double backward(std::span<const float> targets) = 0;
  virtual double backward(std::span<const double> targets) = 0;
  virtual void step(Optimizer &optimizer) = 0;

  // Whole, with samples. The loss is the mean before the step. A NaN loss is returned, not thrown: the caller
  // decides. Gradients that backward() left without a step are dropped.
  // The weights and answers of the details have one entry a row.
  virtual double train_rows(Optimizer &optimizer, const Samples &samples, std::span<const uint64_t> rows,
                            const RowDetails &details) = 0;
  double train_batch(Optimizer &optimizer, const Samples &samples, std::span<const uint64_t> rows) {
    return train_rows(optimizer, samples, rows, {});
  }
  // For training on servers, of models of float32: gradients without a step, which stay until the next call; pointers to
  // parameters and gradients of each tensor; and the rows of tables that samples touch, rising.
  virtual double compute_gradients(const Samples &samples, std::span<const uint64_t> rows,
                                   const RowDetails &details) = 0;
  virtual std::span<const TensorStep<float>> gradients() = 0;
  virtual std::vector<uint32_t> touched_rows(const Samples &samples, std::span<const uint64_t> rows) = 0;
  virtual const std::vector<TensorSpec> &tensor_specs() const = 0;
  virtual void predict(const Samples &samples, uint64_t first, uint64_t rows, std::span<float> outputs) = 0;
  virtual Metrics evaluate(const Samples &samples) = 0;
  virtual bool finite() const = 0;  // every parameter is finite

  virtual const std::vector<TensorView> &tensors() const = 0;  // empty before prepare; kept by the model
  virtual void get_tensor(size_t index, std::span<float> values) const = 0;
  virtual void get_tensor(size_t index, std::span<double> values) const = 0;
  virtual void set_tensor(size_t index, std::span<const float> values) = 0;
  virtual void set_tensor(size_t index, std::span<const double> values) = 0;
  virtual void get_gradient(size_t index, std::span<double> values) const = 0;

  virtual void save(StateWriter &writer) const = 0;
  // Takes parameters from a checkpoint of this very model (names and shapes must fit), for resume.
  virtual void restore(const StateReader &reader) = 0;
};

const char *model_kind(size_t index);  // nullptr past the last
std::span<const OptionSpec> model_options(std::string_view kind);

}  // namespace ngd
