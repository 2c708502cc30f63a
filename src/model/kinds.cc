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
    fixed(integer_option("inputs", "0", 0, kLargestSide, "features a row; 0 takes them from the dataset"));
constexpr OptionSpec kOutputs =
    fixed(integer_option("outputs", "0", 0, kLargestSide,
                         "classes, or numbers a row; 0 takes them from the dataset, without one it is 1"));
constexpr OptionSpec kLoss =
    fixed(choice_option("loss", "auto", "auto|mean_square|binary_cross_entropy|cross_entropy",
                        "auto takes mean_square for numbers and without a dataset, else a cross-entropy"));
constexpr OptionSpec kInit =
    fixed(choice_option("init", "xavier_normal", kInitializerChoices, "how weights begin; biases begin at 0"));
constexpr OptionSpec kScale = fixed(
    choice_option("scale", "auto", "none|standard|max_abs|auto",
                  "scaling of the inputs, fitted at prepare; auto is standard for dense datasets, else none"));
constexpr OptionSpec kInitScale =
    fixed(number_option("init_scale", "0", 0, 1e6,
                        "bound of uniform, deviation of normal, gain of the others; 0 takes the usual one"));
constexpr OptionSpec kSeed =
    fixed(integer_option("seed", "1", 0, kLargestSeed, "seed of the initial parameters"));
constexpr OptionSpec kPrecision =
    fixed(choice_option("precision", "f32", "f32|f64", "type of parameters and arithmetic"));

constexpr OptionSpec kLinearOptions[] = {kInputs, kOutputs,   kLoss, kScale,
                                         kInit,   kInitScale, kSeed, kPrecision};

constexpr OptionSpec kMlpOptions[] = {
    fixed(text_option("hidden", "64", "sizes of the hidden layers, such as 64x32")),
    fixed(choice_option("activation", "relu", kActivationChoices, "function after each hidden layer")),
    kInputs,
    kOutputs,
    kLoss,
    kScale,
    kInit,
    kInitScale,
    kSeed,
    kPrecision};

constexpr OptionSpec kTextOptions[] = {
    fixed(integer_option("dimension", "50", 1, 65536, "length of an embedding row")),
    fixed(integer_option("word_ngrams", "1", 1, 16, "longest run of words that is a feature of its own")),
    fixed(integer_option("buckets", "262144", 1, kLargestSide,
                         "embedding rows that word n-grams share by hash; used when word_ngrams is above 1")),
    fixed(integer_option("min_count", "1", 1, kLargestSide,
                         "words seen less often in the training data get no row")),
    kLoss,
    fixed(choice_option("init", "uniform", kInitializerChoices, "how embedding and output weights begin")),
    fixed(number_option("init_scale", "0", 0, 1e6,
                        "bound of uniform, deviation of normal, gain of the others; 0 takes 1 / dimension for "
                        "uniform")),
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
