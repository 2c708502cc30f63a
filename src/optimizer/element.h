// Element types of parameters and gradients, and the type that their arithmetic is done in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "math/half.h"

namespace ngd {

enum class Element : uint8_t { none, f32, f64, bf16, f16 };

template <class T>
inline constexpr Element element_of = std::is_same_v<T, float>    ? Element::f32
                                      : std::is_same_v<T, double> ? Element::f64
                                      : std::is_same_v<T, Bf16>   ? Element::bf16
                                                                  : Element::f16;

inline size_t element_size(Element element) {
  return element == Element::f64 ? 8 : element == Element::f32 ? 4 : 2;
}
// As safetensors spells it.
inline const char *element_name(Element element) {
  constexpr const char *kNames[] = {"none", "F32", "F64", "BF16", "F16"};
  return kNames[static_cast<size_t>(element)];
}
// For messages.
inline const char *element_word(Element element) {
  constexpr const char *kWords[] = {"none", "float32", "float64", "bfloat16", "float16"};
  return kWords[static_cast<size_t>(element)];
}

}  // namespace ngd
