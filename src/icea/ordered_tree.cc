// The B+ tree: nodes are kept between a least and a full number of entries on the way down, so no way back is needed.
#include "icea/ordered_tree.h"

#include <algorithm>
#include <cstring>

#include "icea/key_search.h"

namespace ngd {
namespace {

size_t divided(size_t count, size_t by) {
  return (count + by - 1) / by;
}

template <class T>
void move_array(const T *from, size_t entries, T *to) {
  std::memmove(to, from, entries * sizeof(T));
}

}  // namespace

void OrderedTree::Leaf::move(size_t from, size_t entries, Leaf &to, size_t at) const {
  move_array(keys + from, entries, to.keys + at);
}

void OrderedTree::Inner::move(size_t from, size_t entries, Inner &to, size_t at) const {
  move_array(first + from, entries, to.first + at);
  move_array(child + from, entries, to.child + at);
}

template <class Node>
auto &OrderedTree::nodes() {
  if constexpr (std::is_same_v<Node, Leaf>)
    return leaves_;
  else
    return inners_;
}

// Moves entries between neighbours until the left one has so many.
template <class Node>
void OrderedTree::divide(Node &left, Node &right, size_t left_count) {
  const size_t total = left.count + right.count, right_count = total - left_count;
  if (left.count < left_count) {
    right.move(0, left_count - left.count, left, left.count);
    right.move(left_count - left.count, right_count, right, 0);
  } else {
    right.move(0, right.count, right, right_count - right.count);
    left.move(left_count, left.count - left_count, right, 0);
  }
  left.count = left_count;
  right.count = right_count;
}

bool OrderedTree::full(uint32_t node, uint32_t level) const {
  return (level == 0 ? leaves_[node].count : inners_[node].count) == kRoom;
}

bool OrderedTree::meagre(uint32_t node, uint32_t level) const {
  return level == 0 ? leaves_[node].count <= Leaf::kLeast : inners_[node].count <= Inner::kLeast;
}

void OrderedTree::adopt(Inner &parent, size_t slot, uint32_t node, uint32_t level) const {
  parent.child[slot].node = node;
  parent.child[slot].weight = 0;
  parent.child[slot].keys = 0;
  if (level == 0) {
    const Leaf &leaf = leaves_[node];
    parent.first[slot] = leaf.keys[0];
    parent.child[slot].keys = static_cast<uint32_t>(leaf.count);
    for (size_t i = 0; i < leaf.count; i++) parent.child[slot].weight += weigher_(leaf.keys[i]);
  } else {
    const Inner &inner = inners_[node];
    parent.first[slot] = inner.first[0];
    for (size_t i = 0; i < inner.count; i++) {
      parent.child[slot].keys += inner.child[i].keys;
      parent.child[slot].weight += inner.child[i].weight;
    }
  }
}

// The child still begins where it did, also when its first keys are gone: were that place given to the child before it,
// a key that comes to it might find that one full.
void OrderedTree::recount(Inner &parent, size_t slot, uint32_t level) const {
  const OrderKey first = parent.first[slot];
  adopt(parent, slot, parent.child[slot].node, level);
  parent.first[slot] = std::min(parent.first[slot], first);
}

void OrderedTree::reserve(size_t insertions) {
  // No leaf but the only one has fewer than kLeast entries, no inner node but the root fewer than kLeast children.
  const size_t leaves = std::min(leaves_.used() + insertions, divided(size_ + insertions, Leaf::kLeast)) + 2;
  size_t inners = 2;
  for (size_t nodes = leaves; nodes > 1; nodes = divided(nodes, Inner::kLeast))
    inners += divided(nodes, Inner::kLeast) + 1;
  leaves_.reserve(leaves);
  inners_.reserve(inners);
}

// A new root above the old one.
void OrderedTree::grow() {
  const uint32_t above = inners_.take();
  adopt(inners_[above], 0, root_, levels_);
  inners_[above].count = 1;
  root_ = above;
  levels_++;
}

// Shares a full child's entries with a neighbour that has room, or else with a new one. The parent has room.
template <class Node>
void OrderedTree::make_room(Inner &parent, size_t slot, uint32_t level) {
  auto &pool = nodes<Node>();
  size_t left = slot;
  if (slot + 1 < parent.count && pool[parent.child[slot + 1].node].count < Node::kShare) {
    // the right neighbour
  } else if (slot > 0 && pool[parent.child[slot - 1].node].count < Node::kShare) {
    left = slot - 1;
  } else {
    parent.move(slot + 1, parent.count - slot - 1, parent, slot + 2);
    parent.child[slot + 1].node = pool.take();
    parent.count++;
  }
  Node &a = pool[parent.child[left].node], &b = pool[parent.child[left + 1].node];
  divide(a, b, (a.count + b.count) / 2);
  recount(parent, left, level);
  adopt(parent, left + 1, parent.child[left + 1].node, level);
}

// Merges a meagre child with a neighbour, or shares the neighbour's entries with it. The parent has another child.
template <class Node>
void OrderedTree::refill(Inner &parent, size_t slot, uint32_t level) {
  auto &pool = nodes<Node>();
  const size_t left = slot + 1 < parent.count ? slot : slot - 1;
  Node &a = pool[parent.child[left].node], &b = pool[parent.child[left + 1].node];
  const size_t total = a.count + b.count;
  const bool merge = total <= Node::kMerge;
  divide(a, b, merge ? total : total / 2);
  recount(parent, left, level);
  if (merge) {
    pool.give_back(parent.child[left + 1].node);
    parent.move(left + 2, parent.count - left - 2, parent, left + 1);
    parent.count--;
  } else {
    adopt(parent, left + 1, parent.child[left + 1].node, level);
  }
}

void OrderedTree::insert(OrderKey key) {
  const uint64_t weight = weigher_(key);
  if (!rooted_) {
    root_ = leaves_.take();
    levels_ = 0;
    rooted_ = true;
  }
  if (full(root_, levels_)) grow();
  uint32_t node = root_;
  for (uint32_t level = levels_; level > 0; level--) {
    Inner &inner = inners_[node];
    size_t slot = slot_of(inner, key);
    if (full(inner.child[slot].node, level - 1)) {
      if (level == 1)
        make_room<Leaf>(inner, slot, 0);
      else
        make_room<Inner>(inner, slot, level - 1);
      slot = slot_of(inner, key);
    }
    inner.first[slot] = std::min(inner.first[slot], key);
    inner.child[slot].keys++;
    inner.child[slot].weight += weight;
    node = inner.child[slot].node;
  }
  Leaf &leaf = leaves_[node];
  const size_t at = keys_before<false>(leaf.keys, leaf.count, key);
  leaf.move(at, leaf.count - at, leaf, at + 1);
  leaf.keys[at] = key;
  leaf.count++;
  size_++;
  weight_ += weight;
}

void OrderedTree::erase(OrderKey key) {
  const uint64_t weight = weigher_(key);
  uint32_t node = root_;
  for (uint32_t level = levels_; level > 0; level--) {
    Inner &inner = inners_[node];
    size_t slot = slot_of(inner, key);
    if (inner.count > 1 && meagre(inner.child[slot].node, level - 1)) {
      if (level == 1)
        refill<Leaf>(inner, slot, 0);
      else
        refill<Inner>(inner, slot, level - 1);
      slot = slot_of(inner, key);
    }
    inner.child[slot].keys--;
    inner.child[slot].weight -= weight;
    const uint32_t below = inner.child[slot].node;
    if (inner.count == 1) {  // only the root can be down to one
      inners_.give_back(node);
      root_ = below;
      levels_--;
    }
    node = below;
  }
  Leaf &leaf = leaves_[node];
  const size_t at = keys_before<false>(leaf.keys, leaf.count, key);
  leaf.move(at + 1, leaf.count - at - 1, leaf, at);
  leaf.count--;
  size_--;
  weight_ -= weight;
}

void OrderedTree::build(std::span<const OrderKey> sorted, const Weigher &weigher) {
  constexpr size_t kFill = 52;  // leaves room for what comes next
  OrderedTree built(weigher);
  std::vector<uint32_t> level_nodes;
  const size_t leaves = divided(sorted.size(), kFill);
  built.leaves_.reserve(leaves);
  for (size_t i = 0; i < leaves; i++) {
    const auto part = sorted.subspan(sorted.size() * i / leaves,
                                     sorted.size() * (i + 1) / leaves - sorted.size() * i / leaves);
    level_nodes.push_back(built.leaves_.take());
    Leaf &leaf = built.leaves_[level_nodes.back()];
    std::ranges::copy(part, leaf.keys);
    leaf.count = part.size();
  }
  for (; level_nodes.size() > 1; built.levels_++) {
    std::vector<uint32_t> above;
    const size_t count = level_nodes.size(), inners = divided(count, kFill);
    for (size_t i = 0; i < inners; i++) {
      above.push_back(built.inners_.take());
      Inner &inner = built.inners_[above.back()];
      for (size_t at = count * i / inners; at < count * (i + 1) / inners; at++)
        built.adopt(inner, inner.count++, level_nodes[at], built.levels_);
    }
    level_nodes = std::move(above);
  }
  if (!level_nodes.empty()) {
    built.root_ = level_nodes[0];
    built.rooted_ = true;
    built.size_ = sorted.size();
    for (const OrderKey key : sorted) built.weight_ += weigher(key);
  }
  *this = std::move(built);
}

}  // namespace ngd
