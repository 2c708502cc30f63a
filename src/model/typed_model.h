// The prepared model of element type T: a network, its matching to datasets, and its bookkeeping.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "model/matcher.h"
#include "model/network.h"
#include "model/prepared.h"

namespace ngd {

template <class T>
class TypedModel final : public PreparedModel {
 public:
  TypedModel(Architecture architecture, const Scaling &scaling);
  TypedModel(const TypedModel &) = delete;
  TypedModel &operator=(const TypedModel &) = delete;

  Network<T> &network() { return network_; }
  const Architecture &architecture() const override { return architecture_; }

  void forward(const float *features, size_t rows, std::span<float> outputs) override;
  void forward(const double *features, size_t rows, std::span<double> outputs) override;
  double backward(std::span<const float> targets) override;
  double backward(std::span<const double> targets) override;
  void step(Optimizer &optimizer) override;

  void use_table_rate(double rate, bool frozen) override {
    table_rate_ = rate;
    frozen_ = frozen;
  }
  Coverage begin_with_vectors(const VectorSource &vectors, const Samples &samples, double scale,
                              uint64_t seed) override;

  double train_rows(Optimizer &optimizer, const Samples &samples, std::span<const uint64_t> rows,
                    const RowDetails &details) override;
  double compute_gradients(const Samples &samples, std::span<const uint64_t> rows,
                           const RowDetails &details) override;
  std::span<const TensorStep<float>> gradients() override;
  std::vector<uint32_t> touched_rows(const Samples &samples, std::span<const uint64_t> rows) override;
  const std::vector<TensorSpec> &tensor_specs() const override { return specs_; }
  void predict(const Samples &samples, uint64_t first, uint64_t rows, std::span<float> outputs) override;
  Metrics evaluate(const Samples &samples) override;
  bool finite() const override;

  const std::vector<TensorView> &tensors() const override { return views_; }
  void get_tensor(size_t index, std::span<float> values) const override;
  void get_tensor(size_t index, std::span<double> values) const override;
  void set_tensor(size_t index, std::span<const float> values) override;
  void set_tensor(size_t index, std::span<const double> values) override;
  void get_gradient(size_t index, std::span<double> values) const override;

  void save(StateWriter &writer) const override;
  void restore(const StateReader &reader) override;

 private:
  enum class Use { train, evaluate, predict };

  template <class U>
  void forward_array(const U *features, size_t rows, std::span<U> outputs);
  template <class U>
  double backward_array(std::span<const U> targets);
  template <class U>
  void copy_tensor(size_t index, std::span<U> values) const;
  template <class U>
  void replace_tensor(size_t index, std::span<const U> values);
  const Parameter<T> &parameter(size_t index, size_t count) const;

  void check_samples(const Samples &samples, Use use) const;
  void check_features(const Samples &samples, Use use) const;
  void attach(Optimizer &optimizer) const;
  void attach_table(Optimizer &optimizer) const;
  std::span<const TensorStep<T>> steps();
  // What touched_rows() found of a batch, for its gradients.
  struct Looked {
    uint64_t identity = 0;       // of the samples
    std::vector<uint64_t> rows;  // of the batch
    std::vector<size_t> offsets;
    std::vector<uint32_t> index, touched;
  };
  // Reads rows into the batch and through the network; the outputs are then in whole_.outputs.
  void run(const Samples &samples, const SampleMap &map, std::span<const uint64_t> rows,
           Looked *known = nullptr);
  void take_targets(const SampleMap &map);
  std::optional<Looked> looked(const Samples &samples, std::span<const uint64_t> rows);
  [[noreturn]] void fail_unknown_class(const Samples &samples, std::span<const uint64_t> rows) const;
  Targets<T> targets() const { return {numbers_.data(), classes_.data()}; }
  // Sets the gradients of the mean loss over `rows` and returns that loss.
  double set_gradients(const Samples &samples, const SampleMap &map, std::span<const uint64_t> rows,
                       const RowDetails &details);
  void check_rows(const Samples &samples, std::span<const uint64_t> rows, const RowDetails &details) const;

  Architecture architecture_;
  Network<T> network_;
  Matcher matcher_;
  std::vector<Optimizer::TensorSpec> specs_;
  std::vector<TensorView> views_;
  std::string class_text_, word_text_;  // as they are saved

  double table_rate_ = 1;
  bool frozen_ = false;

  Workspace<T> array_;  // of forward() and backward()
  bool has_forward_ = false;
  bool has_gradients_ = false;
  Workspace<T> whole_;  // of everything that takes samples
  Batch batch_;
  std::deque<Looked> looked_;  // the last ones
  std::vector<uint32_t> sorting_;
  std::vector<uint64_t> which_;
  std::vector<T> numbers_;
  std::vector<int32_t> classes_;
  std::vector<TensorStep<T>> steps_;
};

// Defined in typed_model.cc for float and double.
extern template class TypedModel<float>;
extern template class TypedModel<double>;

}  // namespace ngd
