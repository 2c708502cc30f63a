// Small text helpers: building messages from parts, and numbers in the "C" locale's form.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ngd {

// Shortest text that reads back as the same number; "nan" and "inf" for those.
std::string number_text(double value);
std::string number_text(float value);

inline std::string to_text(std::string_view value) {
  return std::string(value);
}
template <std::integral T>
std::string to_text(T value) {
  return std::to_string(value);
}
inline std::string to_text(double value) {
  return number_text(value);
}

// concat("row ", 3, " of ", name): the one way messages are built.
template <class... Parts>
std::string concat(const Parts &...parts) {
  std::string result;
  ((result += to_text(parts)), ...);
  return result;
}

// Reads the whole of `text` as a number, with a leading '+' allowed; false when it is none.
bool parse_number(std::string_view text, double &value);
bool parse_integer(std::string_view text, int64_t &value);

std::string_view trim(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);

// The candidate nearest to `name` by edit distance, or "" when none is near.
std::string_view nearest(std::string_view name, const std::vector<std::string_view> &candidates);

// `text` shortened to what fits a message: at most `limit` bytes, control characters shown as \xNN.
std::string quoted(std::string_view text, size_t limit = 40);

}  // namespace ngd
