// Initialisers: the random numbers that weights begin with.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ngd/handle.hpp"

namespace ngd {
inline namespace cpp {

inline std::vector<std::string> initializer_kinds() {
  return detail::names(ngd_initializer_kind);
}

// Fills a weight of inputs x outputs, row-major, as tensor number `tensor_index` of a model with this seed.
template <Element T>
void initialize(const std::string &spec, uint64_t seed, uint64_t tensor_index, size_t inputs, size_t outputs,
                std::span<T> values) {
  const char *text = detail::text(spec);
  if constexpr (std::same_as<T, float>)
    detail::check(ngd_initializer_fill_f32, text, seed, tensor_index, inputs, outputs, values.data(),
                  values.size());
  else
    detail::check(ngd_initializer_fill_f64, text, seed, tensor_index, inputs, outputs, values.data(),
                  values.size());
}
template <Element T>
std::vector<T> initialize(const std::string &spec, uint64_t seed, uint64_t tensor_index, size_t inputs,
                          size_t outputs) {
  std::vector<T> values(inputs * outputs);
  initialize<T>(spec, seed, tensor_index, inputs, outputs, std::span<T>(values));
  return values;
}

}  // namespace cpp
}  // namespace ngd
