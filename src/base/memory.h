// Large arrays of zeros: aligned to cache lines, on huge pages where the system gives them.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace ngd {

class Memory {
 public:
  Memory() = default;
  // `sparse`: pages come as they are touched, for arrays of which parts may never be; what is written there first should
  // not have been read. Throws std::bad_alloc.
  explicit Memory(size_t bytes, bool sparse = false);
  ~Memory();
  Memory(Memory &&other) noexcept { *this = std::move(other); }
  Memory &operator=(Memory &&other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(mapping_, other.mapping_);
    std::swap(mapped_, other.mapped_);
    std::swap(whole_, other.whole_);
    return *this;
  }
  Memory(const Memory &) = delete;
  Memory &operator=(const Memory &) = delete;

  std::byte *data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  friend class MemoryPool;
  std::byte *data_ = nullptr;
  size_t bytes_ = 0;
  void *mapping_ = nullptr;  // of large arrays; small ones are the heap's
  size_t mapped_ = 0;
  std::shared_ptr<Memory> whole_;  // of which this is a part, or null
};

// Puts small arrays next to each other in the order in which they are taken, so that a walk over all of them is one over
// contiguous memory. They may outlive the pool.
class MemoryPool {
 public:
  Memory take(size_t bytes);  // throws std::bad_alloc

 private:
  std::shared_ptr<Memory> chunk_;
  size_t used_ = 0, taken_ = 0;
};

}  // namespace ngd
