// Options of sockets, and messages in and out of a ROUTER.
#include "transport/listener.h"

#include <zmq.h>

#include "transport/zap.h"

namespace ngd::transport {

void set_common(Socket &socket, const SocketOptions &options) {
  socket.set(ZMQ_LINGER, options.linger_ms, "linger");
  socket.set(ZMQ_HEARTBEAT_IVL, options.heartbeat_ms, "heartbeat");
  socket.set(ZMQ_HEARTBEAT_TIMEOUT, 3 * options.heartbeat_ms, "heartbeat");
  socket.set(ZMQ_HEARTBEAT_TTL, 5 * options.heartbeat_ms, "heartbeat");
  // The system asks again ever more rarely, and would still rest when the network is well again.
  socket.set(ZMQ_CONNECT_TIMEOUT, 1000, "connection");
  socket.set(ZMQ_RECONNECT_IVL, 50, "reconnection");
  socket.set(ZMQ_RECONNECT_IVL_MAX, 2000, "reconnection");
  socket.set(ZMQ_BACKLOG, 1024, "backlog");
}

Listener::Listener(const std::shared_ptr<Context> &context, const Address &address, const KeyPair *keys,
                   const SocketOptions &options)
    : socket_(context, ZMQ_ROUTER), secured_(keys != nullptr) {
  set_common(socket_, options);
  if (address.scheme != Scheme::inproc) socket_.receives_copies();
  if (address.host.starts_with('[')) socket_.set(ZMQ_IPV6, 1, "IPv6");
  socket_.set(ZMQ_ROUTER_MANDATORY, 1, "check of receivers");
  socket_.set(ZMQ_ROUTER_HANDOVER, 0, "fixed places of peers");
  socket_.set(ZMQ_SNDHWM, options.queue, "length of queues");
  socket_.set(ZMQ_RCVHWM, options.queue, "length of queues");
  if (secured_) {
    socket_.set(ZMQ_CURVE_SERVER, 1, "encryption");
    socket_.set(ZMQ_CURVE_SECRETKEY, std::string_view(keys->secret_key.text()), "secret key");
    // Zap has its place already, and keeps it for longer than any listener.
    socket_.set(ZMQ_ZAP_DOMAIN, kZapDomain, "domain of authorization");
  }
  socket_.bind(address.text);
  endpoint_ = socket_.text(ZMQ_LAST_ENDPOINT);
}

bool Listener::receive(Received &received) {
  const std::lock_guard lock(mutex_);
  while (socket_.receive(received.message)) {
    auto &frames = received.message.frames;
    if (frames.size() < 2) continue;  // no message of ours
    received.route = frames.front().text();
    frames.erase(frames.begin());
    return true;
  }
  return false;
}

bool Listener::send(const std::string &route, const wire::Frames &frames, const Gauges &gauges, bool *wake) {
  const std::lock_guard lock(mutex_);
  bool sent = socket_.send(route, true) == Socket::Sent::yes;
  for (size_t i = 0; sent && i < frames.list.size(); i++)
    sent = socket_.send(frames.list[i], i + 1 < frames.list.size(), gauges) == Socket::Sent::yes;
  // Sending takes note of what has arrived, and its descriptor then says nothing of it.
  if (wake != nullptr) *wake = (socket_.number(ZMQ_EVENTS) & ZMQ_POLLIN) != 0;
  return sent;
}

}  // namespace ngd::transport
