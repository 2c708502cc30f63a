// Connecting to servers from the command line.
#include "connection.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

namespace cli {
namespace {

constexpr int64_t kAbsentMs = 400;  // a value that is not there is waited for

// The addresses instead of a run directory; returns what is wrong.
std::string servers_of_run(std::string &text) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(text, ignored)) return {};
  std::ifstream file(text + "/servers/addresses");
  std::string addresses{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (addresses.empty()) return "\"" + text + "\" has no servers that are at work";
  text = std::move(addresses);
  return {};
}

}  // namespace

void add_connection_options(CLI::App &app, ConnectionOptions &options) {
  app.add_option(
         "--servers", options.servers,
         "Addresses of any servers, separated by commas, or the run directory of an ngd train --workers that "
         "is at work (default tcp://127.0.0.1:7070)")
      ->transform(CLI::Validator(servers_of_run, ""))
      ->type_name("ADDRESSES|RUN");
  app.add_option("--model", options.model, "Name of the model (default: the only one that there is)")
      ->type_name("NAME");
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

namespace {

Client connected_to(const ConnectionOptions &options, const std::string &model) {
  Client client = create<ngd_client>(ngd_client_create, options.spec.empty() ? "client" : options.spec);
  call(ngd_client_set_text, client.get(), "model", model.c_str());
  call(ngd_client_set, client.get(), "worker", 0.0);
  if (!options.key.empty()) call(ngd_client_set_text, client.get(), "key", options.key.c_str());
  if (!options.server_key.empty())
    call(ngd_client_set_text, client.get(), "server_key", options.server_key.c_str());
  if (options.trusted_network) call(ngd_client_set, client.get(), "trusted_network", 1.0);
  call(ngd_client_connect, client.get(), options.servers.c_str(), options.timeout_ms());
  return client;
}

std::string models_text(const std::vector<std::string> &models) {
  std::string text;
  for (const std::string &one : models) text += (text.empty() ? "" : ", ") + one;
  return text;
}

}  // namespace

Client connect_to_servers(const ConnectionOptions &options) {
  return connected_to(options, "");
}

Client connect(ConnectionOptions &options) {
  std::vector<std::string> models;
  {
    const Client client = connect_to_servers(options);
    const Json places = places_of(client.get(), options.timeout_ms());
    for (const Json &model : places["models"]) models.push_back(model["name"].get<std::string>());
  }
  const bool there = std::ranges::find(models, options.model) != models.end();
  if (options.model.empty() && models.size() > 1)
    throw Failure{fmt::format("the servers have several models; say which by --model: {}", models_text(models)),
                  kExitUsage};
  if (models.empty() || (!options.model.empty() && !there))
    throw Failure{options.model.empty()
                      ? "the servers have no model yet; ngd train --connect makes one"
                      : fmt::format("the servers have no model \"{}\"; {}", options.model,
                                    models.empty() ? "they have none yet: ngd train --connect makes one"
                                                   : "they have: " + models_text(models)),
                  kExitFailed, NGD_E_NOT_FOUND};
  if (options.model.empty()) options.model = models.front();
  return connected_to(options, options.model);
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

std::string present_value_of(ngd_client *client, const char *name, int64_t timeout_ms, uint64_t *version) {
  std::string text((size_t{1} << 20) + 1, '\0');
  size_t needed = 0;
  call(ngd_client_get_value, client, name, uint64_t{0}, timeout_ms, text.data(), text.size(), &needed, version);
  text.resize(needed - 1);
  return text;
}

std::string value_of(ngd_client *client, const char *name, int64_t timeout_ms) try {
  return present_value_of(client, name, std::min(timeout_ms, kAbsentMs));
} catch (const Failure &failure) {
  if (failure.status == NGD_E_NOT_FOUND || failure.status == NGD_E_TIMEOUT) return {};
  throw;
}

}  // namespace cli
