// Words to numbers, by XXH3 and linear probing.
#include "vectors/word_list.h"

#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ngd {
namespace {

size_t hash_of(std::string_view word) {
  return XXH3_64bits(word.data(), word.size());
}

}  // namespace

// The slot that holds `word`, or the empty one where it belongs.
size_t WordList::probe(std::string_view word) const {
  const size_t mask = slots_.size() - 1;
  size_t at = hash_of(word) & mask;
  while (slots_[at] != kNone && (*this)[slots_[at]] != word) at = (at + 1) & mask;
  return at;
}

void WordList::rehash(size_t size) {
  std::vector<uint32_t> slots(size, kNone);
  const size_t mask = size - 1;
  uint32_t number = 0;
  // In the order of their numbers, which truncate() relies on.
  each([&](std::string_view word) {
    size_t at = hash_of(word) & mask;
    while (slots[at] != kNone) at = (at + 1) & mask;
    slots[at] = number++;
  });
  slots_ = std::move(slots);
}

std::string_view WordList::operator[](uint64_t number) const {
  const char *at = text() + places_[number / kStride];
  for (uint64_t skip = number % kStride; skip > 0; skip--) at += std::strlen(at) + 1;
  return at;
}

uint32_t WordList::add(std::string_view word) {
  if (crowded()) rehash(slots_.empty() ? 16 : slots_.size() * 2);
  const size_t at = probe(word);
  if (slots_[at] != kNone) return kNone;
  text_.reserve(used_ + word.size() + 1);
  if (count_ % kStride == 0) places_.push_back(used_);
  char *const to = reinterpret_cast<char *>(text_.data()) + used_;
  std::memcpy(to, word.data(), word.size());
  to[word.size()] = '\0';
  used_ += word.size() + 1;
  slots_[at] = static_cast<uint32_t>(count_);
  return static_cast<uint32_t>(count_++);
}

uint32_t WordList::find(std::string_view word) const {
  return slots_.empty() ? kNone : slots_[probe(word)];
}

uint64_t WordList::bytes_with(size_t word_bytes) const {
  const uint64_t slots = word_bytes != 0 && crowded() ? 2 * slots_.size() : slots_.size();
  return used_ + word_bytes + sizeof(uint32_t) * slots + sizeof(uint64_t) * places_.capacity();
}

void WordList::truncate(uint64_t count) noexcept {
  // The last word in can leave its slot empty: no other word's probing has passed over it.
  while (count_ > count) {
    const std::string_view word = (*this)[count_ - 1];
    slots_[probe(word)] = kNone;
    used_ -= word.size() + 1;
    count_--;
    if (count_ % kStride == 0) places_.pop_back();
  }
}

}  // namespace ngd
