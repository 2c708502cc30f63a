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
  // Has the memory fetched that insert() or erase() of these keys will touch: at most kFetched, so that they wait for each
  // level of the tree together.
  static constexpr size_t kFetched = 64;
  void prefetch(std::span<const OrderKey> keys) const;
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
  static constexpr uint32_t kRoom = 63;  // with their count, so many keys fill eight lines of the cache

  // Entries of a node move together; which arrays they are made of is each node's own affair.
  struct alignas(64) Leaf {
    uint64_t count;
    OrderKey keys[kRoom];
    static constexpr uint32_t kLeast = 24, kMerge = 56, kShare = 56;

    void move(size_t from, size_t entries, Leaf &to, size_t at) const;
  };
  static_assert(sizeof(Leaf) == 512);
  struct Child {
    uint64_t weight;
    uint32_t keys;  // how many
    uint32_t node;
  };
  struct alignas(64) Inner {
    uint64_t count;
    OrderKey first[kRoom];  // no key of the child is smaller, and none of the children before is as large
    Child child[kRoom];
    static constexpr uint32_t kLeast = 16, kMerge = 56, kShare = 48;

    void move(size_t from, size_t entries, Inner &to, size_t at) const;
  };
  static_assert(sizeof(Inner) == 1536);

  template <class Node>
  auto &nodes();
  template <class Node>
  static void divide(Node &left, Node &right, size_t left_count);
  bool full(uint32_t node, uint32_t level) const;
  bool meagre(uint32_t node, uint32_t level) const;
  void adopt(Inner &parent, size_t slot, uint32_t node,
             uint32_t level) const;  // and counts what the node holds
  void recount(Inner &parent, size_t slot, uint32_t level) const;
  void fetch_leaf(uint32_t leaf) const;
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
