// Requests of a client: sent again until answered, to wherever the map says that the shard lives.
#include <algorithm>

#include "base/text.h"
#include "cluster/client_state.h"
#include "cluster/layout.h"
#include "wire/codec.h"

namespace ngd::cluster {

using Step = ClientSession::State::Operation::Step;

namespace {

constexpr Time kMapUs = 300'000;  // between questions for the map
constexpr unsigned kTriesBeforeMap = 3;
constexpr Time kAnswerUs = 1'000'000;  // for its answer to come back

// How long a server may hold a read: it says why it gives up before the client does.
Time patience(const ClientSession::State::Operation &operation, Time now) {
  const Time left = operation.deadline > now ? operation.deadline - now : 0;
  const Time margin = kAnswerUs < left / 8 ? kAnswerUs : left / 8;
  return left - margin;
}

}  // namespace

// --- sending ------------------------------------------------------------------------------------------------------

Peer ClientSession::State::peer_of(const std::string &address) {
  const auto place = std::ranges::find(addresses, address);
  if (place != addresses.end()) return static_cast<Peer>(place - addresses.begin());
  addresses.push_back(address);
  keys.emplace_back();
  heard.push_back(0);
  return addresses.size() - 1;
}

Peer ClientSession::State::random_peer() {
  return addresses.empty() ? 0 : rng.next() % addresses.size();
}

void ClientSession::State::request(Ticket ticket, uint64_t number, uint32_t shard, wire::Body body,
                                   std::vector<wire::Bytes> payload, Time now) {
  Request one;
  one.ticket = ticket;
  one.shard = shard;
  one.message.envelope = {id, number, 0, 0};
  one.message.body = std::move(body);
  one.message.payload = std::move(payload);
  one.pause = options.retry_us;
  Request &kept = requests.insert_or_assign({number, shard}, std::move(one)).first->second;
  transmit(kept, now);
}

void ClientSession::State::transmit(Request &request, Time now) {
  request.at = now + request.pause + rng.next() % (request.pause / 4 + 1);
  request.pause = std::min(request.pause * 2, options.retry_us * 16);
  request.tries++;
  wire::Message message = request.message;
  if (request.shard == kNode) {
    if (!addresses.empty()) net.send(random_peer(), std::move(message));
    return;
  }
  const wire::ShardPlace &place = model.shards[request.shard];
  message.envelope.shard = place.shard;
  message.envelope.epoch = place.epoch;
  // What is left of the time that a server may hold a read.
  if (const auto operation = operations.find(request.ticket); operation != operations.end()) {
    if (auto *pull = std::get_if<wire::Pull>(&message.body)) pull->wait_us = patience(operation->second, now);
    if (auto *point = std::get_if<wire::ReadPoint>(&message.body))
      point->wait_us = patience(operation->second, now);
  }
  if (auto *push = std::get_if<wire::Push>(&message.body)) {
    push->after = after_of(message.envelope.seq);
    if (request.held) {
      push->poll = true;
      push->tensors.clear();
      message.payload.clear();
    }
  }
  if (request.tries > kTriesBeforeMap) refresh_map(now);
  for (const wire::NodePlace &node : nodes) {
    if (node.node == place.node) return net.send(peer_of(node.address), std::move(message));
  }
  refresh_map(now);
}

void ClientSession::State::forget(Ticket ticket) {
  std::erase_if(requests, [&](const auto &one) { return one.second.ticket == ticket; });
}

// --- the map --------------------------------------------------------------------------------------------------------

void ClientSession::State::refresh_map(Time now) {
  if (now < map_at || addresses.empty()) return;
  map_at = now + kMapUs;
  net.send(random_peer(), {{id, kReads, 0, 0}, wire::GetMap{options.model}, {}});
}

void ClientSession::State::adopt_map(const wire::Map &map) {
  if (map.revision < map_revision) return;
  map_revision = map.revision;
  nodes = map.nodes;
  for (const wire::NodePlace &node : nodes) keys[peer_of(node.address)] = node.server_key;
  for (const wire::ModelPlace &one : map.models) {
    if (one.spec.name != options.model) continue;
    if (!found || one.shards.size() == model.shards.size()) model = one;
    found = true;
  }
}

void ClientSession::State::find_model(Ticket ticket, Time now) {
  operations.at(ticket).step = Step::finding;
  request(ticket, read_number(), kNode, wire::GetMap{options.model}, {}, now);
}

void ClientSession::State::open_session(Ticket ticket, Time now) {
  if (ticket != 0) operations.at(ticket).step = Step::opening;
  wire::Open open;
  open.consistency = options.consistency;
  open.bound = options.bound;
  open.workers = options.workers;
  open.worker = options.worker;
  open.lease_us = options.lease_us;
  request(ticket, read_number(), 0, open, {}, now);
}

// The server forgot the session, or the model has a new lineage.
void ClientSession::State::reopen(Time now) {
  if (closed) return;
  opened = false;
  if (std::exchange(reopening, true) || opener != 0) return;
  open_session(0, now);
}

<<<<<<< HEAD
// --- answers --------------------------------------------------------------------------------------------------------

void ClientSession::State::receive(Peer from, wire::Message message, Time now) {
  if (from < heard.size()) heard[from] = now;
  if (auto *map = std::get_if<wire::Map>(&message.body)) adopt_map(*map);
  if (message.envelope.client != id) return;
  uint32_t index = kNode;
  if (message.envelope.shard != 0) {
    const auto place = std::ranges::find(model.shards, message.envelope.shard, &wire::ShardPlace::shard);
    if (place == model.shards.end()) return;
    index = static_cast<uint32_t>(place - model.shards.begin());
  }
  const auto place = requests.find({message.envelope.seq, index});
  if (place == requests.end()) return;
  Request &request = place->second;
  if (std::holds_alternative<wire::Staged>(message.body)) {
    const auto *push = std::get_if<wire::Push>(&request.message.body);
    if (push != nullptr && push->attempt == std::get<wire::Staged>(message.body).attempt) request.held = true;
    return;
  }
  if (const auto *refusal = std::get_if<Refused>(&message.body)) return refused(request, *refusal, now);
  const Request kept = std::move(request);
  requests.erase(place);
  answered(kept, std::move(message), now);
}

void ClientSession::State::answered(const Request &request, wire::Message message, Time now) {
  const Ticket ticket = request.ticket;
  if (const auto *answer = std::get_if<wire::Opened>(&message.body)) {
    if (lineage != 0 && answer->lineage != lineage)
      fail_all(NGD_E_LINEAGE, "the model went back to a checkpoint; look at what it holds", false, now);
    if (answer->lineage != lineage) version = 0;
    lineage = answer->lineage;
    session_number = answer->session;
    version = std::max(version, answer->version);
    next_seq = std::max(next_seq, answer->last_seq + 1);
    opened = true;
    reopening = false;
    keep_alive_at = now + options.lease_us / 3;
    if (ticket != 0) finish(ticket, NGD_OK, {}, now);
    return start_queued(now);
  }
  const auto place = operations.find(ticket);
  if (place == operations.end()) return;
  Operation &operation = place->second;
  if (const auto *map = std::get_if<wire::Map>(&message.body)) {
    const bool there = std::ranges::any_of(
        map->models, [&](const wire::ModelPlace &one) { return one.spec.name == options.model; });
    if (there && found) return open_session(ticket, now);
    // Somebody is yet to make it.
    operation.step = Step::finding;
    Request again = request;
    again.message.envelope.seq = read_number();
    again.message.body = wire::GetMap{options.model};
    again.at = now + options.retry_us;
    requests.insert_or_assign({again.message.envelope.seq, kNode}, std::move(again));
  } else if (const auto *pushed = std::get_if<wire::Pushed>(&message.body)) {
    update_answered(ticket, operation, *pushed, message.payload, now);
  } else if (const auto *point = std::get_if<wire::Point>(&message.body)) {
    version = std::max(version, point->version);
    if (operation.kind == Kind::version) {
      operation.outcome.version = point->version;
      operation.outcome.initialised = point->initialised;
      return finish(ticket, NGD_OK, {}, now);
    }
    operation.at_version = operation.pinned && point->initialised ? point->version : 0;
    operation.pinned = operation.pinned && point->initialised;
    read_shards(ticket, operation, now);
  } else if (const auto *pulled = std::get_if<wire::Pulled>(&message.body)) {
    if (operation.step == Step::reading) shard_answered(request, operation, *pulled, message.payload, now);
  } else if (auto *done = std::get_if<wire::Done>(&message.body)) {
    operation.outcome.done = std::move(*done);
    version = std::max(version, operation.outcome.done.version);
    operation.outcome.version = operation.outcome.done.version;
    operation.outcome.payload = std::move(message.payload);
    finish(ticket, NGD_OK, {}, now);
  }
}

// The update has its version; what push_pull read with it comes too, or is read now.
void ClientSession::State::update_answered(Ticket ticket, Operation &operation, const wire::Pushed &pushed,
                                           const std::vector<wire::Bytes> &buffers, Time now) {
  version = std::max(version, pushed.version);
  operation.outcome.version = pushed.version;
  operation.outcome.applied = pushed.applied;
  if (!operation.then_pull) return finish(ticket, NGD_OK, {}, now);
  forget(ticket);
  bytes_under_way -= operation.bytes;
  operation.step = Step::pointing;
  operation.outcome.seq = std::exchange(operation.seq, 0);
  if (pushed.tensors.empty()) {
    start_read(ticket, operation, now);
    return start_queued(now);
  }
  operation.outcome.values_version = pushed.values_version;
  Slices payload(buffers);
  for (const wire::TensorPart &tensor : pushed.tensors) {
    const wire::Piece *piece = find_piece(model.shards[0].pieces, tensor.tensor);
    TensorValues values{tensor.tensor, 0, 0, {}, {}};
    if (piece != nullptr) values.first = piece->first, values.count = piece->count;
    if (piece == nullptr || !payload.take(piece->count * sizeof(float), values.data))
      return finish(ticket, NGD_E_PROTOCOL, "the values that came with the answer to an update do not fit",
                    now);
    if (std::ranges::any_of(operation.queries,
                            [&](const TensorQuery &query) { return query.tensor == tensor.tensor; }))
      operation.outcome.tensors.push_back(std::move(values));
  }
  finish(ticket, NGD_OK, {}, now);
}

// One shard's part of a read.
void ClientSession::State::shard_answered(const Request &request, Operation &operation,
                                          const wire::Pulled &pulled, const std::vector<wire::Bytes> &buffers,
                                          Time now) {
  const Ticket ticket = request.ticket;
  const auto &asked = std::get<wire::Pull>(request.message.body);
  const wire::ShardPlace &shard = model.shards[request.shard];
  version = std::max(version, pulled.version);
  Outcome &outcome = operation.outcome;
  uint64_t &at = operation.kind == Kind::push ? outcome.values_version : outcome.version;
  at = operation.open_parts > 0 && !outcome.tensors.empty() ? std::min(at, pulled.version) : pulled.version;
  Slices payload(buffers);
  size_t row_part = 0;
  for (const wire::TensorPart &tensor : asked.tensors) {
    const wire::Piece &piece = *find_piece(shard.pieces, tensor.tensor);
    TensorValues values{tensor.tensor, piece.first, piece.count, {}, {}};
    if (tensor.rows > 0) {
      const wire::Bytes &numbers = request.message.payload[row_part++];
      values.rows.resize(tensor.rows);
      std::memcpy(values.rows.data(), numbers.data, numbers.size);
      values.first = 0;
      values.count = tensor.rows * static_cast<uint64_t>(model.spec.tensors[tensor.tensor].shape[1]);
    }
    if (!payload.take(values.count * sizeof(float), values.data))
      return finish(ticket, NGD_E_PROTOCOL, concat("the answer of ", describe(request), " is too short"), now);
    outcome.tensors.push_back(std::move(values));
  }
  if (--operation.open_parts == 0) finish(ticket, NGD_OK, {}, now);
}

void ClientSession::State::refused(Request &request, const Refused &refusal, Time now) {
  const Ticket ticket = request.ticket;
  if (refusal.status == NGD_E_LINEAGE) {
    fail_all(NGD_E_LINEAGE, refusal.text, false, now);
    return reopen(now);
  }
  if (refusal.status == NGD_E_EXPIRED) {
    fail_all(NGD_E_EXPIRED, refusal.text, true, now);
    return reopen(now);
  }
  const auto place = operations.find(ticket);
  if (place == operations.end()) {
    // The session's own opening: again and again, with its pauses.
    return;
  }
  Operation &operation = place->second;
  operation.outcome.text = refusal.text;
  switch (refusal.retry) {
    case Refused::Retry::later:
      if (request.held) {
        // The shard lost the part, or never had it: send it whole.
        request.held = false;
        request.pause = options.retry_us;
        return transmit(request, now);
      }
      return;
    case Refused::Retry::refresh:
      return refresh_map(now);
    case Refused::Retry::attempt:
      if (operation.step != Step::updating || refusal.attempt < operation.attempt) return;
      operation.attempt = refusal.attempt + 1;
      return send_parts(ticket, operation, now);
    case Refused::Retry::never:
      break;
  }
  // The version was let go before the shard was asked: a newer one.
  if (operation.step == Step::reading && operation.pinned && refusal.status == NGD_E_NOT_FOUND) {
    forget(ticket);
    return start_point(ticket, operation, now);
  }
  finish(ticket, refusal.status, refusal.text, now);
}

=======
>>>>>>> push
// --- time ---------------------------------------------------------------------------------------------------------

std::string ClientSession::State::describe(const Request &request) const {
  if (request.shard == kNode) return concat("any of ", addresses.size(), " servers");
  const wire::ShardPlace &place = model.shards[request.shard];
  for (const wire::NodePlace &node : nodes) {
    if (node.node == place.node)
      return concat("shard ", request.shard, " of model ", quoted(options.model), " at ",
                    quoted(node.address, 100));
  }
  return concat("shard ", request.shard, " of model ", quoted(options.model));
}

void ClientSession::lost(Peer peer, Time now) {
  State &s = *state_;
  for (auto &[key, request] : s.requests) {
    if (request.shard == kNode) continue;
    for (const wire::NodePlace &node : s.nodes) {
      if (node.node != s.model.shards[request.shard].node || s.peer_of(node.address) != peer) continue;
      request.pause = s.options.retry_us;
      request.at = std::min(request.at, now + s.options.retry_us / 4);
    }
  }
}

void ClientSession::State::tick(Time now) {
  std::vector<std::pair<Ticket, std::string>> late, absent;
  for (const auto &[ticket, operation] : operations) {
    if (operation.deadline > now) continue;
    if (operation.step == Step::finding && !found && !nodes.empty()) {
      absent.emplace_back(ticket, concat("the servers have no model ", quoted(options.model),
                                         "; declare its tensors, and connecting makes it"));
      continue;
    }
    std::string text = opened  ? "no answer in time"
                       : found ? "the session could not be opened in time"
                               : concat("no server knew a model ", quoted(options.model), " in time");
    for (const auto &[key, request] : requests) {
      if (request.ticket != ticket) continue;
      text = concat("no answer in time from ", describe(request), " after ", request.tries, " tries");
      break;
    }
    if (!operation.outcome.text.empty()) text += concat("; it last said: ", operation.outcome.text);
    late.emplace_back(ticket, std::move(text));
  }
  for (auto &[ticket, text] : absent) finish(ticket, NGD_E_NOT_FOUND, std::move(text), now);
  for (auto &[ticket, text] : late) finish(ticket, NGD_E_TIMEOUT, std::move(text), now);
  for (auto &[key, request] : requests) {
    if (request.at <= now) transmit(request, now);
  }
  if (opened && now >= keep_alive_at) {
    keep_alive_at = now + options.lease_us / 3;
    Request beat;
    beat.message.envelope = {id, read_number(), 0, 0};
    beat.message.body = wire::KeepAlive{};
    beat.shard = 0;
    beat.pause = options.retry_us;
    transmit(beat, now);
    // Its answer matters only when it is a refusal.
    std::erase_if(requests, [](const auto &one) {
      return std::holds_alternative<wire::KeepAlive>(one.second.message.body);
    });
    beat.at = kNever;
    requests.emplace(RequestKey{beat.message.envelope.seq, 0}, std::move(beat));
  }
  start_queued(now);
}

Time ClientSession::State::next_wakeup() const {
  Time next = opened ? keep_alive_at : kNever;
  for (const auto &[ticket, operation] : operations) next = std::min(next, operation.deadline);
  for (const auto &[key, request] : requests) next = std::min(next, request.at);
  return next;
}

}  // namespace ngd::cluster
