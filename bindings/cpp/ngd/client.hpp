// Clients of parameter servers: gradients of your own in, parameters of a model that many train out.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ngd/commons.hpp"
#include "ngd/handle.hpp"
#include "ngd/pending.hpp"
#include "ngd/session.hpp"
#include "ngd/tensors.hpp"

namespace ngd {
inline namespace cpp {

// A connection to the servers of one model. Any number of threads may use it at once. What waits takes a time, after
// which it throws NGD_E_TIMEOUT.
class Client : public detail::Commons {
 public:
  explicit Client(const std::string &spec = "client") : Commons(spec) {}
  static std::vector<Option> describe() { return detail::options(ngd_client_describe); }
  std::vector<Option> options() const { return describe(); }

  // Before connecting: what the model is made of, of float32. Whoever adds nothing learns it from the servers.
  void add(const std::string &name, std::span<const int64_t> shape) {
    detail::check(ngd_client_add_f32, raw(), detail::text(name), shape.data(), shape.size());
  }
  void add(const std::string &name, Shape shape) {
    add(name, std::span<const int64_t>(shape.begin(), shape.size()));
  }
  // A table, whose rows come into being when they are touched: "zero", "constant", "uniform" or "normal".
  void add_rows(const std::string &name, uint64_t rows, uint64_t width, const std::string &initial = "zero",
                double scale = 0, uint64_t seed = 0) {
    detail::check(ngd_client_add_rows_f32, raw(), detail::text(name), rows, width, detail::text(initial), scale,
                  seed);
  }
  // Of the servers' optimizer: tensors whose names match the pattern have options of their own ("weight_decay=0").
  void add_group(const std::string &group, const std::string &pattern, const std::string &options) {
    detail::check(ngd_client_add_group, raw(), detail::text(group), detail::text(pattern),
                  detail::text(options));
  }

  // To any servers of the cluster: addresses separated by commas.
  void connect(const std::string &addresses, Milliseconds timeout = kTimeout) {
    detail::check(ngd_client_connect, raw(), detail::text(addresses), timeout.count());
  }
  // Locks and partitions become free; calls of other threads end with NGD_E_CLOSED.
  void disconnect(Milliseconds timeout = kTimeout) {
    detail::check(ngd_client_disconnect, raw(), timeout.count());
    end_session();  // only now: until then arrays that were lent are read
  }
  std::vector<TensorInfo> tensors() const {
    size_t count = 0;
    detail::check(ngd_client_get_tensor_count, raw(), &count);
    return detail::tensors(raw(), count, ngd_client_get_tensor);
  }

  struct Initial {
    bool first;  // these values became the model's; else they were overwritten with those that it has
    uint64_t version;
  };
  // The first values of a new model; tables stay empty: init({w, {}}). Sizes are checked, here and below.
  Initial init(const Tensors<float> &tensors, Milliseconds timeout = kTimeout) {
    const auto pointers = detail::pointers(raw(), tensors);
    int32_t first = 0;
    uint64_t version = 0;
    detail::check(ngd_client_init_f32, raw(), pointers.data(), pointers.size(), timeout.count(), &first,
                  &version);
    return {first != 0, version};
  }
  // The newest of the model; 0 before it has values.
  uint64_t version(Milliseconds timeout = kTimeout) {
    uint64_t result = 0;
    detail::check(ngd_client_get_version, raw(), timeout.count(), &result);
    return result;
  }

  // One update of the whole model; `kind` is one of NGD_PUSH_GRADIENT, _VALUE and _DELTA. Gives the version it made.
  uint64_t push(int32_t kind, const Tensors<const float> &tensors, Milliseconds timeout = kTimeout) {
    const auto pointers = detail::pointers(raw(), tensors);
    uint64_t version = 0;
    detail::check(ngd_client_push_f32, raw(), kind, pointers.data(), pointers.size(), timeout.count(),
                  &version);
    return version;
  }
  // Reads the model at a version, 0 for the newest, and gives that which was read.
  uint64_t pull(const Tensors<float> &tensors, uint64_t version = 0, Milliseconds timeout = kTimeout) {
    const auto pointers = detail::pointers(raw(), tensors);
    uint64_t got = 0;
    detail::check(ngd_client_pull_f32, raw(), version, pointers.data(), pointers.size(), timeout.count(), &got);
    return got;
  }
  struct Versions {
    uint64_t made, read;  // `read` is as new as `made`, or newer
  };
  // Both, for a model of one shard in one round trip. The arrays may be the same.
  Versions push_pull(int32_t kind, const Tensors<const float> &in, const Tensors<float> &out,
                     Milliseconds timeout = kTimeout) {
    const auto from = detail::pointers(raw(), in);
    const auto to = detail::pointers(raw(), out);
    Versions versions = {0, 0};
    detail::check(ngd_client_push_pull_f32, raw(), kind, from.data(), to.data(), to.size(), timeout.count(),
                  &versions.made, &versions.read);
    return versions;
  }
  // Of a table: `values` has a row for each number of a row. Each is named once.
  uint64_t push_rows(int32_t kind, size_t tensor, std::span<const uint32_t> rows, std::span<const float> values,
                     Milliseconds timeout = kTimeout) {
    detail::check_rows(raw(), tensor, rows.size(), values.size());
    uint64_t version = 0;
    detail::check(ngd_client_push_rows_f32, raw(), kind, tensor, rows.data(), rows.size(), values.data(),
                  timeout.count(), &version);
    return version;
  }
  uint64_t pull_rows(size_t tensor, std::span<const uint32_t> rows, std::span<float> values,
                     uint64_t version = 0, Milliseconds timeout = kTimeout) {
    detail::check_rows(raw(), tensor, rows.size(), values.size());
    uint64_t got = 0;
    detail::check(ngd_client_pull_rows_f32, raw(), version, tensor, rows.data(), rows.size(), values.data(),
                  timeout.count(), &got);
    return got;
  }

  // Begin an operation and return at once; `timeout` is when it fails. The arrays of start_push() are copied.
  [[nodiscard]] PendingPush start_push(int32_t kind, const Tensors<const float> &tensors,
                                       Milliseconds timeout = kTimeout) {
    return start(ngd_client_start_push_f32, kind, tensors, timeout);
  }
  // Without a copy: the arrays must stay as they are until the update was waited for or given up, or the client left.
  [[nodiscard]] PendingPush start_push_borrow(int32_t kind, const Tensors<const float> &tensors,
                                              Milliseconds timeout = kTimeout) {
    return start(ngd_client_start_push_borrow_f32, kind, tensors, timeout);
  }
  [[nodiscard]] PendingPull start_pull(uint64_t version = 0, Milliseconds timeout = kTimeout) {
    const detail::Session begun_in = session();
    uint64_t ticket = 0;
    detail::check(ngd_client_start_pull_f32, raw(), version, timeout.count(), &ticket);
    return PendingPull(begun_in, ticket);
  }

  // Changes which servers have which shards: "drain:node=3", "replicas:count=2", "balance" and the like.
  void arrange(const std::string &what, Milliseconds timeout = kTimeout) {
    detail::check(ngd_client_arrange, raw(), detail::text(what), timeout.count());
  }
  // Which servers there are and which shards each has, as JSON.
  std::string places(Milliseconds timeout = kTimeout) {
    return read_within(timeout,
                       [&](int64_t left, char *buffer, size_t capacity, size_t *needed, ngd_error *error) {
                         return ngd_client_get_places(raw(), left, buffer, capacity, needed, error);
                       });
  }
  ngd_client_info info(Milliseconds timeout = kTimeout) {
    auto info = detail::sized<ngd_client_info>();
    detail::check(ngd_client_get_info, raw(), timeout.count(), &info);
    return info;
  }

 private:
  template <class Function>
  PendingPush start(Function *function, int32_t kind, const Tensors<const float> &tensors,
                    Milliseconds timeout) {
    const detail::Session begun_in = session();
    const auto pointers = detail::pointers(raw(), tensors);
    uint64_t ticket = 0;
    detail::check(function, raw(), kind, pointers.data(), pointers.size(), timeout.count(), &ticket);
    return PendingPush(begun_in, ticket);
  }
};

}  // namespace cpp
}  // namespace ngd
