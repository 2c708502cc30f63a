// The ICEA buffer of one partition, which travels with it from worker to worker as the partition's blob.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/option.h"
#include "distributed/shares.h"
#include "icea/icea.h"

namespace ngd::distributed {

// `offset` steps of the partition have been drawn and recorded. Empty when it is more than a blob can hold.
std::string write_scores(const Icea &icea, uint64_t offset);

// The buffer of a partition that stands at `offset`: what the blob has, and then the draws of the steps since, whose
// losses went down with their worker; a fresh buffer for an empty blob.
std::shared_ptr<Icea> read_scores(const OptionSet &options, const Shares &shares, uint64_t partition,
                                  const std::string &blob, uint64_t offset);

// One buffer of all rows, from the blobs of all partitions; an empty one leaves its rows unseen.
std::shared_ptr<Icea> merged_scores(const OptionSet &options, Shares &shares, uint64_t rows,
                                    const std::vector<std::string> &blobs);
bool fit_a_blob(uint64_t rows);
// How many steps of its partition a blob knows.
uint64_t steps_of_scores(const std::string &blob);

}  // namespace ngd::distributed
