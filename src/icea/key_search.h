// Searching the keys of one node.
#pragma once

#include <cstddef>

#include "icea/order_key.h"

namespace ngd {

// How many of `count` rising keys are smaller than `key`, or not larger; without branches, which would be guessed wrong
// half the time.
template <bool kOrEqual>
inline size_t keys_before(const OrderKey *keys, size_t count, OrderKey key) {
  const auto before = [key](OrderKey other) { return kOrEqual ? other <= key : other < key; };
  const OrderKey *begin = keys;
  while (count > 1) {
    const size_t half = count / 2;
    begin += before(begin[half - 1]) * half;
    count -= half;
  }
  return static_cast<size_t>(begin - keys) + (count == 1 && before(*begin));
}

// The child that holds a key, or would: the last that begins at it or before.
template <class Inner>
size_t slot_of(const Inner &inner, OrderKey key) {
  const size_t after = keys_before<true>(inner.first, inner.count, key);
  return after == 0 ? 0 : after - 1;
}

}  // namespace ngd
