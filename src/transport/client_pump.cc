// A client's connections and its pump: whoever waits for an answer receives for all.
#include <poll.h>

#include <algorithm>
#include <chrono>

#include "transport/client_state.h"
#include "transport/inproc.h"

namespace ngd::transport {
namespace {

constexpr cluster::Time kAlone = 2'000;     // without a caller, before the client's own thread takes over
constexpr cluster::Time kReopen = 200'000;  // before an address that failed is tried again

}  // namespace

// --- connections ----------------------------------------------------------------------------------------------------

Channel *Client::State::line(cluster::Peer peer) {
  Line &one = lines[peer];
  const cluster::Time now = now_us();
  if (one.channel != nullptr || (one.tried != 0 && now - one.tried < kReopen)) return one.channel.get();
  one.tried = now;
  try {
    const Address address = parse_address(session->address(peer));
    std::shared_ptr<Context> own = address.scheme == Scheme::inproc ? inproc_context(address.host) : context;
    if (own == nullptr) {
      trouble = concat("no server of this process listens on ", address.text);
      return nullptr;
    }
    const std::string &told = session->server_key(peer);
    const std::string &key = told.empty() ? server_key : told;
    const bool curve = address.scheme == Scheme::tcp && !keys.empty() && !key.empty();
    check_plain(address, curve, trusted_network);
    one.channel = std::make_unique<Channel>(own, address, curve ? &keys : nullptr, key, sockets);
    if (pumping || polling) bell.ring();  // its descriptor is to be looked at too
  } catch (const Error &error) {
    trouble = error.what();
  }
  return one.channel.get();
}

void Client::State::send(cluster::Peer to, wire::Message message) {
  try {
    if (Channel *channel = line(to)) channel->send(wire::pack(message), now_us());
  } catch (const std::exception &error) {
    trouble = error.what();  // the session asks again
  }
}

// Takes what has come, and does what is due. After this the descriptors tell of everything that comes.
bool Client::State::drain(cluster::Time now) {
  bool any = false;
  for (bool again = true; again;) {
    again = false;
    for (auto &[peer, one] : lines) {
      if (one.channel == nullptr) continue;
      const cluster::Peer from = peer;
      const bool lost = one.channel->drain(now, [&](const Socket::Received &received) {
        any = heard = true;
        try {
          wire::Unpacked unpacked = wire::unpack(received.frames);
          session->receive(from, std::move(unpacked.message), now);
        } catch (const Error &error) {
          trouble = concat(one.channel->address().text, ": ", error.what());
        }
      });
      // Another server of that name has another context; elsewhere ZeroMQ connects again by itself.
      if (lost && one.channel->address().scheme == Scheme::inproc) one.channel.reset();
      if (lost) session->lost(peer, now);
      any |= lost;
    }
    const bool due = session->next_wakeup() <= now;
    if (due) {
      session->tick(now);
      any = true;
    }
    for (const auto &[peer, one] : lines) again |= one.channel != nullptr && one.channel->sent();
    if (due && session->next_wakeup() <= now) break;  // it is not content with this time
  }
  return any;
}

// drain(), and those who wait are told.
void Client::State::take_all() {
  if (!drain(now_us())) return;
  if (pumping || polling) bell.ring();
  if (waiting > 0) changed.notify_all();
}

// Waits for something to come, with the lock released.
void Client::State::pump(std::unique_lock<std::mutex> &lock, cluster::Time until, bool &flag) {
  const cluster::Time now = now_us();
  pollfd fds[64];
  nfds_t count = 0;
  fds[count++] = {bell.fd(), POLLIN, 0};
  for (auto &[peer, one] : lines) {
    if (one.channel != nullptr && count < 64) fds[count++] = {one.channel->fd(), POLLIN, 0};
  }
  const cluster::Time next = std::min({until, session->next_wakeup(), now + 1'000'000});
  flag = true;
  lock.unlock();
  poll(fds, count, poll_timeout(now, next));
  lock.lock();
  flag = false;
  if ((fds[0].revents & POLLIN) != 0) bell.quiet();
}

cluster::Outcome Client::State::wait(std::unique_lock<std::mutex> &lock, cluster::Ticket ticket,
                                     cluster::Time deadline) {
  for (;;) {
    if (stop || session == nullptr) fail(NGD_E_CLOSED, "the client was disconnected");
    take_all();
    if (auto outcome = session->poll(ticket)) {
      // Somebody else looks after the connections now.
      if (waiting > 0) changed.notify_all();
      // The servers have ended the session because another thread asked them to.
      if (leaving && outcome->status == NGD_E_EXPIRED) fail(NGD_E_CLOSED, "the client was disconnected");
      return std::move(*outcome);
    }
    // The session ends every operation at its deadline; a wait may be shorter.
    const cluster::Time now = now_us();
    if (now > deadline) fail(NGD_E_TIMEOUT, "the operation is not finished yet");
    if (!pumping) {
      // The client's own thread leaves the descriptors to whoever waits: its waking would cost more than the rest.
      if (polling) bell.ring();
      pump(lock, deadline + 1000, pumping);
      called = now_us();
      continue;
    }
    const cluster::Time next = std::min(deadline + 1000, session->next_wakeup());
    waiting++;
    if (next > now) changed.wait_for(lock, std::chrono::microseconds(next - now));
    waiting--;
  }
}

// The client's own thread: keeps the session alive, and moves what nobody waits for.
void Client::State::run() {
  std::unique_lock lock(mutex);
  while (!stop) {
    try {
      take_all();
    } catch (const std::exception &error) {
      trouble = error.what();  // memory ran out; what was lost is asked for again
    }
    const cluster::Time now = now_us();
    const bool alone = now - called > kAlone;
    if (!tickets.empty() && !pumping && alone) {
      pump(lock, cluster::kNever, polling);
      continue;
    }
    const cluster::Time pause = tickets.empty() ? 1'000'000 : kAlone;
    const cluster::Time next = std::min(session->next_wakeup(), now + pause);
    if (next > now) changed.wait_for(lock, std::chrono::microseconds(next - now));
  }
}

}  // namespace ngd::transport
