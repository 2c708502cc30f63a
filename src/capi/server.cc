// The functions of ngd/server.h.
#include "ngd/server.h"

#include "capi/guard.h"
#include "capi/handles.h"
#include "capi/options.h"
#include "coordinator/local.h"
#include "coordinator/plugged.h"
#include "transport/server_options.h"

namespace {

using ngd::guard;
using ngd::require;

// The coordinators that this library knows by their addresses.
ngd::transport::CoordinatorHandle make_coordinator(const std::string &address, const std::string &cluster,
                                                   const std::string &data_dir, ngd::transport::Answer answer) {
  if (address.starts_with("etcd://")) {
    auto etcd = std::make_unique<ngd::coordinator::PluggedCoordinator>(
        ngd::coordinator::find_module("libngd_coord_etcd.so"), address, cluster, std::move(answer));
    const ngd::coordinator::PluggedCoordinator &one = *etcd;
    return {std::move(etcd), [&one] { return one.problem(); }};
  }
  if (!address.starts_with("local:"))
    ngd::fail(NGD_E_ARGUMENT, "option coordinator is ", ngd::quoted(address),
              "; it is local:, local:/path or etcd://host:port,host:port,host:port");
  std::string directory = address.substr(6);
  if (directory.empty() && !data_dir.empty()) directory = data_dir + "/coordinator";
  if (directory.empty()) return {std::make_unique<ngd::coordinator::MemoryCoordinator>(std::move(answer)), {}};
  auto file = std::make_unique<ngd::coordinator::FileCoordinator>(std::move(directory), std::move(answer));
  const ngd::coordinator::FileCoordinator &one = *file;
  return {std::move(file), [&one] { return one.problem(); }};
}

}  // namespace

ngd_status ngd_server_describe(size_t index, ngd_option_info *info, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(info, "info");
    ngd::describe_option(ngd::transport::server_options(), "the server", index, info);
  });
}

ngd_status ngd_server_create(const char *spec, ngd_server **out, ngd_error *error) noexcept {
  if (out != nullptr) *out = nullptr;
  return guard(error, [&] {
    require(out, "out");
    auto server = std::make_shared<ngd::transport::Server>(spec == nullptr ? "server" : spec, make_coordinator);
    *out = new ngd_server{std::move(server)};
  });
}

void ngd_server_destroy(ngd_server *server) noexcept {
  delete server;
}

ngd_status ngd_server_set(ngd_server *server, const char *name, double value, ngd_error *error) noexcept {
  return ngd::set_option(server, "server", name, value, error);
}

ngd_status ngd_server_set_text(ngd_server *server, const char *name, const char *value,
                               ngd_error *error) noexcept {
  return ngd::set_text_option(server, "server", name, value, error);
}

ngd_status ngd_server_get(const ngd_server *server, const char *name, double *value,
                          ngd_error *error) noexcept {
  return guard(error, [&] {
    require(server, "server");
    require(name, "name");
    require(value, "value");
    *value = server->object->number(name);
  });
}

ngd_status ngd_server_get_text(const ngd_server *server, const char *name, char *buffer, size_t capacity,
                               size_t *needed, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(server, "server");
    require(name, "name");
    ngd::copy_text(server->object->text(name), buffer, capacity, needed);
  });
}

ngd_status ngd_server_start(ngd_server *server, int64_t timeout_ms, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(server, "server");
    server->object->start(timeout_ms);
  });
}

ngd_status ngd_server_checkpoint(ngd_server *server, int64_t timeout_ms, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(server, "server");
    server->object->checkpoint(timeout_ms);
  });
}

ngd_status ngd_server_stop(ngd_server *server, int64_t timeout_ms, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(server, "server");
    server->object->stop(timeout_ms);
  });
}

ngd_status ngd_server_get_status(ngd_server *server, char *buffer, size_t capacity, size_t *needed,
                                 ngd_error *error) noexcept {
  return guard(error, [&] {
    require(server, "server");
    ngd::copy_text(server->object->status(), buffer, capacity, needed);
  });
}
