// One connection to a server: a DEALER that holds back what cannot go yet, and notices when the connection breaks.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "transport/address.h"
#include "transport/keys.h"
#include "transport/listener.h"
#include "transport/zmq_socket.h"
#include "wire/frames.h"

namespace ngd::transport {

// Throws NGD_E_ACCESS for plain tcp beyond this host without the word of the user.
void check_plain(const Address &address, bool encrypted, bool trusted_network);

// One thread at a time.
class Channel {
 public:
  // `keys` and `server_key` both given: CURVE. Does not wait for the connection.
  Channel(const std::shared_ptr<Context> &context, const Address &address, const KeyPair *keys,
          const std::string &server_key, const SocketOptions &options);

  int fd() const { return socket_.fd(); }
  const Address &address() const { return address_; }
  bool connected() const { return connected_; }
  bool peer_is_there();  // looks now

  void send(wire::Frames frames, cluster::Time now);
  // Sends what waited, hands over what came; returns whether the connection has broken since the last time.
  bool drain(cluster::Time now, const std::function<void(const Socket::Received &)> &take);
  // Something was sent since it was drained: its descriptor may be silent about what has come.
  bool sent() const { return sent_; }

 private:
  struct Waiting {
    wire::Frames frames;
    cluster::Time since;
  };
  bool write(const wire::Frames &frames);

  Address address_;
  Socket socket_;
  std::shared_ptr<Gauge> gauge_ = std::make_shared<Gauge>(0);
  std::deque<Waiting> waiting_;
  uint64_t waiting_bytes_ = 0;
  bool connected_ = false, sent_ = true;
  cluster::Time looked_ = 0;  // whether it is connected
};

}  // namespace ngd::transport
