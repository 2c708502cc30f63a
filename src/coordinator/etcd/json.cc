// Bounds of the parser, fields, base64.
#include "coordinator/etcd/json.h"

#include <charconv>

namespace ngd::etcd {
namespace {

constexpr int kDepth = 16;
constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::optional<Json> parsed(std::string_view text) {
  bool deep = false;
  const Json::parser_callback_t bound = [&](int depth, Json::parse_event_t, Json &) {
    deep |= depth > kDepth;
    return !deep;
  };
  Json value = Json::parse(text, bound, false);
  if (deep || !value.is_object()) return std::nullopt;
  return value;
}

const Json *field(const Json *object, const char *name) {
  if (object == nullptr || !object->is_object()) return nullptr;
  const auto found = object->find(name);
  return found == object->end() ? nullptr : &*found;
}

uint64_t number(const Json *object, const char *name) {
  const Json *value = field(object, name);
  if (value == nullptr) return 0;
  if (value->is_number_unsigned()) return value->get<uint64_t>();
  const std::string digits = text(object, name);
  uint64_t result = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), result);
  return error == std::errc() && end == digits.data() + digits.size() ? result : 0;
}

std::string text(const Json *object, const char *name) {
  const Json *value = field(object, name);
  return value != nullptr && value->is_string() ? value->get_ref<const std::string &>() : std::string();
}

bool flag(const Json *object, const char *name) {
  const Json *value = field(object, name);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

std::string to_base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; j++)
      group = group << 8 | (i + j < bytes.size() ? static_cast<uint8_t>(bytes[i + j]) : 0U);
    for (size_t j = 0; j < 4; j++) out += i + j <= bytes.size() ? kDigits[group >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') padding++;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  uint32_t group = 0;
  for (size_t i = 0; i < text.size(); i++) {
    const size_t digit = i < text.size() - padding ? kDigits.find(text[i]) : 0;
    if (digit == std::string_view::npos) return std::nullopt;
    group = group << 6 | static_cast<uint32_t>(digit);
    if (i % 4 != 3) continue;
    for (int shift = 16; shift >= 0; shift -= 8) out += static_cast<char>(group >> shift & 255);
    group = 0;
  }
  out.resize(out.size() - padding);
  return out;
}

std::string end_of(std::string prefix) {
  while (!prefix.empty()) {
    const auto last = static_cast<unsigned char>(prefix.back());
    if (last < 255) {
      prefix.back() = static_cast<char>(last + 1);
      return prefix;
    }
    prefix.pop_back();
  }
  return std::string(1, '\0');  // etcd: all keys
}

}  // namespace ngd::etcd
