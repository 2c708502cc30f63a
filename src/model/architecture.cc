// Deciding a model's sizes, loss and tensors from its options and its training data.
#include "model/architecture.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "model/kinds.h"
#include "model/names.h"

namespace ngd {
namespace {

constexpr const char *kFeatureNames[] = {"", "dense", "sparse", "text"};
constexpr const char *kLabelNames[] = {"none", "number", "category"};
constexpr size_t kLargestSide = 2147483647;
constexpr size_t kLargestTable = 4294967294;  // rows are numbered in 32 bits, one number is kept for "none"

// Words of the dataset that occur often enough, in the dataset's order.
std::vector<std::string> known_words(const Samples &samples, uint64_t min_count) {
  const auto &vocabulary = samples.vocabulary();
  std::vector<uint64_t> counts(vocabulary.size());
  Batch batch;
  std::vector<uint64_t> which;
  constexpr uint64_t kChunkRows = 4096;
  for (uint64_t first = 0; first < samples.rows(); first += kChunkRows) {
    which.resize(std::min(kChunkRows, samples.rows() - first));
    std::iota(which.begin(), which.end(), first);
    samples.read(which, batch);
    for (size_t k = 0; k < batch.offsets[batch.rows]; k++) counts[batch.index[k]]++;
  }
  std::vector<std::string> words;
  for (size_t i = 0; i < vocabulary.size(); i++) {
    if (counts[i] >= min_count) words.push_back(vocabulary[i]);
  }
  return words;
}

// What the options alone tell of the layers.
void take_options(const OptionSet &options, Architecture &architecture) {
  switch (kind_of(options.kind())) {
    case Kind::linear:
      return;
    case Kind::mlp:
      architecture.hidden = parse_hidden(options.choice("hidden"));
      architecture.activation = activation_of(options.choice("activation"));
      return;
    case Kind::text:
      architecture.features = FeatureKind::text;
      architecture.dimension = static_cast<size_t>(options["dimension"]);
      architecture.word_ngrams = static_cast<size_t>(options["word_ngrams"]);
      architecture.buckets = architecture.word_ngrams > 1 ? static_cast<size_t>(options["buckets"]) : 0;
      return;
  }
}

void check_table(const Architecture &architecture) {
  if (architecture.table_rows() > kLargestTable)
    fail(NGD_E_SHAPE, "words and buckets need ", architecture.table_rows(), " embedding rows, but at most ",
         kLargestTable, " can be numbered; set buckets lower or min_count higher");
}

Architecture plan_without_samples(const OptionSet &options) {
  Architecture plan;
  take_options(options, plan);
  if (plan.features == FeatureKind::text)
    fail(NGD_E_ARGUMENT,
         "argument \"dataset\" is NULL, but kind \"text\" takes its vocabulary from the training data");
  plan.inputs = static_cast<size_t>(options["inputs"]);
  if (plan.inputs == 0)
    fail(NGD_E_RANGE, "option \"inputs\" is 0 and there is no dataset to take it from; set inputs or pass one");
  const std::string &loss = options.choice("loss");
  plan.loss = loss == "auto" ? Loss::mean_square : loss_of(loss);
  plan.labels = plan.loss == Loss::mean_square ? LabelKind::number : LabelKind::category;
  plan.outputs = static_cast<size_t>(options["outputs"]);
  if (plan.outputs == 0 && plan.loss != Loss::cross_entropy) plan.outputs = 1;
  if (plan.loss == Loss::cross_entropy && plan.outputs < 2)
    fail(NGD_E_RANGE, "option \"outputs\" is ", plan.outputs,
         ", but cross_entropy needs one output for each of at least 2 classes; set outputs");
  if (plan.loss == Loss::binary_cross_entropy && plan.outputs != 1)
    fail(NGD_E_RANGE, "option \"outputs\" is ", plan.outputs,
         ", but binary_cross_entropy has one output; set outputs=1 or loss=cross_entropy");
  return plan;
}

Loss chosen_loss(const OptionSet &options, const Samples &samples) {
  const std::string &choice = options.choice("loss");
  const bool categories = samples.label_kind() == LabelKind::category;
  const size_t classes = samples.class_names().size();
  if (categories && classes < 2)
    fail(NGD_E_SHAPE, "the dataset has ", classes,
         " class; a classifier needs at least 2 in its training data");
  if (choice == "auto") {
    if (!categories) return Loss::mean_square;
    return classes == 2 && kind_of(options.kind()) != Kind::text ? Loss::binary_cross_entropy
                                                                 : Loss::cross_entropy;
  }
  const Loss loss = loss_of(choice);
  if ((loss == Loss::mean_square) == categories)
    fail(NGD_E_SHAPE, "loss=", choice, " needs labels of kind ",
         label_name(categories ? LabelKind::number : LabelKind::category), ", but the dataset's are of kind ",
         label_name(samples.label_kind()), "; set loss=auto or read the labels otherwise");
  if (loss == Loss::binary_cross_entropy && classes != 2)
    fail(NGD_E_SHAPE, "loss=binary_cross_entropy needs 2 classes, but the dataset has ", classes,
         "; set loss=cross_entropy");
  return loss;
}

void take_inputs(const OptionSet &options, const Samples &samples, Architecture &plan) {
  const size_t columns = samples.columns();
  const size_t asked = static_cast<size_t>(options["inputs"]);
  // Sparse files often do not show their last columns, so more inputs than columns may be asked for.
  const bool fits =
      asked == 0 || asked == columns || (samples.feature_kind() == FeatureKind::sparse && asked > columns);
  if (!fits)
    fail(NGD_E_SHAPE, "option \"inputs\" is ", asked, ", but the dataset has ", columns,
         " columns; set inputs=0 to take them from it");
  plan.inputs = asked == 0 ? columns : asked;
  if (plan.inputs == 0 || plan.inputs > kLargestSide)
    fail(NGD_E_SHAPE, "the dataset has ", columns, " columns; a model takes from 1 to ", kLargestSide);
}

bool among(const char *const *names, size_t count, const std::string &name, size_t &index) {
  for (index = 0; index < count; index++) {
    if (name == names[index]) return true;
  }
  return false;
}

size_t side(const StateReader &reader, std::string_view key, size_t least) {
  const uint64_t value = reader.counter(key);
  if (value < least || value > kLargestSide)
    fail(NGD_E_CHECKPOINT, "the checkpoint's metadata \"", reader.prefix, key, "\" is ", value,
         ", outside the range of ", least, " to ", kLargestSide);
  return value;
}

std::vector<std::string> load_names(const StateReader &reader, std::string_view tensor, std::string_view what) {
  if (!reader.has(tensor)) return {};
  return split_names(reader.values<uint8_t>(tensor), what);
}

}  // namespace

const char *feature_name(FeatureKind kind) {
  return kFeatureNames[static_cast<size_t>(kind)];
}

const char *label_name(LabelKind kind) {
  return kLabelNames[static_cast<size_t>(kind)];
}

std::vector<AffineShape> Architecture::layers() const {
  std::vector<AffineShape> shapes;
  size_t size = features == FeatureKind::text ? dimension : inputs;
  for (const size_t next : hidden) {
    shapes.push_back({size, next});
    size = next;
  }
  shapes.push_back({size, outputs});
  return shapes;
}

std::vector<Architecture::Tensor> Architecture::tensors() const {
  std::vector<Tensor> list;
  const auto integer = [](size_t size) { return static_cast<int64_t>(size); };
  if (features == FeatureKind::text)
    list.push_back({"embedding.weight", {integer(table_rows()), integer(dimension)}, true, true});
  const std::vector<AffineShape> shapes = layers();
  for (size_t i = 0; i < shapes.size(); i++) {
    const std::string layer = i + 1 == shapes.size() ? std::string("output") : concat("layer", i);
    list.push_back({layer + ".weight",
                    {integer(shapes[i].inputs), integer(shapes[i].outputs)},
                    i == 0 && features == FeatureKind::sparse,
                    true});
    list.push_back({layer + ".bias", {integer(shapes[i].outputs)}, false, false});
  }
  return list;
}

Architecture plan_architecture(const OptionSet &options, const Samples *samples) {
  if (samples == nullptr) return plan_without_samples(options);
  Architecture plan;
  take_options(options, plan);
  const bool text = plan.features == FeatureKind::text;
  if (samples->rows() == 0)
    fail(NGD_E_SHAPE, "the dataset has no rows; load or append the training data first");
  if (text != (samples->feature_kind() == FeatureKind::text))
    fail(NGD_E_SHAPE, "kind \"", options.kind(), "\" cannot learn from ", feature_name(samples->feature_kind()),
         " rows; use ", text ? "linear or mlp" : "text");
  if (samples->label_kind() == LabelKind::none)
    fail(NGD_E_SHAPE, "the dataset has no labels; training needs them");
  plan.features = samples->feature_kind();
  plan.labels = samples->label_kind();
  plan.loss = chosen_loss(options, *samples);
  plan.classes = samples->class_names();
  join_names(plan.classes, "class");
  plan.outputs = plan.loss == Loss::cross_entropy ? plan.classes.size() : 1;
  if (text) {
    plan.words = known_words(*samples, static_cast<uint64_t>(options["min_count"]));
    join_names(plan.words, "word");
    if (plan.table_rows() == 0)
      fail(NGD_E_SHAPE, "no word of the dataset occurs min_count=", options["min_count"],
           " times; set min_count lower");
    check_table(plan);
    return plan;
  }
  take_inputs(options, *samples, plan);
  const size_t asked = static_cast<size_t>(options["outputs"]);
  if (asked != 0 && asked != plan.outputs)
    fail(NGD_E_SHAPE, "option \"outputs\" is ", asked, ", but the dataset and loss ", loss_name(plan.loss),
         " need ", plan.outputs, "; set outputs=0 to take them from it");
  return plan;
}

void save_architecture(const Architecture &architecture, StateWriter &writer) {
  writer.text("features", feature_name(architecture.features));
  writer.text("labels", label_name(architecture.labels));
  writer.text("loss", loss_name(architecture.loss));
  writer.text("inputs", std::to_string(architecture.inputs));
  writer.text("outputs", std::to_string(architecture.outputs));
}

Architecture load_architecture(const OptionSet &options, const StateReader &reader) {
  Architecture plan;
  take_options(options, plan);
  const bool text = plan.features == FeatureKind::text;
  size_t features = 0, labels = 0;
  const bool named = among(kFeatureNames, std::size(kFeatureNames), reader.text("features"), features) &&
                     features != 0 && among(kLabelNames, std::size(kLabelNames), reader.text("labels"), labels);
  const std::string &loss = reader.text("loss");
  const bool known_loss = loss == "mean_square" || loss == "binary_cross_entropy" || loss == "cross_entropy";
  if (!named || !known_loss)
    fail(NGD_E_CHECKPOINT, "the checkpoint's model has features ", quoted(reader.text("features")), ", labels ",
         quoted(reader.text("labels")), " and loss ", quoted(loss), ", which this version does not know");
  plan.features = static_cast<FeatureKind>(features);
  plan.labels = static_cast<LabelKind>(labels);
  plan.loss = loss_of(loss);
  plan.inputs = side(reader, "inputs", text ? 0 : 1);
  plan.outputs = side(reader, "outputs", 1);
  plan.classes = load_names(reader, "classes", "class");
  plan.words = load_names(reader, "vocabulary", "word");
  const std::string &chosen = options.choice("loss");
  const bool categories = plan.loss != Loss::mean_square;
  const size_t classes = plan.loss == Loss::cross_entropy ? plan.outputs : 2;
  const bool fits = text == (plan.features == FeatureKind::text) && (text || plan.words.empty()) &&
                    (chosen == "auto" || chosen == loss) && (!text || plan.inputs == 0) &&
                    (plan.labels == LabelKind::category) == categories &&
                    (plan.classes.empty() || (categories && plan.classes.size() == classes)) &&
                    (plan.loss != Loss::binary_cross_entropy || plan.outputs == 1) &&
                    (plan.loss != Loss::cross_entropy || plan.outputs >= 2) &&
                    (!text || (plan.table_rows() >= 1 && plan.table_rows() <= kLargestTable));
  if (!fits)
    fail(NGD_E_CHECKPOINT, "the checkpoint's model does not agree with itself: kind ", options.kind(),
         ", features ", feature_name(plan.features), ", labels ", label_name(plan.labels), ", loss ", loss,
         ", ", plan.outputs, " outputs, ", plan.classes.size(), " classes, ", plan.words.size(), " words");
  return plan;
}

}  // namespace ngd
