// The calls of a client's session: each begins an operation.
#include "cluster/client_session.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "cluster/client_state.h"
#include "cluster/layout.h"
#include "wire/limits.h"

namespace ngd::cluster {

using Kind = ClientSession::State::Operation::Kind;

ClientSession::ClientSession(ClientOptions options, Net &net, Rng &rng)
    : state_(std::make_unique<State>(std::move(options), net, rng)) {}
ClientSession::~ClientSession() = default;

wire::ClientId ClientSession::id() const {
  return state_->id;
}
const std::string &ClientSession::address(Peer peer) const {
  return state_->addresses[peer];
}
const std::string &ClientSession::server_key(Peer peer) const {
  return state_->keys[peer];
}

Ticket ClientSession::create_model(const wire::ModelSpec &spec, Time now, Time deadline) {
  State::Operation operation;
  operation.kind = Kind::open;
  operation.create = true;
  operation.spec = spec;
  operation.deadline = deadline;
  state_->options.model = spec.name;
  state_->closed = false;
  const Ticket ticket = state_->last_ticket + 1;
  state_->opener = ticket;
  // Before whatever else waits.
  state_->due(deadline);
  state_->operations.emplace(ticket, std::move(operation));
  state_->last_ticket = ticket;
  state_->start(ticket, state_->operations.at(ticket), now);
  return ticket;
}

Ticket ClientSession::open(Time now, Time deadline) {
  State::Operation operation;
  operation.kind = Kind::open;
  operation.deadline = deadline;
  state_->closed = false;
  const Ticket ticket = ++state_->last_ticket;
  state_->opener = ticket;
  state_->due(deadline);
  state_->operations.emplace(ticket, std::move(operation));
  state_->start(ticket, state_->operations.at(ticket), now);
  return ticket;
}

Ticket ClientSession::version(Time now, Time deadline) {
  State::Operation operation;
  operation.kind = Kind::version;
  operation.deadline = deadline;
  return state_->begin(std::move(operation), now);
}

Ticket ClientSession::push(wire::UpdateKind kind, std::vector<TensorUpdate> tensors, Time now, Time deadline,
                           uint64_t base_version) {
  return push_pull(kind, std::move(tensors), {}, now, deadline, base_version);
}

Ticket ClientSession::push(wire::UpdateKind kind, std::vector<TensorUpdate> tensors,
                           std::vector<wire::Progress> progress, Time now, Time deadline,
                           uint64_t base_version) {
  return push_pull(kind, std::move(tensors), std::move(progress), {}, now, deadline, base_version);
}

Ticket ClientSession::push_pull(wire::UpdateKind kind, std::vector<TensorUpdate> tensors,
                                std::vector<TensorQuery> queries, Time now, Time deadline,
                                uint64_t base_version) {
  return push_pull(kind, std::move(tensors), {}, std::move(queries), now, deadline, base_version);
}

Ticket ClientSession::push_pull(wire::UpdateKind kind, std::vector<TensorUpdate> tensors,
                                std::vector<wire::Progress> progress, std::vector<TensorQuery> queries,
                                Time now, Time deadline, uint64_t base_version) {
  State::Operation operation;
  operation.kind = Kind::push;
  operation.update = kind;
  for (const TensorUpdate &one : tensors) operation.bytes += one.values.size;
  operation.tensors = std::move(tensors);
  operation.progress = std::move(progress);
  operation.then_pull = !queries.empty();
  operation.queries = std::move(queries);
  operation.base_version = base_version;
  operation.deadline = deadline;
  return state_->begin(std::move(operation), now);
}

Ticket ClientSession::pull(std::vector<TensorQuery> tensors, uint64_t version, Time now, Time deadline) {
  State::Operation operation;
  operation.kind = Kind::pull;
  operation.queries = std::move(tensors);
  operation.version = version;
  operation.deadline = deadline;
  return state_->begin(std::move(operation), now);
}

Ticket ClientSession::command(wire::Command command, wire::Bytes payload, Time now, Time deadline) {
  State::Operation operation;
  operation.kind = Kind::command;
  operation.command = std::move(command);
  operation.payload = std::move(payload);
  operation.deadline = deadline;
  return state_->begin(std::move(operation), now);
}

Ticket ClientSession::query(wire::Query query, Time now, Time deadline) {
  State::Operation operation;
  operation.kind = Kind::query;
  operation.query = std::move(query);
  operation.deadline = deadline;
  return state_->begin(std::move(operation), now);
}

Ticket ClientSession::places(Time now, Time deadline) {
  State::Operation operation;
  operation.kind = Kind::server;
  operation.to_server = wire::GetMap{};
  operation.deadline = deadline;
  return state_->begin(std::move(operation), now);
}

Ticket ClientSession::arrange(wire::Arrange request, Time now, Time deadline) {
  State::Operation operation;
  operation.kind = Kind::server;
  operation.to_server = std::move(request);
  operation.deadline = deadline;
  return state_->begin(std::move(operation), now);
}

Ticket ClientSession::close(Time now, Time deadline) {
  State::Operation operation;
  operation.kind = Kind::close;
  operation.deadline = deadline;
  return state_->begin(std::move(operation), now);
}

void ClientSession::hold(const wire::Token &token, Holding holding) {
  std::erase_if(state_->held, [&](const State::Held &one) {
    return one.token.lock == token.lock && (one.token.token == token.token || holding == Holding::alone ||
                                            (holding == Holding::lent && one.holding == Holding::lent));
  });
  state_->held.push_back({token, holding});
}
void ClientSession::release(const wire::Token &token) {
  state_->drop_token(token.lock, token.token);
}

void ClientSession::receive(Peer from, wire::Message message, Time now) {
  state_->receive(from, std::move(message), now);
}
void ClientSession::tick(Time now) {
  state_->tick(now);
}
Time ClientSession::next_wakeup() const {
  return state_->next_wakeup();
}

bool ClientSession::finished(Ticket ticket) const {
  return state_->outcomes.contains(ticket);
}
std::optional<Outcome> ClientSession::poll(Ticket ticket) {
  const auto found = state_->outcomes.find(ticket);
  if (found == state_->outcomes.end()) return std::nullopt;
  Outcome outcome = std::move(found->second);
  state_->outcomes.erase(found);
  return outcome;
}
std::optional<Ticket> ClientSession::next_finished() const {
  if (state_->outcomes.empty()) return std::nullopt;
  return state_->outcomes.begin()->first;
}
void ClientSession::cancel(Ticket ticket, Time now) {
  const auto place = state_->operations.find(ticket);
  if (place != state_->operations.end() && place->second.silent) return;  // nobody waits for it already
  state_->finish(ticket, NGD_E_CANCELLED, {}, now);
  state_->outcomes.erase(ticket);
}
const wire::ModelPlace *ClientSession::model() const {
  return state_->found ? &state_->model : nullptr;
}
uint64_t ClientSession::seq_of(Ticket ticket) const {
  const auto found = state_->operations.find(ticket);
  return found == state_->operations.end() ? 0 : found->second.seq;
}
uint64_t ClientSession::lineage() const {
  return state_->lineage;
}
size_t ClientSession::outstanding() const {
  return state_->outstanding();
}
uint64_t ClientSession::bytes_under_way() const {
  return state_->bytes_under_way;
}

}  // namespace ngd::cluster
