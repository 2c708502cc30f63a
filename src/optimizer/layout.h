// How a step is cut into pieces of work: the same for any number of threads, so that sums come out the same too.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ngd {

// Elements of a tensor, or, in a table of rows, positions in the list of touched rows. A piece never spans tensors.
struct Work {
  uint32_t tensor;
  size_t begin;
  size_t count;
};

// Works that are done without waiting. The tensors of a normed batch are measured first and then stepped, so it is
// small enough to be still in the cache when its second turn comes.
struct WorkBatch {
  size_t first, last;
  bool normed;
};

struct Layout {
  std::vector<Work> works;
  std::vector<size_t> before;  // elements before each work, and at the end their number
  std::vector<WorkBatch> batches;
  std::vector<size_t> first_work;  // of each tensor, and at the end the number of works

  void clear();
  void add(uint32_t tensor, size_t begin, size_t count, size_t elements);
  // Closes the tensor whose works were added last: `normed` tensors go with normed ones.
  void close(bool normed, size_t bytes);

  // The works of [first, last) that belong to a thread: contiguous, of about equal numbers of elements.
  std::span<const Work> share(size_t first, size_t last, unsigned thread, unsigned threads) const;
  size_t index(const Work &work) const { return static_cast<size_t>(&work - works.data()); }

 private:
  size_t closed_ = 0;
  size_t batch_bytes_ = 0;
};

}  // namespace ngd
