// One number for everything a checkpoint says: XXH3 over texts, names, types, shapes and data.
#pragma once

#include <span>
#include <string>

#include "base/state.h"

namespace ngd {

// 16 hexadecimal digits. Each part goes in with its length before it, so that no two contents look alike.
std::string state_checksum(std::span<const TensorView> tensors,
                           const std::map<std::string, std::string> &texts);

}  // namespace ngd
