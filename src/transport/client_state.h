// The inside of a client: its connections and who of its callers looks after them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "base/error.h"
#include "base/thread.h"
#include "transport/channel.h"
#include "transport/client.h"
#include "transport/handle.h"

namespace ngd::transport {

inline constexpr cluster::Time kLongest = 86'400'000'000;  // a day

// Tells when the last copy of an owner is gone.
class Gate {
 public:
  std::shared_ptr<const void> owner() {
    return {this, [](const void *self) { const_cast<Gate *>(static_cast<const Gate *>(self))->open(); }};
  }
  bool wait(cluster::Time deadline) {
    std::unique_lock lock(mutex_);
    return wake_.wait_for(lock, time_left(deadline), [this] { return open_; });
  }

 private:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    wake_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  bool open_ = false;
};

struct Client::State : Handle, cluster::Net {
  State() : Handle(client_options(), "client") {}

  wire::ModelSpec spec;
  std::condition_variable changed;  // anything of what follows
  KeyPair keys;
  std::string server_key;
  SocketOptions sockets;
  bool trusted_network = false;
  std::shared_ptr<Context> context;
  SystemRng rng;
  bool bulk = false;
  std::atomic<uint64_t> seen{0};
  std::unique_ptr<cluster::ClientSession> session;
  std::shared_ptr<const Model> model;  // once connected; null where the client names none
  struct Line {
    std::unique_ptr<Channel> channel;
    cluster::Time tried = 0;
  };
  std::map<cluster::Peer, Line> lines;
  bool heard = false;                                      // any server has said something
  std::string trouble;                                     // of the last message or address that was refused
  bool pumping = false;                                    // a caller is in poll()
  bool polling = false;                                    // the client's own thread is
  cluster::Time called = 0;                                // when a caller last began or ended an operation
  size_t waiting = 0;                                      // threads that wait for another one's pumping
  std::set<cluster::Ticket> tickets;                       // of operations that somebody will wait for
  std::map<cluster::Ticket, std::unique_ptr<Gate>> gates;  // of those that hold memory of the caller's
  bool stop = false;
  bool leaving = false;  // a thread is disconnecting
  Bell bell;             // ends the poll() of the thread of the client's own
  Thread thread;

  void send(cluster::Peer to, wire::Message message) override;
  Channel *line(cluster::Peer peer);
  void take_all();
  bool drain(cluster::Time now);
  void pump(std::unique_lock<std::mutex> &lock, cluster::Time until, bool &flag);
  cluster::Outcome wait(std::unique_lock<std::mutex> &lock, cluster::Ticket ticket, cluster::Time deadline);
  void run();
  void take_back(Gate &gate);
  std::unique_ptr<Gate> gate_of(cluster::Ticket ticket) {
    const auto found = gates.find(ticket);
    return found == gates.end() ? nullptr : std::move(gates.extract(found).mapped());
  }
  cluster::ClientSession &need_session() {
    check_owner();
    if (session == nullptr) fail(NGD_E_STATE, "the client is not connected");
    return *session;
  }
  void need_ticket(cluster::Ticket ticket) const {
    if (!tickets.contains(ticket))
      fail(NGD_E_NOT_FOUND, "there is no operation with the ticket ", ticket, ": each is waited for once");
  }
  void check_idle() const {
    check_owner();
    const std::lock_guard lock(mutex);
    need_no_session();
  }
  void need_no_session() const {
    if (session != nullptr) fail(NGD_E_STATE, "the client is connected already");
  }
  // Waits until nobody is disconnecting any more; false: somebody still is.
  bool settled(std::unique_lock<std::mutex> &lock, cluster::Time deadline) {
    return changed.wait_for(lock, time_left(deadline), [this] { return !leaving; });
  }
};

}  // namespace ngd::transport
