// Which rows a partition's steps consist of: a function of data, seed and options alone, the same for every worker.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace ngd::distributed {

// Two ways to cut. `slices`: every batch of the in-process order is cut into one slice for each partition, so that a round
// of all workers is that very batch. Else each partition has a share of the rows for good, in an order of its own each
// epoch, and batches of its own.
class Shares {
 public:
  struct Plan {
    uint64_t rows = 0, batch = 0, partitions = 1, seed = 1;
    bool shuffle = true;
    bool slices = false;
    bool fixed = false;  // a partition's rows stay its own, also with slices: scores of samples are kept by it
  };
  explicit Shares(const Plan &plan);

  uint64_t partitions() const { return plan_.partitions; }
  uint64_t steps(uint64_t partition) const;  // of an epoch
  uint64_t size(uint64_t partition) const;   // rows that are its own
  // The rows of a step, counted over all epochs.
  std::vector<uint64_t> rows(uint64_t partition, uint64_t step);
  uint64_t count(uint64_t partition, uint64_t step) const;  // how many
  // How many rows the first `steps` steps have.
  uint64_t rows_until(uint64_t partition, uint64_t steps) const;
  // With slices: the rows of the whole batch of that step.
  uint64_t batch(uint64_t step) const;
  // The row that is number `place` of a partition's own.
  uint64_t own_row(uint64_t partition, uint64_t place);

 private:
  uint64_t batches() const { return (plan_.rows + plan_.batch - 1) / plan_.batch; }
  bool whole() const { return plan_.slices && !plan_.fixed; }
  const std::vector<uint64_t> &order(uint64_t partition, uint64_t epoch);

  Plan plan_;
  std::vector<uint64_t> assignment_;  // all rows; partitions are runs of it
  std::map<uint64_t, std::pair<uint64_t, std::vector<uint64_t>>>
      orders_;  // by partition: of which epoch, and the order
};

}  // namespace ngd::distributed
