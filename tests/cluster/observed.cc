// What the world notes of the roots' logs, and the invariants that it checks as entries are applied.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "cluster/checkpoint.h"
#include "wire/limits.h"
#include "world.h"

namespace simulation {

using ngd::concat;
using namespace ngd::cluster;
namespace wire = ngd::wire;

// I1: once the disks of all servers together have a whole checkpoint of this lineage, or the one that it began from, they
// always have one. One that the root does not know to be whole, since a disk failed as its manifest was written, is none, and
// the next may take its place.
void World::look_at_checkpoints() {
  std::map<uint64_t, Manifest> manifests;
  const auto look = [&](bool synced) {
    for (const auto &server : servers) server->disk.synced = synced;
  };
  for (const auto &server : servers) {
    if (server->disk.flips != 0 || !server->options.durable) return;
  }
  look(true);
  std::set<uint64_t> known;
  for (const auto &server : servers) {
    const bool leads = server->node != nullptr && server->root != nullptr && server->root->replica().leads();
    if (leads) known.insert(server->root->kept_checkpoint());
    for (Manifest &one : read_manifests(server->disk, server->options.directory, kModelName)) {
      const bool begun_from = one.lineage == lineage_.from_lineage && one.version == lineage_.from_version;
      if (one.lineage != lineage_.lineage && !begun_from) continue;
      manifests.try_emplace(one.generation, std::move(one));
    }
  }
  uint64_t newest = 0, newest_known = 0;
  for (const auto &[generation, manifest] : manifests) {
    const auto count = static_cast<uint32_t>(manifest.files.size());
    bool whole = true;
    for (uint32_t index = 0; index < count; index++) {
      whole &= std::ranges::any_of(servers, [&](const auto &server) {
        return told_of(server->disk,
                       shard_file(server->options.directory, kModelName, manifest.slot, index, count))
                   .checksum == manifest.files[index].checksum;
      });
    }
    if (whole) newest = generation;
    if (whole && known.contains(generation)) newest_known = generation;
  }
  look(false);
  if (newest == 0 && whole_ != 0)
    violation(concat("I1: checkpoint ", whole_, " is gone, and there is no other"));
  if (newest_known != 0) whole_ = newest_known;
}

void World::Server::begun(uint64_t lineage, uint64_t base, uint64_t from_lineage, uint64_t from_version) {
  world.trace(concat("lineage ", lineage, " begins at ", base, " from ", from_lineage, "/", from_version));
  world.history.lineages.push_back({lineage, base, from_lineage, from_version});
  world.lineage_ = world.history.lineages.back();
  world.whole_ = 0;
  owners.clear();
  uncertain.clear();
  knows_owners = true;
}

void World::Server::lost() {
  uncertain.clear();
  owners.clear();
  knows_owners = false;
}

void World::Server::settled(uint64_t certain_index) {
  while (!uncertain.empty() && uncertain.front().index <= certain_index) {
    Uncertain one = std::move(uncertain.front());
    uncertain.pop_front();
    into_history(std::move(one));
  }
}

// A replica carries out what is certain; what the one that leads carries out is so when it is committed.
void World::Server::note(Decided decided, std::vector<TokenUse> used) {
  const Replica &replica = root->replica();
  Uncertain one{replica.last(), std::move(decided), std::move(used)};
  if (replica.leads())
    uncertain.push_back(std::move(one));
  else
    into_history(std::move(one));
}

void World::Server::into_history(Uncertain one) {
  if (one.decided.version != 0) {
    const auto [place, fresh] =
        world.certain.try_emplace({one.decided.lineage, one.decided.version}, one.decided);
    if (!fresh) {
      if (place->second.entries != one.decided.entries || place->second.options != one.decided.options)
        world.violation(concat("I2: version ", one.decided.version, " is two different ones"));
      return;
    }
    world.trace(concat("version ", one.decided.version, " of ", one.decided.entries.size()));
    world.history.decided.push_back(std::move(one.decided));
  }
  for (TokenUse &use : one.tokens) world.token_uses.push_back(std::move(use));
}

// What the dead server had applied behind that and nobody had seen is gone; what was seen is read again.
void World::Server::resumed(uint64_t lineage, uint64_t version, uint64_t at) {
  world.trace(concat("lineage ", lineage, " goes on at ", version));
  std::erase_if(world.history.decided,
                [&](const Decided &one) { return one.lineage == lineage && one.version > version; });
  std::erase_if(world.certain,
                [&](const auto &one) { return one.first.first == lineage && one.first.second > version; });
  std::erase_if(world.token_uses,
                [&](const TokenUse &one) { return one.lineage == lineage && one.index > at; });
  world.resumptions++;
}

void World::Server::applied(uint64_t lineage, uint64_t at, const RootEntry &entry) {
  const Root &log = *root->root();
  if (const auto *decision = std::get_if<wire::Decision>(&entry)) {
    if (decision->kind != wire::Decision::Kind::apply) return;
    Decided decided{lineage, decision->version, {}, decision->options};
    std::vector<TokenUse> used;
    for (const wire::Decision::Entry &one : decision->entries) {
      decided.entries.emplace_back(one.client, one.seq);
      const auto token = world.tokens.find({one.client, one.seq});
      if (token != world.tokens.end()) used.push_back({token->second.lock, token->second.token, lineage, at});
      // Stale: nobody is further ahead of the slowest than the bound allows.
      const auto session = log.sessions().find(one.client);
      if (session == log.sessions().end() || session->second.open.consistency != wire::Consistency::stale)
        continue;
      if (!session->second.open.worker || !session->second.present) continue;
      uint64_t least = session->second.clock;
      for (const auto &[id, other] : log.sessions()) {
        if (other.present && other.open.worker && other.open.consistency == wire::Consistency::stale)
          least = std::min(least, other.clock);
      }
      if (session->second.clock > least + session->second.open.bound + 1)
        world.violation(concat("stale: a worker is at update ", session->second.clock, ", the slowest at ",
                               least, ", the bound is ", session->second.open.bound));
    }
    note(std::move(decided), std::move(used));
  } else if (const auto *command = std::get_if<CommandEntry>(&entry)) {
    const auto session = log.sessions().find(command->client);
    if (session == log.sessions().end()) return;
    const Answer *answer = session->second.answer(command->seq);
    if (answer == nullptr || answer->status != NGD_OK) return;
    using Kind = wire::CommandKind;
    const std::pair<std::string, uint64_t> partition(command->command.name, answer->done.number);
    if (command->command.kind == Kind::set_value) {
      // Every replica says so; the history hears it from one that leads.
      std::vector<TokenUse> used;
      for (const wire::Token &token : command->command.tokens)
        used.push_back({token.lock, token.token, lineage, at});
      if (root->replica().leads()) note({}, std::move(used));
    } else if (command->command.kind == Kind::claim) {
      const auto owner = owners.find(partition);
      if (knows_owners && owner != owners.end() && owner->second != command->client)
        world.violation(concat("I8: partition ", partition.second, " was given out while another has it"));
      owners[partition] = command->client;
    } else if (command->command.kind == Kind::yield || command->command.kind == Kind::finish) {
      owners.erase({command->command.name, command->command.number});
    }
  } else if (const auto *presence = std::get_if<PresenceEntry>(&entry)) {
    if (!presence->present)
      std::erase_if(owners, [&](const auto &one) { return one.second == presence->client; });
  } else if (const auto *end = std::get_if<EndEntry>(&entry)) {
    std::erase_if(owners, [&](const auto &one) { return one.second == end->client; });
  }
  // I10: what the root keeps is bounded.
  if (log.pin_count() > wire::kPins) world.violation("I10: more pins than allowed");
  for (const auto &[id, session] : log.sessions()) {
    if (session.answers.size() > wire::kWindow)
      world.violation("I10: the window of a session is larger than allowed");
  }
}

}  // namespace simulation
