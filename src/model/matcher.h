// Matching a dataset to a model by name: its classes, its words, and the hashed word n-grams of its texts.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/samples.h"

namespace ngd {

// What a dataset's numbers mean to the model. Made once for each identity of a dataset.
struct SampleMap {
  uint64_t identity = 0;
  bool used = false;
  std::vector<int32_t> classes;  // class of the dataset to class of the model, or kUnknownClass
  std::vector<uint32_t> rows;    // word of the dataset to embedding row, or kNoRow
  std::vector<uint64_t> hashes;  // of each word of the dataset
};

inline constexpr uint32_t kNoRow = ~uint32_t{0};

class Matcher {
 public:
  // Rows 0 to words.size() - 1 of the table belong to words, `buckets` further ones to n-grams of 2 to
  // `word_ngrams` words (none when word_ngrams is 1).
  Matcher(const std::vector<std::string> &classes, const std::vector<std::string> &words, size_t word_ngrams,
          size_t buckets);

  // Valid until the next call with another dataset. When the model has no class names, numbers are taken as
  // they are.
  const SampleMap &map(const Samples &samples);

  // The features of each text of `batch`: a row for each known word, then one for each run of 2 to word_ngrams
  // words, words without a row included.
  void features(const SampleMap &map, const Batch &batch, std::vector<size_t> &offsets,
                std::vector<uint32_t> &features) const;

 private:
  struct Hash {
    size_t operator()(std::string_view text) const;
  };
  using Index = std::unordered_map<std::string_view, uint32_t, Hash>;

  Index classes_;
  Index words_;
  size_t word_ngrams_;
  size_t buckets_;
  std::array<SampleMap, 4> maps_;  // training, held-out and test data take turns
  size_t next_ = 0;
};

}  // namespace ngd
