// The world's time, network, coordinator and faults.
#include "world.h"

#include "base/text.h"
#include "cluster/placement.h"
#include "wire/codec.h"

namespace simulation {

using ngd::concat;
using namespace ngd::cluster;
namespace wire = ngd::wire;

World::World(uint64_t seed, Mutant mutant, bool the_tracing)
    : tracing(the_tracing), random_(seed * 0x9E3779B97F4A7C15 + 1), mutant_(mutant) {}
World::~World() = default;

// --- time -----------------------------------------------------------------------------------------------------------

void World::at(Time time, std::function<void()> call) {
  events_.push({std::max(time, now_), ++order_, std::move(call)});
}

void World::run_until(Time time, const std::function<bool()> &done) {
  while (!events_.empty() && events_.top().time <= time) {
    if (done && done()) return;
    const auto call = events_.top().call;
    now_ = events_.top().time;
    events_.pop();
    call();
  }
  now_ = std::max(now_, time);
}

void World::trace(const std::string &line) {
  for (const char c : line) trace_hash = (trace_hash ^ static_cast<uint8_t>(c)) * 0x100000001B3;
  trace_hash = (trace_hash ^ now_) * 0x100000001B3;
  if (tracing) trace_text += concat(now_ / 1000, ".", now_ % 1000, " ", line, "\n");
}

void World::violation(std::string text) {
  trace("VIOLATION " + text);
  violations.push_back(std::move(text));
}

// --- network --------------------------------------------------------------------------------------------------------

// As it comes out of the wire: decoded again, the payload cut anywhere.
wire::Message World::travelled(const wire::Message &message) {
  wire::Message copy{
      message.envelope, wire::decode(wire::type_of(message.body), wire::encode(message.body).span()), {}};
  for (const wire::Bytes &part : message.payload) {
    if (part.size > 1 && random_.chance(0.2)) {
      const size_t at = random_.below(part.size);
      copy.payload.push_back(part.slice(0, at));
      copy.payload.push_back(part.slice(at, part.size - at));
    } else {
      copy.payload.push_back(part);
    }
  }
  return copy;
}

void World::deliver(size_t from, size_t to, wire::Message message,
                    const std::function<void(wire::Message)> &receive) {
  const uint8_t type = wire::type_of(message.body);
  if (from == to) {  // within a process nothing is lost or overtaken
    at(now_ + 1, [=, m = std::move(message)] { receive(m); });
    return;
  }
  const auto block = blocked_.find({from, to});
  const bool cut = block != blocked_.end() && block->second > now_;
  const unsigned copies = cut || random_.chance(weather.loss) ? 0 : random_.chance(weather.duplication) ? 2 : 1;
  for (unsigned i = 0; i < copies; i++) {
    Time delay = weather.delay / 2 + random_.below(weather.delay + 1);
    if (random_.chance(weather.slow)) delay += random_.below(kSecond / 2);
    at(now_ + delay, [=, this, m = travelled(message)]() mutable {
      messages++;
      trace(concat(from, " -> ", to, " ", wire::type_name(type), " ", m.envelope.seq, " shard ",
                   m.envelope.shard));
      receive(std::move(m));
    });
  }
}

void World::Server::send(Peer to, wire::Message message) {
  World &w = world;
  const size_t me = index;
  if (to < kFirstConnection) {
    const size_t target = static_cast<size_t>(to - 1);
    if (target >= w.servers.size()) return;
    w.deliver(me, target, std::move(message), [&w, me, target](wire::Message m) {
      Server &server = *w.servers[target];
      if (server.node == nullptr) return;
      server.node->receive({me + 1, Role::server, 0}, std::move(m), server.time());
      w.run_jobs(server);
      w.arm(server);
    });
    return;
  }
  for (const auto &client : w.clients) {
    if (client->connection + kFirstConnection != to) continue;
    const size_t target = client->index;
    const uint64_t connection = client->connection;
    w.deliver(me, kClients + target, std::move(message), [&w, me, target, connection](const wire::Message &m) {
      // A client that does not run reads it later.
      const auto receive = [&w, me, target, connection, m] {
        Client &one = *w.clients[target];
        if (one.session == nullptr || one.connection != connection) return;
        const auto peer = one.peers.find(me);
        if (peer == one.peers.end()) return;
        one.session->receive(peer->second, m, one.time());
        w.touched(target);
      };
      const Time until = w.clients[target]->paused_until;
      until > w.now_ ? w.at(until, receive) : receive();
    });
  }
}

void World::Client::send(Peer to, wire::Message message) {
  World &w = world;
  const std::string &address = session->address(to);
  const size_t target = static_cast<size_t>(std::stoul(address.substr(6)));
  peers[target] = to;
  const From from{kFirstConnection + connection, role, index + 1};
  w.deliver(kClients + index, target, std::move(message), [&w, target, from](wire::Message m) {
    Server &server = *w.servers[target];
    if (server.node == nullptr) return;
    // As the front thread of a server does.
    if (const auto *pull = std::get_if<wire::Pull>(&m.body)) {
      if (Shard *shard = server.node->shard(m.envelope.shard)) {
        auto answer = shard->published().answer_at_once(m.envelope, *pull, m.payload, server.time());
        if (answer) return server.send(from.peer, std::move(*answer));
      }
    }
    server.node->receive(from, std::move(m), server.time());
    w.run_jobs(server);
    w.arm(server);
  });
}

// --- the coordinator --------------------------------------------------------------------------------------------------

void World::Server::answer(CoordinatorAnswer answer) {
  World &w = world;
  const size_t me = index;
  const uint64_t my_life = life;
  if (w.random_.chance(w.weather.loss / 2)) return;
  if (const auto cut = w.uncoordinated_.find(me); cut != w.uncoordinated_.end() && cut->second > w.now_) return;
  w.at(w.now_ + 200 + w.random_.below(3000), [&w, me, my_life, answer = std::move(answer)] {
    Server &server = *w.servers[me];
    if (server.take_answer) return server.take_answer(answer);
    if (server.node == nullptr || server.life != my_life) return;
    server.node->coordinated(answer, server.time());
    w.run_jobs(server);
    w.arm(server);
  });
}

void World::Server::get(uint64_t ticket, const std::string &prefix) {
  CoordinatorAnswer found{ticket, true, {}};
  for (const auto &[key, record] : world.records_) {
    if (key.starts_with(prefix)) found.records.push_back(record);
  }
  for (const auto &server : world.servers) {
    if (server->node == nullptr && !server->take_answer) continue;
    for (const auto &[key, value] : server->announced) {
      if (key.starts_with(prefix)) found.records.push_back({key, value, 1});
    }
  }
  answer(std::move(found));
}

void World::Server::announce(const std::string &key, const std::string &value) {
  announced[key] = value;
}

void World::Server::cas(uint64_t ticket, const std::string &key, uint64_t revision, const std::string &value) {
  if (const auto cut = world.uncoordinated_.find(index);
      cut != world.uncoordinated_.end() && cut->second > world.now_)
    return;
  const auto found = world.records_.find(key);
  const uint64_t there = found == world.records_.end() ? 0 : found->second.revision;
  CoordinatorAnswer done{ticket, there == revision, {}};
  if (done.done) world.records_[key] = {key, value, ++world.revision_};
  if (done.done && key.starts_with("/shard/")) world.trace(concat("record ", key, " ", value));
  if (world.records_.contains(key)) done.records.push_back(world.records_[key]);
  answer(std::move(done));
}

// --- machines ---------------------------------------------------------------------------------------------------------

size_t World::add_server(const NodeOptions &options) {
  servers.push_back(std::make_unique<Server>(*this, servers.size()));
  Server &server = *servers.back();
  server.options = options;
  server.options.node = static_cast<uint32_t>(servers.size());
  server.options.address = concat("sim://", servers.size() - 1);
  server.options.mutant = mutant_;
  if (weather.clocks)
    server.clock = {random_.below(1'000 * kSecond), 0.88 + static_cast<double>(random_.below(261)) / 1000};
  if (weather.wild_clocks) server.clock.rate = 0.4 + static_cast<double>(random_.below(1600)) / 1000;
  return server.index;
}

void World::start_server(size_t index) {
  Server &server = *servers[index];
  if (server.node != nullptr) return;
  server.life++;
  server.announced.clear();
  server.armed = kNever;
  server.node = std::make_unique<ServerNode>(server.options, server, server.disk, server.rng, server);
  server.node->on_shard([&server](Shard &shard) {
    if (shard.root() == nullptr) return;
    server.root = &shard;
    shard.observe(&server);
  });
  server.node->on_drop([&server](Shard &shard) {
    if (server.root == &shard) server.root = nullptr;
  });
  trace(concat("server ", index, " starts"));
  server.node->start(server.time());
  arm(server);
}

void World::crash_server(size_t index) {
  Server &server = *servers[index];
  if (server.node == nullptr) return;
  trace(concat("server ", index, " dies"));
  crashes++;
  server.root = nullptr;
  server.node = nullptr;
  server.disk.crash();
  server.owners.clear();
}

void World::arm(Server &server) {
  if (server.node == nullptr) return;
  for (const auto &[number, shard] : server.node->shards()) {
    std::string &known = server.troubles[number];
    const std::string trouble = shard->trouble();
    if (trouble != known && !trouble.empty()) trace(concat("shard ", number, ": ", trouble));
    known = trouble;
  }
  const Time next = server.node->next_wakeup();
  if (next == kNever) return;
  const Time when = std::max(server.clock.global(next), now_ + 1);
  if (server.armed <= when && server.armed > now_) return;
  server.armed = when;
  at(when, [this, me = server.index, life = server.life, when] {
    Server &one = *servers[me];
    if (one.node == nullptr || one.life != life) return;
    if (one.armed == when) one.armed = kNever;
    if (one.node->next_wakeup() <= one.time()) one.node->tick(one.time());
    run_jobs(one);
    arm(one);
  });
}

void World::run_jobs(Server &server) {
  while (server.node != nullptr) {
    const std::shared_ptr<Job> job = server.node->take_job();
    if (job == nullptr) return;
    if (weather.disk_faults && weather.server_crashes && random_.chance(job->log ? 0.01 : 0.15))
      server.disk.crash_at = server.disk.calls + 1 + random_.below(8);
    job->run();
    if (server.disk.crashed()) {
      const size_t me = server.index;
      trace(concat("server ", me, " dies while it writes"));
      crash_server(me);
      at(now_ + random_.below(kSecond), [this, me] { start_server(me); });
      return;
    }
    at(now_ + random_.below(20'000), [this, me = server.index, life = server.life, job] {
      Server &one = *servers[me];
      if (one.node == nullptr || one.life != life) return;
      one.node->finish(job, one.time());
      run_jobs(one);
      arm(one);
    });
  }
}

size_t World::add_client() {
  clients.push_back(std::make_unique<Client>(*this, clients.size()));
  if (weather.clocks)
    clients.back()->clock = {random_.below(1'000 * kSecond),
                             0.8 + static_cast<double>(random_.below(401)) / 1000};
  return clients.size() - 1;
}

void World::start_client(size_t index, const ClientOptions &options) {
  Client &client = *clients[index];
  client.life++;
  client.connection = ++connections_;
  client.peers.clear();
  client.armed = kNever;
  client.session = std::make_unique<ClientSession>(options, client, client.rng);
  trace(concat("client ", index, " starts"));
}

void World::crash_client(size_t index) {
  trace(concat("client ", index, " dies"));
  clients[index]->session = nullptr;
  clients[index]->paused_until = 0;
}

ClientSession &World::session(size_t index) {
  return *clients[index]->session;
}
Time World::client_time(size_t index) const {
  return clients[index]->time();
}

void World::touched(size_t index) {
  if (on_client) on_client(index);
  arm(*clients[index]);
}

void World::arm(Client &client) {
  if (client.session == nullptr) return;
  const Time next = client.session->next_wakeup();
  if (next == kNever) return;
  Time when = std::max(client.clock.global(next), now_ + 1);
  when = std::max(when, client.paused_until);
  if (client.armed <= when && client.armed > now_) return;
  client.armed = when;
  at(when, [this, me = client.index, life = client.life, when] {
    Client &one = *clients[me];
    if (one.session == nullptr || one.life != life) return;
    if (one.armed == when) one.armed = kNever;
    if (one.paused_until <= now_) one.session->tick(one.time());
    touched(me);
  });
}

// --- faults -----------------------------------------------------------------------------------------------------------

void World::heal() {
  trace("the weather clears");
  weather = {};
  blocked_.clear();
  uncoordinated_.clear();
  for (auto &server : servers) {
    server->disk.full = false;
    server->disk.sync_failure = 0;
    server->disk.crash_at = ~uint64_t{0};
    start_server(server->index);
  }
  for (auto &client : clients) client->paused_until = std::min(client->paused_until, now_);
}

void World::begin_faults(Time until) {
  if (weather.disk_faults) {
    for (auto &server : servers) server->disk.sync_failure = random_.chance(0.5) ? 0.05 : 0;
  }
  at(now_ + random_.below(kSecond), [this, until] { fault(until); });
}

void World::cut_off(size_t server, Time until) {
  trace(concat("cut off ", server));
  for (size_t other = 0; other < servers.size(); other++) {
    if (other != server) blocked_[{server, other}] = blocked_[{other, server}] = until;
  }
  uncoordinated_[server] = until;
}

// A server that the others do not hear, that hears nobody, or both; its clients may reach it all the same.
void World::isolate(size_t server) {
  const Time end = now_ + 500'000 + random_.below(4 * kSecond);
  faults++;
  if (weather.wild_clocks && random_.chance(0.5)) return cut_off(server, end);
  trace(concat("isolated ", server));
  const bool speaks = random_.chance(0.2), hears = !speaks && random_.chance(0.2);
  if (random_.chance(0.8)) {
    for (size_t other = 0; other < servers.size(); other++) {
      if (other == server) continue;
      if (!speaks) blocked_[{server, other}] = end;
      if (!hears) blocked_[{other, server}] = end;
    }
  }
  if (random_.chance(0.3)) uncoordinated_[server] = end;
}

// As an arrangement would write it: any servers, as many as may be, led by the first or by whoever leads.
void World::move_shard() {
  std::vector<std::string> shards;
  for (const auto &[key, record] : records_) {
    if (key.starts_with("/shard/")) shards.push_back(key.substr(7));
  }
  if (shards.empty()) return;
  WantedPlace place;
  for (uint32_t node = 1; node <= servers.size(); node++) place.nodes.push_back(node);
  for (size_t i = place.nodes.size(); i > 1; i--) std::swap(place.nodes[i - 1], place.nodes[random_.below(i)]);
  place.nodes.resize(1 + random_.below(place.nodes.size()));
  place.lead = random_.chance(0.5);
  const std::string key = "/place/" + shards[random_.below(shards.size())];
  faults++;
  records_[key] = {key, place.text(), ++revision_};
  trace(concat("record ", key, " ", place.text()));
}

void World::fault(Time until) {
  if (now_ >= until) return;
  at(now_ + 50'000 + random_.below(2 * kSecond), [this, until] { fault(until); });
  const size_t server = random_.below(servers.size());
  const size_t client = clients.empty() ? 0 : random_.below(clients.size());
  if (weather.moves && random_.chance(0.3)) return move_shard();
  if (weather.isolation && random_.chance(0.4)) return isolate(server);
  switch (random_.below(7)) {
    case 0:
    case 1: {  // a partition, of one or both ways
      if (!weather.partitions) return;
      const size_t a = server;
      const size_t b =
          random_.chance(0.5) || servers.size() == 1 ? kClients + client : random_.below(servers.size());
      const Time end = now_ + 50'000 + random_.below(4 * kSecond);
      faults++;
      trace(concat("partition ", a, " ", b));
      blocked_[{a, b}] = end;
      if (random_.chance(0.6)) blocked_[{b, a}] = end;
      return;
    }
    case 2:
      if (!weather.client_pauses || clients.empty()) return;
      faults++;
      clients[client]->paused_until = now_ + 100'000 + random_.below(6 * kSecond);
      trace(concat("client ", client, " stands still"));
      at(clients[client]->paused_until, [this, client] {
        if (clients[client]->session != nullptr) touched(client);
      });
      return;
    case 3:
      if (!weather.client_crashes || clients.empty() || clients[client]->session == nullptr) return;
      faults++;
      crash_client(client);
      at(now_ + random_.below(2 * kSecond), [this, client] {
        if (on_client) on_client(client);
      });
      return;
    case 4:
      if (!weather.server_crashes || !random_.chance(0.5)) return;
      faults++;
      crash_server(server);
      if (weather.disk_faults && random_.chance(0.6))
        servers[server]->disk.flip(concat("slot", random_.below(2)));
      at(now_ + random_.below(2 * kSecond), [this, server] { start_server(server); });
      return;
    case 5:
      if (!weather.disk_faults) return;
      faults++;
      servers[server]->disk.full = true;
      trace(concat("disk of server ", server, " is full"));
      at(now_ + random_.below(3 * kSecond), [this, server] { servers[server]->disk.full = false; });
      return;
    case 6:
      if (!weather.clocks) return;
      faults++;
      trace(concat("clock of server ", server, " jumps"));
      servers[server]->clock.offset += random_.chance(0.1) ? 3600 * kSecond : random_.below(3 * kSecond);
      return;
  }
}

}  // namespace simulation
