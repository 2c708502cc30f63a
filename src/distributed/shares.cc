// Cutting rows into shares and batches into slices.
#include "distributed/shares.h"

#include <numeric>

#include "base/error.h"
#include "train/training_run.h"

namespace ngd::distributed {
namespace {

uint64_t cut(uint64_t all, uint64_t parts, uint64_t index) {
  return static_cast<uint64_t>(static_cast<unsigned __int128>(all) * index / parts);
}

constexpr uint64_t kAssignment = ~uint64_t{0};  // the "epoch" whose order says which rows belong to whom

}  // namespace

Shares::Shares(const Plan &plan) : plan_(plan) {
  if (plan_.batch == 0 || plan_.batch > plan_.rows) plan_.batch = plan_.rows;
  if (plan_.partitions == 1) plan_.slices = true;
  if (plan_.rows < plan_.partitions)
    fail(NGD_E_RANGE, "the data have ", plan_.rows, " rows, which do not go into ", plan_.partitions,
         " partitions; set partitions lower");
  if (plan_.slices && plan_.batch < plan_.partitions)
    fail(NGD_E_RANGE, "batch_size is ", plan_.batch, ", which does not go round among ", plan_.partitions,
         " partitions; make batches larger, or take fewer workers");
  if (whole() || plan_.partitions == 1) return;
  if (plan_.shuffle) {
    assignment_ = shuffled_rows(plan_.rows, plan_.seed, kAssignment);
  } else {
    assignment_.resize(plan_.rows);
    std::iota(assignment_.begin(), assignment_.end(), uint64_t{0});
  }
}

uint64_t Shares::size(uint64_t partition) const {
  return cut(plan_.rows, plan_.partitions, partition + 1) - cut(plan_.rows, plan_.partitions, partition);
}

uint64_t Shares::steps(uint64_t partition) const {
  return plan_.slices ? batches() : (size(partition) + plan_.batch - 1) / plan_.batch;
}

uint64_t Shares::batch(uint64_t step) const {
  const uint64_t first = step % batches() * plan_.batch;
  return std::min(plan_.batch, plan_.rows - first);
}

uint64_t Shares::count(uint64_t partition, uint64_t step) const {
  if (plan_.slices && plan_.fixed)  // as evenly as the partition's own rows go into the batches
    return cut(size(partition), batches(), step % batches() + 1) -
           cut(size(partition), batches(), step % batches());
  if (plan_.slices)
    return cut(batch(step), plan_.partitions, partition + 1) - cut(batch(step), plan_.partitions, partition);
  const uint64_t first = step % steps(partition) * plan_.batch;
  return std::min(plan_.batch, size(partition) - first);
}

uint64_t Shares::rows_until(uint64_t partition, uint64_t until) const {
  const uint64_t epoch_steps = steps(partition);
  uint64_t epoch_rows = 0, rest = 0;
  for (uint64_t step = 0; step < epoch_steps; step++) {
    const uint64_t here = count(partition, step);
    epoch_rows += here;
    if (step < until % epoch_steps) rest += here;
  }
  return until / epoch_steps * epoch_rows + rest;
}

const std::vector<uint64_t> &Shares::order(uint64_t partition, uint64_t epoch) {
  auto &[of, list] = orders_[partition];
  if (!list.empty() && of == epoch) return list;
  of = epoch;
  if (whole() || plan_.partitions == 1) {
    list = plan_.shuffle ? shuffled_rows(plan_.rows, plan_.seed, epoch) : std::vector<uint64_t>(plan_.rows);
    if (!plan_.shuffle) std::iota(list.begin(), list.end(), uint64_t{0});
    return list;
  }
  const uint64_t seed = plan_.seed + (partition + 1) * 0x9E3779B97F4A7C15;  // a stream of its own for each
  list = plan_.shuffle ? shuffled_rows(size(partition), seed, epoch) : std::vector<uint64_t>(size(partition));
  if (!plan_.shuffle) std::iota(list.begin(), list.end(), uint64_t{0});
  for (uint64_t &place : list) place = own_row(partition, place);
  return list;
}

uint64_t Shares::own_row(uint64_t partition, uint64_t place) {
  if (assignment_.empty()) return place;
  return assignment_[cut(plan_.rows, plan_.partitions, partition) + place];
}

std::vector<uint64_t> Shares::rows(uint64_t partition, uint64_t step) {
  const uint64_t epoch = step / steps(partition);
  // The slices of a batch share its order.
  const std::vector<uint64_t> &list = order(whole() ? 0 : partition, epoch);
  uint64_t first = 0;
  if (whole()) {
    first = step % batches() * plan_.batch + cut(batch(step), plan_.partitions, partition);
  } else if (plan_.slices) {
    first = cut(size(partition), batches(), step % batches());
  } else {
    first = step % steps(partition) * plan_.batch;
  }
  const auto begin = list.begin() + static_cast<ptrdiff_t>(first);
  return {begin, begin + static_cast<ptrdiff_t>(count(partition, step))};
}

}  // namespace ngd::distributed
