// Words of a text: split at ASCII blanks, with punctuation kept, split off or dropped.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/option.h"

namespace ngd {

class Tokenizer {
 public:
  explicit Tokenizer(const OptionSet &options)
      : lowercase_(options["lowercase"] != 0), split_(options.choice("punctuation") == "split") {
    for (const char c : {' ', '\t', '\n', '\v', '\f', '\r'}) kind_[static_cast<unsigned char>(c)] = kBlank;
    const std::string &punctuation = options.choice("punctuation");
    if (punctuation == "keep") return;
    for (int c = '!'; c <= '~'; c++) {
      const bool letter_or_digit = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
      if (!letter_or_digit) kind_[static_cast<size_t>(c)] = split_ ? kPunctuation : kBlank;
    }
  }

  // Calls word(std::string_view) for each word in order.
  template <class Word>
  void each(std::string_view text, Word word) {
    const char *at = text.data();
    const char *const end = at + text.size();
    while (at != end) {
      const char *const start = at;
      const Kind first = kind(*at++);
      if (first == kBlank) continue;
      if (first == kLetter) {
        while (at != end && kind(*at) == kLetter) at++;
      }
      word(spelt({start, static_cast<size_t>(at - start)}));
    }
  }

 private:
  enum Kind : unsigned char { kLetter, kBlank, kPunctuation };
  Kind kind(char c) const { return kind_[static_cast<unsigned char>(c)]; }

  std::string_view spelt(std::string_view word) {
    if (!lowercase_) return word;
    lower_.assign(word);
    for (char &c : lower_) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    }
    return lower_;
  }

  bool lowercase_;
  bool split_;
  std::array<Kind, 256> kind_{};
  std::string lower_;
};

}  // namespace ngd
