// Large arrays of zeros: aligned to cache lines, on huge pages where the system gives them.
#pragma once

#include <cstddef>
#include <utility>

namespace ngd {

class Memory {
 public:
  Memory() = default;
  // `sparse`: pages come as they are touched, for arrays of which parts may never be. Throws std::bad_alloc.
  explicit Memory(size_t bytes, bool sparse = false);
  ~Memory();
  Memory(Memory &&other) noexcept { *this = std::move(other); }
  Memory &operator=(Memory &&other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(mapping_, other.mapping_);
    std::swap(mapped_, other.mapped_);
    return *this;
  }
  Memory(const Memory &) = delete;
  Memory &operator=(const Memory &) = delete;

  std::byte *data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  std::byte *data_ = nullptr;
  size_t bytes_ = 0;
  void *mapping_ = nullptr;  // of large arrays; small ones are the heap's
  size_t mapped_ = 0;
};

}  // namespace ngd
