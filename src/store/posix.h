// The operating system's errors as text, in English whatever the locale.
#pragma once

#include <cstring>
#include <string_view>

namespace ngd {

inline std::string_view system_text(int code) {
  const char *text = strerrordesc_np(code);
  return text != nullptr ? text : "unknown error";
}

}  // namespace ngd
