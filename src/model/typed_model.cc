// Training, predicting and measuring with a network of one element type.
#include "model/typed_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "math/reduce.h"
#include "model/metrics.h"
#include "model/names.h"
#include "model/network_state.h"
#include "model/vector_start.h"

namespace ngd {
namespace {

constexpr size_t kChunkRows = 512;
constexpr size_t kLooked = 24;  // batches whose rows may be asked for ahead of their gradients
constexpr const char *kTableGroup = "table";

// Digit by digit: a batch of texts has thousands of features, and comparing them costs as much as the forward pass.
void sort_rows(std::vector<uint32_t> &rows, std::vector<uint32_t> &other) {
  constexpr unsigned kBits = 9;
  uint32_t all = 0;
  for (const uint32_t row : rows) all |= row;
  other.resize(rows.size());
  for (unsigned shift = 0; shift < 32 && all >> shift != 0; shift += kBits) {
    std::array<uint32_t, 1 << kBits> places{};
    const auto digit = [&](uint32_t row) { return row >> shift & ((1 << kBits) - 1); };
    for (const uint32_t row : rows) places[digit(row)]++;
    uint32_t place = 0;
    for (uint32_t &one : places) place += std::exchange(one, place);
    for (const uint32_t row : rows) other[places[digit(row)]++] = row;
    rows.swap(other);
  }
}

}  // namespace

template <class T>
TypedModel<T>::TypedModel(Architecture architecture, const Scaling &scaling)
    : architecture_(std::move(architecture)),
      network_(architecture_, scaling),
      matcher_(architecture_.classes, architecture_.words, architecture_.word_ngrams, architecture_.buckets),
      class_text_(join_names(architecture_.classes, "class")),
      word_text_(join_names(architecture_.words, "word")) {
  for (const Parameter<T> &parameter : network_.parameters) {
    const Architecture::Tensor &tensor = parameter.tensor;
    specs_.push_back({tensor.name, tensor.shape, tensor.rows});
    views_.push_back({tensor.name, dtype_name<T>(), tensor.shape,
                      reinterpret_cast<const std::byte *>(parameter.values.data()),
                      parameter.values.size() * sizeof(T)});
  }
}

// ---- by parts, with arrays

template <class T>
template <class U>
void TypedModel<T>::forward_array(const U *features, size_t rows, std::span<U> outputs) {
  if (architecture_.features == FeatureKind::text)
    fail(NGD_E_UNSUPPORTED, "a text model takes datasets, not arrays; use train_batch and predict");
  if (rows == 0) fail(NGD_E_ARGUMENT, "argument \"rows\" is 0; a forward pass needs at least 1 row");
  size_t widest = architecture_.inputs;
  for (const AffineShape shape : architecture_.layers()) widest = std::max(widest, shape.outputs);
  element_count(Shape{static_cast<int64_t>(std::min<size_t>(rows, INT64_MAX)), static_cast<int64_t>(widest)});
  const size_t count = rows * architecture_.outputs;
  const bool wanted = outputs.data() != nullptr;
  if (wanted && outputs.size() < count)
    fail(NGD_E_BUFFER, "outputs has room for ", outputs.size(), " numbers, but ", rows, " rows of ",
         architecture_.outputs, " need ", count);
  has_forward_ = false;
  network_.take_dense(features, rows, array_);
  network_.forward(array_);
  has_forward_ = true;
  if (wanted) std::copy_n(array_.outputs.back().begin(), count, outputs.begin());
}

template <class T>
template <class U>
double TypedModel<T>::backward_array(std::span<const U> given) {
  if (!has_forward_)
    fail(NGD_E_STATE,
         "there is no forward pass to go back through; call forward first, and again after a step "
         "or a change of parameters");
  const Loss loss = architecture_.loss;
  const size_t rows = array_.rows;
  const size_t count = loss == Loss::mean_square ? rows * architecture_.outputs : rows;
  if (given.size() != count)
    fail(NGD_E_SHAPE, "got ", given.size(), " targets, but ", loss_name(loss), " of the ", rows,
         " rows of the forward pass needs ", count);
  if (loss == Loss::mean_square) {
    numbers_.assign(given.begin(), given.end());
  } else {
    const size_t classes = loss == Loss::cross_entropy ? architecture_.outputs : 2;
    classes_.resize(count);
    for (size_t i = 0; i < count; i++) {
      const double value = static_cast<double>(given[i]);
      if (!(value >= 0 && value < static_cast<double>(classes)) || value != std::floor(value))
        fail(NGD_E_RANGE, "target ", i, " is ", value, ", which is none of the classes 0 to ", classes - 1);
      classes_[i] = static_cast<int32_t>(value);
    }
  }
  if (!has_gradients_) network_.clear_all_gradients();
  const double sum = loss_sum<T>(loss, array_.outputs.back().data(), rows, architecture_.outputs, targets(),
                                 network_.output_delta(array_), static_cast<double>(rows));
  network_.backward(array_);
  has_gradients_ = true;
  return sum / static_cast<double>(rows);
}

template <class T>
void TypedModel<T>::step(Optimizer &optimizer) {
  if (!has_gradients_) fail(NGD_E_STATE, "there are no gradients to apply; call forward and backward first");
  if (optimizer.wants_second_gradient())
    fail(NGD_E_STATE,
         "the optimizer's grad_penalty needs a second gradient, which only train_batch computes; "
         "use that, or set grad_penalty=0");
  attach(optimizer);
  optimizer.step(steps());
  has_gradients_ = false;
  has_forward_ = false;
}

template <class T>
void TypedModel<T>::attach(Optimizer &optimizer) const {
  const auto &have = optimizer.tensors();
  if (have.empty()) {
    // A rate of its own takes a group of its own.
    if (table_rate_ != 1) optimizer.add_group(kTableGroup, specs_[0].name, "");
    for (const Optimizer::TensorSpec &spec : specs_) {
      if (spec.rows)
        optimizer.add_rows(element_of<T>, spec.name, spec.shape);
      else
        optimizer.add(element_of<T>, spec.name, spec.shape);
    }
    return attach_table(optimizer);
  }
  if (optimizer.element() == element_of<T> && have == specs_) return attach_table(optimizer);
  const auto text = [](const std::vector<Optimizer::TensorSpec> &specs) {
    return concat(specs.size(), " tensors beginning with \"", specs[0].name, "\" ", shape_text(specs[0].shape));
  };
  fail(NGD_E_SHAPE, "the optimizer belongs to other tensors: it has ", text(have), " of ",
       optimizer.element() == Element::f32 ? "F32" : "F64", ", the model ", text(specs_), " of ",
       dtype_name<T>(), "; use a fresh optimizer or the one that trained this model");
}

// The table's rate is that of the group it is in, which then must hold nothing else.
template <class T>
void TypedModel<T>::attach_table(Optimizer &optimizer) const {
  if (architecture_.features != FeatureKind::text) return;
  const size_t group = optimizer.group_of(0);
  size_t members = 0;
  for (size_t tensor = 0; tensor < specs_.size(); tensor++) members += optimizer.group_of(tensor) == group;
  if (members == 1) return optimizer.use_group_rate_factor(group, table_rate_);
  if (table_rate_ != 1 && table_rate_ != 0)
    fail(NGD_E_STATE, "table_rate is ", table_rate_, ", but in the optimizer the table \"", specs_[0].name,
         "\" is in one group with other tensors; set table_rate before the first step, with an optimizer that "
         "has no tensors "
         "yet, or give the table a group of its own");
}

template <class T>
std::span<const TensorStep<T>> TypedModel<T>::steps() {
  steps_.clear();
  for (Parameter<T> &parameter : network_.parameters) {
    const bool frozen = (frozen_ || table_rate_ == 0) && architecture_.features == FeatureKind::text;
    if (parameter.tensor.rows)
      steps_.push_back({parameter.values.data(), parameter.row_gradient.values(),
                        frozen ? std::span<const uint32_t>() : parameter.row_gradient.touched()});
    else
      steps_.push_back({parameter.values.data(), parameter.gradient.data(), {}});
  }
  return steps_;
}

// ---- whole, with samples

template <class T>
void TypedModel<T>::check_features(const Samples &samples, Use use) const {
  const Architecture &a = architecture_;
  if (samples.feature_kind() != a.features)
    fail(NGD_E_SHAPE, "the dataset has ", feature_name(samples.feature_kind()),
         " rows, but the model was prepared for ", feature_name(a.features), " ones");
  const uint64_t columns = samples.columns();
  const bool narrow = a.features == FeatureKind::sparse && (use != Use::train || columns <= a.inputs);
  if (a.features != FeatureKind::text && columns != a.inputs && !narrow)
    fail(NGD_E_SHAPE, "the dataset has ", columns, " columns, but the model was prepared for ", a.inputs);
}

template <class T>
void TypedModel<T>::check_samples(const Samples &samples, Use use) const {
  const Architecture &a = architecture_;
  if (samples.rows() > 0) check_features(samples, use);
  if (use == Use::predict) return;
  if (samples.label_kind() != a.labels)
    fail(NGD_E_SHAPE, "the dataset has labels of kind ", label_name(samples.label_kind()), ", but the loss ",
         loss_name(a.loss), " needs kind ", label_name(a.labels));
  if (a.loss == Loss::mean_square && a.outputs != 1)
    fail(NGD_E_SHAPE, "the model has ", a.outputs,
         " outputs, but a dataset has one number a row; train it with forward, backward and step");
  const size_t classes = a.loss == Loss::cross_entropy ? a.outputs : 2;
  if (a.labels == LabelKind::category && a.classes.empty() && samples.class_names().size() > classes)
    fail(NGD_E_SHAPE, "the dataset has ", samples.class_names().size(),
         " classes, but the model was prepared for ", classes);
}

template <class T>
void TypedModel<T>::run(const Samples &samples, const SampleMap &map, std::span<const uint64_t> rows,
                        Looked *known) {
  samples.read(rows, batch_);
  switch (architecture_.features) {
    case FeatureKind::dense:
      network_.take_dense(batch_.dense.data(), batch_.rows, whole_);
      break;
    case FeatureKind::sparse:
      network_.take_sparse(batch_, whole_);
      break;
    case FeatureKind::text:
      whole_.rows = batch_.rows;
      whole_.dense = false;
      if (known == nullptr) {
        matcher_.features(map, batch_, whole_.offsets, whole_.index);
      } else {
        whole_.offsets.swap(known->offsets);
        whole_.index.swap(known->index);
      }
      break;
  }
  network_.forward(whole_);
}

template <class T>
void TypedModel<T>::take_targets(const SampleMap &map) {
  if (architecture_.labels == LabelKind::number) {
    numbers_.assign(batch_.number.begin(), batch_.number.begin() + static_cast<ptrdiff_t>(batch_.rows));
    return;
  }
  classes_.resize(batch_.rows);
  for (size_t i = 0; i < batch_.rows; i++) classes_[i] = map.classes[static_cast<size_t>(batch_.category[i])];
}

template <class T>
void TypedModel<T>::fail_unknown_class(const Samples &samples, std::span<const uint64_t> rows) const {
  const size_t at =
      static_cast<size_t>(std::find(classes_.begin(), classes_.end(), kUnknownClass) - classes_.begin());
  fail(NGD_E_RANGE, "row ", rows[at], " has the class ",
       quoted(samples.class_names()[static_cast<size_t>(batch_.category[at])]),
       ", which is none of the model's ", architecture_.classes.size(),
       " classes; prepare the model from data that has every class, or leave such rows out");
}

template <class T>
double TypedModel<T>::set_gradients(const Samples &samples, const SampleMap &map,
                                    std::span<const uint64_t> rows, const RowDetails &details) {
  // Sparse rows and texts go through at once, since the touched rows of the table must be known beforehand.
  const size_t chunk = architecture_.features == FeatureKind::dense ? kChunkRows : rows.size();
  const double divisor = details.divisor > 0 ? details.divisor : static_cast<double>(rows.size());
  std::optional<Looked> known = looked(samples, rows);
  double sum = 0;
  for (size_t first = 0; first < rows.size(); first += chunk) {
    const auto which = rows.subspan(first, std::min(chunk, rows.size() - first));
    run(samples, map, which, known ? &*known : nullptr);
    take_targets(map);
    if (architecture_.labels == LabelKind::category &&
        std::find(classes_.begin(), classes_.end(), kUnknownClass) != classes_.end())
      fail_unknown_class(samples, which);
    if (first == 0) network_.clear_gradients(whole_, known ? known->touched : std::span<const uint32_t>());
    sum += loss_sum<T>(architecture_.loss, whole_.outputs.back().data(), which.size(), architecture_.outputs,
                       targets(), network_.output_delta(whole_), divisor, details.from(first, which.size()));
    network_.backward(whole_);
  }
  return sum / static_cast<double>(rows.size());
}

template <class T>
void TypedModel<T>::check_rows(const Samples &samples, std::span<const uint64_t> rows,
                               const RowDetails &details) const {
  if (rows.empty()) fail(NGD_E_ARGUMENT, "argument \"count\" is 0; a training step needs at least 1 row");
  check_samples(samples, Use::train);
  for (const uint64_t row : rows) {
    if (row >= samples.rows())
      fail(NGD_E_RANGE, "row ", row, " does not exist; the dataset has ", samples.rows(), " rows");
  }
  for (size_t i = 0; i < details.weights.size(); i++) {
    const double weight = static_cast<double>(details.weights[i]);
    if (!(weight >= 0 && std::isfinite(weight)))
      fail(weight < 0 && std::isfinite(weight) ? NGD_E_RANGE : NGD_E_NOT_FINITE, "the weight of row ", rows[i],
           " (number ", i, " of the batch) is ", weight, ", but must be finite and at least 0");
  }
}

template <class T>
double TypedModel<T>::train_rows(Optimizer &optimizer, const Samples &samples, std::span<const uint64_t> rows,
                                 const RowDetails &details) {
  check_rows(samples, rows, details);
  attach(optimizer);
  const SampleMap &map = matcher_.map(samples);
  has_gradients_ = false;
  has_forward_ = false;
  const double loss = set_gradients(samples, map, rows, details);
  if (optimizer.wants_second_gradient()) {
    if (!std::isfinite(loss)) return loss;  // no direction to perturb along; the caller sees the loss
    optimizer.perturb(steps());
    // The same rows again, so the same rows of the tables are touched and all memory is there already.
    set_gradients(samples, map, rows, {details.weights});
    optimizer.restore(steps());
  }
  optimizer.step(steps());
  return loss;
}

// ---- for servers

template <class T>
double TypedModel<T>::compute_gradients(const Samples &samples, std::span<const uint64_t> rows,
                                        const RowDetails &details) {
  check_rows(samples, rows, details);
  has_gradients_ = false;
  has_forward_ = false;
  return set_gradients(samples, matcher_.map(samples), rows, details);
}

template <class T>
std::span<const TensorStep<float>> TypedModel<T>::gradients() {
  if constexpr (std::is_same_v<T, float>) return steps();
  fail(NGD_E_UNSUPPORTED, "servers hold float32 parameters, but the model's are float64; set precision=f32");
}

template <class T>
std::vector<uint32_t> TypedModel<T>::touched_rows(const Samples &samples, std::span<const uint64_t> rows) {
  if (std::ranges::none_of(specs_, &TensorSpec::rows)) return {};
  samples.read(rows, batch_);
  if (architecture_.features != FeatureKind::text) {
    network_.take_sparse(batch_, whole_);
    std::vector<uint32_t> touched = whole_.index;
    std::ranges::sort(touched);
    touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
    return touched;
  }
  Looked found;
  found.identity = samples.identity();
  found.rows.assign(rows.begin(), rows.end());
  matcher_.features(matcher_.map(samples), batch_, found.offsets, found.index);
  found.touched = found.index;
  sort_rows(found.touched, sorting_);
  found.touched.erase(std::unique(found.touched.begin(), found.touched.end()), found.touched.end());
  if (looked_.size() == kLooked) looked_.pop_front();
  looked_.push_back(std::move(found));
  return looked_.back().touched;
}

template <class T>
auto TypedModel<T>::looked(const Samples &samples, std::span<const uint64_t> rows) -> std::optional<Looked> {
  const auto found = std::ranges::find_if(looked_, [&](const Looked &one) {
    return one.identity == samples.identity() && std::ranges::equal(one.rows, rows);
  });
  if (found == looked_.end()) return std::nullopt;
  Looked known = std::move(*found);
  looked_.erase(found);
  return known;
}

template <class T>
void TypedModel<T>::predict(const Samples &samples, uint64_t first, uint64_t rows, std::span<float> outputs) {
  check_samples(samples, Use::predict);
  if (first > samples.rows() || rows > samples.rows() - first)
    fail(NGD_E_RANGE, "rows ", first, " to ", first, " + ", rows, " do not all exist; the dataset has ",
         samples.rows(), " rows");
  const size_t columns = architecture_.outputs;
  if (outputs.size() / columns < rows)
    fail(NGD_E_BUFFER, "outputs has room for ", outputs.size(), " numbers, but ", rows, " rows of ", columns,
         " need ", rows * columns);
  const SampleMap &map = matcher_.map(samples);
  for (uint64_t done = 0; done < rows; done += kChunkRows) {
    which_.resize(std::min<uint64_t>(kChunkRows, rows - done));
    std::iota(which_.begin(), which_.end(), first + done);
    run(samples, map, which_);
    probabilities(architecture_.loss, whole_.outputs.back().data(), which_.size(), columns,
                  outputs.data() + done * columns);
  }
}

template <class T>
Metrics TypedModel<T>::evaluate(const Samples &samples) {
  check_samples(samples, Use::evaluate);
  const SampleMap &map = matcher_.map(samples);
  MetricsSum sum(architecture_.loss, std::max<size_t>(2, architecture_.outputs));
  for (uint64_t done = 0; done < samples.rows(); done += kChunkRows) {
    which_.resize(std::min<uint64_t>(kChunkRows, samples.rows() - done));
    std::iota(which_.begin(), which_.end(), done);
    run(samples, map, which_);
    take_targets(map);
    sum.add(whole_.outputs.back().data(), which_.size(), architecture_.outputs, targets());
  }
  return sum.result();
}

template <class T>
bool TypedModel<T>::finite() const {
  return std::all_of(network_.parameters.begin(), network_.parameters.end(), [](const Parameter<T> &parameter) {
    return all_finite(parameter.values.data(), parameter.values.size());
  });
}

// ---- word vectors

template <class T>
Coverage TypedModel<T>::begin_with_vectors(const VectorSource &vectors, const Samples &samples, double scale,
                                           uint64_t seed) {
  Coverage coverage =
      begin_table_with_vectors<T>(vectors, architecture_, scale, seed, network_.parameters[0].values);
  // The samples are those the vocabulary was taken from.
  const SampleMap &map = matcher_.map(samples);
  std::vector<bool> has_vector(architecture_.words.size());
  for (size_t word = 0; word < has_vector.size(); word++)
    has_vector[word] = vectors.find_vector(architecture_.words[word]).vector != nullptr;
  for (uint64_t done = 0; done < samples.rows(); done += kChunkRows) {
    which_.resize(std::min<uint64_t>(kChunkRows, samples.rows() - done));
    std::iota(which_.begin(), which_.end(), done);
    samples.read(which_, batch_);
    for (size_t k = 0; k < batch_.offsets[batch_.rows]; k++) {
      const uint32_t row = map.rows[batch_.index[k]];
      if (row == kNoRow) continue;
      coverage.tokens++;
      coverage.tokens_found += has_vector[row];
    }
  }
  return coverage;
}

// ---- tensors and saved state

template <class T>
const Parameter<T> &TypedModel<T>::parameter(size_t index, size_t count) const {
  if (index >= network_.parameters.size())
    fail(NGD_E_NOT_FOUND, "there is no tensor number ", index, "; the model has ", network_.parameters.size());
  const Parameter<T> &found = network_.parameters[index];
  if (count != found.values.size())
    fail(NGD_E_SHAPE, "tensor \"", found.tensor.name, "\" ", shape_text(found.tensor.shape), " has ",
         found.values.size(), " elements, not ", count);
  return found;
}

template <class T>
template <class U>
void TypedModel<T>::copy_tensor(size_t index, std::span<U> values) const {
  const Parameter<T> &from = parameter(index, values.size());
  std::transform(from.values.begin(), from.values.end(), values.begin(),
                 [](T value) { return static_cast<U>(value); });
}

template <class T>
template <class U>
void TypedModel<T>::replace_tensor(size_t index, std::span<const U> values) {
  const Parameter<T> &old = parameter(index, values.size());
  for (size_t i = 0; i < values.size(); i++) {
    if (!std::isfinite(static_cast<T>(values[i])))
      fail(NGD_E_NOT_FINITE, "element ", i, " for tensor \"", old.tensor.name, "\" is ",
           static_cast<double>(values[i]), ", not a finite ", dtype_name<T>(), " number");
  }
  std::transform(values.begin(), values.end(), network_.parameters[index].values.begin(),
                 [](U value) { return static_cast<T>(value); });
  has_forward_ = false;
}

template <class T>
void TypedModel<T>::get_gradient(size_t index, std::span<double> values) const {
  const Parameter<T> &from = parameter(index, values.size());
  // Gradients only outlive a call after backward(), which touches every row of a table.
  const T *gradient = from.tensor.rows ? from.row_gradient.values() : from.gradient.data();
  for (size_t i = 0; i < values.size(); i++) values[i] = has_gradients_ ? static_cast<double>(gradient[i]) : 0;
}

template <class T>
void TypedModel<T>::save(StateWriter &writer) const {
  save_architecture(architecture_, writer);
  save_network(network_, writer);
  const auto names = [&](std::string_view name, const std::string &text) {
    if (!text.empty())
      writer.tensor<uint8_t>(name, {static_cast<int64_t>(text.size())},
                             {reinterpret_cast<const uint8_t *>(text.data()), text.size()});
  };
  names("classes", class_text_);
  names("vocabulary", word_text_);
}

template <class T>
void TypedModel<T>::restore(const StateReader &reader) {
  check_saved_network<T>(architecture_, reader);
  const auto same = [&](std::string_view name, std::string_view text) {
    if (!reader.has(name)) return text.empty();
    const auto saved = reader.values<uint8_t>(name);
    return std::string_view(reinterpret_cast<const char *>(saved.data()), saved.size()) == text;
  };
  if (reader.text("loss") != loss_name(architecture_.loss))
    fail(NGD_E_CHECKPOINT, "the checkpoint's model has the loss ", quoted(reader.text("loss")), ", this one ",
         loss_name(architecture_.loss), "; they are not the same model");
  if (!same("classes", class_text_) || !same("vocabulary", word_text_))
    fail(NGD_E_CHECKPOINT,
         "the checkpoint's classes or words are not the model's; resume with the data that the run began with");
  load_network(network_, reader);
  const Scaling scaling = load_scaling<T>(architecture_, reader);
  network_.shift.assign(scaling.shift.begin(), scaling.shift.end());
  network_.factor.assign(scaling.factor.begin(), scaling.factor.end());
  has_forward_ = false;
  has_gradients_ = false;
}

// ---- the virtual faces of the templates

template <class T>
void TypedModel<T>::forward(const float *features, size_t rows, std::span<float> outputs) {
  forward_array(features, rows, outputs);
}
template <class T>
void TypedModel<T>::forward(const double *features, size_t rows, std::span<double> outputs) {
  forward_array(features, rows, outputs);
}
template <class T>
double TypedModel<T>::backward(std::span<const float> given) {
  return backward_array(given);
}
template <class T>
double TypedModel<T>::backward(std::span<const double> given) {
  return backward_array(given);
}
template <class T>
void TypedModel<T>::get_tensor(size_t index, std::span<float> values) const {
  copy_tensor(index, values);
}
template <class T>
void TypedModel<T>::get_tensor(size_t index, std::span<double> values) const {
  copy_tensor(index, values);
}
template <class T>
void TypedModel<T>::set_tensor(size_t index, std::span<const float> values) {
  replace_tensor(index, values);
}
template <class T>
void TypedModel<T>::set_tensor(size_t index, std::span<const double> values) {
  replace_tensor(index, values);
}

template class TypedModel<float>;
template class TypedModel<double>;

// ---- making one

namespace {

template <class T>
std::unique_ptr<PreparedModel> made(Architecture architecture, const Scaling &scaling,
                                    const InitialParameters &initial) {
  auto model = std::make_unique<TypedModel<T>>(std::move(architecture), scaling);
  model->network().initialize(initial.initializer, initial.scale, initial.seed);
  return model;
}

template <class T>
std::unique_ptr<PreparedModel> loaded(Architecture architecture, const StateReader &reader) {
  check_saved_network<T>(architecture, reader);
  const Scaling scaling = load_scaling<T>(architecture, reader);
  auto model = std::make_unique<TypedModel<T>>(std::move(architecture), scaling);
  load_network(model->network(), reader);
  return model;
}

}  // namespace

std::unique_ptr<PreparedModel> make_prepared(std::string_view precision, Architecture architecture,
                                             const Scaling &scaling, const InitialParameters &initial) {
  return precision == "f64" ? made<double>(std::move(architecture), scaling, initial)
                            : made<float>(std::move(architecture), scaling, initial);
}

std::unique_ptr<PreparedModel> load_prepared(std::string_view precision, Architecture architecture,
                                             const StateReader &reader) {
  return precision == "f64" ? loaded<double>(std::move(architecture), reader)
                            : loaded<float>(std::move(architecture), reader);
}

}  // namespace ngd
