// Distinct words, numbered in the order of their coming, in little more memory than their bytes.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/growing_memory.h"

namespace ngd {

// Words stand one after another, each ended by a NUL; the place of each eighth is kept. Word to number goes by open
// addressing. About 12 bytes a word beyond its own.
class WordList {
 public:
  static constexpr uint32_t kNone = ~uint32_t{0};
  static constexpr uint64_t kMost = kNone - 1;

  // The number of a word that was not there, or kNone when it was. A word is not empty and holds no NUL. Throws
  // std::bad_alloc, and then changes nothing.
  uint32_t add(std::string_view word);
  uint32_t find(std::string_view word) const;  // kNone when it is not there
  uint64_t size() const { return count_; }
  std::string_view operator[](uint64_t number) const;
  // What one more word would take the memory to, at most.
  uint64_t bytes_with(size_t word_bytes) const;
  uint64_t bytes() const { return bytes_with(0); }
  void truncate(uint64_t count) noexcept;  // forgets the words from number `count` on
  void shrink() noexcept { text_.shrink(used_); }

  // Calls body(std::string_view) for each word in order.
  template <class Body>
  void each(Body body) const {
    const char *at = text();
    for (uint64_t i = 0; i < count_; i++) {
      const std::string_view word(at);
      body(word);
      at += word.size() + 1;
    }
  }

 private:
  static constexpr uint64_t kStride = 8;
  const char *text() const { return reinterpret_cast<const char *>(text_.data()); }
  size_t probe(std::string_view word) const;
  void rehash(size_t slots);
  bool crowded() const { return (count_ + 1) * 4 > slots_.size() * 3; }

  GrowingMemory text_;
  size_t used_ = 0;
  uint64_t count_ = 0;
  std::vector<uint64_t> places_;  // in the text, of each eighth word
  std::vector<uint32_t> slots_;   // a power of two of them, at most three quarters taken
};

}  // namespace ngd
