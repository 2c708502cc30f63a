// The ICEA buffer of one partition, which travels with it from worker to worker as the partition's blob.
#pragma once

#include <memory>
#include <string>

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

}  // namespace ngd::distributed
