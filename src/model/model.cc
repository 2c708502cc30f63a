// Models: options first, and from prepare() or load() on the prepared model behind them.
#include "model/model.h"

#include "base/error.h"
#include "model/kinds.h"
#include "model/prepared.h"

namespace ngd {
namespace {

constexpr const char *kFormat = "1";

class SpecModel final : public Model {
 public:
  explicit SpecModel(const SpecText &spec)
      : options_(model_options(spec.kind), concat("kind \"", spec.kind, "\""), spec.kind) {
    options_.set_all(spec);
    if (kind_of(spec.kind) == Kind::mlp) parse_hidden(options_.choice("hidden"));
    text_ = kind_of(spec.kind) == Kind::text;
  }

  void read(const StateReader &reader) {
    Architecture architecture = load_architecture(options_, reader);
    prepared_ = load_prepared(options_.choice("precision"), std::move(architecture), reader);
    options_.lock();
    apply_table_rate();
  }

  const OptionSet &options() const override { return options_; }
  void set(std::string_view name, double value) override {
    options_.set(name, value);
    apply_table_rate();
  }
  void set_text(std::string_view name, std::string_view value) override {
    OptionSet changed = options_;
    changed.set_text(name, value);
    if (name == "hidden") parse_hidden(value);
    options_ = std::move(changed);
    apply_table_rate();
  }

  void set_vectors(std::shared_ptr<const VectorSource> vectors) override {
    if (!text_)
      fail(NGD_E_UNSUPPORTED, "kind \"", options_.kind(),
           "\" has no table of words; word vectors are for kind \"text\"");
    if (prepared_ != nullptr)
      fail(NGD_E_STATE, "the model is already prepared; give it word vectors before that");
    if (vectors != nullptr) check_dimension(*vectors);
    vectors_ = std::move(vectors);
  }
  const Coverage &coverage() const override {
    if (coverage_ == nullptr) fail(NGD_E_STATE, "the model was not prepared with word vectors");
    return *coverage_;
  }
  void freeze_table(bool frozen) override {
    if (!text_ && frozen)
      fail(NGD_E_UNSUPPORTED, "kind \"", options_.kind(), "\" has no table of words to freeze");
    frozen_ = frozen;
    apply_table_rate();
  }

  void prepare(const Samples *samples) override {
    if (prepared_ != nullptr)
      fail(NGD_E_STATE, "the model is already prepared; a model is prepared once, create another");
    Architecture architecture = plan_architecture(options_, samples);
    const Scaling scaling = fit(samples, architecture);
    if (vectors_ != nullptr) check_dimension(*vectors_);
    const Initializer initializer = initializer_of(options_.choice("init"));
    double scale = options_["init_scale"];
    if (architecture.features == FeatureKind::text && initializer == Initializer::uniform && scale == 0)
      scale = 1 / static_cast<double>(architecture.dimension);
    const uint64_t seed = static_cast<uint64_t>(options_["seed"]);
    std::unique_ptr<PreparedModel> prepared = make_prepared(
        options_.choice("precision"), std::move(architecture), scaling, {initializer, scale, seed});
    if (vectors_ != nullptr)
      coverage_ = std::make_unique<Coverage>(
          prepared->begin_with_vectors(*vectors_, *samples, vectors_scale(*vectors_), seed));
    prepared_ = std::move(prepared);
    vectors_ = nullptr;
    options_.lock();
    apply_table_rate();
  }
  bool prepared() const override { return prepared_ != nullptr; }
  size_t input_count() const override { return prepared_ ? prepared_->architecture().inputs : 0; }
  size_t output_count() const override { return prepared_ ? prepared_->architecture().outputs : 0; }
  const std::vector<std::string> &class_names() const override {
    return prepared_ ? prepared_->architecture().classes : no_names_;
  }

  void forward(const float *features, size_t rows, std::span<float> outputs) override {
    ready().forward(features, rows, outputs);
  }
  void forward(const double *features, size_t rows, std::span<double> outputs) override {
    ready().forward(features, rows, outputs);
  }
  double backward(std::span<const float> targets) override { return ready().backward(targets); }
  double backward(std::span<const double> targets) override { return ready().backward(targets); }
  void step(Optimizer &optimizer) override { ready().step(optimizer); }

