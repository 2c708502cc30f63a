// The functions of ngd/client.h that configure a client, and those that speak of the whole model.
#include "ngd/client.h"

#include <algorithm>
#include <cmath>

#include "base/struct.h"
#include "capi/client_calls.h"
#include "capi/options.h"

namespace {

using ngd::guard;
using ngd::require;
using ngd::cluster::ClientSession;
using ngd::cluster::Outcome;
using ngd::cluster::Ticket;
using ngd::cluster::Time;

ngd::wire::Initial initial_of(const char *word, double scale, uint64_t seed) {
  ngd::wire::Initial initial;
  const std::string_view name = word == nullptr ? "zero" : word;
  if (name == "zero")
    initial.kind = ngd::wire::Initial::Kind::zero;
  else if (name == "constant")
    initial.kind = ngd::wire::Initial::Kind::constant;
  else if (name == "uniform")
    initial.kind = ngd::wire::Initial::Kind::uniform;
  else if (name == "normal")
    initial.kind = ngd::wire::Initial::Kind::normal;
  else
    ngd::fail_unknown("initial value", name, {"zero", "constant", "uniform", "normal"});
  if (!(std::abs(scale) < 1e30) || (scale < 0 && name != "constant"))
    ngd::fail(NGD_E_RANGE, "scale is ", scale, "; it is finite, and 0 or more unless constant");
  initial.scale = static_cast<float>(scale);
  initial.seed = seed;
  return initial;
}

}  // namespace

ngd_status ngd_client_describe(size_t index, ngd_option_info *info, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(info, "info");
    ngd::describe_option(ngd::transport::client_options(), "the client", index, info);
  });
}

ngd_status ngd_client_create(const char *spec, ngd_client **out, ngd_error *error) noexcept {
  if (out != nullptr) *out = nullptr;
  return guard(error, [&] {
    require(out, "out");
    auto client = std::make_shared<ngd::transport::Client>(spec == nullptr ? "client" : spec);
    *out = new ngd_client{std::move(client)};
  });
}

void ngd_client_destroy(ngd_client *client) noexcept {
  delete client;
}

ngd_status ngd_client_set(ngd_client *client, const char *name, double value, ngd_error *error) noexcept {
  return ngd::set_option(client, "client", name, value, error);
}

ngd_status ngd_client_set_text(ngd_client *client, const char *name, const char *value,
                               ngd_error *error) noexcept {
  return ngd::set_text_option(client, "client", name, value, error);
}

ngd_status ngd_client_get(const ngd_client *client, const char *name, double *value,
                          ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(name, "name");
    require(value, "value");
    *value = client->object->number(name);
  });
}

ngd_status ngd_client_get_text(const ngd_client *client, const char *name, char *buffer, size_t capacity,
                               size_t *needed, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(name, "name");
    ngd::copy_text(client->object->text(name), buffer, capacity, needed);
  });
}

ngd_status ngd_client_add_f32(ngd_client *client, const char *name, const int64_t *shape, size_t rank,
                              ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(name, "name");
    if (rank != 0) require(shape, "shape");
    if (rank > 8) ngd::fail(NGD_E_SHAPE, "rank is ", rank, "; a tensor has at most 8 dimensions");
    ngd::wire::TensorSpec tensor;
    tensor.name = name;
    tensor.shape.assign(shape, shape + rank);
    client->object->add(std::move(tensor));
  });
}

ngd_status ngd_client_add_rows_f32(ngd_client *client, const char *name, uint64_t rows, uint64_t width,
                                   const char *initial, double scale, uint64_t seed,
                                   ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(name, "name");
    if (rows < 1 || rows > uint64_t{1} << 32)
      ngd::fail(NGD_E_SHAPE, "rows is ", rows, "; a table has 1 to 4294967296 of them");
    if (width < 1 || width > uint64_t{1} << 31)
      ngd::fail(NGD_E_SHAPE, "width is ", width, "; it is 1 to 2147483648");
    ngd::wire::TensorSpec tensor;
    tensor.name = name;
    tensor.shape = {static_cast<int64_t>(rows), static_cast<int64_t>(width)};
    tensor.table = true;
    tensor.initial = initial_of(initial, scale, seed);
    client->object->add(std::move(tensor));
  });
}

ngd_status ngd_client_add_group(ngd_client *client, const char *group, const char *pattern, const char *options,
                                ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(group, "group");
    require(pattern, "pattern");
    require(options, "options");
    client->object->add_group({group, pattern, options});
  });
}

ngd_status ngd_client_connect(ngd_client *client, const char *addresses, int64_t timeout_ms,
                              ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(addresses, "addresses");
    client->object->connect(addresses, timeout_ms);
  });
}

ngd_status ngd_client_disconnect(ngd_client *client, int64_t timeout_ms, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    client->object->disconnect(timeout_ms);
  });
}

