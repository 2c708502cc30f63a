// Starting and ending a server, and what its machines send.
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "cluster/replica.h"
#include "transport/server_state.h"

namespace ngd::transport {
namespace {

const char *role_name(cluster::Replica::Role role) {
  switch (role) {
    case cluster::Replica::Role::primary:
      return "primary";
    case cluster::Replica::Role::member:
      return "member";
    case cluster::Replica::Role::learner:
      return "learner";
    case cluster::Replica::Role::unknown:
      break;
  }
  return "unknown";
}

}  // namespace

RunningServer::RunningServer(ServerSetup setup, const CoordinatorMaker &maker)
    : setup_(std::move(setup)),
      disk_(setup_.data_dir),
      context_(std::make_shared<Context>(setup_.io_threads)),
      connections_(setup_.node.limits.sessions) {
  const bool secured = !setup_.keys.empty();
  if (secured) zap_ = std::make_unique<Zap>(context_, setup_.authorized, setup_.keys.public_key);
  for (const Address &address : setup_.listen) {
    const bool curve = secured && address.scheme == Scheme::tcp;
    check_plain(address, curve, setup_.trusted_network);
    if (address.scheme == Scheme::ipc && !setup_.trusted_network) prepare_ipc_directory(address);
    listeners_.push_back(
        std::make_unique<Listener>(context_, address, curve ? &setup_.keys : nullptr, setup_.sockets));
    if (address.scheme == Scheme::inproc)
      names_.push_back(std::make_unique<InprocName>(address.host, context_));
  }
  if (!setup_.data_dir.empty()) disk_.make_directory("");
  setup_.node.address = setup_.advertise.empty() ? listeners_.front()->endpoint() : setup_.advertise;
  if (secured) setup_.node.server_key = setup_.keys.public_key;
  apply_ = std::make_unique<Apply>(setup_.apply_threads);
  coordinator_ = maker(setup_.coordinator, setup_.node.cluster, setup_.data_dir,
                       [this](const cluster::CoordinatorAnswer &answer) { coordinated(answer); });
  node_ = std::make_unique<cluster::ServerNode>(setup_.node, *this, disk_, rng_, *coordinator_.coordinator);
  node_->leave_shards();
  node_->on_places([this](uint32_t number, const wire::ModelPlace &model) {
    apply_->run(number, [model](cluster::Shard &shard, cluster::Time now) { shard.placed(model, now); });
  });
  node_->on_shard([this](cluster::Shard &shard) { fresh_shards_.push_back(&shard); });
  node_->on_drop([this](cluster::Shard &shard) {
    std::erase(fresh_shards_, &shard);
    apply_->remove(shard.number());
  });
  front_ = Thread("ngd-front", [this] {
    front_id_ = pthread_self();
    run();
  });
}

RunningServer::~RunningServer() {
  stop_.store(true, std::memory_order_release);
  bell_.ring();
  front_.join();
  apply_->stop();
  coordinator_ = {};
}

bool RunningServer::wait_until_joined(cluster::Time deadline) {
  std::unique_lock lock(joined_mutex_);
  return joined_wake_.wait_for(lock, time_left(deadline), [this] { return joined_; });
}

std::string RunningServer::endpoints() const {
  std::string all;
  for (const auto &listener : listeners_) all += (all.empty() ? "" : " ") + listener->endpoint();
  return all;
}

std::string RunningServer::coordinator_problem() const {
  return coordinator_.problem ? coordinator_.problem() : std::string();
}

// --- sending ------------------------------------------------------------------------------------------------------

void RunningServer::send(cluster::Peer to, wire::Message message) {
  const auto node = static_cast<uint32_t>(to);
  try {
    if (to >= cluster::kFirstConnection)
      send_to_client(to, message);
    else if (node == setup_.node.node)
      route({to, cluster::Role::server, 0}, std::move(message), 0, false);
    else
      send_to_server(node, message);
  } catch (const std::exception &error) {  // a message that is lost is sent again
    const std::lock_guard lock(text_mutex_);
    last_refusal_ = error.what();
  }
}

void RunningServer::send_to_client(cluster::Peer peer, const wire::Message &message) {
  const auto connection = connections_.find(peer);
  if (!connection) return;
  // One that takes nothing must not hold our memory: what is dropped is asked for again.
  const auto bytes = static_cast<int64_t>(wire::total_bytes(message.payload));
  const int64_t own = connection->gauge->load(), all = sending_->load();
  if ((own > 0 && own + bytes > static_cast<int64_t>(setup_.node.limits.client_bytes)) ||
      (all > 0 && all + bytes > static_cast<int64_t>(setup_.node.limits.shard_bytes))) {
    dropped_answers_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const wire::Frames frames = wire::pack(message, static_cast<uint16_t>(setup_.node.node));
  bytes_sent_.fetch_add(frames.bytes(), std::memory_order_relaxed);
  // The front thread looks for itself: it goes on receiving until nothing comes.
  const bool on_front = pthread_equal(pthread_self(), front_id_.load(std::memory_order_relaxed)) != 0;
  bool wake = false;
  if (!connection->listener->send(connection->route, frames, {connection->gauge, sending_},
                                  on_front ? nullptr : &wake))
    dropped_answers_.fetch_add(1, std::memory_order_relaxed);
  if (on_front)
    front_sent_ = true;
  else if (wake)
    bell_.ring();
}

void RunningServer::send_to_server(uint32_t node, const wire::Message &message) {
  const wire::Frames frames = wire::pack(message, static_cast<uint16_t>(setup_.node.node));
  const std::lock_guard lock(channels_mutex_);
  const auto place = nodes_.find(node);
  if (place == nodes_.end()) return;
  std::unique_ptr<Channel> &channel = channels_[node];
  if (channel == nullptr) {
    const Address address = parse_address(place->second.address);
    const bool curve =
        address.scheme == Scheme::tcp && !place->second.server_key.empty() && !setup_.keys.empty();
    check_plain(address, curve, setup_.trusted_network);
    const std::shared_ptr<Context> context =
        address.scheme == Scheme::inproc ? inproc_context(address.host) : context_;
    if (context == nullptr) return;
    channel = std::make_unique<Channel>(context, address, curve ? &setup_.keys : nullptr,
                                        place->second.server_key, setup_.sockets);
  }
  bytes_to_servers_.fetch_add(frames.bytes(), std::memory_order_relaxed);
  channel->send(frames, now_us());
  bell_.ring();
}

// --- checkpoints, the end -------------------------------------------------------------------------------------------

void RunningServer::begin_checkpoint() {
  for (const uint32_t shard : apply_->shards())
    apply_->run_and_wait(shard, [](cluster::Shard &one, cluster::Time now) { one.checkpoint(now); });
}

size_t RunningServer::checkpoints_pending() {
  size_t pending = 0;
  for (const uint32_t shard : apply_->shards())
    apply_->run_and_wait(
        shard, [&](cluster::Shard &one, cluster::Time) { pending += one.checkpoint_pending() ? 1 : 0; });
  return pending;
}

uint64_t RunningServer::checkpoints_done() {
  uint64_t done = 0;
  for (const uint32_t shard : apply_->shards())
    apply_->run_and_wait(shard, [&](cluster::Shard &one, cluster::Time) { done += one.checkpoints_done(); });
  return done;
}

void RunningServer::drain(cluster::Time deadline) {
  draining_.store(true);
  const auto busy = [&] {
    uint64_t bytes = apply_->bytes();
    for (const uint32_t shard : apply_->shards())
      apply_->run_and_wait(shard, [&](cluster::Shard &one, cluster::Time) { bytes += one.unsynced_bytes(); });
    return bytes > 0;
  };
  while (busy() && now_us() < deadline) usleep(1000);
}

std::string RunningServer::status() {
  std::string problem = coordinator_problem(), refusal;
  {
    const std::lock_guard lock(text_mutex_);
    refusal = last_refusal_;
  }
  std::string out = concat(
      "{\"node\":", setup_.node.node, ",\"cluster\":", json_text(setup_.node.cluster),
      ",\"endpoints\":", json_text(endpoints()), ",\"encrypted\":", !setup_.keys.empty() ? "true" : "false",
      ",\"connections\":", connections_.size(), ",\"received\":", received_.load(),
      ",\"refused_messages\":", refused_frames_.load(), ",\"strangers\":", strangers_.load(),
      ",\"dropped_answers\":", dropped_answers_.load(), ",\"bytes_waiting\":", apply_->bytes(),
      ",\"bytes_sending\":", sending_->load(), ",\"bytes_to_servers\":", bytes_to_servers_.load(),
      ",\"bytes_received\":", bytes_received_.load(), ",\"bytes_sent\":", bytes_sent_.load());
  if (!refusal.empty()) out += concat(",\"last_refusal\":", json_text(refusal));
  if (!problem.empty()) out += concat(",\"coordinator\":", json_text(problem));
  out += ",\"shards\":[";
  const char *comma = "";
  for (const uint32_t shard : apply_->shards()) {
    apply_->run_and_wait(shard, [&](cluster::Shard &it, cluster::Time) {
      out += concat(comma, "{\"shard\":", shard, ",\"ready\":", it.ready() ? "true" : "false",
                    ",\"version\":", it.version(), ",\"lineage\":", it.lineage(),
                    ",\"staged_bytes\":", it.staged_bytes(), ",\"checkpoints\":", it.checkpoints_done(),
                    ",\"unsynced_bytes\":", it.unsynced_bytes(), ",\"role\":\"", role_name(it.replica().role()),
                    "\",\"replicas\":", it.replica().nodes().size(),
                    ",\"in_sync\":", it.replica().record().in_sync.size(), ",\"digests\":", it.digests(),
                    ",\"digests_differed\":", it.differences());
      if (const std::string trouble = it.trouble(); !trouble.empty())
        out += ",\"trouble\":" + json_text(trouble);
      out += "}";
    });
    comma = ",";
  }
  return out + "]}";
}

}  // namespace ngd::transport
