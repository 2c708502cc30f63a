// What verbs that speak to servers share: the options that say where and how, and the connection.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "handle.h"
#include "output.h"

namespace cli {

struct ConnectionOptions {
  std::string servers = "tcp://127.0.0.1:7070";
  std::string model;  // empty: the only one that the servers have; see connect()
  std::string key, server_key, spec;
  bool trusted_network = false;
  double timeout = 10;

  int64_t timeout_ms() const { return static_cast<int64_t>(timeout * 1000); }
};

void add_connection_options(CLI::App &app, ConnectionOptions &options);

// Connected to a model that exists; not one of its workers. Where the options name none, it is the only one that there is, and the
// options name it from then on.
Client connect(ConnectionOptions &options);
// To the servers alone.
Client connect_to_servers(const ConnectionOptions &options);

// What ngd_client_get_places() tells.
Json places_of(ngd_client *client, int64_t timeout_ms);
// A value that is waited for, all the time if need be; `version` receives its version.
std::string present_value_of(ngd_client *client, const char *name, int64_t timeout_ms,
                             uint64_t *version = nullptr);
// A value that may be absent: then the text is empty.
std::string value_of(ngd_client *client, const char *name, int64_t timeout_ms);

}  // namespace cli
