#pragma once
#include <cstddef>
#include <cstdint>
#include "math/simd.h"
namespace ngd {
enum class Block8 : uint8_t { with_sign, positive };
inline constexpr size_t kBlock8 = 256;
inline void decode(Target, Block8, const uint8_t *, const float *, float *, size_t) {}
inline void encode(Target, Block8, const float *, uint8_t *, float *, size_t) {}
}
