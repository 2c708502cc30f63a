// The words that are trained: how often each occurs, how likely an occurrence is kept, which noise words are drawn.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/samples.h"

namespace ngd {

// Draws a number by given weights in constant time: Walker 1977, in the form of Vose 1991.
class AliasTable {
 public:
  AliasTable() = default;
  explicit AliasTable(const std::vector<double> &weights);
  uint32_t draw(uint64_t random) const {
    const uint32_t place = static_cast<uint32_t>(((random >> 32) * entries_.size()) >> 32);
    const Entry &entry = entries_[place];
    return static_cast<uint32_t>(random) < entry.keep ? place : entry.other;
  }

 private:
  struct Entry {
    uint32_t keep = 0;  // of 2^32: how often the place itself is meant
    uint32_t other = 0;
  };
  std::vector<Entry> entries_;
};

struct Vocabulary {
  static constexpr uint32_t kNone = ~uint32_t{0};

  // Words seen at least `min_count` times, by falling count; of equal ones that which comes first in the texts.
  Vocabulary(const Samples &texts, uint64_t min_count, double subsample);

  std::vector<uint32_t> of_text;  // word of the texts to word of the vocabulary, or kNone
  std::vector<uint32_t> text;     // and back
  std::vector<uint64_t> counts;
  std::vector<uint32_t> keep;  // of 2^32: how many occurrences are kept; kAll for all
  AliasTable noise;            // by count^0.75
  uint64_t tokens = 0;         // occurrences of all words of the texts

  static constexpr uint32_t kAll = ~uint32_t{0};
};

}  // namespace ngd
