// Sending, holding back and receiving on a DEALER.
#include "transport/channel.h"

#include <zmq.h>

#include "base/error.h"

namespace ngd::transport {
namespace {

constexpr cluster::Time kHeldBack = 3'000'000;  // then its sender has long asked again
constexpr cluster::Time kLook = 20'000;
constexpr uint64_t kHeldBackBytes = uint64_t{64} << 20;  // likewise

}  // namespace

void check_plain(const Address &address, bool encrypted, bool trusted_network) {
  if (encrypted || trusted_network || address.scheme != Scheme::tcp || address.loopback) return;
  fail(NGD_E_ACCESS, "address ", address.text,
       " leaves this host unencrypted: set the option key (ngd keygen makes one), ",
       "or trusted_network=1 where nobody else can reach the network");
}

Channel::Channel(const std::shared_ptr<Context> &context, const Address &address, const KeyPair *keys,
                 const std::string &server_key, const SocketOptions &options)
    : address_(address), socket_(context, ZMQ_DEALER) {
  set_common(socket_, options);
  // Names may stand for addresses of either kind.
  const bool numbers = address.host.find_first_not_of("0123456789.") == std::string::npos;
  if (address.scheme == Scheme::tcp && !numbers) socket_.set(ZMQ_IPV6, 1, "IPv6");
  // The only limits are those of bytes: no room then means no connection.
  socket_.set(ZMQ_SNDHWM, 0, "length of queues");
  socket_.set(ZMQ_RCVHWM, 0, "length of queues");
  socket_.set(ZMQ_IMMEDIATE, 1, "wait for connections");
  if (keys != nullptr && !server_key.empty()) {
    socket_.set(ZMQ_CURVE_SERVERKEY, std::string_view(server_key), "server's key");
    socket_.set(ZMQ_CURVE_PUBLICKEY, std::string_view(keys->public_key), "public key");
    socket_.set(ZMQ_CURVE_SECRETKEY, std::string_view(keys->secret_key.text()), "secret key");
  }
  socket_.connect(address_.text);
}

bool Channel::write(const wire::Frames &frames) {
  sent_ = true;
  for (size_t i = 0; i < frames.list.size(); i++) {
    if (socket_.send(frames.list[i], i + 1 < frames.list.size(), {gauge_}) != Socket::Sent::yes) return false;
  }
  return true;
}

void Channel::send(wire::Frames frames, cluster::Time now) {
  if (waiting_.empty() && write(frames)) return;
  waiting_bytes_ += frames.bytes();
  waiting_.push_back({std::move(frames), now});
  while (waiting_.size() > 1 && waiting_bytes_ > kHeldBackBytes) {
    waiting_bytes_ -= waiting_.front().frames.bytes();
    waiting_.pop_front();
  }
}

bool Channel::peer_is_there() {
  return (socket_.number(ZMQ_EVENTS) & ZMQ_POLLOUT) != 0;
}

bool Channel::drain(cluster::Time now, const std::function<void(const Socket::Received &)> &take) {
  const bool before = connected_;
  // Each look is a call of the system.
  if (!connected_ || !waiting_.empty() || now - looked_ > kLook) {
    connected_ = (socket_.number(ZMQ_EVENTS) & ZMQ_POLLOUT) != 0;
    looked_ = now;
  }
  while (!waiting_.empty()) {
    const bool old = now - waiting_.front().since > kHeldBack;
    if (!old && !(connected_ && write(waiting_.front().frames))) break;
    waiting_bytes_ -= waiting_.front().frames.bytes();
    waiting_.pop_front();
  }
  Socket::Received received;
  for (;;) {
    sent_ = false;
    if (!socket_.receive(received)) break;
    take(received);
  }
  return before && !connected_;
}

}  // namespace ngd::transport
