// The front thread of a server: receives, answers pulls, leads messages to shards, and drives the node.
#include <poll.h>
#include <pthread.h>

#include <algorithm>

#include "base/error.h"
#include "transport/server_state.h"
#include "wire/codec.h"

namespace ngd::transport {
namespace {

constexpr int kBatch = 64;                       // messages of one listener before the next has its turn
constexpr cluster::Time kSilence = 900'000'000;  // longer than any session
constexpr cluster::Time kLook = 250'000;         // at authorized keys
constexpr uint64_t kShortMessage = uint64_t{256} << 10;  // applied here: another thread would have to wake

}  // namespace

void RunningServer::run() {
  node_->start(now_us());
  cluster::Time swept = now_us();
  std::vector<pollfd> fds;
  while (!stop_.load(std::memory_order_acquire)) {
    bool more = false;
    try {
      front_sent_ = false;
      for (const auto &listener : listeners_) more |= take_from(*listener);
      // What was sent to one listener's peer because of another's message.
      if (listeners_.size() == 1) front_sent_ = false;
      drain_channels();
      work_on_node();
      if (zap_ != nullptr) zap_->answer();
    } catch (const std::exception &error) {  // memory ran out
      const std::lock_guard lock(text_mutex_);
      last_refusal_ = error.what();
    }
    const cluster::Time now = now_us();
    if (now - swept > 60'000'000) {
      connections_.erase_silent(now - std::min(now, kSilence));
      swept = now;
    }
    if (front_sent_ || more) continue;

    fds.clear();
    fds.push_back({bell_.fd(), POLLIN, 0});
    for (const auto &listener : listeners_) fds.push_back({listener->fd(), POLLIN, 0});
    if (zap_ != nullptr) fds.push_back({zap_->fd(), POLLIN, 0});
    {
      const std::lock_guard lock(channels_mutex_);
      for (const auto &[node, channel] : channels_) {
        if (channel != nullptr) fds.push_back({channel->fd(), POLLIN, 0});
      }
    }
    const cluster::Time next = std::min(node_->next_wakeup(), now + (zap_ != nullptr ? kLook : 1'000'000));
    poll(fds.data(), fds.size(), poll_timeout(now, next));
    if ((fds[0].revents & POLLIN) != 0) bell_.quiet();
  }
}

cluster::From RunningServer::sender(const Listener &listener, const Socket::Received &received,
                                    bool &known) const {
  known = true;
  if (!listener.secured()) return {0, cluster::Role::server, 0};
  Zap::Who who;
  known = zap_->who(received.user, who);
  return {0, who.role, who.user};
}

bool RunningServer::take_from(Listener &listener) {
  Listener::Received received;
  int count = 0;
  for (; count < kBatch && listener.receive(received); count++) {
    received_.fetch_add(1, std::memory_order_relaxed);
    bool known = false;
    cluster::From from = sender(listener, received.message, known);
    if (!known) {  // its key was taken away since it connected
      strangers_.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    wire::Unpacked unpacked;
    try {
      unpacked = wire::unpack(received.message.frames);
    } catch (const std::exception &error) {
      refused_frames_.fetch_add(1, std::memory_order_relaxed);
      const std::lock_guard lock(text_mutex_);
      last_refusal_ = error.what();
      continue;
    }
    received.message.frames.clear();
    const bool server = unpacked.header.node != 0 && from.role == cluster::Role::server;
    if (server) {
      from.peer = unpacked.header.node;
    } else {
      bytes_received_.fetch_add(received.message.bytes, std::memory_order_relaxed);
      from.peer = connections_.heard(listener, received.route, now_us());
      // A server that speaks as a client is one.
      from.role = std::min(from.role, cluster::Role::admin);
    }
    route(from, std::move(unpacked.message), received.message.bytes, true);
  }
  return count == kBatch;
}

void RunningServer::route(const cluster::From &from, wire::Message message, uint64_t bytes, bool on_front) {
  const wire::Envelope envelope = message.envelope;
  if (auto *create = std::get_if<wire::CreateModel>(&message.body)) {
    if (create->spec.shards == 0) create->spec.shards = setup_.shards;
  }
  const std::shared_ptr<const cluster::Published> published =
      envelope.shard == 0 ? nullptr : apply_->published(envelope.shard);
  if (published == nullptr) {
    if (on_front) return to_node(from, std::move(message));
    const std::lock_guard lock(inbox_mutex_);
    inbox_.push_back({from, std::move(message), {}});
    bell_.ring();
    return;
  }
  if (const auto *pull = std::get_if<wire::Pull>(&message.body)) {
    // Never behind an update: from what is published.
    if (auto answer = published->answer_at_once(envelope, *pull, message.payload, now_us()))
      return send(from.peer, std::move(*answer));
  }
  const bool update =
      std::holds_alternative<wire::Push>(message.body) || std::holds_alternative<wire::Command>(message.body);
  if (update && draining_.load(std::memory_order_relaxed))
    return refuse(from.peer, envelope, NGD_E_UNAVAILABLE, "the server is stopping");
  if (from.role != cluster::Role::server && apply_->bytes() + bytes > setup_.node.limits.shard_bytes)
    return refuse(from.peer, envelope, NGD_E_UNAVAILABLE,
                  "the server has as many bytes under way as it may; send it again later");
  const bool short_work = on_front && bytes <= kShortMessage;
  apply_->run(
      envelope.shard,
      [from, message = std::move(message)](cluster::Shard &shard, cluster::Time now) mutable {
        shard.receive(from, std::move(message), now);
      },
      bytes, short_work);
}

void RunningServer::refuse(cluster::Peer peer, const wire::Envelope &envelope, ngd_status status,
                           const char *text) {
  wire::Refused refused;
  refused.status = status;
  refused.retry = wire::Refused::Retry::later;
  refused.text = text;
  send(peer, {envelope, std::move(refused), {}});
}

void RunningServer::to_node(const cluster::From &from, wire::Message message) {
  try {
    node_->receive(from, std::move(message), now_us());
  } catch (const std::exception &) {
    refused_frames_.fetch_add(1, std::memory_order_relaxed);
  }
}

void RunningServer::work_on_node() {
  std::deque<ToNode> inbox;
  {
    const std::lock_guard lock(inbox_mutex_);
    inbox.swap(inbox_);
  }
  for (ToNode &one : inbox) {
    if (one.message) {
      // The shard may have come since.
      if (one.message->envelope.shard != 0 && apply_->has(one.message->envelope.shard))
        route(one.from, std::move(*one.message), 0, true);
      else
        to_node(one.from, std::move(*one.message));
    } else if (!to_shard(one.answer)) {  // likewise: it is another thread's now
      node_->coordinated(one.answer, now_us());
    }
  }
  const cluster::Time now = now_us();
  if (node_->next_wakeup() <= now) node_->tick(now);
  for (cluster::Shard *shard : fresh_shards_) apply_->add(*shard);
  fresh_shards_.clear();
  learn_map();
  if (!joined_ && node_->joined()) {
    const std::lock_guard lock(joined_mutex_);
    joined_ = true;
    joined_wake_.notify_all();
  }
}

// False: it is the node's, or that of a shard that has no thread yet.
bool RunningServer::to_shard(const cluster::CoordinatorAnswer &answer) {
  const auto shard = static_cast<uint32_t>(answer.ticket >> 32);
  if (shard == 0 || !apply_->has(shard)) return false;
  apply_->run(shard, [answer](cluster::Shard &one, cluster::Time now) { one.coordinated(answer, now); });
  return true;
}

void RunningServer::coordinated(const cluster::CoordinatorAnswer &answer) {
  if (to_shard(answer)) return;
  const std::lock_guard lock(inbox_mutex_);
  inbox_.push_back({{}, std::nullopt, answer});
  bell_.ring();
}

void RunningServer::learn_map() {
  if (node_->map().revision == map_revision_) return;
  map_revision_ = node_->map().revision;
  const std::lock_guard lock(channels_mutex_);
  for (const wire::NodePlace &place : node_->map().nodes) {
    wire::NodePlace &known = nodes_[place.node];
    // A server that has come back elsewhere, or anew, is connected to anew.
    if (known.address != place.address || known.server_key != place.server_key) channels_.erase(place.node);
    known = place;
  }
}

void RunningServer::drain_channels() {
  // What servers answer on our connections: nothing, they use their own. But sending needs this.
  const std::lock_guard lock(channels_mutex_);
  const cluster::Time now = now_us();
  for (const auto &[node, channel] : channels_) {
    if (channel != nullptr) channel->drain(now, [](const Socket::Received &) {});
  }
}

}  // namespace ngd::transport
