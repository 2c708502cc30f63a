// Selection among several sorted sequences, and stretches of them.
#include "icea/ranking.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace ngd {
namespace {

uint64_t sum(const Cut &cut) {
  return std::accumulate(cut.begin(), cut.end(), uint64_t{0});
}

// floor(a b / c) for a <= c
uint64_t proportion(uint64_t a, uint64_t b, uint64_t c) {
  return static_cast<uint64_t>(static_cast<unsigned __int128>(a) * b / c);
}

}  // namespace

Ranking::Ranking(const Trees &trees) : trees_(trees) {
  for (const OrderedTree *tree : trees_) size_ += tree->size();
}

Cut Ranking::end() const {
  Cut cut;
  for (size_t i = 0; i < kShards; i++) cut[i] = trees_[i]->size();
  return cut;
}

Cut Ranking::before(OrderKey key) const {
  Cut cut;
  for (size_t i = 0; i < kShards; i++) cut[i] = trees_[i]->before(key).count;
  return cut;
}

OrderKey Ranking::key_after(const Cut &cut) const {
  OrderKey least = std::numeric_limits<OrderKey>::max();
  for (size_t i = 0; i < kShards; i++) {
    if (cut[i] < trees_[i]->size()) least = std::min(least, trees_[i]->select(cut[i]));
  }
  return least;
}

Cut Ranking::at(uint64_t rank, OrderKey guess) const {
  if (rank >= size_) return end();
  Cut low = begin(), high = end();
  // Takes what a key says, whether the wanted cut lies before it or behind it; returns how many keys lie before it.
  const auto take = [&](OrderKey key) {
    const Cut cut = before(key);
    const uint64_t found = sum(cut);
    (found < rank ? low : high) = cut;
    return found;
  };
  if (guess != 0 && take(guess) == rank) return high;
  for (uint32_t step = 0; low != high; step++) {
    size_t widest = 0;
    for (size_t i = 1; i < kShards; i++) {
      if (high[i] - low[i] > high[widest] - low[widest]) widest = i;
    }
    // Every fourth step halves, whatever the scores look like.
    const uint64_t width = high[widest] - low[widest];
    const uint64_t place = step % 4 == 3 ? width / 2 : proportion(rank - sum(low), width, sum(high) - sum(low));
    const uint64_t pivot = low[widest] + std::min(place, width - 1);
    const uint64_t found = take(trees_[widest]->select(pivot));
    if (found == rank) return high;
    if (found < rank) low[widest]++;  // the pivot is one of those wanted
  }
  return low;
}

Stretch::Stretch(const Ranking &ranking, const Cut &first, const Cut &last) {
  for (size_t i = 0; i < kShards; i++) {
    const OrderedTree *tree = ranking.trees()[i];
    Part &part = parts_[i];
    part = {tree, first[i], last[i] - first[i], tree->weight_before(first[i]), 0};
    part.weight = tree->weight_before(last[i]) - part.weight_before;
    count_ += part.count;
    weight_ += part.weight;
  }
}

Stretch::Place Stretch::place_of_number(uint64_t number) const {
  size_t i = 0;
  for (; number >= parts_[i].count; i++) number -= parts_[i].count;
  return {parts_[i].tree, parts_[i].tree->place_of_rank(parts_[i].first + number)};
}

Stretch::Place Stretch::place_of_point(uint64_t point) const {
  size_t i = 0;
  for (; point >= parts_[i].weight; i++) point -= parts_[i].weight;
  return {parts_[i].tree, parts_[i].tree->place_of_point(parts_[i].weight_before + point)};
}

}  // namespace ngd
