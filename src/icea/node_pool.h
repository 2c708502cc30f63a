// Nodes of a tree under 32-bit numbers: taken in small chunks, so that growing moves nothing and wastes little.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace ngd {

template <class Node, size_t kChunk>
class NodePool {
 public:
  Node &operator[](uint32_t number) { return chunks_[number / kChunk][number % kChunk]; }
  const Node &operator[](uint32_t number) const { return chunks_[number / kChunk][number % kChunk]; }

  size_t used() const { return capacity() - free_.size(); }
  size_t bytes() const {
    return capacity() * sizeof(Node) + chunks_.capacity() * sizeof(chunks_[0]) +
           free_.capacity() * sizeof(free_[0]);
  }

  // After this, take() cannot fail until so many nodes are in use.
  void reserve(size_t nodes) {
    while (capacity() < nodes) {
      chunks_.reserve(chunks_.size() + 1 + chunks_.size() / 8);
      if (free_.capacity() < (chunks_.size() + 1) * kChunk)
        free_.reserve((chunks_.size() + 1 + chunks_.size() / 8) * kChunk);
      chunks_.push_back(std::make_unique_for_overwrite<Node[]>(kChunk));
      for (size_t i = kChunk; i > 0; i--) free_.push_back(static_cast<uint32_t>(capacity() - kChunk + i - 1));
    }
  }

  uint32_t take() {
    if (free_.empty()) reserve(capacity() + 1);
    const uint32_t number = free_.back();
    free_.pop_back();
    (*this)[number].count = 0;
    return number;
  }
  void give_back(uint32_t number) { free_.push_back(number); }  // has room for all numbers

 private:
  size_t capacity() const { return chunks_.size() * kChunk; }

  std::vector<std::unique_ptr<Node[]>> chunks_;
  std::vector<uint32_t> free_;
};

}  // namespace ngd
