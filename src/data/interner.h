// Words to numbers and back: each distinct text is kept once, and its number is the order of first appearance.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ngd {

class Interner {
 public:
  static constexpr uint32_t kNone = ~uint32_t{0};

  uint32_t add(std::string_view word);
  uint32_t find(std::string_view word) const;  // kNone when it is not there
  size_t size() const { return words_.size(); }
  const std::string &operator[](size_t number) const { return words_[number]; }
  const std::vector<std::string> &words() const { return words_; }
  // Forgets the words from number `count` on.
  void truncate(size_t count) noexcept;

 private:
  // Open addressing with linear probing. The tag, a part of the hash, spares most looks at the word itself.
  struct Slot {
    uint32_t tag = 0;
    uint32_t number = kNone;
  };
  size_t probe(std::string_view word, uint64_t hash) const;
  void grow();

  std::vector<std::string> words_;
  std::vector<Slot> slots_;  // a power of two, at most two thirds full
};

}  // namespace ngd
