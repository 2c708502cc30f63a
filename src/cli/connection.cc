// Connecting to servers from the command line.
#include "connection.h"

#include <algorithm>

namespace cli {
namespace {

constexpr int64_t kAbsentMs = 400;  // a value that is not there is waited for

}  // namespace

void add_connection_options(CLI::App &app, ConnectionOptions &options) {
  app.add_option("--servers", options.servers,
                 "Addresses of any servers, separated by commas (default tcp://127.0.0.1:7070)")
      ->type_name("ADDRESSES");
  app.add_option("--model", options.model, "Name of the model (default: default)")->type_name("NAME");
  app.add_option("--key", options.key, "Secret key of this client, see ngd keygen; with --server-key")
      ->type_name("FILE");
  app.add_option("--server-key", options.server_key, "Public key of the servers: text or file")
      ->type_name("KEY");
  app.add_flag("--trusted-network", options.trusted_network, "Plain tcp to other hosts is wanted");
  app.add_option("--client", options.spec,
                 "Further options of the client, such as client:lease=30 (ngd options client)")
      ->type_name("SPEC");
  app.add_option("--timeout", options.timeout, "Seconds to wait for an answer (default 10)")
      ->type_name("SECONDS");
}

Client connect(const ConnectionOptions &options) {
  Client client = create<ngd_client>(ngd_client_create, options.spec.empty() ? "client" : options.spec);
  call(ngd_client_set_text, client.get(), "model", options.model.c_str());
  call(ngd_client_set, client.get(), "worker", 0.0);
  if (!options.key.empty()) call(ngd_client_set_text, client.get(), "key", options.key.c_str());
  if (!options.server_key.empty())
    call(ngd_client_set_text, client.get(), "server_key", options.server_key.c_str());
  if (options.trusted_network) call(ngd_client_set, client.get(), "trusted_network", 1.0);
  call(ngd_client_connect, client.get(), options.servers.c_str(), options.timeout_ms());
  return client;
}

Json places_of(ngd_client *client, int64_t timeout_ms) {
  constexpr size_t kGrowth = 65536;  // between the two calls
  size_t needed = 0;
  call(ngd_client_get_places, client, timeout_ms, static_cast<char *>(nullptr), size_t{0}, &needed);
  std::string text(needed + kGrowth, '\0');
  call(ngd_client_get_places, client, timeout_ms, text.data(), text.size(), &needed);
  text.resize(needed - 1);
  return Json::parse(text);
}

std::string value_of(ngd_client *client, const char *name, int64_t timeout_ms) {
  std::string text((size_t{1} << 20) + 1, '\0');
  size_t needed = 0;
  ngd_error error = {};
  const ngd_status status = ngd_client_get_value(client, name, 0, std::min(timeout_ms, kAbsentMs), text.data(),
                                                 text.size(), &needed, nullptr, &error);
  if (status == NGD_E_NOT_FOUND || status == NGD_E_TIMEOUT) return {};
  if (status != NGD_OK) throw Failure{error.message, kExitFailed, status};
  text.resize(needed - 1);
  return text;
}

}  // namespace cli
