// The client's connections, its pump, and its calls.
#include "transport/client.h"

#include <poll.h>
#include <zmq.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include "base/error.h"
#include "base/thread.h"
#include "transport/channel.h"
#include "transport/handle.h"
#include "transport/inproc.h"
#include "wire/limits.h"

namespace ngd::transport {
namespace {

constexpr cluster::Time kPatience = 86'400'000'000;  // a day
constexpr cluster::Time kAlone = 2'000;        // without a caller, before the client's own thread takes over
constexpr cluster::Time kLookAround = 10'000;  // between looks whether anybody is there
constexpr cluster::Time kReopen = 200'000;     // before an address that failed is tried again

cluster::ClientOptions session_options(const OptionSet &options) {
  cluster::ClientOptions session;
  session.model = options.text("model");
  const std::string &consistency = options.choice("consistency");
  session.consistency = consistency == "bulk"    ? wire::Consistency::bulk
                        : consistency == "stale" ? wire::Consistency::stale
                                                 : wire::Consistency::asynchronous;
  session.bound = static_cast<uint32_t>(options["bound"]);
  session.workers = static_cast<uint32_t>(options["workers"]);
  session.worker = options["worker"] != 0;
  session.eventual_reads = options.choice("reads") == "newest";
  session.lease_us = static_cast<cluster::Time>(options["lease"] * 1e6);
  session.retry_us = static_cast<cluster::Time>(options["retry"] * 1e6);
  return session;
}

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

}  // namespace

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
  struct Line {
    std::unique_ptr<Channel> channel;
    cluster::Time tried = 0;
  };
  std::map<cluster::Peer, Line> lines;
  std::string trouble;                                     // of the last message or address that was refused
  bool pumping = false;                                    // a caller is in poll()
  bool polling = false;                                    // the client's own thread is
  cluster::Time called = 0;                                // when a caller last began or ended an operation
  size_t waiting = 0;                                      // threads that wait for another one's pumping
  std::set<cluster::Ticket> tickets;                       // of operations that somebody will wait for
  std::map<cluster::Ticket, std::unique_ptr<Gate>> gates;  // of those that hold memory of the caller's
  bool stop = false;
  Bell bell;  // ends the poll() of the thread of the client's own
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
    if (session != nullptr) fail(NGD_E_STATE, "the client is connected already");
  }
};

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
        again = true;
        try {
          wire::Unpacked unpacked = wire::unpack(received.frames);
          session->receive(from, std::move(unpacked.message), now);
        } catch (const Error &error) {
          trouble = concat(one.channel->address().text, ": ", error.what());
        }
      });
      if (lost) session->lost(peer, now);
      again |= lost;
    }
    if (session->next_wakeup() <= now) {
      session->tick(now);
      any = true;
      if (session->next_wakeup() <= now) break;  // it is not content with this time
      again = true;
    }
    any |= again;
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

// --- the handle -----------------------------------------------------------------------------------------------------

Client::Client(std::string_view spec) : state_(std::make_unique<State>()) {
  state_->read_spec(spec);
}

Client::~Client() {
  // A fork has none of the threads: what they share is left alone.
  if (!state_->owner.here()) {
    static_cast<void>(state_.release());
    return;
  }
  try {
    disconnect(static_cast<int64_t>(state_->options["linger_ms"]));
  } catch (const std::exception &) {
  }
}

void Client::set(std::string_view name, double value) {
  state_->set(name, value);
}
void Client::set_text(std::string_view name, std::string_view value) {
  state_->set_text(name, value);
}
double Client::number(std::string_view name) const {
  return state_->number(name);
}
std::string Client::text(std::string_view name) const {
  return state_->text(name);
}

void Client::add(wire::TensorSpec tensor) {
  state_->check_idle();
  if (tensor.name.empty() || tensor.name.size() > wire::kTextBytes)
    fail(NGD_E_ARGUMENT, "the name of a tensor has 1 to ", wire::kTextBytes, " bytes");
  if (tensor.shape.size() > wire::kRank)
    fail(NGD_E_SHAPE, "tensor ", quoted(tensor.name), " has more than ", wire::kRank, " dimensions");
  if (tensor.table && tensor.shape.size() != 2)
    fail(NGD_E_SHAPE, "table ", quoted(tensor.name), " needs two sizes: rows and their width");
  element_count(tensor.shape);
  for (const wire::TensorSpec &other : state_->spec.tensors) {
    if (other.name == tensor.name) fail(NGD_E_ARGUMENT, "there is a tensor ", quoted(tensor.name), " already");
  }
  state_->spec.tensors.push_back(std::move(tensor));
}

void Client::add_group(wire::GroupSpec group) {
  state_->check_idle();
  state_->spec.groups.push_back(std::move(group));
}

