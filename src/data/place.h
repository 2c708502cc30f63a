// Where a message points: "FILE:LINE:COLUMN: ", with long paths shortened so that the rest of a message fits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.h"

namespace ngd {

inline std::string path_text(std::string_view path) {
  constexpr size_t kLimit = 160;
  if (path.size() <= kLimit) return std::string(path);
  path.remove_prefix(path.size() - kLimit);
  // Not within a character.
  while (!path.empty() && (static_cast<unsigned char>(path.front()) & 0xC0) == 0x80) path.remove_prefix(1);
  return concat("...", path);
}

inline std::string place_text(std::string_view path, uint64_t line, uint64_t column) {
  return concat(path_text(path), ":", line, ":", column, ": ");
}

}  // namespace ngd
