// Initial parameters: every element a pure function of (seed, tensor index).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/option.h"

namespace ngd {

// For a weight [inputs, outputs], with fan_in = inputs and fan_out = outputs:
//   uniform          U(-a, a), a = scale
//   normal           N(0, s^2), s = scale
//   truncated_normal N(0, t^2) drawn again where beyond 2 t; t such that the deviation is s = scale
//   xavier_normal    N(0, g^2 2 / (fan_in + fan_out))
//   xavier_uniform   U(-b, b), b = g sqrt(6 / (fan_in + fan_out))   Glorot and Bengio 2010
//   kaiming_normal   N(0, g^2 / fan_in)
//   kaiming_uniform  U(-b, b), b = g sqrt(3 / fan_in)               He et al. 2015
//   orthogonal       g Q, Q R = a Gaussian matrix, diag R > 0       Saxe et al. 2014
//   zeros            0
// g is `scale`.
enum class Initializer {
  uniform,
  normal,
  truncated_normal,
  xavier_normal,
  xavier_uniform,
  kaiming_normal,
  kaiming_uniform,
  orthogonal,
  zeros
};

inline constexpr const char *kInitializerChoices =
    "uniform|normal|truncated_normal|xavier_normal|xavier_uniform|kaiming_normal|kaiming_uniform|orthogonal|"
    "zeros";
Initializer initializer_of(std::string_view choice);

// The scale that an initialiser has by itself: 0.05 for uniform and the normals, sqrt 2 for Kaiming, 1 otherwise.
double own_scale(Initializer initializer);

// "kaiming_normal:scale=1" taken apart.
struct InitializerSpec {
  Initializer initializer;
  double scale;
};
InitializerSpec parse_initializer(std::string_view spec);
std::span<const OptionSpec> initializer_options(std::string_view kind);  // throws NGD_E_OPTION
const char *initializer_kind(size_t index);                              // nullptr past the last

// Fills `values`, row-major [inputs, outputs]. A scale of 0 means own_scale().
template <class T>
void initialize(Initializer initializer, double scale, size_t inputs, size_t outputs, uint64_t seed,
                uint64_t tensor_index, std::span<T> values);

}  // namespace ngd
