// The shards' orders as one: a rank among all samples that compete is a cut through every shard's tree.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "icea/ordered_tree.h"
#include "icea/shard.h"

namespace ngd {

// How many keys of each shard lie before a point of the common order.
using Cut = std::array<uint64_t, kShards>;

// Valid while the shards' locks are held.
class Ranking {
 public:
  using Trees = std::array<const OrderedTree *, kShards>;
  explicit Ranking(const Trees &trees);

  const Trees &trees() const { return trees_; }
  uint64_t size() const { return size_; }

  Cut begin() const { return Cut{}; }
  Cut end() const;
  Cut before(OrderKey key) const;
  // The cut with `rank` keys before it. A search from outside in, by interpolation: scores of the shards are alike, so
  // few steps do. `guess` is a key near it, if one is known.
  Cut at(uint64_t rank, OrderKey guess = 0) const;
  OrderKey key_after(const Cut &cut) const;  // the largest there can be when nothing comes after it

 private:
  Trees trees_;
  uint64_t size_ = 0;
};

// The keys between two cuts.
class Stretch {
 public:
  Stretch() = default;
  Stretch(const Ranking &ranking, const Cut &first, const Cut &last);

  uint64_t count() const { return count_; }
  uint64_t weight() const { return weight_; }

  // Where key number `number`, below count(), lies, counted shard by shard; and the key at a point below weight() of
  // the weights summed the same way. Both have its memory fetched; key_at() reads it.
  struct Place {
    const OrderedTree *tree;
    OrderedTree::Place place;
  };
  Place place_of_number(uint64_t number) const;
  Place place_of_point(uint64_t point) const;

 private:
  struct Part {
    const OrderedTree *tree;
    uint64_t first, count;           // ranks
    uint64_t weight_before, weight;  // before `first`, and of the `count` keys
  };
  std::array<Part, kShards> parts_{};
  uint64_t count_ = 0, weight_ = 0;
};

inline OrderKey key_at(const Stretch::Place &at) {
  return at.tree->key_at(at.place);
}

}  // namespace ngd
