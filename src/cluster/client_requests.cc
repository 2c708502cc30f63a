// Requests of a client: sent again until answered, to wherever the map says that the shard lives.
#include <algorithm>

#include "base/text.h"
#include "cluster/client_state.h"
#include "cluster/layout.h"
#include "wire/codec.h"

namespace ngd::cluster {

using Step = ClientSession::State::Operation::Step;

namespace {

constexpr Time kMapUs = 200'000;          // between questions for the map
constexpr size_t kMapsAsked = 2;          // servers at a time: one may be the one that died
constexpr Time kPartOfWait = 4;           // the longer one has waited, the longer between questions
constexpr Time kAnswerUs = 1'000'000;     // for its answer to come back
constexpr Time kAnswerLeastUs = 150'000;  // the same, where that is not most of the time

// How long a server may hold a read: it says why it gives up before the client does.
Time patience(const ClientSession::State::Operation &operation, Time now) {
  const Time left = operation.deadline > now ? operation.deadline - now : 0;
  return left - std::min(left / 2, std::clamp(left / 8, kAnswerLeastUs, kAnswerUs));
}

}  // namespace

// --- sending ------------------------------------------------------------------------------------------------------

Peer ClientSession::State::peer_of(const std::string &address) {
  const auto [place, fresh] = peers.try_emplace(address, addresses.size());
  if (!fresh) return place->second;
  addresses.push_back(address);
  keys.emplace_back();
  heard.push_back(0);
  return addresses.size() - 1;
}

std::optional<Peer> ClientSession::State::peer_of_node(uint32_t node) const {
  const auto known = node_peers.find(node);
  return known == node_peers.end() ? std::nullopt : std::optional(known->second);
}

uint32_t ClientSession::State::index_of(uint32_t shard) const {
  // The shards of a model have successive numbers, as it is made.
  if (!model.shards.empty() && shard >= model.shards[0].shard) {
    const uint32_t index = shard - model.shards[0].shard;
    if (index < model.shards.size() && model.shards[index].shard == shard) return index;
  }
  const auto place = std::ranges::find(model.shards, shard, &wire::ShardPlace::shard);
  return place == model.shards.end() ? kNode : static_cast<uint32_t>(place - model.shards.begin());
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
  // Where answers take long since there is much to do, asking twice only makes them later.
  one.pause = std::clamp(2 * latency, options.retry_us, options.retry_us * kPauses);
  one.since = now;
  due(now + options.retry_us);
  Request &kept = requests.insert_or_assign({number, shard}, std::move(one)).first->second;
  transmit(kept, now);
}

void ClientSession::State::transmit(Request &request, Time now) {
  request.at = now + request.pause + rng.next() % (request.pause / 4 + 1);
  due(request.at);
  request.pause = std::min(request.pause * 2, options.retry_us * kPauses);
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
    if (auto *query = std::get_if<wire::Query>(&message.body))
      query->wait_us = std::min<uint64_t>(query->wait_us, patience(operation->second, now));
  }
  if (auto *push = std::get_if<wire::Push>(&message.body)) {
    push->after = after_of(message.envelope.seq);
    if (request.held) {
      push->poll = true;
      push->tensors.clear();
      message.payload.clear();
    }
  }
  if (const auto peer = peer_of_node(place.node)) return net.send(*peer, std::move(message));
  refresh_map(now);
}

void ClientSession::State::forget(Ticket ticket) {
  // Those of an update or a command have its number; the others are of reads, which have numbers above those.
  const auto operation = operations.find(ticket);
  if (operation != operations.end() && operation->second.seq != 0) {
    const auto from = requests.lower_bound({operation->second.seq, 0});
    auto to = from;
    while (to != requests.end() && to->first.first == operation->second.seq) ++to;
    requests.erase(from, to);
  }
  for (auto at = requests.lower_bound({kReads, 0}); at != requests.end();)
    at = at->second.ticket == ticket ? requests.erase(at) : std::next(at);
}

// --- the map --------------------------------------------------------------------------------------------------------

void ClientSession::State::refresh_map(Time now) {
  if ((map_asked != 0 && now < map_asked + kMapUs) || addresses.empty()) return;
  map_asked = now;
  const uint64_t first = random_peer();
  for (uint64_t i = 0; i < std::min(kMapsAsked, addresses.size()); i++)
    ask_for_map((first + i) % addresses.size());
}

void ClientSession::State::ask_for_map(Peer peer) {
  net.send(peer, {{id, kReads, 0, 0}, wire::GetMap{options.model, map_revision}, {}});
}

