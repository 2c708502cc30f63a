// What the functions of ngd/client.h share: arrays of the caller's to updates and queries, and outcomes to arrays.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "capi/guard.h"
#include "capi/handles.h"
#include "ngd/client.h"

namespace ngd {

using TensorSpecs = std::vector<wire::TensorSpec>;

wire::UpdateKind update_kind(int32_t kind);  // throws NGD_E_ARGUMENT

using ModelOfClient = std::shared_ptr<const transport::Client::Model>;

// The arguments `client` and `tensors` are there, and there is one array for each tensor of the model, which is returned: a
// call goes by the one that it has checked, though the client is disconnected, or connected to another, meanwhile.
ModelOfClient check_tensors(const ngd_client *client, const void *tensors, size_t count,
                            const char *name = "tensors");
// Width of a row of that table, of which rows and values are there.
size_t check_table(const ngd_client *client, size_t tensor, const uint32_t *rows, size_t count,
                   const float *values);

std::vector<cluster::TensorUpdate> updates_of(const TensorSpecs &specs, const float *const *tensors,
                                              const transport::Client::Borrowed &borrowed);
std::vector<cluster::TensorUpdate> copies_of(const TensorSpecs &specs, const float *const *tensors);
std::vector<cluster::TensorQuery> queries_of(const TensorSpecs &specs, float *const *tensors);
std::vector<cluster::TensorQuery> all_queries(const TensorSpecs &specs);

// What was read, into the arrays that are not NULL.
void copy_values(const TensorSpecs &specs, const cluster::Outcome &outcome, float *const *tensors);

cluster::Outcome push_all(transport::Client &client, const TensorSpecs &specs, wire::UpdateKind kind,
                          const float *const *tensors, int64_t timeout_ms);
// Returns the version. `dense`: tables are left out.
uint64_t pull_all(transport::Client &client, const TensorSpecs &specs, uint64_t version, float *const *tensors,
                  int64_t timeout_ms, bool dense);

// Rows in the caller's order, and sorted as the servers want them.
class RowOrder {
 public:
  RowOrder(const uint32_t *rows, size_t count);
  bool rising() const { return order_.empty(); }
  void check_unique() const;  // throws NGD_E_SHAPE
  const std::vector<uint32_t> &sorted() const { return sorted_; }
  std::vector<uint32_t> distinct() const;
  wire::Bytes gathered(const float *values, size_t width) const;  // in the sorted order

 private:
  std::vector<uint32_t> sorted_;
  std::vector<size_t> order_;  // of sorted_ in the caller's list; empty: it is sorted
};

// Rows that were read, in the caller's order.
void copy_rows(const cluster::Outcome &outcome, const std::vector<uint32_t> &read, const uint32_t *rows,
               size_t count, size_t width, float *values);

}  // namespace ngd
