// The world's time, network and machines.
#include "world.h"

#include "base/text.h"
#include "wire/codec.h"

namespace simulation {

using ngd::concat;
using namespace ngd::cluster;
namespace wire = ngd::wire;

namespace {

// The slowest clock; the fastest is 1.33 times as fast, which is what leases bear.
constexpr double kSlowest = 0.867;

}  // namespace

World::World(uint64_t seed, Mutant mutant, bool the_tracing)
    : reads_at_once(true),
      tracing(the_tracing),
      agreement(*this),
      aims(*this),
      random_(seed * 0x9E3779B97F4A7C15 + 1),
      mutant_(mutant) {}
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
  if (auto *map = std::get_if<wire::Map>(&copy.body); map != nullptr && old_nodes) {
    for (wire::NodePlace &node : map->nodes) node.features = 0;
  }
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
  const auto lasts = [&](const std::map<std::pair<size_t, size_t>, Time> &links) {
    const auto link = links.find({from, to});
    return link != links.end() && link->second > now_ ? link->second : 0;
  };
  const bool cut = lasts(blocked_) != 0;
  const unsigned copies = cut || random_.chance(weather.loss) ? 0 : random_.chance(weather.duplication) ? 2 : 1;
  for (unsigned i = 0; i < copies; i++) {
    Time delay = weather.delay / 2 + random_.below(weather.delay + 1);
    if (random_.chance(weather.slow)) delay += random_.below(kSecond / 2);
    if (const Time until = lasts(kept_)) delay += until - now_;
    // What one server said to another stays on its way through changes of who leads, and lives.
    if (weather.late > 0 && from < kClients && to < kClients && random_.chance(weather.late))
      delay += random_.below(4 * kSecond);
    at(now_ + delay, [=, this, m = travelled(message)]() mutable {
      messages++;
      if (from < kClients && to < kClients) payload_between_servers += wire::total_bytes(m.payload);
      trace(concat(from, " -> ", to, " ", wire::type_name(type), " ", m.envelope.seq, " shard ",
                   m.envelope.shard));
      receive(std::move(m));
    });
  }
}

// A server reads what came while it stood still when it goes on.
void World::Server::receive(const From &from, wire::Message message) {
  if (node == nullptr) return;
  if (paused_until > world.now_) {
    world.at(paused_until, [this, from, m = std::move(message)]() mutable { receive(from, std::move(m)); });
    return;
  }
  drive([&] {
    // The thread that reads messages answers what is published, as the transport's does.
    if (const auto *pull = std::get_if<wire::Pull>(&message.body); pull != nullptr && world.reads_at_once) {
      const auto shard = node->shards().find(message.envelope.shard);
      if (shard != node->shards().end()) {
        auto answer =
            shard->second->published().answer_at_once(message.envelope, *pull, message.payload, time());
        if (answer) return send(from.peer, std::move(*answer));
      }
    }
    node->receive(from, std::move(message), time());
  });
}

void World::Server::drive(const std::function<void()> &call) {
  try {
    call();
  } catch (const std::exception &error) {
    world.violation(concat("server ", index, " threw: ", error.what()));
  }
  if (node != nullptr) world.agreement.look(index);
  world.run_jobs(*this);
  world.arm(*this);
}

void World::Server::send(Peer to, wire::Message message) {
  World &w = world;
  const size_t me = index;
  if (const auto *fetched = std::get_if<wire::Fetched>(&message.body))
    w.fetches += fetched->there && !fetched->asked.manifest && fetched->asked.offset == 0 ? 1 : 0;
  if (to < kFirstConnection) {
    const size_t target = static_cast<size_t>(to - 1);
    if (target >= w.servers.size()) return;
    w.deliver(me, target, std::move(message), [&w, me, target](wire::Message m) {
      w.servers[target]->receive({me + 1, Role::server, 0}, std::move(m));
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
  w.deliver(kClients + index, target, std::move(message),
            [&w, target, from](wire::Message m) { w.servers[target]->receive(from, std::move(m)); });
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
    server.clock = {random_.below(1'000 * kSecond), kSlowest + static_cast<double>(random_.below(287)) / 1000};
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
  server.node->on_shard([this, &server](Shard &shard) {
    aims.shard_made(server.index, server.life);
    if (shard.root() == nullptr) return;
    server.root = &shard;
    shard.observe(&server);
  });
  server.node->on_drop([&server](Shard &shard) {
    if (server.root == &shard) server.root = nullptr;
  });
  trace(concat("server ", index, " starts"));
  server.drive([&] { server.node->start(server.time()); });
}

void World::crash_server(size_t index) {
  Server &server = *servers[index];
  if (server.node == nullptr) return;
  agreement.look(index);  // what it has done until now
  trace(concat("server ", index, " dies"));
  crashes++;
  server.root = nullptr;
  server.node = nullptr;
  server.paused_until = 0;
  server.disk.crash();
  server.owners.clear();
  look_at_checkpoints();
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
  const Time when = std::max({server.clock.global(next), now_ + 1, server.paused_until});
  if (server.armed <= when && server.armed > now_) return;
  server.armed = when;
  at(when, [this, me = server.index, life = server.life, when] {
    Server &one = *servers[me];
    if (one.node == nullptr || one.life != life) return;
    if (one.armed == when) one.armed = kNever;
    one.drive([&] {
      if (one.paused_until <= now_ && one.node->next_wakeup() <= one.time()) one.node->tick(one.time());
    });
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
    if (!job->log) look_at_checkpoints();
    at(now_ + random_.below(20'000), [this, me = server.index, life = server.life, job] {
      Server &one = *servers[me];
      if (one.node == nullptr || one.life != life) return;
      one.drive([&] { one.node->finish(job, one.time()); });
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

}  // namespace simulation
