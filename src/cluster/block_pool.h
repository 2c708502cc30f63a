// Blocks of memory that are used again: fresh pages from the system cost more than what is written into them.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace ngd::cluster {

// Safe from any thread; blocks may outlive the pool, and be let go on any thread.
class BlockPool {
 public:
  // Of blocks that nobody has any more, so many bytes are kept at most.
  explicit BlockPool(size_t keep = 0);

  // For the taker alone, of whole cache lines, with whatever was in it. Throws std::bad_alloc.
  std::shared_ptr<std::byte> take(size_t bytes);
  size_t kept() const;

 private:
  struct Free {
    std::mutex mutex;
    std::map<size_t, std::vector<std::byte *>> blocks;  // by size
    size_t bytes = 0, limit;
    explicit Free(size_t keep) : limit(keep) {}
    ~Free();
    Free(const Free &) = delete;
    Free &operator=(const Free &) = delete;
    std::byte *find(size_t bytes);
    void give_back(std::byte *block, size_t bytes) noexcept;
  };
  std::shared_ptr<Free> free_;
};

}  // namespace ngd::cluster
