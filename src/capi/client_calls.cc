// Conversions between the caller's arrays and what a session takes and gives.
#include "capi/client_calls.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/error.h"

namespace ngd {
namespace {

size_t bytes_of(const wire::TensorSpec &spec) {
  return element_count(spec.shape) * sizeof(float);
}

// Copies runs of bytes to one place, wherever they were cut.
class Gatherer {
 public:
  explicit Gatherer(float *to) : to_(reinterpret_cast<std::byte *>(to)) {}
  void add(const std::vector<wire::Bytes> &runs) {
    for (const wire::Bytes &run : runs) {
      if (run.size != 0) std::memcpy(to_, run.data, run.size);
      to_ += run.size;
    }
  }

 private:
  std::byte *to_;
};

}  // namespace

wire::UpdateKind update_kind(int32_t kind) {
  switch (kind) {
    case NGD_PUSH_GRADIENT:
      return wire::UpdateKind::gradient;
    case NGD_PUSH_VALUE:
      return wire::UpdateKind::value;
    case NGD_PUSH_DELTA:
      return wire::UpdateKind::delta;
    default:
      fail(NGD_E_ARGUMENT, "kind is ", kind, "; it is NGD_PUSH_GRADIENT, NGD_PUSH_VALUE or NGD_PUSH_DELTA");
  }
}

ModelOfClient check_tensors(const ngd_client *client, const void *tensors, size_t count, const char *name) {
  require(client, "client");
  require(tensors, name);
  ModelOfClient model = client->object->model();
  const size_t expected = model->tensors.size();
  if (count != expected) fail(NGD_E_SHAPE, "count is ", count, ", but the model has ", expected, " tensors");
  return model;
}

size_t check_table(const ngd_client *client, size_t tensor, const uint32_t *rows, size_t count,
                   const float *values) {
  require(client, "client");
  if (count != 0) {
    require(rows, "rows");
    require(values, "values");
  }
  const ModelOfClient model = client->object->model();
  const TensorSpecs &specs = model->tensors;
  if (tensor >= specs.size())
    fail(NGD_E_NOT_FOUND, "there is no tensor number ", tensor, "; the model has ", specs.size());
  if (!specs[tensor].table)
    fail(NGD_E_SHAPE, "tensor ", quoted(specs[tensor].name), " is no table; push and pull it whole");
  for (size_t i = 0; i < count; i++) {
    if (rows[i] >= static_cast<uint64_t>(specs[tensor].shape[0]))
      fail(NGD_E_RANGE, "rows[", i, "] is ", rows[i], ", but table ", quoted(specs[tensor].name), " has ",
           specs[tensor].shape[0], " rows");
  }
  return static_cast<size_t>(specs[tensor].shape[1]);
}

std::vector<cluster::TensorUpdate> updates_of(const TensorSpecs &specs, const float *const *tensors,
                                              const transport::Client::Borrowed &borrowed) {
  std::vector<cluster::TensorUpdate> updates;
  for (size_t i = 0; i < specs.size(); i++) {
    if (tensors[i] == nullptr) continue;
    if (specs[i].table)
      fail(NGD_E_SHAPE, "tensor ", quoted(specs[i].name),
           " is a table; push its rows by ngd_client_push_rows_f32()");
    updates.push_back({static_cast<uint32_t>(i), {}, borrowed.bytes(tensors[i], bytes_of(specs[i]))});
  }
  return updates;
}

std::vector<cluster::TensorUpdate> copies_of(const TensorSpecs &specs, const float *const *tensors) {
  std::vector<cluster::TensorUpdate> updates = updates_of(specs, tensors, transport::Client::Borrowed());
  for (cluster::TensorUpdate &one : updates) one.values = wire::copied(one.values.span());
  return updates;
}

std::vector<cluster::TensorQuery> queries_of(const TensorSpecs &specs, float *const *tensors) {
  std::vector<cluster::TensorQuery> queries;
  for (size_t i = 0; i < specs.size(); i++) {
    if (tensors[i] != nullptr) queries.push_back({static_cast<uint32_t>(i), {}, specs[i].table});
  }
  return queries;
}

std::vector<cluster::TensorQuery> all_queries(const TensorSpecs &specs) {
  std::vector<cluster::TensorQuery> queries;
  for (size_t i = 0; i < specs.size(); i++) queries.push_back({static_cast<uint32_t>(i), {}, specs[i].table});
  return queries;
}

void copy_values(const TensorSpecs &specs, const cluster::Outcome &outcome, float *const *tensors) {
  for (const cluster::TensorValues &values : outcome.tensors) {
    if (values.tensor >= specs.size() || tensors[values.tensor] == nullptr) continue;
    if (values.first + values.count > element_count(specs[values.tensor].shape) ||
        wire::total_bytes(values.data) != values.count * sizeof(float))
      fail(NGD_E_PROTOCOL, "a server answered with ", wire::total_bytes(values.data), " bytes of tensor ",
           quoted(specs[values.tensor].name), ", which do not fit");
  }
  for (const cluster::TensorValues &values : outcome.tensors) {
    if (values.tensor < specs.size() && tensors[values.tensor] != nullptr)
      Gatherer(tensors[values.tensor] + values.first).add(values.data);
  }
}

cluster::Outcome push_all(transport::Client &client, const TensorSpecs &specs, wire::UpdateKind kind,
                          const float *const *tensors, int64_t timeout_ms) {
  return client.call_borrowing(
      timeout_ms, [&](cluster::ClientSession &session, const transport::Client::Borrowed &borrowed,
                      cluster::Time now, cluster::Time deadline) {
        return session.push(kind, updates_of(specs, tensors, borrowed), now, deadline,
                            kind == wire::UpdateKind::gradient ? client.base_version() : 0);
      });
}

uint64_t pull_all(transport::Client &client, const TensorSpecs &specs, uint64_t version, float *const *tensors,
                  int64_t timeout_ms, bool dense) {
  std::vector<cluster::TensorQuery> queries = queries_of(specs, tensors);
  if (dense) std::erase_if(queries, [](const cluster::TensorQuery &query) { return query.all_rows; });
  const cluster::Outcome outcome =
      client.call(timeout_ms, [&](cluster::ClientSession &session, cluster::Time now, cluster::Time deadline) {
        return session.pull(queries, version, now, deadline);
      });
  copy_values(specs, outcome, tensors);
  client.saw(outcome.version);
  return outcome.version;
}

RowOrder::RowOrder(const uint32_t *rows, size_t count) : sorted_(rows, rows + count) {
  if (std::is_sorted(sorted_.begin(), sorted_.end())) return;
  order_.resize(count);
  std::iota(order_.begin(), order_.end(), size_t{0});
  std::stable_sort(order_.begin(), order_.end(), [rows](size_t a, size_t b) { return rows[a] < rows[b]; });
  for (size_t i = 0; i < count; i++) sorted_[i] = rows[order_[i]];
}

void RowOrder::check_unique() const {
  const auto twice = std::adjacent_find(sorted_.begin(), sorted_.end());
  if (twice != sorted_.end()) fail(NGD_E_SHAPE, "row ", *twice, " is named twice; add its values up first");
}

std::vector<uint32_t> RowOrder::distinct() const {
  std::vector<uint32_t> rows = sorted_;
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
}

wire::Bytes RowOrder::gathered(const float *values, size_t width) const {
  const wire::Buffer buffer(order_.size() * width * sizeof(float));
  for (size_t i = 0; i < order_.size(); i++)
    std::memcpy(buffer.data() + i * width * sizeof(float), values + order_[i] * width, width * sizeof(float));
  return buffer.bytes();
}

void copy_rows(const cluster::Outcome &outcome, const std::vector<uint32_t> &read, const uint32_t *rows,
               size_t count, size_t width, float *values) {
  const auto place = [&](const cluster::TensorValues &run) {
    return std::lower_bound(read.begin(), read.end(), run.rows.front());
  };
  size_t have = 0;
  for (const cluster::TensorValues &run : outcome.tensors) {
    const bool fits = !run.rows.empty() && run.rows.size() <= static_cast<size_t>(read.end() - place(run)) &&
                      std::equal(run.rows.begin(), run.rows.end(), place(run)) &&
                      wire::total_bytes(run.data) == run.rows.size() * width * sizeof(float);
    if (!fits) fail(NGD_E_PROTOCOL, "a server answered with other rows than it was asked for");
    have += run.rows.size();
  }
  if (have != read.size()) fail(NGD_E_PROTOCOL, "servers answered with ", have, " rows of ", read.size());
  // Rows that were asked for in their order come to their place at once.
  const bool in_order = std::equal(read.begin(), read.end(), rows, rows + count);
  std::vector<float> all(in_order ? 0 : read.size() * width);
  float *const to = in_order ? values : all.data();
  for (const cluster::TensorValues &run : outcome.tensors)
    Gatherer(to + static_cast<size_t>(place(run) - read.begin()) * width).add(run.data);
  if (in_order) return;
  for (size_t i = 0; i < count; i++) {
    const auto at = static_cast<size_t>(std::lower_bound(read.begin(), read.end(), rows[i]) - read.begin());
    std::memcpy(values + i * width, all.data() + at * width, width * sizeof(float));
  }
}

}  // namespace ngd
