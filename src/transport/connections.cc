// The table of connections, both ways.
#include "transport/connections.h"

#include <algorithm>

namespace ngd::transport {

cluster::Peer Connections::heard(Listener &listener, const std::string &route, cluster::Time now) {
  const std::lock_guard lock(mutex_);
  Key key{&listener, route};
  const auto found = by_route_.find(key);
  if (found != by_route_.end()) {
    by_number_.at(found->second).heard = now;
    return found->second;
  }
  if (by_number_.size() >= limit_) {
    const auto oldest =
        std::min_element(by_number_.begin(), by_number_.end(),
                         [](const auto &a, const auto &b) { return a.second.heard < b.second.heard; });
    erase_locked(oldest->first);
  }
  const cluster::Peer peer = next_++;
  by_route_.emplace(std::move(key), peer);
  by_number_.emplace(peer, Connection{&listener, route, now, std::make_shared<Gauge>(0)});
  return peer;
}

std::optional<Connection> Connections::find(cluster::Peer peer) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_number_.find(peer);
  if (found == by_number_.end()) return std::nullopt;
  return found->second;
}

void Connections::erase_locked(cluster::Peer peer) {
  const auto found = by_number_.find(peer);
  if (found == by_number_.end()) return;
  by_route_.erase({found->second.listener, found->second.route});
  by_number_.erase(found);
}

void Connections::erase(cluster::Peer peer) {
  const std::lock_guard lock(mutex_);
  erase_locked(peer);
}

void Connections::erase_silent(cluster::Time before) {
  const std::lock_guard lock(mutex_);
  std::vector<cluster::Peer> silent;
  for (const auto &[peer, connection] : by_number_) {
    if (connection.heard < before) silent.push_back(peer);
  }
  for (const cluster::Peer peer : silent) erase_locked(peer);
}

size_t Connections::size() const {
  const std::lock_guard lock(mutex_);
  return by_number_.size();
}

}  // namespace ngd::transport
