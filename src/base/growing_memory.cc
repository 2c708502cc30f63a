// Growing by mremap, which moves the pages of a mapping and not their bytes.
#include "base/growing_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <new>

namespace ngd {
namespace {

constexpr size_t kPage = size_t{64} << 10;
constexpr size_t kLarge = size_t{32} << 20;  // of which a huge page too many is little

size_t whole_pages(size_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

}  // namespace

GrowingMemory::~GrowingMemory() {
  if (data_ != nullptr) munmap(data_, room_);
}

void GrowingMemory::grow(size_t bytes) {
  if (bytes > PTRDIFF_MAX / 2) throw std::bad_alloc();
  // A quarter more than is there: of that, memory is taken only as it is touched.
  const size_t room = whole_pages(std::max(bytes, room_ + room_ / 4));
  void *const at = data_ == nullptr ? mmap(nullptr, room, PROT_READ | PROT_WRITE,
                                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                                    : mremap(data_, room_, room, MREMAP_MAYMOVE);
  if (at == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<std::byte *>(at);
  room_ = room;
#ifdef MADV_HUGEPAGE
  if (room_ >= kLarge) madvise(data_, room_, MADV_HUGEPAGE);  // a wish: nothing depends on it
#endif
}

void GrowingMemory::shrink(size_t bytes) noexcept {
  const size_t room = whole_pages(bytes);
  if (room >= room_) return;
  munmap(data_ + room, room_ - room);
  room_ = room;
  if (room == 0) data_ = nullptr;
}

}  // namespace ngd
