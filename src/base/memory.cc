// Arrays of zeros from the heap, or, when they are large, whole pages from the system.
#include "base/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace ngd {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kSparseOnHugePages = size_t{1} << 30;

size_t rounded(size_t bytes, size_t to) {
  return (bytes + to - 1) / to * to;
}

}  // namespace

Memory::Memory(size_t bytes, bool sparse) {
  if (bytes == 0) return;
  if (bytes > PTRDIFF_MAX - 2 * kHugePage) throw std::bad_alloc();
  if (bytes < kHugePage) {
    data_ = static_cast<std::byte *>(std::aligned_alloc(kLine, rounded(bytes, kLine)));
    if (data_ == nullptr) throw std::bad_alloc();
    std::memset(data_, 0, bytes);
  } else {
    mapped_ = rounded(bytes, kHugePage) + kHugePage;
    mapping_ =
        mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping_ == MAP_FAILED) {
      mapping_ = nullptr;
      throw std::bad_alloc();
    }
    data_ = reinterpret_cast<std::byte *>(rounded(reinterpret_cast<uintptr_t>(mapping_), kHugePage));
#ifdef MADV_HUGEPAGE
    // A wish: nothing depends on it. Of a sparse array that is very large a touch should not take a huge page.
    if (!sparse || bytes <= kSparseOnHugePages) madvise(data_, rounded(bytes, kHugePage), MADV_HUGEPAGE);
#endif
    // Written first and not read first: a huge page that was read as zeros falls apart when it is written.
    if (!sparse) std::memset(data_, 0, bytes);
  }
  bytes_ = bytes;
}

Memory::~Memory() {
  if (mapping_ != nullptr)
    munmap(mapping_, mapped_);
  else if (whole_ == nullptr)
    std::free(data_);
}

// Chunks are as large as all that was taken before, so that at most half of the memory is of no use.
Memory MemoryPool::take(size_t bytes) {
  constexpr size_t kLargest = size_t{256} << 10, kSmallestChunk = size_t{4} << 10,
                   kLargestChunk = 4 * kHugePage;
  if (bytes == 0 || bytes > kLargest) return Memory(bytes);
  const size_t taken = rounded(bytes, kLine);
  if (chunk_ == nullptr || used_ + taken > chunk_->bytes()) {
    chunk_ = std::make_shared<Memory>(std::max(taken, std::clamp(taken_, kSmallestChunk, kLargestChunk)));
    used_ = 0;
  }
  Memory part;
  part.data_ = chunk_->data_ + used_;
  part.bytes_ = bytes;
  part.whole_ = chunk_;
  used_ += taken;
  taken_ += taken;
  return part;
}

}  // namespace ngd
