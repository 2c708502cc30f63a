// Matching by name, and hashing of word n-grams.
#include "model/matcher.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "model/loss.h"

namespace ngd {
namespace {

uint64_t hash_of(std::string_view text) {
  return XXH3_64bits(text.data(), text.size());
}

// Order matters: "not good" is another n-gram than "good not".
uint64_t combined(uint64_t hash, uint64_t next) {
  hash = (hash ^ (hash >> 32)) * 0x9E3779B97F4A7C15;
  return hash + next;
}

// A hash scaled to [0, bound): the high half of the product, after a last mixing.
uint64_t bucket_of(uint64_t hash, uint64_t bound) {
  hash = (hash ^ (hash >> 29)) * 0xBF58476D1CE4E5B9;
  return static_cast<uint64_t>((static_cast<unsigned __int128>(hash) * bound) >> 64);
}

}  // namespace

size_t Matcher::Hash::operator()(std::string_view text) const {
  return hash_of(text);
}

Matcher::Matcher(const std::vector<std::string> &classes, const std::vector<std::string> &words,
                 size_t word_ngrams, size_t buckets)
    : word_ngrams_(word_ngrams), buckets_(buckets) {
  for (size_t i = 0; i < classes.size(); i++) classes_.emplace(classes[i], static_cast<uint32_t>(i));
  words_.reserve(words.size());
  for (size_t i = 0; i < words.size(); i++) words_.emplace(words[i], static_cast<uint32_t>(i));
}

const SampleMap &Matcher::map(const Samples &samples) {
  const uint64_t identity = samples.identity();
  for (const SampleMap &map : maps_) {
    if (map.used && map.identity == identity) return map;
  }
  SampleMap map;
  map.identity = identity;
  map.used = true;
  const auto &names = samples.class_names();
  for (size_t i = 0; i < names.size(); i++) {
    const auto found = classes_.find(names[i]);
    if (classes_.empty())
      map.classes.push_back(static_cast<int32_t>(i));
    else
      map.classes.push_back(found == classes_.end() ? kUnknownClass : static_cast<int32_t>(found->second));
  }
  if (samples.feature_kind() == FeatureKind::text) {
    const auto &vocabulary = samples.vocabulary();
    map.rows.reserve(vocabulary.size());
    map.hashes.reserve(vocabulary.size());
    for (const std::string &word : vocabulary) {
      const auto found = words_.find(word);
      map.rows.push_back(found == words_.end() ? kNoRow : found->second);
      map.hashes.push_back(hash_of(word));
    }
  }
  SampleMap &place = maps_[next_];
  next_ = (next_ + 1) % maps_.size();
  place = std::move(map);
  return place;
}

void Matcher::features(const SampleMap &map, const Batch &batch, std::vector<size_t> &offsets,
                       std::vector<uint32_t> &features) const {
  offsets.clear();
  features.clear();
  offsets.push_back(0);
  for (size_t i = 0; i < batch.rows; i++) {
    const uint32_t *words = batch.index.data() + batch.offsets[i];
    const size_t count = batch.offsets[i + 1] - batch.offsets[i];
    for (size_t k = 0; k < count; k++) {
      if (map.rows[words[k]] != kNoRow) features.push_back(map.rows[words[k]]);
    }
    for (size_t k = 0; word_ngrams_ > 1 && k + 1 < count; k++) {
      uint64_t hash = map.hashes[words[k]];
      for (size_t n = 1; n < word_ngrams_ && k + n < count; n++) {
        hash = combined(hash, map.hashes[words[k + n]]);
        features.push_back(static_cast<uint32_t>(words_.size() + bucket_of(hash, buckets_)));
      }
    }
    offsets.push_back(features.size());
  }
}

}  // namespace ngd