// A request has no answer: its server has much to do, or it is dead and another will lead soon. That one does not know who
// waits; asked before, it tells at once. So the map is asked for again and again, and not only when the request is sent again,
// whose pauses double: of the server that was heard last, and in turn of one that may lead next and of anybody, for the
// former may be dead too.
void ClientSession::State::look_for_leader(const Request &silent, Time now) {
  const Time next_question = map_asked + std::max({kMapUs, (now - silent.since) / kPartOfWait, latency / 2});
  if (now < next_question) return due(next_question);
  map_asked = now;
  due(now + kMapUs);
  if (addresses.empty()) return;
  const wire::ShardPlace &place = model.shards[silent.shard];
  const Peer leader = peer_of_node(place.node).value_or(addresses.size());
  Peer first = random_peer(), second = random_peer();
  for (Peer peer = 0; peer < heard.size(); peer++) {
    if (peer != leader && (second == leader || heard[peer] > heard[second])) second = peer;
  }
  if ((ask_anybody = !ask_anybody)) {
    std::vector<uint32_t> next;
    std::ranges::copy_if(place.in_sync, std::back_inserter(next),
                         [&](uint32_t one) { return one != place.node; });
    if (!next.empty()) first = peer_of_node(next[rng.next() % next.size()]).value_or(first);
  }
  ask_for_map(first);
  if (second != first) ask_for_map(second);
}

void ClientSession::State::adopt_map(const wire::Map &map, Time now) {
  if (map.revision < map_revision || (map.revision == map_revision && map.nodes.empty())) return;
  map_revision = map.revision;
  nodes = map.nodes;
  node_peers.clear();
  for (const wire::NodePlace &node : nodes) {
    const Peer peer = node_peers[node.node] = peer_of(node.address);
    keys[peer] = node.server_key;
  }
  for (const wire::ModelPlace &one : map.models) {
    if (one.spec.name != options.model) continue;
    if (!found) {
      model = one;
      found = true;
    }
    if (one.shards.size() != model.shards.size()) continue;
    // The tensors are those that they were.
    model.lineage = one.lineage;
    for (uint32_t index = 0; index < one.shards.size(); index++) {
      wire::ShardPlace place = one.shards[index], &known = model.shards[index];
      moved(index, place.epoch, place.node, now);
      // A shard itself may have told of a newer one.
      if (place.shard == known.shard && place.epoch < known.epoch) {
        place.epoch = known.epoch;
        place.node = known.node;
      }
      known = std::move(place);
    }
  }
}

// What waits for one that leads no more goes to the next, whole.
void ClientSession::State::moved(uint32_t index, uint64_t epoch, uint32_t node, Time now) {
  wire::ShardPlace &place = model.shards[index];
  if (epoch < place.epoch || (epoch == place.epoch && node == place.node)) return;
  place.epoch = epoch;
  place.node = node;
  for (auto &[key, request] : requests) {
    if (request.shard != index || request.at == kNever) continue;
    request.held = false;
    request.pause = options.retry_us;
    request.at = request.since = now;
    due(now);
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
    if (request.shard == kNode || request.at == kNever) continue;
    for (const wire::NodePlace &node : s.nodes) {
      if (node.node != s.model.shards[request.shard].node || s.peer_of(node.address) != peer) continue;
      request.pause = s.options.retry_us;
      request.at = std::min(request.at, now + s.options.retry_us / 4);
      s.due(request.at);
      s.refresh_map(now);
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
  soonest = kNever;
  const Request *silent = nullptr;
  for (auto &[key, request] : requests) {
    if (request.at <= now)
      transmit(request, now);
    else
      due(request.at);
    if (request.shard == kNode || request.at == kNever) continue;
    if (now < request.since + options.retry_us)
      due(request.since + options.retry_us);
    else if (silent == nullptr || request.since < silent->since)
      silent = &request;
  }
  if (silent != nullptr) look_for_leader(*silent, now);
  for (const auto &[ticket, operation] : operations) due(operation.deadline);
  if (opened && now >= keep_alive_at) {
    keep_alive_at = now + options.lease_us / 3;
    Request beat;
    beat.message.envelope = {id, read_number(), 0, 0};
    beat.message.body = wire::KeepAlive{};
    beat.shard = 0;
    beat.pause = options.retry_us;
    beat.since = now;
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
  return opened ? std::min(keep_alive_at, soonest) : soonest;
}

}  // namespace ngd::cluster
