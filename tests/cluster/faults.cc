// How bad the world is: what breaks by chance, and how it is mended.
#include <algorithm>

#include "base/text.h"
#include "world.h"

namespace simulation {

using ngd::concat;

void World::cut(size_t from, size_t to, Time until) {
  if (from == to) return;
  trace(concat("cut ", from, " -> ", to));
  blocked_[{from, to}] = std::max(blocked_[{from, to}], until);
}

void World::mend(size_t from, size_t to) {
  blocked_.erase({from, to});
}

void World::keep(size_t from, size_t to, Time until) {
  trace(concat("kept ", from, " -> ", to));
  kept_[{from, to}] = until;
}

void World::uncoordinate(size_t server, Time until) {
  trace(concat("uncoordinated ", server));
  uncoordinated_[server] = std::max(uncoordinated_[server], until);
}

void World::slow_answers(size_t server, Time until) {
  trace(concat("coordinator slow for ", server));
  slow_[server] = until;
}

void World::late_change(size_t server, Time delay) {
  trace(concat("next change of ", server, " is late"));
  late_[server] = delay;
}

void World::pause_server(size_t server, Time until) {
  if (servers[server]->node == nullptr) return;
  trace(concat("server ", server, " stands still"));
  servers[server]->paused_until = until;
}

void World::restart(size_t server, Time down) {
  crash_server(server);
  at(now_ + down, [this, server] { start_server(server); });
}

void World::heal() {
  trace("the weather clears");
  weather = {};
  blocked_.clear();
  kept_.clear();
  uncoordinated_.clear();
  slow_.clear();
  late_.clear();
  aims.end();
  for (auto &server : servers) {
    server->disk.full = false;
    server->disk.sync_failure = 0;
    server->disk.crash_at = ~uint64_t{0};
    server->paused_until = std::min(server->paused_until, now_);
    start_server(server->index);
    arm(*server);
  }
  for (auto &client : clients) client->paused_until = std::min(client->paused_until, now_);
}

void World::begin_faults(Time until) {
  if (weather.disk_faults) {
    for (auto &server : servers) server->disk.sync_failure = random_.chance(0.5) ? 0.05 : 0;
  }
  at(now_ + random_.below(kSecond), [this, until] { fault(until); });
  if (weather.aimed) aims.begin(until);
}

void World::cut_off(size_t server, Time until) {
  trace(concat("cut off ", server));
  for (size_t other = 0; other < servers.size(); other++) {
    cut(server, other, until);
    cut(other, server, until);
  }
  uncoordinate(server, until);
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
      if (!speaks) cut(server, other, end);
      if (!hears) cut(other, server, end);
    }
  }
  if (random_.chance(0.3)) uncoordinate(server, end);
}

// As an arrangement would write it.
void World::place_shard(const std::string &shard, const ngd::cluster::WantedPlace &place) {
  const std::string key = "/place/" + shard;
  records[key] = {key, place.text(), ++revision_};
  trace(concat("record ", key, " ", place.text()));
}

// Any servers, as many as may be, led by the first or by whoever leads.
void World::move_shard() {
  std::vector<std::string> shards;
  for (const auto &[key, record] : records) {
    if (key.starts_with("/shard/")) shards.push_back(key.substr(7));
  }
  if (shards.empty()) return;
  ngd::cluster::WantedPlace place;
  for (uint32_t node = 1; node <= servers.size(); node++) place.nodes.push_back(node);
  for (size_t i = place.nodes.size(); i > 1; i--) std::swap(place.nodes[i - 1], place.nodes[random_.below(i)]);
  place.nodes.resize(1 + random_.below(place.nodes.size()));
  place.lead = random_.chance(0.5);
  faults++;
  place_shard(shards[random_.below(shards.size())], place);
}

// One may stay away for so long that the others go on without it, if they can.
void World::lose_power() {
  faults++;
  trace("all servers die");
  const size_t last = random_.below(servers.size());
  for (size_t server = 0; server < servers.size(); server++) {
    crash_server(server);
    const Time away = random_.below(2 * kSecond) + (server == last && random_.chance(0.3) ? 6 * kSecond : 0);
    at(now_ + away, [this, server] { start_server(server); });
  }
}

void World::fault(Time until) {
  if (now_ >= until) return;
  at(now_ + 50'000 + random_.below(2 * kSecond), [this, until] { fault(until); });
  const size_t server = random_.below(servers.size());
  const size_t client = clients.empty() ? 0 : random_.below(clients.size());
  if (weather.moves && random_.chance(0.3)) return move_shard();
  if (weather.isolation && random_.chance(0.4)) return isolate(server);
  if (weather.power && random_.chance(0.2)) return lose_power();
  switch (random_.below(8)) {
    case 0:
    case 1: {  // a partition, of one or both ways
      if (!weather.partitions) return;
      const size_t a = server;
      const size_t b =
          random_.chance(0.5) || servers.size() == 1 ? kClients + client : random_.below(servers.size());
      const Time end = now_ + 50'000 + random_.below(4 * kSecond);
      faults++;
      cut(a, b, end);
      if (random_.chance(0.6)) cut(b, a, end);
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
      if (!weather.jumps) return;
      faults++;
      trace(concat("clock of server ", server, " jumps"));
      servers[server]->clock.offset += random_.chance(0.1) ? 3600 * kSecond : random_.below(3 * kSecond);
      return;
    case 7:
      if (!weather.server_pauses) return;
      faults++;
      return pause_server(server, now_ + 100'000 + random_.below(3 * kSecond));
  }
}

}  // namespace simulation
