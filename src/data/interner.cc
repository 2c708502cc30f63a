// Words to numbers: open addressing over XXH3.
#include "data/interner.h"

#include <stdexcept>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ngd {
namespace {

uint64_t hash_of(std::string_view word) {
  return XXH3_64bits(word.data(), word.size());
}

uint32_t tag_of(uint64_t hash) {
  return static_cast<uint32_t>(hash >> 32);
}

}  // namespace

// The slot that holds `word`, or the empty one where it belongs.
size_t Interner::probe(std::string_view word, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  while (slots_[at].number != kNone) {
    if (slots_[at].tag == tag_of(hash) && words_[slots_[at].number] == word) break;
    at = (at + 1) & mask;
  }
  return at;
}

void Interner::grow() {
  std::vector<Slot> larger(slots_.empty() ? 16 : slots_.size() * 2);
  const size_t mask = larger.size() - 1;
  // In the order of their numbers, which truncate() relies on.
  for (size_t number = 0; number < words_.size(); number++) {
    const uint64_t hash = hash_of(words_[number]);
    size_t at = hash & mask;
    while (larger[at].number != kNone) at = (at + 1) & mask;
    larger[at] = {tag_of(hash), static_cast<uint32_t>(number)};
  }
  slots_ = std::move(larger);
}

uint32_t Interner::add(std::string_view word) {
  if (words_.size() * 3 >= slots_.size() * 2) grow();
  const uint64_t hash = hash_of(word);
  const size_t at = probe(word, hash);
  if (slots_[at].number != kNone) return slots_[at].number;
  if (words_.size() == kNone) throw std::length_error("interner");
  words_.emplace_back(word);
  slots_[at] = {tag_of(hash), static_cast<uint32_t>(words_.size() - 1)};
  return slots_[at].number;
}

uint32_t Interner::find(std::string_view word) const {
  return slots_.empty() ? kNone : slots_[probe(word, hash_of(word))].number;
}

void Interner::truncate(size_t count) noexcept {
  // The last word in can leave its slot empty: no other word's probing has passed over it.
  while (words_.size() > count) {
    slots_[probe(words_.back(), hash_of(words_.back()))] = {};
    words_.pop_back();
  }
}

}  // namespace ngd
