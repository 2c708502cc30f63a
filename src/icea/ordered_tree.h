// Keys in order with, for every stretch of them, their number and the sum of their weights: a B+ tree.
//
// A wide node is few lines of the cache side by side, so that a key among ten million is four nodes away, of which
// the upper three are in the cache. One structure answers all that samplers and removers ask: the key of a rank, the rank of a
// key, the key at a point of the summed weights, and sums of weights over ranks.
#pragma once

#include <cstdint>
#include <span>

#include "icea/node_pool.h"
#include "icea/order_key.h"

namespace ngd {

class OrderedTree {
 public:
  explicit OrderedTree(const Weigher &weigher) : weigher_(weigher) {}

  uint64_t size() const { return size_; }
  uint64_t weight() const { return weight_; }  // of all keys
  size_t bytes() const { return leaves_.bytes() + inners_.bytes(); }

  // After this, so many insertions cannot run out of memory.
  void reserve(size_t insertions);
  void insert(OrderKey key);  // which is not there
  void erase(OrderKey key);   // which is there
  // Replaces all by `sorted` keys, rising.
  void build(std::span<const OrderKey> sorted, const Weigher &weigher);

  // What lies before a key, which need not be there, or before a rank.
  struct Before {
    uint64_t count = 0, weight = 0;
  };
  Before before(OrderKey key) const;
  uint64_t weight_before(uint64_t rank) const;

  // Where the key of a rank below size() lies, and the key whose stretch of the summed weights holds `point`, below
  // weight(). In two parts, so that a batch waits for the memory of all its leaves at once: place_of_ has it fetched,
  // key_at() reads it.
  struct Place {
    uint32_t leaf;
    bool by_weight;
    uint64_t rest;
  };
  Place place_of_rank(uint64_t rank) const;
  Place place_of_point(uint64_t point) const;
  OrderKey key_at(Place place) const;
  OrderKey select(uint64_t rank) const { return key_at(place_of_rank(rank)); }

 private:
  static constexpr uint32_t kLeafRoom = 63, kInnerRoom = 64;

  struct alignas(64) Leaf {
    uint64_t count;
    OrderKey entries[kLeafRoom];
    static constexpr uint32_t kRoom = kLeafRoom, kLeast = 24, kMerge = 56, kShare = 56;
  };
  static_assert(sizeof(Leaf) == 512);
  struct Child {
    OrderKey first;  // no key of the child is smaller, and none of the children before it is as large
    uint64_t weight;
    uint32_t count, node;
  };
  struct Inner {
    uint64_t count;
    Child entries[kInnerRoom];
    static constexpr uint32_t kRoom = kInnerRoom, kLeast = 16, kMerge = 56, kShare = 48;
  };

  template <class Node>
  auto &nodes();
  bool full(uint32_t node, uint32_t level) const;
  bool meagre(uint32_t node, uint32_t level) const;
  Child child_of(uint32_t node, uint32_t level) const;  // what its parent should say of it
  void recount(Child &child, uint32_t level) const;
  Place fetched(Place place) const;
  void grow();
  template <class Node>
  void make_room(Inner &parent, size_t slot, uint32_t level);
  template <class Node>
  void refill(Inner &parent, size_t slot, uint32_t level);

  Weigher weigher_;
  NodePool<Leaf, 32> leaves_;
  NodePool<Inner, 8> inners_;
  uint32_t root_ = 0;
  uint32_t levels_ = 0;  // of inner nodes above the leaves
  bool rooted_ = false;
  uint64_t size_ = 0, weight_ = 0;
};

}  // namespace ngd
