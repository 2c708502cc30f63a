// Lists of free blocks, the last that was let go first: it may still be in a cache.
#include "cluster/block_pool.h"

#include <new>

namespace ngd::cluster {
namespace {

constexpr std::align_val_t kLine{64};

void destroy(std::byte *block) {
  ::operator delete(block, kLine);
}

}  // namespace

BlockPool::BlockPool(size_t keep) : free_(std::make_shared<Free>(keep)) {}

BlockPool::Free::~Free() {
  for (const auto &[size, list] : blocks) {
    for (std::byte *block : list) destroy(block);
  }
}

std::byte *BlockPool::Free::find(size_t size) {
  const std::lock_guard lock(mutex);
  const auto list = blocks.find(size);
  if (list == blocks.end() || list->second.empty()) return nullptr;
  std::byte *block = list->second.back();
  list->second.pop_back();
  bytes -= size;
  return block;
}

void BlockPool::Free::give_back(std::byte *block, size_t size) noexcept {
  try {
    const std::lock_guard lock(mutex);
    if (bytes + size <= limit) {
      blocks[size].push_back(block);
      bytes += size;
      return;
    }
  } catch (const std::bad_alloc &) {
  }
  destroy(block);
}

std::shared_ptr<std::byte> BlockPool::take(size_t bytes) {
  std::byte *block = free_->find(bytes);
  if (block == nullptr) block = static_cast<std::byte *>(::operator new(bytes, kLine));
  // A block that no owner can be made for is given back by the constructor of its owner.
  return {block, [free = free_, bytes](std::byte *mine) { free->give_back(mine, bytes); }};
}

size_t BlockPool::kept() const {
  const std::lock_guard lock(free_->mutex);
  return free_->bytes;
}

}  // namespace ngd::cluster
