// How each story goes: who is cut off from whom, and at what moment who dies.
#include "aims.h"

#include <algorithm>

#include "base/text.h"
#include "world.h"

namespace simulation {

using ngd::concat;
using namespace ngd::cluster;

// --- what is waited for -----------------------------------------------------------------------------------------------

void Aims::wait(What what, Time patience, std::function<bool(uint32_t, size_t)> sprung) {
  traps_.push_back({what, world_.now() + patience, std::move(sprung)});
}

void Aims::spring(What what, uint32_t shard, size_t server) {
  std::list<Trap> old;
  old.swap(traps_);  // new ones are laid meanwhile
  std::erase_if(old, [&](const Trap &one) {
    return over_ || one.until < world_.now() || (one.what == what && one.sprung(shard, server));
  });
  traps_.splice(traps_.end(), old);
}

void Aims::record_changed(uint32_t shard) {
  spring(What::record, shard, 0);
}
void Aims::committed(uint32_t shard, size_t server) {
  spring(What::commit, shard, server);
}
void Aims::shard_made(size_t server, uint64_t life) {
  if (life > 1) spring(What::shard, 0, server);
}

// Nothing happens at once: a server may be in the midst of something.
void Aims::soon(Time most, std::function<void()> call) {
  world_.at(world_.now() + 1 + world_.random().below(most + 1), [this, call = std::move(call)] {
    if (!over_) call();
  });
}

void Aims::when_led(uint32_t shard, Time patience, std::function<void(const Record &)> call) {
  const Record *now = world_.agreement.record(shard);
  wait(What::record, patience, [=, this, epoch = now == nullptr ? 0 : now->epoch](uint32_t changed, size_t) {
    if (changed != shard || world_.agreement.record(shard)->epoch <= epoch) return false;
    call(*world_.agreement.record(shard));
    return true;
  });
}

void Aims::when_added(uint32_t shard, Time patience, std::function<void(const Record &)> call) {
  const Record *now = world_.agreement.record(shard);
  wait(What::record, patience, [=, this, before = now->in_sync.size()](uint32_t changed, size_t) mutable {
    if (changed != shard) return false;
    const size_t size = world_.agreement.record(shard)->in_sync.size();
    if (size <= std::exchange(before, size)) return false;
    call(*world_.agreement.record(shard));
    return true;
  });
}

void Aims::when_put_out(uint32_t shard, Time patience, std::function<void(const Record &)> call) {
  const Record *now = world_.agreement.record(shard);
  wait(What::record, patience, [=, this, before = *now](uint32_t changed, size_t) {
    if (changed != shard) return false;
    const Record &record = *world_.agreement.record(shard);
    if (record.epoch != before.epoch) return true;  // another story
    if (record.in_sync.size() >= before.in_sync.size()) return false;
    call(record);
    return true;
  });
}

void Aims::when_committed(uint32_t shard, size_t server, Time patience, std::function<void()> call) {
  wait(What::commit, patience, [=](uint32_t of, size_t by) {
    if (of != shard || by != server) return false;
    call();
    return true;
  });
}

// --- who is who -------------------------------------------------------------------------------------------------------

std::optional<size_t> Aims::primary(uint32_t shard) const {
  const Record *record = world_.agreement.record(shard);
  if (record == nullptr) return std::nullopt;
  const size_t server = record->primary.node - 1;
  const auto &node = world_.servers[server]->node;
  if (node == nullptr || !node->shards().contains(shard) || !node->shards().at(shard)->replica().leads())
    return std::nullopt;
  return server;
}

std::vector<size_t> Aims::members(uint32_t shard) const {
  std::vector<size_t> servers;
  const Record &record = *world_.agreement.record(shard);
  for (const Member &one : record.in_sync) {
    if (one != record.primary && world_.servers[one.node - 1]->node != nullptr) servers.push_back(one.node - 1);
  }
  for (size_t i = servers.size(); i > 1; i--) std::swap(servers[i - 1], servers[world_.random().below(i)]);
  return servers;
}

void Aims::cut_both(size_t one, size_t other, Time until) {
  world_.cut(one, other, until);
  world_.cut(other, one, until);
}

void Aims::part(size_t server, Time until) {
  for (size_t other = 0; other < world_.servers.size(); other++) cut_both(server, other, until);
}

void Aims::mend(size_t server) {
  for (size_t other = 0; other < world_.servers.size(); other++) {
    world_.mend(server, other);
    world_.mend(other, server);
  }
}

// Some clients reach that one alone, the others all but that one.
void Aims::loyal_clients(size_t server, Time until) {
  for (size_t client = 0; client < world_.clients.size(); client++) {
    const bool loyal = world_.random().chance(0.5);
    for (size_t other = 0; other < world_.servers.size(); other++) {
      if (loyal != (other == server)) cut_both(kClients + client, other, until);
    }
  }
}

// --- the stories --------------------------------------------------------------------------------------------------------

void Aims::begin(Time until) {
  over_ = false;
  world_.at(world_.now() + kSecond / 2 + world_.random().below(2 * kSecond), [this, until] { again(until); });
}

void Aims::end() {
  over_ = true;
  traps_.clear();
}

void Aims::again(Time until) {
  if (over_ || world_.now() >= until) return;
  const std::vector<uint32_t> shards = world_.agreement.shards();
  const auto aim = static_cast<Aim>(world_.random().below(kAims));
  const bool taken = !shards.empty() && take(only_.value_or(aim), shards[world_.random().below(shards.size())]);
  const Time pause = taken ? 2 * kSecond + world_.random().below(4 * kSecond) : kSecond / 2;
  world_.at(world_.now() + pause, [this, until] { again(until); });
}

bool Aims::take(Aim aim, uint32_t shard) {
  const std::optional<size_t> server = primary(shard);
  if (!server || (members(shard).empty() && aim != Aim::addition)) return false;
  constexpr void (Aims::*kStories[])(uint32_t, size_t) = {
      &Aims::old_primary, &Aims::late_candidate, &Aims::dead_candidate, &Aims::addition,  &Aims::tail,
      &Aims::commit,      &Aims::unready,        &Aims::decisions,      &Aims::hand_over, &Aims::old_words,
  };
  static_assert(std::size(kStories) == kAims);
  world_.faults++;
  world_.trace(concat("aim ", static_cast<int>(aim), " at shard ", shard, " on ", *server));
  (this->*kStories[static_cast<size_t>(aim)])(shard, *server);
  return true;
}

// Clients go on with it. When another leads, or later, it comes back and says to the members what it has of its epoch.
void Aims::old_primary(uint32_t shard, size_t old) {
  Seeded &random = world_.random();
  const Time end = world_.now() + 3 * kSecond + random.below(3 * kSecond);
  if (random.chance(0.8)) {
    part(old, end);
  } else {
    const bool hears = random.chance(0.5);
    for (size_t other = 0; other < world_.servers.size(); other++)
      hears ? world_.cut(old, other, end) : world_.cut(other, old, end);
  }
  if (random.chance(0.9)) world_.uncoordinate(old, end + random.below(kSecond));
  loyal_clients(old, end + random.below(kSecond));
  const uint64_t back = random.below(4);  // with the others: at once, after their first commit, or at the end
  if (back > 1) return;
  when_led(shard, 3 * kSecond, [=, this](const Record &record) {
    if (back == 0) return soon(kSecond / 5, [=, this] { mend(old); });
    when_committed(shard, record.primary.node - 1, 3 * kSecond,
                   [=, this] { soon(20'000, [=, this] { mend(old); }); });
  });
}

void Aims::late_candidate(uint32_t shard, size_t old) {
  Seeded &random = world_.random();
  const std::vector<size_t> others = members(shard);
  const size_t candidate = others[0];
  const Time end = world_.now() + 3 * kSecond;
  world_.cut(old, candidate, end);
  world_.uncoordinate(old, random.chance(0.5) ? end : world_.now() + kSecond);  // it would put the other out
  loyal_clients(old, end);
  when_led(shard, 2 * kSecond, [=, this](const Record &record) {
    if (record.primary.node != candidate + 1) return;
    world_.slow_answers(candidate, world_.now() + kSecond / 5 + world_.random().below(kSecond));
    soon(100'000, [=, this] { world_.mend(old, candidate); });
  });
}

void Aims::dead_candidate(uint32_t shard, size_t old) {
  Seeded &random = world_.random();
  const Time end = world_.now() + 4 * kSecond;
  part(old, end);
  world_.uncoordinate(old, end);
  loyal_clients(old, end);
  const bool at_once = random.chance(0.2);
  when_led(shard, 2 * kSecond, [=, this](const Record &record) {
    const size_t candidate = record.primary.node - 1;
    const auto dies = [=, this] {
      soon(20'000, [=, this] {
        wait(What::shard, 3 * kSecond, [=, this](uint32_t, size_t server) {
          if (server != candidate) return false;
          world_.slow_answers(server, world_.now() + kSecond / 2 + world_.random().below(kSecond));
          mend(old);
          return true;
        });
        world_.restart(candidate, 1 + world_.random().below(200'000));
      });
    };
    at_once ? dies() : when_committed(shard, candidate, 2 * kSecond, dies);
  });
}

void Aims::addition(uint32_t shard, size_t server) {
  Seeded &random = world_.random();
  const std::vector<size_t> others = members(shard);
  when_added(shard, 6 * kSecond, [=, this](const Record &grown) {
    const size_t added = grown.in_sync.back().node - 1;
    world_.slow_answers(server, world_.now() + kSecond / 2 + world_.random().below(kSecond));
    const bool dies = world_.random().chance(0.4), at_once = world_.random().chance(0.5);
    const Time end = world_.now() + 2 * kSecond + world_.random().below(2 * kSecond);
    soon(at_once ? 0 : 400'000, [=, this] {
      if (dies) return world_.restart(server, world_.random().below(2 * kSecond));
      part(server, end);
      world_.uncoordinate(server, end);
      loyal_clients(server, end);
      if (world_.random().chance(0.3)) world_.restart(added, world_.random().below(kSecond));
    });
  });
  if (!others.empty()) world_.restart(others[0], random.below(200'000));
}

void Aims::tail(uint32_t shard, size_t server) {
  Seeded &random = world_.random();
  const std::vector<size_t> others = members(shard);
  const Time end = world_.now() + 2 * kSecond + random.below(2 * kSecond);
  world_.cut(server, others[0], end);
  const bool dies = random.chance(0.5), back = random.chance(0.5);
  world_.at(world_.now() + 200'000 + random.below(400'000), [=, this] {
    if (over_) return;
    if (dies) return world_.restart(server, world_.random().below(3 * kSecond));
    part(server, end);
    if (back)
      when_led(shard, 2 * kSecond, [=, this](const Record &) { soon(kSecond, [=, this] { mend(server); }); });
  });
}

void Aims::commit(uint32_t shard, size_t server) {
  when_committed(shard, server, 2 * kSecond, [=, this] {
    const Time down = world_.random().below(2 * kSecond);
    soon(world_.random().chance(0.5) ? 0 : 50'000, [=, this] { world_.restart(server, down); });
  });
}

void Aims::unready(uint32_t shard, size_t server) {
  const std::vector<size_t> others = members(shard);
  if (others.size() < 2) return;
  const Time end = world_.now() + 5 * kSecond;
  const size_t out = others.back();
  cut_both(server, out, end);
  when_put_out(shard, 2 * kSecond, [=, this](const Record &) {
    // Those that are left hear each other no more when it dies.
    const std::vector<size_t> left = members(shard);
    for (const size_t one : left) {
      for (const size_t other : left) world_.cut(one, other, end);
    }
    when_committed(shard, server, 2 * kSecond, [=, this] {
      soon(0, [=, this] { world_.restart(server, 2 * kSecond); });
      // What the next one sends to who was put out, that one has late.
      when_led(shard, 3 * kSecond, [=, this](const Record &record) {
        world_.keep(record.primary.node - 1, out, world_.now() + kSecond);
      });
    });
  });
}

void Aims::decisions(uint32_t, size_t) {
  Seeded &random = world_.random();
  // Whatever shard was meant: its model's root, and another shard that is led elsewhere.
  const uint32_t root = world_.agreement.shards().front();
  const std::optional<size_t> from = primary(root);
  if (!from) return;
  std::optional<size_t> to;
  for (const uint32_t shard : world_.agreement.shards()) {
    if (const auto server = primary(shard); server && *server != *from) to = server;
  }
  if (!to) return;
  for (const size_t one : members(root)) {
    if (one != *to) world_.restart(one, random.below(100'000));
  }
  const Time end = world_.now() + 4 * kSecond;
  world_.cut(*from, *to, end);
  when_added(root, 4 * kSecond, [=, this](const Record &) {
    const Time down = kSecond + world_.random().below(2 * kSecond);
    soon(300'000, [=, this] { world_.restart(*from, down); });
  });
}

void Aims::hand_over(uint32_t shard, size_t old) {
  const size_t next = members(shard)[0];
  const Time end = world_.now() + 3 * kSecond;
  WantedPlace place;
  place.nodes = {static_cast<uint32_t>(next + 1), static_cast<uint32_t>(old + 1)};
  for (const size_t one : members(shard)) {
    if (one != next) place.nodes.push_back(static_cast<uint32_t>(one + 1));
  }
  place.lead = true;
  world_.place_shard(std::to_string(shard), place);
  loyal_clients(old, end);
  when_led(shard, 3 * kSecond, [=, this](const Record &) {
    world_.uncoordinate(old, world_.now() + kSecond);  // the answer does not come
    soon(300'000, [=, this] { part(old, end); });
  });
}

void Aims::old_words(uint32_t shard, size_t server) {
  Seeded &random = world_.random();
  const std::vector<size_t> others = members(shard);
  const size_t other = others[0];
  const Time end = world_.now() + kSecond / 2 + random.below(4 * kSecond);
  const uint64_t ways = 1 + random.below(3);
  if ((ways & 1) != 0) world_.keep(server, other, end);
  if ((ways & 2) != 0) world_.keep(other, server, end);
  if (random.chance(0.4)) return;
  const size_t dies = random.chance(0.5) ? server : other;
  soon(kSecond, [=, this] { world_.restart(dies, world_.random().below(kSecond)); });
}

}  // namespace simulation
