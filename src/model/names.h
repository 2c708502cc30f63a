// Lists of names as one text, for saving: every name followed by a line break.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ngd {

// Throws NGD_E_SHAPE when a name holds a line break, which could not be read back. `what` is "class" or "word".
std::string join_names(const std::vector<std::string> &names, std::string_view what);

// Throws NGD_E_CHECKPOINT when the text does not end with a line break or names something twice.
std::vector<std::string> split_names(std::span<const uint8_t> text, std::string_view what);

}  // namespace ngd
