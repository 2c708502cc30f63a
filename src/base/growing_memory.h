// An array that grows without being copied: pages are moved, so that its old and new memory never exist at once.
#pragma once

#include <cstddef>
#include <utility>

namespace ngd {

class GrowingMemory {
 public:
  GrowingMemory() = default;
  ~GrowingMemory();
  GrowingMemory(GrowingMemory &&other) noexcept { *this = std::move(other); }
  GrowingMemory &operator=(GrowingMemory &&other) noexcept {
    std::swap(data_, other.data_);
    std::swap(room_, other.room_);
    return *this;
  }
  GrowingMemory(const GrowingMemory &) = delete;
  GrowingMemory &operator=(const GrowingMemory &) = delete;

  // Makes room for `bytes`; what is new is zeros. Moves data(). Throws std::bad_alloc and then changes nothing.
  void reserve(size_t bytes) {
    if (bytes > room_) grow(bytes);
  }
  // Gives back what is past `bytes`.
  void shrink(size_t bytes) noexcept;
  std::byte *data() const { return data_; }
  size_t room() const { return room_; }

 private:
  void grow(size_t bytes);

  std::byte *data_ = nullptr;
  size_t room_ = 0;  // a whole number of pages
};

}  // namespace ngd
