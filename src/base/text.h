// Small text helpers: building messages from parts, and numbers in the "C" locale's form.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace ngd {

// Shortest text that reads back as the same number; "nan" and "inf" for those.
std::string number_text(double value);
std::string number_text(float value);

// One part of a message: text, or a number written as text. Not a template per message: each message costs its
// place in the program a few instructions a part and no code of its own.
class TextPart {
 public:
  TextPart(std::string_view text) : text_(text) {}
  TextPart(const std::string &text) : text_(text) {}
  TextPart(const char *text) : text_(text) {}
  template <std::signed_integral T>
  TextPart(T value) {
    write(static_cast<int64_t>(value));
  }
  template <std::unsigned_integral T>
  TextPart(T value) {
    write(static_cast<uint64_t>(value));
  }
  TextPart(double value) { write(value); }
  TextPart(const TextPart &) = delete;
  TextPart &operator=(const TextPart &) = delete;
  std::string_view text() const { return text_; }

 private:
  void write(int64_t value);
  void write(uint64_t value);
  void write(double value);

  std::string_view text_;
  char number_[32];
};

std::string joined(std::initializer_list<TextPart> parts);

// concat("row ", 3, " of ", name): the one way messages are built.
template <class... Parts>
std::string concat(const Parts &...parts) {
  return joined({TextPart(parts)...});
}

// Reads the whole of `text` as a number, with a leading '+' allowed; false when it is none.
bool parse_number(std::string_view text, double &value);
bool parse_integer(std::string_view text, int64_t &value);

std::string_view trim(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);

// The candidate nearest to `name` by edit distance, or "" when none is near.
std::string_view nearest(std::string_view name, const std::vector<std::string_view> &candidates);

// A string of JSON, with its quotes; bytes that are no UTF-8 become U+FFFD.
std::string json_text(std::string_view text);

// `text` shortened to what fits a message: at most `limit` bytes, control characters shown as \xNN.
std::string quoted(std::string_view text, size_t limit = 40);

}  // namespace ngd