ngd_status ngd_client_get_tensor_count(const ngd_client *client, size_t *count, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(count, "count");
    *count = client->object->model()->tensors.size();
  });
}

ngd_status ngd_client_get_tensor(const ngd_client *client, size_t index, ngd_tensor_info *info,
                                 ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(info, "info");
    const ngd::ModelOfClient model = client->object->model();
    const ngd::TensorSpecs &tensors = model->tensors;
    if (index >= tensors.size())
      ngd::fail(NGD_E_NOT_FOUND, "there is no tensor number ", index, "; the model has ", tensors.size());
    const ngd::wire::TensorSpec &tensor = tensors[index];
    ngd_tensor_info full{};
    full.name = tensor.name.c_str();
    full.dtype = "F32";
    full.elements = ngd::element_count(tensor.shape);
    full.rank = tensor.shape.size();
    std::copy(tensor.shape.begin(), tensor.shape.end(), full.shape);
    ngd::fill_struct(info, full, "ngd_tensor_info");
  });
}

ngd_status ngd_client_init_f32(ngd_client *client, float *const *tensors, size_t count, int64_t timeout_ms,
                               int32_t *first, uint64_t *version, ngd_error *error) noexcept {
  return guard(error, [&] {
    const ngd::ModelOfClient model = ngd::check_tensors(client, tensors, count);
    const Time begun = ngd::transport::now_us();
    const Outcome pushed =
        ngd::push_all(*client->object, model->tensors, ngd::wire::UpdateKind::initial, tensors, timeout_ms);
    uint64_t seen = pushed.version;
    if (!pushed.applied) {
      const int64_t left =
          std::max<int64_t>(0, timeout_ms - static_cast<int64_t>((ngd::transport::now_us() - begun) / 1000));
      seen = ngd::pull_all(*client->object, model->tensors, 0, tensors, left, true);
    }
    if (first != nullptr) *first = pushed.applied ? 1 : 0;
    if (version != nullptr) *version = seen;
  });
}

ngd_status ngd_client_get_version(ngd_client *client, int64_t timeout_ms, uint64_t *version,
                                  ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(version, "version");
    const Outcome outcome = client->object->call(
        timeout_ms,
        [](ClientSession &session, Time now, Time deadline) { return session.version(now, deadline); });
    *version = outcome.version;
  });
}

ngd_status ngd_client_push_f32(ngd_client *client, int32_t kind, const float *const *tensors, size_t count,
                               int64_t timeout_ms, uint64_t *version, ngd_error *error) noexcept {
  return guard(error, [&] {
    const ngd::ModelOfClient model = ngd::check_tensors(client, tensors, count);
    const Outcome outcome =
        ngd::push_all(*client->object, model->tensors, ngd::update_kind(kind), tensors, timeout_ms);
    if (version != nullptr) *version = outcome.version;
  });
}

ngd_status ngd_client_pull_f32(ngd_client *client, uint64_t version, float *const *tensors, size_t count,
                               int64_t timeout_ms, uint64_t *got, ngd_error *error) noexcept {
  return guard(error, [&] {
    const ngd::ModelOfClient model = ngd::check_tensors(client, tensors, count);
    const uint64_t read = ngd::pull_all(*client->object, model->tensors, version, tensors, timeout_ms, false);
    if (got != nullptr) *got = read;
  });
}

ngd_status ngd_client_push_pull_f32(ngd_client *client, int32_t kind, const float *const *in, float *const *out,
                                    size_t count, int64_t timeout_ms, uint64_t *version, uint64_t *got,
                                    ngd_error *error) noexcept {
  return guard(error, [&] {
    const ngd::ModelOfClient model = ngd::check_tensors(client, in, count, "in");
    require(out, "out");
    const ngd::wire::UpdateKind update = ngd::update_kind(kind);
    ngd::transport::Client &object = *client->object;
    const ngd::TensorSpecs &tensors = model->tensors;
    const Outcome outcome = object.call_borrowing(
        timeout_ms,
        [&](ClientSession &session, const ngd::transport::Client::Borrowed &borrowed, Time now, Time deadline) {
          return session.push_pull(update, ngd::updates_of(tensors, in, borrowed),
                                   ngd::queries_of(tensors, out), now, deadline, object.base_version());
        });
    ngd::copy_values(tensors, outcome, out);
    object.saw(outcome.values_version);
    if (version != nullptr) *version = outcome.version;
    if (got != nullptr) *got = outcome.values_version;
  });
}

