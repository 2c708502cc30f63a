// The calls of a client: operations that are waited for at once or later, with memory that is lent or not.
//
// Each looks first whose process it is: in a forked child the mutex may be held by a thread that is not there.
#include <algorithm>

#include "transport/client_state.h"

namespace ngd::transport {

cluster::Outcome Client::call(int64_t timeout_ms, const Begin &begin) {
  state_->check_owner();
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
  gate.wait(now_us() + kLongest);
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
  state_->check_owner();
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
  state_->check_owner();
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
  state_->check_owner();
  const std::lock_guard lock(state_->mutex);
  cluster::ClientSession &session = state_->need_session();
  state_->need_ticket(ticket);
  state_->take_all();
  return session.finished(ticket);
}

void Client::cancel(cluster::Ticket ticket) {
  state_->check_owner();
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

void Client::hold(const wire::Token &token, Holding holding) {
  state_->check_owner();
  const std::lock_guard lock(state_->mutex);
  state_->need_session().hold(token, holding);
}

void Client::release(const wire::Token &token) {
  state_->check_owner();
  const std::lock_guard lock(state_->mutex);
  if (state_->session != nullptr) state_->session->release(token);
}

}  // namespace ngd::transport
