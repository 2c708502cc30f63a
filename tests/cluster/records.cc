// The simulated coordinator: its records, and what of them is lost or late.
#include "base/text.h"
#include "world.h"

namespace simulation {

using ngd::concat;
using namespace ngd::cluster;

bool World::Server::coordinated() const {
  const auto cut = world.uncoordinated_.find(index);
  return cut == world.uncoordinated_.end() || cut->second <= world.now_;
}

void World::Server::answer(CoordinatorAnswer answer) {
  World &w = world;
  if (w.random_.chance(w.weather.loss / 2) || !coordinated()) return;
  Time delay = 200 + w.random_.below(3000);
  if (const auto slow = w.slow_.find(index); slow != w.slow_.end() && slow->second > w.now_)
    delay += w.random_.below(slow->second - w.now_);
  const auto tell = [&w, me = index, my_life = life, answer = std::move(answer)](const auto &again) -> void {
    Server &server = *w.servers[me];
    if (server.take_answer) return server.take_answer(answer);
    if (server.node == nullptr || server.life != my_life) return;
    if (server.paused_until > w.now_) return w.at(server.paused_until, [again] { again(again); });
    w.trace(concat("coordinator -> ", me, " shard ", answer.ticket >> 32, answer.done ? "" : ", refused"));
    server.drive([&] { server.node->coordinated(answer, server.time()); });
  };
  w.at(w.now_ + delay, [tell] { tell(tell); });
}

void World::Server::get(uint64_t ticket, const std::string &prefix) {
  CoordinatorAnswer found{ticket, true, {}};
  for (const auto &[key, record] : world.records) {
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
  if (!coordinated()) return;
  if (world.weather.late_changes && world.random_.chance(0.05))
    world.late_.try_emplace(index, world.random_.below(3 * kSecond));
  if (const auto late = world.late_.find(index); late != world.late_.end()) {
    // Who asked has no answer and asks anew; the change is made all the same, if it still fits.
    world.at(world.now_ + late->second, [this, key, revision, value] { change(0, key, revision, value); });
    world.late_.erase(late);
    return;
  }
  answer(change(ticket, key, revision, value));
}

CoordinatorAnswer World::Server::change(uint64_t ticket, const std::string &key, uint64_t revision,
                                        const std::string &value) {
  auto &records = world.records;
  const auto found = records.find(key);
  const uint64_t there = found == records.end() ? 0 : found->second.revision;
  CoordinatorAnswer done{ticket, there == revision, {}};
  if (done.done) {
    records[key] = {key, value, ++world.revision_};
    if (key.starts_with("/shard/")) {
      world.trace(concat("record ", key, " ", value));
      const auto shard = static_cast<uint32_t>(std::stoul(key.substr(7)));
      if (const auto record = ReplicaRecord::parse(value)) {
        world.agreement.record_changed(shard, *record);
        world.aims.record_changed(shard);
        if (world.on_record) world.on_record(shard);
      }
    }
  }
  if (records.contains(key)) done.records.push_back(records[key]);
  return done;
}

}  // namespace simulation
