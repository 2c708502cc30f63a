// The B+ tree: nodes are kept between a least and a full number of entries on the way down, so no way back is needed.
#include "icea/ordered_tree.h"

#include <algorithm>

namespace ngd {
namespace {

// The child that holds a key, or would: the last that begins at it or before.
template <class Inner>
size_t slot_of(const Inner &inner, OrderKey key) {
  const auto *begin = inner.entries, *end = inner.entries + inner.count;
  const auto *after =
      std::upper_bound(begin, end, key, [](OrderKey k, const auto &child) { return k < child.first; });
  return after == begin ? 0 : static_cast<size_t>(after - begin) - 1;
}

template <class Node>
void insert_entry(Node &node, size_t at, const auto &entry) {
  std::copy_backward(node.entries + at, node.entries + node.count, node.entries + node.count + 1);
  node.entries[at] = entry;
  node.count++;
}

template <class Node>
void erase_entry(Node &node, size_t at) {
  std::copy(node.entries + at + 1, node.entries + node.count, node.entries + at);
  node.count--;
}

// Moves entries between neighbours until the left one has so many.
template <class Node>
void divide(Node &left, Node &right, size_t left_count) {
  if (left.count < left_count) {
    const size_t moved = left_count - left.count;
    std::copy_n(right.entries, moved, left.entries + left.count);
    std::copy(right.entries + moved, right.entries + right.count, right.entries);
    right.count -= moved;
  } else {
    const size_t moved = left.count - left_count;
    std::copy_backward(right.entries, right.entries + right.count, right.entries + right.count + moved);
    std::copy_n(left.entries + left_count, moved, right.entries);
    right.count += moved;
  }
  left.count = left_count;
}

size_t divided(size_t count, size_t by) {
  return (count + by - 1) / by;
}

}  // namespace

template <class Node>
auto &OrderedTree::nodes() {
  if constexpr (std::is_same_v<Node, Leaf>)
    return leaves_;
  else
    return inners_;
}

bool OrderedTree::full(uint32_t node, uint32_t level) const {
  return level == 0 ? leaves_[node].count == Leaf::kRoom : inners_[node].count == Inner::kRoom;
}

bool OrderedTree::meagre(uint32_t node, uint32_t level) const {
  return level == 0 ? leaves_[node].count <= Leaf::kLeast : inners_[node].count <= Inner::kLeast;
}

OrderedTree::Child OrderedTree::child_of(uint32_t node, uint32_t level) const {
  Child child = {0, 0, 0, node};
  if (level == 0) {
    const Leaf &leaf = leaves_[node];
    child.first = leaf.entries[0];
    child.count = static_cast<uint32_t>(leaf.count);
    for (size_t i = 0; i < leaf.count; i++) child.weight += weigher_(leaf.entries[i]);
  } else {
    const Inner &inner = inners_[node];
    child.first = inner.entries[0].first;
    for (size_t i = 0; i < inner.count; i++) {
      child.count += inner.entries[i].count;
      child.weight += inner.entries[i].weight;
    }
  }
  return child;
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

// The child still begins where it did, also when its first keys are gone: were that place given to the child before it,
// a key that comes to it might find that one full.
void OrderedTree::recount(Child &child, uint32_t level) const {
  const OrderKey first = child.first;
  child = child_of(child.node, level);
  child.first = std::min(child.first, first);
}

// A new root above the old one.
void OrderedTree::grow() {
  const uint32_t above = inners_.take();
  inners_[above].entries[0] = child_of(root_, levels_);
  inners_[above].count = 1;
  root_ = above;
  levels_++;
}

// Shares a full child's entries with a neighbour that has room, or else with a new one. The parent has room.
template <class Node>
void OrderedTree::make_room(Inner &parent, size_t slot, uint32_t level) {
  auto &pool = nodes<Node>();
  size_t left = slot;
  if (slot + 1 < parent.count && pool[parent.entries[slot + 1].node].count < Node::kShare) {
    // the right neighbour
  } else if (slot > 0 && pool[parent.entries[slot - 1].node].count < Node::kShare) {
    left = slot - 1;
  } else {
    insert_entry(parent, slot + 1, Child{0, 0, 0, pool.take()});
  }
  Child &a = parent.entries[left], &b = parent.entries[left + 1];
  divide(pool[a.node], pool[b.node], (pool[a.node].count + pool[b.node].count) / 2);
  recount(a, level);
  b = child_of(b.node, level);
}

// Merges a meagre child with a neighbour, or shares the neighbour's entries with it. The parent has another child.
template <class Node>
void OrderedTree::refill(Inner &parent, size_t slot, uint32_t level) {
  auto &pool = nodes<Node>();
  const size_t left = slot + 1 < parent.count ? slot : slot - 1;
  Child &a = parent.entries[left], &b = parent.entries[left + 1];
  const size_t total = pool[a.node].count + pool[b.node].count;
  const bool merge = total <= Node::kMerge;
  divide(pool[a.node], pool[b.node], merge ? total : total / 2);
  recount(a, level);
  if (merge) {
    pool.give_back(b.node);
    erase_entry(parent, left + 1);
  } else {
    b = child_of(b.node, level);
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
    if (full(inner.entries[slot].node, level - 1)) {
      if (level == 1)
        make_room<Leaf>(inner, slot, 0);
      else
        make_room<Inner>(inner, slot, level - 1);
      slot = slot_of(inner, key);
    }
    Child &child = inner.entries[slot];
    child.first = std::min(child.first, key);
    child.count++;
    child.weight += weight;
    node = child.node;
  }
  Leaf &leaf = leaves_[node];
  insert_entry(
      leaf, static_cast<size_t>(std::lower_bound(leaf.entries, leaf.entries + leaf.count, key) - leaf.entries),
      key);
  size_++;
  weight_ += weight;
}

void OrderedTree::erase(OrderKey key) {
  const uint64_t weight = weigher_(key);
  uint32_t node = root_;
  for (uint32_t level = levels_; level > 0; level--) {
    Inner &inner = inners_[node];
    size_t slot = slot_of(inner, key);
    if (inner.count > 1 && meagre(inner.entries[slot].node, level - 1)) {
      if (level == 1)
        refill<Leaf>(inner, slot, 0);
      else
        refill<Inner>(inner, slot, level - 1);
      slot = slot_of(inner, key);
    }
    Child &child = inner.entries[slot];
    child.count--;
    child.weight -= weight;
    const uint32_t below = child.node;
    if (inner.count == 1) {  // only the root can be down to one
      inners_.give_back(node);
      root_ = below;
      levels_--;
    }
    node = below;
  }
  Leaf &leaf = leaves_[node];
  erase_entry(
      leaf, static_cast<size_t>(std::lower_bound(leaf.entries, leaf.entries + leaf.count, key) - leaf.entries));
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
    std::ranges::copy(part, leaf.entries);
    leaf.count = part.size();
  }
  for (; level_nodes.size() > 1; built.levels_++) {
    std::vector<uint32_t> above;
    const size_t count = level_nodes.size(), inners = divided(count, kFill);
    for (size_t i = 0; i < inners; i++) {
      above.push_back(built.inners_.take());
      Inner &inner = built.inners_[above.back()];
      for (size_t at = count * i / inners; at < count * (i + 1) / inners; at++)
        inner.entries[inner.count++] = built.child_of(level_nodes[at], built.levels_);
    }
    level_nodes = std::move(above);
  }
  if (!level_nodes.empty()) {
    built.root_ = level_nodes[0];
    built.rooted_ = true;
    const Child all = built.child_of(built.root_, built.levels_);
    built.size_ = sorted.size();
    built.weight_ = all.weight;
  }
  *this = std::move(built);
}

OrderedTree::Before OrderedTree::before(OrderKey key) const {
  Before sum;
  if (size_ == 0) return sum;
  uint32_t node = root_;
  for (uint32_t level = levels_; level > 0; level--) {
    const Inner &inner = inners_[node];
    const size_t slot = slot_of(inner, key);
    for (size_t i = 0; i < slot; i++) {
      sum.count += inner.entries[i].count;
      sum.weight += inner.entries[i].weight;
    }
    node = inner.entries[slot].node;
  }
  const Leaf &leaf = leaves_[node];
  for (size_t i = 0; i < leaf.count && leaf.entries[i] < key; i++) {
    sum.count++;
    sum.weight += weigher_(leaf.entries[i]);
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
    for (; rank >= inner.entries[slot].count; slot++) {
      rank -= inner.entries[slot].count;
      sum += inner.entries[slot].weight;
    }
    node = inner.entries[slot].node;
  }
  const Leaf &leaf = leaves_[node];
  for (size_t i = 0; i < rank; i++) sum += weigher_(leaf.entries[i]);
  return sum;
}

OrderedTree::Place OrderedTree::fetched(Place place) const {
  const auto *leaf = reinterpret_cast<const char *>(&leaves_[place.leaf]);
  for (size_t at = 0; at < sizeof(Leaf); at += 64) __builtin_prefetch(leaf + at);
  return place;
}

OrderedTree::Place OrderedTree::place_of_rank(uint64_t rank) const {
  uint32_t node = root_;
  for (uint32_t level = levels_; level > 0; level--) {
    const Inner &inner = inners_[node];
    size_t slot = 0;
    for (; rank >= inner.entries[slot].count; slot++) rank -= inner.entries[slot].count;
    node = inner.entries[slot].node;
  }
  return fetched({node, false, rank});
}

OrderedTree::Place OrderedTree::place_of_point(uint64_t point) const {
  uint32_t node = root_;
  for (uint32_t level = levels_; level > 0; level--) {
    const Inner &inner = inners_[node];
    size_t slot = 0;
    for (; point >= inner.entries[slot].weight; slot++) point -= inner.entries[slot].weight;
    node = inner.entries[slot].node;
  }
  return fetched({node, true, point});
}

OrderKey OrderedTree::key_at(Place place) const {
  const Leaf &leaf = leaves_[place.leaf];
  if (!place.by_weight) return leaf.entries[place.rest];
  size_t at = 0;
  for (uint64_t weight; place.rest >= (weight = weigher_(leaf.entries[at])); at++) place.rest -= weight;
  return leaf.entries[at];
}

}  // namespace ngd
