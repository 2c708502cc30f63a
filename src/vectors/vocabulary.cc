// Counting words, and the two distributions that follow from the counts.
#include "vectors/vocabulary.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ngd {
namespace {

constexpr uint64_t kChunkRows = 4096;
constexpr double kWhole = 4294967296.0;  // 2^32

uint32_t part_of_whole(double share) {
  return static_cast<uint32_t>(std::clamp(share * kWhole, 0.0, kWhole - 1));
}

}  // namespace

AliasTable::AliasTable(const std::vector<double> &weights) : entries_(weights.size()) {
  const double mean =
      std::accumulate(weights.begin(), weights.end(), 0.0) / static_cast<double>(weights.size());
  std::vector<double> share(weights.size());
  std::vector<uint32_t> small, large;
  for (uint32_t i = 0; i < weights.size(); i++) {
    share[i] = weights[i] / mean;
    (share[i] < 1 ? small : large).push_back(i);
  }
  while (!small.empty() && !large.empty()) {
    const uint32_t poor = small.back(), rich = large.back();
    small.pop_back();
    entries_[poor] = {part_of_whole(share[poor]), rich};
    share[rich] -= 1 - share[poor];
    if (share[rich] >= 1) continue;
    large.pop_back();
    small.push_back(rich);
  }
  for (const std::vector<uint32_t> *rest : {&small, &large}) {
    for (const uint32_t i : *rest) entries_[i] = {~uint32_t{0}, i};
  }
}

Vocabulary::Vocabulary(const Samples &texts, uint64_t min_count, double subsample) {
  const size_t words = texts.vocabulary().size();
  std::vector<uint64_t> all(words);
  Batch batch;
  std::vector<uint64_t> which;
  for (uint64_t first = 0; first < texts.rows(); first += kChunkRows) {
    which.resize(std::min(kChunkRows, texts.rows() - first));
    std::iota(which.begin(), which.end(), first);
    texts.read(which, batch);
    const size_t count = batch.offsets[batch.rows];
    tokens += count;
    for (size_t k = 0; k < count; k++) all[batch.index[k]]++;
  }
  for (uint32_t word = 0; word < words; word++) {
    if (all[word] >= min_count) text.push_back(word);
  }
  std::ranges::stable_sort(text, [&](uint32_t a, uint32_t b) { return all[a] > all[b]; });
  of_text.assign(words, kNone);
  uint64_t known = 0;
  for (uint32_t word = 0; word < text.size(); word++) {
    of_text[text[word]] = word;
    counts.push_back(all[text[word]]);
    known += counts.back();
  }
  std::vector<double> weights;
  for (const uint64_t count : counts) {
    weights.push_back(std::pow(static_cast<double>(count), 0.75));
    const double rarity = subsample * static_cast<double>(known) / static_cast<double>(count);
    const double share = std::sqrt(rarity) + rarity;
    keep.push_back(subsample == 0 || share >= 1 ? kAll : part_of_whole(share));
  }
  if (!weights.empty()) noise = AliasTable(weights);
}

}  // namespace ngd