void Client::connect(const std::string &addresses, int64_t timeout_ms) {
  state_->check_idle();
  State &s = *state_;
  const cluster::Time deadline = deadline_of(timeout_ms);
  cluster::ClientOptions options = session_options(s.options);
  std::vector<Address> list = parse_addresses(addresses);
  // Any server will do: clients begin at different ones.
  std::rotate(list.begin(), list.begin() + static_cast<ptrdiff_t>(s.rng.next() % list.size()), list.end());
  for (const Address &address : list) options.addresses.push_back(address.text);

  std::unique_lock lock(s.mutex);
  const std::string key = s.options.text("key"), server_key = s.options.text("server_key");
  s.keys = key.empty() ? KeyPair() : read_key_pair(key);
  s.server_key = server_key.empty() ? std::string() : read_public_key(server_key);
  if (key.empty() != server_key.empty())
    fail(NGD_E_ARGUMENT, "options key and server_key go together: who encrypts must know whom it speaks to");
  s.trusted_network = s.options["trusted_network"] != 0;
  for (const Address &address : list) check_plain(address, !key.empty(), s.trusted_network);
  s.sockets.heartbeat_ms = static_cast<int>(s.options["heartbeat_ms"]);
  s.sockets.linger_ms = static_cast<int>(s.options["linger_ms"]);
  s.spec.name = s.options.text("model");
  s.spec.optimizer = s.options.text("optimizer");
  s.spec.shards = static_cast<uint32_t>(s.options["shards"]);
  s.spec.aggregate_sum = s.options.choice("aggregate") == "sum";
  s.context = std::make_shared<Context>(static_cast<int>(s.options["io_threads"]));
  s.session = std::make_unique<cluster::ClientSession>(std::move(options), s, s.rng);
  s.stop = false;
  s.bulk = s.options.choice("consistency") == "bulk";
  s.seen = 0;
  s.trouble.clear();
  const auto end = [&] {
    s.lines.clear();
    s.session.reset();
    s.context.reset();
  };
  try {
    const cluster::Ticket ticket = s.spec.tensors.empty() ? s.session->open(now_us(), deadline)
                                                          : s.session->create_model(s.spec, now_us(), deadline);
    const cluster::Outcome outcome = s.wait(lock, ticket, deadline + 1'000'000);
    if (outcome.status != NGD_OK)
      fail(outcome.status, outcome.text, s.trouble.empty() ? "" : "; last trouble: ", s.trouble);
    s.thread = Thread("ngd-client", [&s] { s.run(); });
  } catch (...) {
    end();
    throw;
  }
  s.options.lock();
}

bool Client::connected() const {
  state_->check_owner();
  const std::lock_guard lock(state_->mutex);
  return state_->session != nullptr;
}

void Client::disconnect(int64_t timeout_ms) {
  state_->check_owner();
  State &s = *state_;
  const cluster::Time deadline = deadline_of(timeout_ms);
  {
    std::unique_lock lock(s.mutex);
    if (s.session == nullptr) return;
    // Where nobody is there any more, nobody has to be told.
    const auto alone = [&s] {
      return std::ranges::none_of(s.lines, [](const auto &line) {
        return line.second.channel != nullptr && line.second.channel->peer_is_there();
      });
    };
    if (!alone()) {
      const cluster::Ticket ticket = s.session->close(now_us(), deadline);
      for (bool told = false; !told;) {
        try {
          s.wait(lock, ticket, std::min(deadline, now_us() + kLookAround));
          told = true;
        } catch (const Error &error) {
          told = error.status() != NGD_E_TIMEOUT || now_us() >= deadline || alone();
        }
      }
    }
    s.stop = true;
    s.bell.ring();
    s.changed.notify_all();
  }
  s.thread.join();
  std::unique_lock lock(s.mutex);
  // Those who still wait find the client stopped.
  while (s.pumping || s.polling || s.waiting > 0) {
    s.bell.ring();
    s.changed.notify_all();
    s.changed.wait_for(lock, std::chrono::milliseconds(1));
  }
  s.lines.clear();
  s.session.reset();
  s.context.reset();
  s.tickets.clear();
  std::map<cluster::Ticket, std::unique_ptr<Gate>> gates;
  gates.swap(s.gates);
  lock.unlock();
  for (const auto &[ticket, gate] : gates) gate->wait(now_us() + kPatience);
  lock.lock();
  s.options.unlock();
}

const wire::ModelPlace &Client::model() const {
  const std::lock_guard lock(state_->mutex);
  const wire::ModelPlace *model = state_->need_session().model();
  if (model == nullptr) fail(NGD_E_STATE, "the client has no model");
  return *model;
}

