// A cluster in fair weather for tests of single features: each call runs until it has its outcome.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "base/text.h"
#include "world.h"

#include "test.h"

namespace simulation {

namespace wire = ngd::wire;
using ngd::cluster::ClientOptions;
using ngd::cluster::ClientSession;
using ngd::cluster::NodeOptions;
using ngd::cluster::Outcome;
using ngd::cluster::TensorQuery;
using ngd::cluster::TensorUpdate;
using ngd::cluster::Ticket;

class SmallCluster {
 public:
  explicit SmallCluster(size_t servers = 1, const NodeOptions &options = {}) : world(1, options.mutant, false) {
    world.weather.delay = 100;
    world.on_client = [](size_t) {};
    NodeOptions own = options;
    own.directory = "data";
    for (size_t i = 0; i < servers; i++) world.add_server(own);
    for (size_t i = 0; i < servers; i++) world.start_server(i);
  }

  size_t client(const wire::ModelSpec &spec, ClientOptions options = {}) {
    const size_t index = world.add_client();
    for (const auto &server : world.servers) options.addresses.push_back(server->options.address);
    options.model = spec.name;
    world.start_client(index, options);
    const Outcome outcome = wait(index, world.session(index).create_model(spec, now(index), soon(index)));
    if (outcome.status != NGD_OK) fail_msg("the model could not be made: %s", outcome.text.c_str());
    return index;
  }
  Outcome wait(size_t client, Ticket ticket) {
    ClientSession &session = world.session(client);
    world.touched(client);
    world.run_until(world.now() + 100 * kSecond, [&] { return session.finished(ticket); });
    const auto outcome = session.poll(ticket);
    if (!outcome) fail_msg("operation %llu never ended", static_cast<unsigned long long>(ticket));
    return *outcome;
  }
  bool pending(size_t client, Ticket ticket, Time time) {
    world.touched(client);
    world.run_until(world.now() + time);
    return !world.session(client).finished(ticket);
  }
  Outcome push(size_t client, wire::UpdateKind kind, const std::vector<std::vector<float>> &tensors,
               uint64_t base = 0) {
    return wait(client, begin_push(client, kind, tensors, base));
  }
  Ticket begin_push(size_t client, wire::UpdateKind kind, const std::vector<std::vector<float>> &tensors,
                    uint64_t base = 0) {
    std::vector<TensorUpdate> updates;
    for (uint32_t t = 0; t < tensors.size(); t++) {
      if (!tensors[t].empty()) updates.push_back({t, {}, bytes(tensors[t])});
    }
    return world.session(client).push(kind, updates, now(client), soon(client), base);
  }
  Outcome push_rows(size_t client, wire::UpdateKind kind, uint32_t tensor, const std::vector<uint32_t> &rows,
                    const std::vector<float> &values) {
    return wait(client,
                world.session(client).push(kind, {{tensor, rows, bytes(values)}}, now(client), soon(client)));
  }
  Outcome pull(size_t client, const std::vector<TensorQuery> &queries, uint64_t version = 0) {
    return wait(client, world.session(client).pull(queries, version, now(client), soon(client)));
  }
  Outcome command(size_t client, const wire::Command &command, const std::string &payload = {},
                  Time patience = 50 * kSecond) {
    return wait(client, world.session(client).command(command, wire::copied(payload), now(client),
                                                      now(client) + patience));
  }
  Outcome checkpoint(size_t client) {
    uint64_t before = 0, after = 0;
    const auto count = [&] {
      uint64_t done = 0;
      for (const auto &server : world.servers) {
        for (const auto &[number, shard] : server->node->shards()) done += shard->checkpoints_done();
      }
      return done;
    };
    before = count();
    for (const auto &server : world.servers) server->node->checkpoint(server->time());
    (void)client;
    world.run_until(world.now() + 10 * kSecond, [&] { return (after = count()) > before; });
    Outcome outcome;
    outcome.status = after > before ? NGD_OK : NGD_E_IO;
    return outcome;
  }

  // The whole of a tensor, or the rows that were asked for, in one vector.
  static std::vector<float> values(const Outcome &outcome, uint32_t tensor, size_t count) {
    std::vector<float> values(count);
    size_t rows_at = 0;
    // Shards answer in any order; rows rise.
    std::vector<ngd::cluster::TensorValues> parts = outcome.tensors;
    std::ranges::stable_sort(parts, {},
                             [](const auto &part) { return part.rows.empty() ? 0 : part.rows.front(); });
    for (const auto &part : parts) {
      if (part.tensor != tensor) continue;
      size_t at = part.rows.empty() ? part.first * sizeof(float) : rows_at;
      for (const wire::Bytes &buffer : part.data) {
        assert_true(at + buffer.size <= count * sizeof(float));
        std::memcpy(reinterpret_cast<std::byte *>(values.data()) + at, buffer.data, buffer.size);
        at += buffer.size;
      }
      if (!part.rows.empty()) rows_at = at;
    }
    return values;
  }
  static wire::Bytes bytes(const std::vector<float> &values) {
    return wire::copied(std::as_bytes(std::span(values)));
  }
  Time now(size_t client) const { return world.client_time(client); }
  Time soon(size_t client) const { return now(client) + 30 * kSecond; }

  World world;
};

inline wire::TensorSpec tensor(std::string name, ngd::Shape shape, bool table = false) {
  wire::TensorSpec spec;
  spec.name = std::move(name);
  spec.shape = std::move(shape);
  spec.table = table;
  return spec;
}

inline wire::ModelSpec model(std::string optimizer, std::vector<wire::TensorSpec> tensors,
                             uint32_t shards = 1) {
  wire::ModelSpec spec;
  spec.name = "m";
  spec.optimizer = std::move(optimizer);
  spec.tensors = std::move(tensors);
  spec.shards = shards;
  return spec;
}

inline wire::Command named(wire::CommandKind kind, std::string name) {
  wire::Command command;
  command.kind = kind;
  command.name = std::move(name);
  return command;
}

}  // namespace simulation
