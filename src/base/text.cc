// Number formatting and parsing, splitting, and nearest names.
#include "base/text.h"

#include <fast_float/fast_float.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <numeric>

namespace ngd {
namespace {

// 32 bytes hold any number: the longest is a float64 such as -1.7976931348623157e+308.
template <class T>
std::string_view written(char (&buffer)[32], T value) {
  return {buffer, static_cast<size_t>(std::to_chars(buffer, buffer + sizeof buffer, value).ptr - buffer)};
}

template <class T>
std::string shortest(T value) {
  char buffer[32];
  return std::string(written(buffer, value));
}

// Takes one leading '+' off; false when a second sign follows, or nothing.
bool without_plus(std::string_view &text) {
  if (text.empty() || text[0] != '+') return !text.empty();
  text.remove_prefix(1);
  return !text.empty() && text[0] != '+' && text[0] != '-';
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); j++) {
      const size_t substitute = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string number_text(double value) {
  return shortest(value);
}
std::string number_text(float value) {
  return shortest(value);
}

void TextPart::write(int64_t value) {
  text_ = written(number_, value);
}
void TextPart::write(uint64_t value) {
  text_ = written(number_, value);
}
void TextPart::write(double value) {
  text_ = written(number_, value);
}

std::string joined(std::initializer_list<TextPart> parts) {
  size_t size = 0;
  for (const TextPart &part : parts) size += part.text().size();
  std::string result;
  result.reserve(size);
  for (const TextPart &part : parts) result += part.text();
  return result;
}

bool parse_number(std::string_view text, double &value) {
  if (!without_plus(text)) return false;
  const auto result = fast_float::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

bool parse_integer(std::string_view text, int64_t &value) {
  if (!without_plus(text)) return false;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view nearest(std::string_view name, const std::vector<std::string_view> &candidates) {
  std::string_view best;
  size_t best_distance = std::max<size_t>(2, name.size() / 2) + 1;
  for (const std::string_view candidate : candidates) {
    // A name that is the beginning of another ("lr" aside) is near however long the rest is.
    const bool prefix = name.size() >= 3 && candidate.substr(0, name.size()) == name;
    const size_t distance = prefix ? 1 : edit_distance(name, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string quoted(std::string_view text, size_t limit) {
  std::string result = "\"";
  for (size_t i = 0; i < text.size(); i++) {
    // Stop at a character boundary, so that the message stays valid UTF-8.
    const bool boundary = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (i >= limit && boundary) {
      result += "...";
      break;
    }
    const unsigned char byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7F) {
      static const char hex[] = "0123456789abcdef";
      result += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
    } else {
      result += text[i];
    }
  }
  return result + "\"";
}

std::string json_text(std::string_view text) {
  using Json = nlohmann::json;
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace ngd