cluster::Outcome Client::call(int64_t timeout_ms, const Begin &begin) {
  const cluster::Time deadline = deadline_of(timeout_ms);
  std::unique_lock lock(state_->mutex);
  cluster::ClientSession &session = state_->need_session();
  const cluster::Ticket ticket = begin(session, now_us(), deadline);
  cluster::Outcome outcome;
  try {
    outcome = state_->wait(lock, ticket, deadline + 1'000'000);
  } catch (...) {
    if (state_->session.get() == &session) session.cancel(ticket, now_us());
    throw;
  }
  if (outcome.status != NGD_OK)
    fail(outcome.status, outcome.text, state_->trouble.empty() ? "" : "; last trouble: ", state_->trouble);
  return outcome;
}

cluster::Outcome Client::call_borrowing(int64_t timeout_ms, const BeginBorrowing &begin) {
  Gate gate;
  const auto end = [&](Borrowed *borrowed) {
    borrowed->owner_.reset();
    state_->take_back(gate);
  };
  Borrowed borrowed;
  borrowed.owner_ = gate.owner();
  const std::unique_ptr<Borrowed, decltype(end)> back(&borrowed, end);
  return call(timeout_ms, [&](cluster::ClientSession &session, cluster::Time now, cluster::Time deadline) {
    return begin(session, borrowed, now, deadline);
  });
}

// Whatever has happened, the caller's memory is free again after this: a message that waits in a broken connection goes
// down with it.
void Client::State::take_back(Gate &gate) {
  if (gate.wait(now_us() + 100'000)) return;
  {
    const std::lock_guard lock(mutex);
    for (auto &[peer, one] : lines) one.channel.reset();
  }
  gate.wait(now_us() + kPatience);
}

cluster::Ticket Client::start_borrowing(int64_t timeout_ms, const BeginBorrowing &begin) {
  auto gate = std::make_unique<Gate>();
  Borrowed borrowed;
  borrowed.owner_ = gate->owner();
  try {
    const cluster::Ticket ticket =
        start(timeout_ms, [&](cluster::ClientSession &session, cluster::Time now, cluster::Time deadline) {
          const cluster::Ticket begun = begin(session, borrowed, now, deadline);
          state_->gates[begun] = std::move(gate);
          return begun;
        });
    return ticket;
  } catch (...) {
    borrowed.owner_.reset();
    if (gate != nullptr) state_->take_back(*gate);
    throw;
  }
}

cluster::Ticket Client::start(int64_t timeout_ms, const Begin &begin) {
  const cluster::Time deadline = deadline_of(timeout_ms);
  const std::lock_guard lock(state_->mutex);
  const cluster::Ticket ticket = begin(state_->need_session(), now_us(), deadline);
  state_->take_all();
  state_->called = now_us();
  // From the first on, the client's own thread looks every moment whether anybody still does.
  if (state_->tickets.empty()) state_->changed.notify_all();
  state_->tickets.insert(ticket);
  return ticket;
}

cluster::Outcome Client::wait(cluster::Ticket ticket, int64_t timeout_ms) {
  const cluster::Time deadline = deadline_of(timeout_ms);
  std::unique_lock lock(state_->mutex);
  state_->need_session();
  state_->need_ticket(ticket);
  cluster::Outcome outcome = state_->wait(lock, ticket, deadline);
  state_->tickets.erase(ticket);
  const std::unique_ptr<Gate> gate = state_->gate_of(ticket);
  lock.unlock();
  if (gate != nullptr) state_->take_back(*gate);
  if (outcome.status != NGD_OK) fail(outcome.status, outcome.text);
  return outcome;
}

bool Client::finished(cluster::Ticket ticket) {
  const std::lock_guard lock(state_->mutex);
  cluster::ClientSession &session = state_->need_session();
  state_->need_ticket(ticket);
  state_->take_all();
  return session.finished(ticket);
}

void Client::cancel(cluster::Ticket ticket) {
  std::unique_lock lock(state_->mutex);
  cluster::ClientSession &session = state_->need_session();
  state_->need_ticket(ticket);
  session.cancel(ticket, now_us());
  state_->tickets.erase(ticket);
  const std::unique_ptr<Gate> gate = state_->gate_of(ticket);
  lock.unlock();
  if (gate != nullptr) state_->take_back(*gate);
}

uint64_t Client::base_version() const {
  return state_->bulk ? state_->seen.load() : 0;
}

void Client::saw(uint64_t version) {
  state_->seen = version;
}

void Client::hold(const wire::Token &token) {
  const std::lock_guard lock(state_->mutex);
  state_->need_session().hold(token);
}

void Client::release(const std::string &lock_name) {
  const std::lock_guard lock(state_->mutex);
  state_->need_session().release(lock_name);
}

}  // namespace ngd::transport
