// Reading one feature value, fast for what data files are made of: small whole numbers and plain decimals.
#pragma once

#include <fast_float/fast_float.h>

#include <cmath>
#include <string_view>

namespace ngd {

enum class Parsed { good, not_finite, not_a_number };

// The whole of `text` as a float, with a leading '+' allowed. A number too large for a float is not finite.
inline Parsed parse_value(std::string_view text, float &value) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  if (text.empty() || text[0] == '+') return Parsed::not_a_number;
  const char *const end = text.data() + text.size();
  const auto result = fast_float::from_chars(text.data(), end, value);
  if (result.ptr != end || result.ec == std::errc::invalid_argument) return Parsed::not_a_number;
  return std::isfinite(value) ? Parsed::good : Parsed::not_finite;
}

// A number from `at` up to `stop` or a separator; moves `at` behind it. On false nothing has moved: the caller
// looks closer with parse_value().
template <class IsSeparator>
bool scan_value(const char *&at, const char *stop, float &value, IsSeparator is_separator) {
  const char *next = at;
  uint32_t digits = 0;
  while (next != stop && next - at < 7 && static_cast<unsigned char>(*next - '0') < 10)
    digits = digits * 10 + static_cast<uint32_t>(*next++ - '0');
  if (next != at && (next == stop || is_separator(*next))) {
    value = static_cast<float>(digits);  // exact: below 2^24
    at = next;
    return true;
  }
  const auto result = fast_float::from_chars(at, stop, value);
  if (result.ec != std::errc() || !std::isfinite(value)) return false;
  if (result.ptr != stop && !is_separator(*result.ptr)) return false;
  at = result.ptr;
  return true;
}

}  // namespace ngd
