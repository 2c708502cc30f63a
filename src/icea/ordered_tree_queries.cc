// What is asked of a tree: places, sums before a key or a rank, and memory that will be needed.
#include <algorithm>

#include "icea/key_search.h"
#include "icea/ordered_tree.h"

namespace ngd {

void OrderedTree::fetch_leaf(uint32_t leaf) const {
  const auto *begin = reinterpret_cast<const char *>(&leaves_[leaf]);
  for (size_t at = 0; at < sizeof(Leaf); at += 64) __builtin_prefetch(begin + at);
}

// Level by level, so that what the nodes of one level wait for overlaps. Inner nodes are near enough: to have them fetched
// too makes it slower.
void OrderedTree::prefetch(std::span<const OrderKey> keys) const {
  if (!rooted_) return;
  uint32_t at[kFetched];
  std::fill_n(at, keys.size(), root_);
  for (uint32_t level = levels_; level > 0; level--) {
    for (size_t i = 0; i < keys.size(); i++) {
      const Inner &inner = inners_[at[i]];
      at[i] = inner.child[slot_of(inner, keys[i])].node;
      if (level == 1) fetch_leaf(at[i]);
    }
  }
}

OrderedTree::Before OrderedTree::before(OrderKey key) const {
  Before sum;
  if (size_ == 0) return sum;
  uint32_t node = root_;
  for (uint32_t level = levels_; level > 0; level--) {
    const Inner &inner = inners_[node];
    const size_t slot = slot_of(inner, key);
    for (size_t i = 0; i < slot; i++) {
      sum.count += inner.child[i].keys;
      sum.weight += inner.child[i].weight;
    }
    node = inner.child[slot].node;
  }
  const Leaf &leaf = leaves_[node];
  for (size_t i = 0; i < leaf.count && leaf.keys[i] < key; i++) {
    sum.count++;
    sum.weight += weigher_(leaf.keys[i]);
  }
  return sum;
}

uint64_t OrderedTree::weight_before(uint64_t rank) const {
  if (rank == 0) return 0;
  if (rank >= size_) return weight_;
  uint64_t sum = 0;
  uint32_t node = root_;
  for (uint32_t level = levels_; level > 0; level--) {
    const Inner &inner = inners_[node];
    size_t slot = 0;
    for (; rank >= inner.child[slot].keys; slot++) {
      rank -= inner.child[slot].keys;
      sum += inner.child[slot].weight;
    }
    node = inner.child[slot].node;
  }
  const Leaf &leaf = leaves_[node];
  for (size_t i = 0; i < rank; i++) sum += weigher_(leaf.keys[i]);
  return sum;
}

OrderedTree::Place OrderedTree::place_of_rank(uint64_t rank) const {
  uint32_t node = root_;
  for (uint32_t level = levels_; level > 0; level--) {
    const Inner &inner = inners_[node];
    size_t slot = 0;
    for (; rank >= inner.child[slot].keys; slot++) rank -= inner.child[slot].keys;
    node = inner.child[slot].node;
  }
  fetch_leaf(node);
  return {node, false, rank};
}

OrderedTree::Place OrderedTree::place_of_point(uint64_t point) const {
  uint32_t node = root_;
  for (uint32_t level = levels_; level > 0; level--) {
    const Inner &inner = inners_[node];
    size_t slot = 0;
    for (; point >= inner.child[slot].weight; slot++) point -= inner.child[slot].weight;
    node = inner.child[slot].node;
  }
  fetch_leaf(node);
  return {node, true, point};
}

OrderKey OrderedTree::key_at(Place place) const {
  const Leaf &leaf = leaves_[place.leaf];
  if (!place.by_weight) return leaf.keys[place.rest];
  size_t at = 0;
  for (uint64_t weight; place.rest >= (weight = weigher_(leaf.keys[at])); at++) place.rest -= weight;
  return leaf.keys[at];
}

}  // namespace ngd
