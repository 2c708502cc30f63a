// Who a server has heard from, and how much each of them has still to take.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cluster/peer.h"
#include "transport/listener.h"

namespace ngd::transport {

struct Connection {
  Listener *listener;
  std::string route;
  cluster::Time heard;
  std::shared_ptr<Gauge> gauge;  // bytes on their way to it
};

// Safe from any thread.
class Connections {
 public:
  explicit Connections(size_t limit) : limit_(limit) {}

  // The number of the connection, which is new or known. With the limit reached, one that was silent for the longest
  // makes room.
  cluster::Peer heard(Listener &listener, const std::string &route, cluster::Time now);
  std::optional<Connection> find(cluster::Peer peer) const;
  void erase(cluster::Peer peer);
  void erase_silent(cluster::Time before);
  size_t size() const;

 private:
  struct Key {
    const Listener *listener;
    std::string route;
    bool operator==(const Key &) const = default;
  };
  struct Hash {
    size_t operator()(const Key &key) const {
      return std::hash<std::string>()(key.route) ^ std::hash<const void *>()(key.listener);
    }
  };
  void erase_locked(cluster::Peer peer);

  mutable std::mutex mutex_;
  size_t limit_;
  cluster::Peer next_ = cluster::kFirstConnection;
  std::unordered_map<Key, cluster::Peer, Hash> by_route_;
  std::unordered_map<cluster::Peer, Connection> by_number_;
};

}  // namespace ngd::transport
