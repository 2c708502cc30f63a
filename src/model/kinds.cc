// Tables of the options of each kind of model.
#include "model/kinds.h"

#include <iterator>

#include "base/error.h"
#include "base/text.h"
#include "model/activation.h"
#include "model/initializer.h"
#include "model/model.h"

namespace ngd {
namespace {

constexpr const char *kKinds[] = {"linear", "mlp", "text"};

constexpr double kLargestSide = 2147483647;  // what BLAS can express
constexpr double kLargestSeed = 9007199254740992;

constexpr OptionSpec kInputs =
    fixed(integer_option("inputs", "0", 0, kLargestSide, "Features a row; 0 takes them from the dataset."));
constexpr OptionSpec kOutputs =
    fixed(integer_option("outputs", "0", 0, kLargestSide,
                         "Classes, or numbers a row; 0 takes them from the dataset, and is 1 without one."));
constexpr OptionSpec kLoss = fixed(choice_option(
    "loss", "auto", "auto|mean_square|binary_cross_entropy|cross_entropy",
    "What is minimised; auto is mean_square for numbers or without a dataset, else a cross-entropy."));
constexpr OptionSpec kInit =
    fixed(choice_option("init", "xavier_normal", kInitializerChoices, "How weights begin; biases begin at 0."));
constexpr OptionSpec kScale = fixed(
    choice_option("scale", "auto", "none|standard|max_abs|auto",
                  "Scaling of the inputs, fitted at prepare; auto is standard for dense datasets, else none."));
constexpr OptionSpec kInitScale =
    fixed(number_option("init_scale", "0", 0, 1e6,
                        "Bound of uniform, deviation of normal, gain of the others; 0 takes the usual one."));
constexpr OptionSpec kSeed =
    fixed(integer_option("seed", "1", 0, kLargestSeed, "Seed of the initial parameters."));
constexpr OptionSpec kPrecision =
    fixed(choice_option("precision", "f32", "f32|f64", "Type of parameters and arithmetic."));

constexpr OptionSpec kLinearOptions[] = {kInputs, kOutputs,   kLoss, kScale,
                                         kInit,   kInitScale, kSeed, kPrecision};

constexpr OptionSpec kMlpOptions[] = {
    fixed(text_option("hidden", "64", "Sizes of the hidden layers, such as 64x32.")),
    fixed(choice_option("activation", "relu", kActivationChoices, "Function after each hidden layer.")),
    kInputs,
    kOutputs,
    kLoss,
    kScale,
    kInit,
    kInitScale,
    kSeed,
    kPrecision};

constexpr OptionSpec kTextOptions[] = {
    fixed(integer_option("dimension", "50", 1, 65536, "Length of an embedding row.")),
    fixed(integer_option("word_ngrams", "1", 1, 16, "Longest run of words that is a feature of its own.")),
    fixed(integer_option("buckets", "262144", 1, kLargestSide,
                         "Embedding rows that word n-grams share by hash; used when word_ngrams is above 1.")),
    fixed(integer_option("min_count", "1", 1, kLargestSide,
                         "Words seen less often in the training data get no row.")),
    kLoss,
    fixed(choice_option("init", "uniform", kInitializerChoices,
                        "How embedding rows begin; output weights begin as xavier_normal.")),
    fixed(number_option(
        "init_scale", "0", 0, 1e6,
        "Bound of uniform, deviation of normal, gain of the others; 0 takes 1 / dimension for uniform.")),
    fixed(number_option("vectors_scale", "1", 0, 1e6, "Word vectors: what they are multiplied by.")),
    fixed(number_option("vectors_deviation", "0", 0, 1e6,
                        "Word vectors: deviation that they are scaled to instead; 0 for vectors_scale.")),
    number_option("table_rate", "1", 0, 1e6,
                  "What the table's learning rate is multiplied by; 0 leaves the table as it is."),
    kSeed,
    kPrecision};

constexpr size_t kLargestLayer = 16777216;

}  // namespace

const char *model_kind(size_t index) {
  return index < std::size(kKinds) ? kKinds[index] : nullptr;
}

Kind kind_of(std::string_view name) {
  for (size_t i = 0; i < std::size(kKinds); i++) {
    if (name == kKinds[i]) return static_cast<Kind>(i);
  }
  fail_unknown("kind of model", name, {std::begin(kKinds), std::end(kKinds)});
}

std::span<const OptionSpec> model_options(std::string_view kind) {
  switch (kind_of(kind)) {
    case Kind::linear:
      return kLinearOptions;
    case Kind::mlp:
      return kMlpOptions;
    default:
      return kTextOptions;
  }
}

std::vector<size_t> parse_hidden(std::string_view text) {
  std::vector<size_t> sizes;
  for (const std::string_view part : split(text, 'x')) {
    int64_t size = 0;
    if (!parse_integer(trim(part), size) || size < 1 || size > static_cast<int64_t>(kLargestLayer))
      fail(NGD_E_RANGE, "option \"hidden\" of kind \"mlp\" is ", quoted(text), ", but takes sizes from 1 to ",
           kLargestLayer, " joined by x, such as 64x32");
    sizes.push_back(static_cast<size_t>(size));
  }
  return sizes;
}

}  // namespace ngd
