// The checks of replicas' logs. Only the ends of logs are looked at, so that it can be done at every step.
#include "agreement.h"

#include <algorithm>

#include "base/text.h"
#include "world.h"

namespace simulation {

using ngd::concat;
using namespace ngd::cluster;

namespace {

constexpr uint64_t kEntries = 16;  // at the end of what is committed

}  // namespace

const ReplicaRecord *Agreement::record(uint32_t shard) const {
  const auto found = shards_.find(shard);
  return found == shards_.end() ? nullptr : &found->second.record;
}

std::vector<uint32_t> Agreement::shards() const {
  std::vector<uint32_t> numbers;
  for (const auto &[number, known] : shards_) numbers.push_back(number);
  return numbers;
}

void Agreement::found(uint32_t shard, std::string text) {
  if (findings_.insert({shard, text.substr(0, 2)}).second) world_.violation(concat(text, ", shard ", shard));
}

const Replica *Agreement::replica(size_t server, uint32_t shard, const Known &known) const {
  const World::Server &one = *world_.servers[server];
  if (one.node == nullptr) return nullptr;
  const auto place = one.node->shards().find(shard);
  if (place == one.node->shards().end()) return nullptr;
  const Replica &replica = place->second->replica();
  return replica.record().memory == known.record.memory ? &replica : nullptr;
}

void Agreement::record_changed(uint32_t shard, const ReplicaRecord &record) {
  Known &known = shards_[shard];
  if (record.epoch < known.record.epoch)
    found(shard, concat("I5: epoch ", record.epoch, " after ", known.record.epoch));
  if (record.memory != known.record.memory)
    known.committed.clear();
  else if (!known.record.has(record.primary))
    world_.resumptions++;  // from a disk
  known.record = record;
  members(shard, known);
}

void Agreement::look(size_t server) {
  for (const auto &[shard, place] : world_.servers[server]->node->shards()) {
    if (!shards_.contains(shard)) continue;
    Known &known = shards_.at(shard);
    const Replica *one = replica(server, shard, known);
    if (one == nullptr) continue;
    if (one->role() == Replica::Role::primary) {
      primary(server, shard, known, *one);
    } else if (one->role() == Replica::Role::member) {
      if (one->committed() > known.committed.size())
        found(shard, concat("I2: server ", server, " carried out entry ", one->committed(), " of ",
                            known.committed.size(), " that are committed"));
      compare(server, shard, known, *one, one->committed(), "I2");
    }
    member(shard, known, {static_cast<uint32_t>(server + 1), one->incarnation()});
  }
}

void Agreement::primary(size_t server, uint32_t shard, Known &known, const Replica &replica) {
  const uint64_t life = world_.servers[server]->life, epoch = replica.record().epoch;
  const auto [place, fresh] = known.primaries.try_emplace(epoch, server, life);
  if (!fresh && place->second != std::pair(server, life))
    found(shard,
          concat("I5: epoch ", epoch, " has two primaries, servers ", place->second.first, " and ", server));
  const size_t before = known.committed.size();
  const ReplicaLog &log = replica.log();
  for (uint64_t index = before + 1; index <= replica.committed(); index++)
    known.committed.push_back(log.knows(index) ? log.epoch(index) : 0);
  compare(server, shard, known, replica, replica.committed(), "I2");
  if (replica.leads() && epoch == known.record.epoch && replica.committed() < known.committed.size())
    found(shard, concat("I3: server ", server, " leads with ", replica.committed(), " of ",
                        known.committed.size(), " entries that are committed"));
  if (known.committed.size() == before) return;
  world_.trace(concat("shard ", shard, " committed ", known.committed.size(), " on ", server));
  members(shard, known);
  world_.aims.committed(shard, server);
}

void Agreement::members(uint32_t shard, Known &known) {
  for (const Member &one : known.record.in_sync) member(shard, known, one);
}

void Agreement::member(uint32_t shard, Known &known, const Member &member) {
  if (!known.record.has(member)) return;
  const size_t server = member.node - 1;
  const Replica *one = replica(server, shard, known);
  if (one == nullptr || one->incarnation() != member.incarnation) return;  // dead, or it has forgotten all
  const uint64_t all = known.committed.size();
  if (one->log().last() < all)
    found(shard, concat("I1: server ", server, " is in the set with ", one->log().last(), " of ", all,
                        " entries that are committed"));
  compare(server, shard, known, *one, all, "I1");
}

void Agreement::compare(size_t server, uint32_t shard, const Known &known, const Replica &replica, uint64_t to,
                        const char *invariant) {
  const ReplicaLog &log = replica.log();
  to = std::min<uint64_t>({to, known.committed.size(), log.last()});
  for (uint64_t index = to; index > 0 && index + kEntries > to && log.knows(index); index--) {
    const uint64_t there = log.epoch(index), committed = known.committed[index - 1];
    if (committed != 0 && there != committed)
      return found(shard, concat(invariant, ": server ", server, " has entry ", index, " of epoch ", there,
                                 ", but that of epoch ", committed, " is committed"));
  }
}

}  // namespace simulation
