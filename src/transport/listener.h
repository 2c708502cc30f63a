// One endpoint that a server listens on: a ROUTER, whom it has heard from, and how much each has still to take.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "transport/address.h"
#include "transport/keys.h"
#include "transport/zmq_socket.h"
#include "wire/frames.h"

namespace ngd::transport {

struct SocketOptions {
  int heartbeat_ms = 1000;
  int linger_ms = 500;
  int queue = 1000;  // messages that wait for one peer
};

// Heartbeats, bounded queues and linger: what all sockets between clients and servers have.
void set_common(Socket &socket, const SocketOptions &options);

// Safe from any thread; receive() from one.
class Listener {
 public:
  // `keys` not null: CURVE, and only whom ZAP lets in.
  Listener(const std::shared_ptr<Context> &context, const Address &address, const KeyPair *keys,
           const SocketOptions &options);

  const std::string &endpoint() const { return endpoint_; }  // with the port that it got
  bool secured() const { return secured_; }
  int fd() const { return socket_.fd(); }

  struct Received {
    std::string route;  // of the sender's connection
    Socket::Received message;
  };
  bool receive(Received &received);

  // False: the peer is gone, or its queue is full: the message is dropped, and asked for again. `wake`, if not null, tells
  // whether there may be something to receive that the receiving thread will not hear of.
  bool send(const std::string &route, const wire::Frames &frames, const Gauges &gauges, bool *wake);

 private:
  std::mutex mutex_;
  Socket socket_;
  std::string endpoint_;
  bool secured_;
};

}  // namespace ngd::transport
