// The handle of a server: options, start, checkpoint, stop.
#include "transport/server.h"

#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "transport/handle.h"
#include "transport/server_options.h"
#include "transport/server_state.h"

namespace ngd::transport {
namespace {

ServerSetup setup_of(const OptionSet &options) {
  ServerSetup setup;
  setup.listen = parse_addresses(options.text("listen"));
  setup.advertise = options.text("advertise");
  if (!setup.advertise.empty()) parse_address(setup.advertise);
  setup.coordinator = options.text("coordinator");
  setup.data_dir = options.text("data_dir");
  setup.authorized = options.text("authorized");
  const std::string key = options.text("key");
  if (!key.empty()) setup.keys = read_key_pair(key);
  if (key.empty() != setup.authorized.empty())
    fail(NGD_E_ARGUMENT,
         "options key and authorized go together: a server that encrypts must know who may come");
  setup.trusted_network = options["trusted_network"] != 0;
  setup.sockets.heartbeat_ms = static_cast<int>(options["heartbeat_ms"]);
  setup.sockets.linger_ms = static_cast<int>(options["linger_ms"]);
  setup.io_threads = static_cast<int>(options["io_threads"]);
  setup.apply_threads = static_cast<unsigned>(options["apply_threads"]);
  setup.shards = static_cast<uint32_t>(options["shards"]);
  setup.node.node = static_cast<uint32_t>(options["node"]);
  setup.node.cluster = options.text("cluster");
  setup.node.durable = !setup.data_dir.empty();
  setup.node.ack_disk = options.choice("ack") == "disk";
  setup.node.zone = options.text("zone");
  setup.node.replicas = static_cast<uint32_t>(options["replicas"]);
  setup.node.min_in_sync = static_cast<size_t>(options["min_in_sync"]);
  if (setup.node.ack_disk && !setup.node.durable)
    fail(NGD_E_ARGUMENT, "option ack=disk needs a directory for the log; set data_dir");
  setup.node.log_bytes = static_cast<uint64_t>(options["log_bytes"]);
  setup.node.checkpoint_every_us = static_cast<cluster::Time>(options["checkpoint_every"] * 1e6);
  setup.node.checkpoint_every_versions = static_cast<uint64_t>(options["checkpoint_versions"]);
  setup.node.limits.client_bytes = static_cast<uint64_t>(options["client_bytes"]);
  setup.node.limits.shard_bytes = static_cast<uint64_t>(options["server_bytes"]);
  setup.node.limits.sessions = static_cast<size_t>(options["sessions"]);
  return setup;
}

}  // namespace

// The mutex is held by the calls that wait.
struct Server::State : Handle {
  State() : Handle(server_options(), "server") {}

  CoordinatorMaker maker;
  std::unique_ptr<RunningServer> running;

  RunningServer &need_running() const {
    if (running == nullptr) fail(NGD_E_STATE, "the server does not run; start it first");
    return *running;
  }
  void checkpoint(cluster::Time deadline) const;
};

Server::Server(std::string_view spec, CoordinatorMaker maker) : state_(std::make_unique<State>()) {
  state_->read_spec(spec);
  state_->maker = std::move(maker);
}

Server::~Server() {
  // A fork has none of the threads: what they share is left alone.
  if (!state_->owner.here()) static_cast<void>(state_.release());
}

void Server::set(std::string_view name, double value) {
  state_->set(name, value);
}
void Server::set_text(std::string_view name, std::string_view value) {
  state_->set_text(name, value);
}
double Server::number(std::string_view name) const {
  return state_->number(name);
}
std::string Server::text(std::string_view name) const {
  if (name != "endpoints") return state_->text(name);
  state_->check_owner();
  const std::lock_guard lock(state_->mutex);
  return state_->need_running().endpoints();
}

void Server::start(int64_t timeout_ms) {
  state_->check_owner();
  const cluster::Time deadline = deadline_of(timeout_ms);
  const std::lock_guard lock(state_->mutex);
  if (state_->running != nullptr) fail(NGD_E_STATE, "the server runs already");
  auto running = std::make_unique<RunningServer>(setup_of(state_->options), state_->maker);
  if (!running->wait_until_joined(deadline)) {
    const std::string problem = running->coordinator_problem();
    fail(NGD_E_TIMEOUT, "the coordinator ", state_->options.text("coordinator"), " did not answer within ",
         timeout_ms, " ms", problem.empty() ? "" : ": ", problem);
  }
  state_->running = std::move(running);
  state_->options.lock();
}

bool Server::running() const {
  state_->check_owner();
  const std::lock_guard lock(state_->mutex);
  return state_->running != nullptr;
}

void Server::State::checkpoint(cluster::Time deadline) const {
  RunningServer &server = need_running();
  if (!server.durable()) fail(NGD_E_STATE, "the server has no data_dir to write checkpoints to");
  server.begin_checkpoint();
  while (server.checkpoints_pending() > 0) {
    if (now_us() >= deadline) fail(NGD_E_TIMEOUT, "the checkpoint was not written in time; it goes on");
    usleep(2000);
  }
}

void Server::checkpoint(int64_t timeout_ms) {
  state_->check_owner();
  const cluster::Time deadline = deadline_of(timeout_ms);
  const std::lock_guard lock(state_->mutex);
  state_->checkpoint(deadline);
}

void Server::stop(int64_t timeout_ms) {
  state_->check_owner();
  const cluster::Time deadline = deadline_of(timeout_ms);
  const std::lock_guard lock(state_->mutex);
  RunningServer &server = state_->need_running();
  const auto end = [&] {
    state_->running.reset();
    state_->options.unlock();
  };
  try {
    server.drain(deadline);
    if (server.durable()) state_->checkpoint(deadline);
  } catch (...) {
    end();
    throw;
  }
  end();
}

std::string Server::status() const {
  state_->check_owner();
  const std::lock_guard lock(state_->mutex);
  return state_->need_running().status();
}

}  // namespace ngd::transport
