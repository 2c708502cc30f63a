// Initial parameters from the counter-based generator.
#include "model/initializer.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include "base/random.h"
#include "base/text.h"

namespace ngd {
namespace {

// Orthonormal columns by modified Gram and Schmidt, run twice over each column: "twice is enough" (Giraud et
// al. 2005) for orthogonality to rounding. Columns are kept as rows of `vectors`. diag R is a norm, so it is
// positive, which makes the factorisation unique and Q uniform over the orthogonal matrices.
void orthonormalize(std::vector<double> &vectors, size_t count, size_t length) {
  for (size_t i = 0; i < count; i++) {
    double *vector = vectors.data() + i * length;
    for (int pass = 0; pass < 2; pass++) {
      for (size_t j = 0; j < i; j++) {
        const double *earlier = vectors.data() + j * length;
        double dot = 0;
        for (size_t k = 0; k < length; k++) dot += vector[k] * earlier[k];
        for (size_t k = 0; k < length; k++) vector[k] -= dot * earlier[k];
      }
    }
    double square = 0;
    for (size_t k = 0; k < length; k++) square += vector[k] * vector[k];
    const double norm = std::sqrt(square);
    for (size_t k = 0; k < length; k++) vector[k] /= norm;
  }
}

template <class T>
void orthogonal(double gain, size_t inputs, size_t outputs, Random random, std::span<T> values) {
  // The short side counts the orthonormal vectors: columns of a tall matrix, rows of a wide one.
  const size_t count = std::min(inputs, outputs);
  const size_t length = std::max(inputs, outputs);
  std::vector<double> vectors(count * length);
  for (double &element : vectors) element = random.normal();
  orthonormalize(vectors, count, length);
  for (size_t i = 0; i < inputs; i++) {
    for (size_t j = 0; j < outputs; j++)
      values[i * outputs + j] =
          static_cast<T>(gain * (inputs >= outputs ? vectors[j * length + i] : vectors[i * length + j]));
  }
}

template <class T>
void uniform(double bound, Random random, std::span<T> values) {
  for (T &value : values) value = static_cast<T>(bound * (2 * random.uniform() - 1));
}

template <class T>
void normal(double deviation, Random random, std::span<T> values) {
  for (T &value : values) value = static_cast<T>(deviation * random.normal());
}

// Of a normal distribution cut at two deviations: sqrt(1 - 4 phi(2) / (2 Phi(2) - 1)).
constexpr double kTruncatedDeviation = 0.87962566103423978;
constexpr double kTruncation = 2;

template <class T>
void truncated_normal(double deviation, Random random, std::span<T> values) {
  for (T &value : values) {
    double draw = random.normal();
    while (std::fabs(draw) > kTruncation) draw = random.normal();
    value = static_cast<T>(deviation / kTruncatedDeviation * draw);
  }
}

constexpr const char *kKinds[] = {"uniform",         "normal",         "truncated_normal",
                                  "xavier_normal",   "xavier_uniform", "kaiming_normal",
                                  "kaiming_uniform", "orthogonal",     "zeros"};

constexpr double kLargestScale = 1e6;
constexpr OptionSpec kBound[] = {
    above_option("scale", "0.05", 0, kLargestScale, "Bound a of the interval from -a to a.")};
constexpr OptionSpec kDeviation[] = {above_option("scale", "0.05", 0, kLargestScale, "Standard deviation.")};
constexpr OptionSpec kGain[] = {
    above_option("scale", "1", 0, kLargestScale, "Gain, by which all is multiplied.")};
constexpr OptionSpec kReluGain[] = {above_option("scale", "1.4142135623730951", 0, kLargestScale,
                                                 "Gain, by which all is multiplied; sqrt 2 is relu's.")};

}  // namespace

const char *initializer_kind(size_t index) {
  return index < std::size(kKinds) ? kKinds[index] : nullptr;
}

std::span<const OptionSpec> initializer_options(std::string_view kind) {
  const auto found = std::ranges::find(kKinds, kind);
  if (found == std::end(kKinds)) fail_unknown("initializer", kind, {std::begin(kKinds), std::end(kKinds)});
  switch (static_cast<Initializer>(found - std::begin(kKinds))) {
    case Initializer::uniform:
      return kBound;
    case Initializer::normal:
    case Initializer::truncated_normal:
      return kDeviation;
    case Initializer::kaiming_normal:
    case Initializer::kaiming_uniform:
      return kReluGain;
    case Initializer::zeros:
      return {};
    default:
      return kGain;
  }
}

InitializerSpec parse_initializer(std::string_view text) {
  const SpecText spec = parse_spec(text);
  const std::span<const OptionSpec> table = initializer_options(spec.kind);
  OptionSet options(table, concat("initializer ", quoted(spec.kind)), spec.kind);
  options.set_all(spec);
  return {initializer_of(spec.kind), table.empty() ? 0 : options["scale"]};
}

Initializer initializer_of(std::string_view choice) {
  return static_cast<Initializer>(std::ranges::find(kKinds, choice) - std::begin(kKinds));
}

double own_scale(Initializer initializer) {
  switch (initializer) {
    case Initializer::uniform:
    case Initializer::normal:
    case Initializer::truncated_normal:
      return 0.05;
    case Initializer::kaiming_normal:
    case Initializer::kaiming_uniform:
      return std::sqrt(2.0);
    default:
      return 1;
  }
}

template <class T>
void initialize(Initializer initializer, double scale, size_t inputs, size_t outputs, uint64_t seed,
                uint64_t tensor_index, std::span<T> values) {
  const double gain = scale == 0 ? own_scale(initializer) : scale;
  const double fan_in = static_cast<double>(inputs);
  const double fan_out = static_cast<double>(outputs);
  const Random random(seed, tensor_index);
  switch (initializer) {
    case Initializer::uniform:
      return uniform(gain, random, values);
    case Initializer::normal:
      return normal(gain, random, values);
    case Initializer::truncated_normal:
      return truncated_normal(gain, random, values);
    case Initializer::xavier_normal:
      return normal(gain * std::sqrt(2 / (fan_in + fan_out)), random, values);
    case Initializer::xavier_uniform:
      return uniform(gain * std::sqrt(6 / (fan_in + fan_out)), random, values);
    case Initializer::kaiming_normal:
      return normal(gain / std::sqrt(fan_in), random, values);
    case Initializer::kaiming_uniform:
      return uniform(gain * std::sqrt(3 / fan_in), random, values);
    case Initializer::orthogonal:
      return orthogonal(gain, inputs, outputs, random, values);
    case Initializer::zeros:
      std::fill(values.begin(), values.end(), T{0});
      return;
  }
}

template void initialize(Initializer, double, size_t, size_t, uint64_t, uint64_t, std::span<float>);
template void initialize(Initializer, double, size_t, size_t, uint64_t, uint64_t, std::span<double>);

}  // namespace ngd