  double train_rows(Optimizer &optimizer, const Samples &samples, std::span<const uint64_t> rows,
                    const RowDetails &details) override {
    return ready().train_rows(optimizer, samples, rows, details);
  }
  double compute_gradients(const Samples &samples, std::span<const uint64_t> rows,
                           const RowDetails &details) override {
    return ready().compute_gradients(samples, rows, details);
  }
  std::span<const TensorStep<float>> gradients() override { return ready().gradients(); }
  std::vector<uint32_t> touched_rows(const Samples &samples, std::span<const uint64_t> rows) override {
    return ready().touched_rows(samples, rows);
  }
  const std::vector<TensorSpec> &tensor_specs() const override { return ready().tensor_specs(); }
  void predict(const Samples &samples, uint64_t first, uint64_t rows, std::span<float> outputs) override {
    ready().predict(samples, first, rows, outputs);
  }
  Metrics evaluate(const Samples &samples) override { return ready().evaluate(samples); }
  bool finite() const override { return ready().finite(); }

  const std::vector<TensorView> &tensors() const override {
    return prepared_ ? prepared_->tensors() : no_tensors_;
  }
  void get_tensor(size_t index, std::span<float> values) const override { ready().get_tensor(index, values); }
  void get_tensor(size_t index, std::span<double> values) const override { ready().get_tensor(index, values); }
  void set_tensor(size_t index, std::span<const float> values) override { ready().set_tensor(index, values); }
  void set_tensor(size_t index, std::span<const double> values) override { ready().set_tensor(index, values); }
  void get_gradient(size_t index, std::span<double> values) const override {
    ready().get_gradient(index, values);
  }

  void save(StateWriter &writer) const override {
    ready();
    writer.text("format", kFormat);
    writer.text("spec", options_.spec());
    prepared_->save(writer);
  }
  void restore(const StateReader &reader) override {
    ready();
    if (reader.text("spec") != options_.spec())
      fail(NGD_E_CHECKPOINT, "the checkpoint's model is ", quoted(reader.text("spec"), 120), ", this one is ",
           quoted(options_.spec(), 120), "; they are not the same model");
    prepared_->restore(reader);
  }

 private:
  PreparedModel &ready() const {
    if (prepared_ == nullptr)
      fail(NGD_E_STATE, "the model is not prepared; call ngd_model_prepare before it is used");
    return *prepared_;
  }

  void apply_table_rate() {
    if (text_ && prepared_ != nullptr) prepared_->use_table_rate(options_["table_rate"], frozen_);
  }

  void check_dimension(const VectorSource &vectors) const {
    if (static_cast<double>(vectors.dimension()) != options_["dimension"])
      fail(NGD_E_SHAPE, "the word vectors have ", vectors.dimension(),
           " numbers a word, but the model's option dimension is ", options_["dimension"],
           "; set dimension=", vectors.dimension());
  }

  double vectors_scale(const VectorSource &vectors) const {
    const double wanted = options_["vectors_deviation"];
    if (wanted == 0) return options_["vectors_scale"];
    return vectors.deviation() > 0 ? wanted / vectors.deviation() : 1;
  }

  Scaling fit(const Samples *samples, const Architecture &architecture) const {
    if (architecture.features == FeatureKind::text) return {};
    std::string_view method = options_.choice("scale");
    const bool automatic = method == "auto";
    if (automatic)
      method = samples != nullptr && architecture.features == FeatureKind::dense ? "standard" : "none";
    if (samples == nullptr && method != "none")
      fail(NGD_E_RANGE, "option \"scale\" is ", method,
           ", but there is no dataset to fit it on; set scale=none or pass a dataset");
    return samples == nullptr ? Scaling() : fit_scaling(method, *samples, architecture.inputs);
  }

  OptionSet options_;
  std::unique_ptr<PreparedModel> prepared_;
  bool text_ = false;
  bool frozen_ = false;
  std::shared_ptr<const VectorSource> vectors_;  // until the model is prepared
  std::unique_ptr<Coverage> coverage_;
  const std::vector<std::string> no_names_{};
  const std::vector<TensorView> no_tensors_{};
};

}  // namespace

std::shared_ptr<Model> Model::create(std::string_view spec) {
  return std::make_shared<SpecModel>(parse_spec(spec));
}

std::shared_ptr<Model> Model::load(const StateReader &reader) {
  const std::string &format = reader.text("format");
  if (format != kFormat)
    fail(NGD_E_CHECKPOINT, "the checkpoint's model is of format ", quoted(format),
         ", but this version of libngd reads format \"", kFormat, "\"");
  const std::string &spec = reader.text("spec");
  std::shared_ptr<SpecModel> model;
  try {
    model = std::make_shared<SpecModel>(parse_spec(spec));
  } catch (const Error &error) {
    fail(NGD_E_CHECKPOINT, "the checkpoint's model cannot be made: ", error.what());
  }
  model->read(reader);
  return model;
}

}  // namespace ngd