ngd_status ngd_client_push_rows_f32(ngd_client *client, int32_t kind, size_t tensor, const uint32_t *rows,
                                    size_t count, const float *values, int64_t timeout_ms, uint64_t *version,
                                    ngd_error *error) noexcept {
  return guard(error, [&] {
    const size_t width = ngd::check_table(client, tensor, rows, count, values);
    const ngd::wire::UpdateKind update = ngd::update_kind(kind);
    ngd::transport::Client &object = *client->object;
    const ngd::RowOrder order(rows, count);
    order.check_unique();
    const Outcome outcome = object.call_borrowing(
        timeout_ms,
        [&](ClientSession &session, const ngd::transport::Client::Borrowed &borrowed, Time now, Time deadline) {
          ngd::cluster::TensorUpdate one;
          one.tensor = static_cast<uint32_t>(tensor);
          one.rows = order.sorted();
          one.values = order.rising() ? borrowed.bytes(values, count * width * sizeof(float))
                                      : order.gathered(values, width);
          return session.push(update, {std::move(one)}, now, deadline, object.base_version());
        });
    if (version != nullptr) *version = outcome.version;
  });
}

ngd_status ngd_client_pull_rows_f32(ngd_client *client, uint64_t version, size_t tensor, const uint32_t *rows,
                                    size_t count, float *values, int64_t timeout_ms, uint64_t *got,
                                    ngd_error *error) noexcept {
  return guard(error, [&] {
    const size_t width = ngd::check_table(client, tensor, rows, count, values);
    ngd::transport::Client &object = *client->object;
    const ngd::RowOrder order(rows, count);
    ngd::cluster::TensorQuery query;
    query.tensor = static_cast<uint32_t>(tensor);
    query.rows = order.distinct();
    if (query.rows.empty()) ngd::fail(NGD_E_ARGUMENT, "count is 0; name at least one row");
    const Outcome outcome = object.call(timeout_ms, [&](ClientSession &session, Time now, Time deadline) {
      return session.pull({query}, version, now, deadline);
    });
    ngd::copy_rows(outcome, query.rows, rows, count, width, values);
    object.saw(outcome.version);
    if (got != nullptr) *got = outcome.version;
  });
}

ngd_status ngd_client_start_push_f32(ngd_client *client, int32_t kind, const float *const *tensors,
                                     size_t count, int64_t timeout_ms, uint64_t *ticket,
                                     ngd_error *error) noexcept {
  return guard(error, [&] {
    const ngd::ModelOfClient model = ngd::check_tensors(client, tensors, count);
    require(ticket, "ticket");
    const ngd::wire::UpdateKind update = ngd::update_kind(kind);
    ngd::transport::Client &object = *client->object;
    const auto updates = ngd::copies_of(model->tensors, tensors);
    *ticket = object.start(timeout_ms, [&](ClientSession &session, Time now, Time deadline) {
      return session.push(update, updates, now, deadline, object.base_version());
    });
  });
}

ngd_status ngd_client_start_push_borrow_f32(ngd_client *client, int32_t kind, const float *const *tensors,
                                            size_t count, int64_t timeout_ms, uint64_t *ticket,
                                            ngd_error *error) noexcept {
  return guard(error, [&] {
    const ngd::ModelOfClient model = ngd::check_tensors(client, tensors, count);
    require(ticket, "ticket");
    const ngd::wire::UpdateKind update = ngd::update_kind(kind);
    ngd::transport::Client &object = *client->object;
    *ticket = object.start_borrowing(
        timeout_ms,
        [&](ClientSession &session, const ngd::transport::Client::Borrowed &borrowed, Time now, Time deadline) {
          return session.push(update, ngd::updates_of(model->tensors, tensors, borrowed), now, deadline,
                              object.base_version());
        });
  });
}

ngd_status ngd_client_start_pull_f32(ngd_client *client, uint64_t version, int64_t timeout_ms, uint64_t *ticket,
                                     ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(ticket, "ticket");
    const auto queries = ngd::all_queries(client->object->model()->tensors);
    *ticket = client->object->start(timeout_ms, [&](ClientSession &session, Time now, Time deadline) {
      return session.pull(queries, version, now, deadline);
    });
  });
}

ngd_status ngd_client_poll(ngd_client *client, uint64_t ticket, int32_t *finished, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(finished, "finished");
    *finished = client->object->finished(ticket) ? 1 : 0;
  });
}

ngd_status ngd_client_wait(ngd_client *client, uint64_t ticket, int64_t timeout_ms, uint64_t *version,
                           ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    const Outcome outcome = client->object->wait(ticket, timeout_ms);
    if (version != nullptr) *version = outcome.version;
  });
}

ngd_status ngd_client_wait_pull_f32(ngd_client *client, uint64_t ticket, int64_t timeout_ms,
                                    float *const *tensors, size_t count, uint64_t *got,
                                    ngd_error *error) noexcept {
  return guard(error, [&] {
    const ngd::ModelOfClient model = ngd::check_tensors(client, tensors, count);
    const Outcome outcome = client->object->wait(ticket, timeout_ms);
    ngd::copy_values(model->tensors, outcome, tensors);
    client->object->saw(outcome.version);
    if (got != nullptr) *got = outcome.version;
  });
}

ngd_status ngd_client_cancel(ngd_client *client, uint64_t ticket, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    client->object->cancel(ticket);
  });
}
