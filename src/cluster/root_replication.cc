// All of a root's state, for a replica that comes in, and how such a replica goes on as the root.
#include <algorithm>

#include "cluster/root.h"
#include "wire/fields.h"
#include "wire/table.h"

namespace ngd::cluster {

using wire::ClientId;

namespace {

// What a checkpoint leaves out, since it ends with the lineage.
struct LiveSession {
  ClientId client;
  bool present = false;
  std::vector<uint64_t> waiting;
};
struct LiveMember {
  ClientId client;
  uint64_t token = 0, seq = 0;
  bool exclusive = true;
};
struct LiveLock {
  std::string name;
  bool exclusive = false;
  std::vector<LiveMember> holders, queue;
};
struct LiveBarrier {
  std::string name;
  uint64_t count = 0;
  std::vector<LiveMember> arrived;
};
struct LiveAnswer {  // numbers of decisions
  ClientId client;
  std::vector<uint64_t> seqs, numbers;
};
struct LiveRoot {
  std::string saved;
  uint64_t lineage = 0, number = 0;
  std::vector<LiveSession> sessions;
  std::vector<LiveLock> locks;
  std::vector<LiveBarrier> barriers;
  std::vector<LiveAnswer> answers;
  std::vector<uint64_t> pins;
  std::vector<wire::Decision> decisions;
};

constexpr size_t kSavedBytes = size_t{1} << 31;

template <class F>
void fields(F &f, LiveSession &x) {
  f.table(x.client);
  f.flag(x.present);
  f.numbers(x.waiting, 1024);
}
template <class F>
void fields(F &f, LiveMember &x) {
  f.table(x.client);
  f.number(x.token);
  f.number(x.seq);
  f.flag(x.exclusive);
}
template <class F>
void fields(F &f, LiveLock &x) {
  f.text(x.name, wire::kTextBytes);
  f.flag(x.exclusive);
  f.tables(x.holders, wire::kWaiters + 1);
  f.tables(x.queue, wire::kWaiters + 1);
}
template <class F>
void fields(F &f, LiveBarrier &x) {
  f.text(x.name, wire::kTextBytes);
  f.number(x.count);
  f.tables(x.arrived, wire::kWaiters + 1);
}
template <class F>
void fields(F &f, LiveAnswer &x) {
  f.table(x.client);
  f.numbers(x.seqs, wire::kWindow + 1);
  f.numbers(x.numbers, wire::kWindow + 1);
}
template <class F>
void fields(F &f, LiveRoot &x) {
  f.blob(x.saved, kSavedBytes);
  f.number(x.lineage);
  f.number(x.number);
  f.tables(x.sessions, size_t{1} << 20);
  f.tables(x.locks, wire::kLocks);
  f.tables(x.barriers, wire::kValues);
  f.tables(x.answers, size_t{1} << 20);
  f.numbers(x.pins, 4096);
  f.tables(x.decisions, size_t{1} << 20);
}

}  // namespace

// `with_stream`: the decisions too, of which one that leads forgets what all shards have.
wire::Bytes Root::save_whole(bool with_stream) const {
  LiveRoot live;
  live.saved = std::string(save().text());
  live.lineage = lineage_;
  live.number = number_;
  for (const auto &[id, session] : sessions_) {
    live.sessions.push_back({id, session.present, {session.waiting.begin(), session.waiting.end()}});
    LiveAnswer numbers{id, {}, {}};
    for (const Answer &one : session.answers) {
      numbers.seqs.push_back(one.seq);
      numbers.numbers.push_back(one.number);
    }
    live.answers.push_back(std::move(numbers));
  }
  for (const LockTable::Lock &lock : locks_.locks()) {
    LiveLock one{lock.name, lock.exclusive, {}, {}};
    if (options_.mutant != Mutant::volatile_locks) {
      for (const LockTable::Holder &holder : lock.holders)
        one.holders.push_back({holder.client, holder.token, 0, lock.exclusive});
    }
    for (const LockTable::Waiter &waiter : lock.queue)
      one.queue.push_back({waiter.client, 0, waiter.seq, waiter.exclusive});
    live.locks.push_back(std::move(one));
  }
  for (const Barriers::Barrier &barrier : barriers_.barriers) {
    LiveBarrier one{barrier.name, barrier.count, {}};
    for (const Barriers::Arrival &arrival : barrier.arrived)
      one.arrived.push_back({arrival.client, 0, arrival.seq, false});
    live.barriers.push_back(std::move(one));
  }
  for (const auto &[version, pin] : pins_) live.pins.push_back(version);
  if (with_stream && options_.mutant != Mutant::decisions_lost)
    live.decisions.assign(decisions_.begin(), decisions_.end());
  return wire::write_bytes(live);
}

void Root::load_whole(std::span<const std::byte> bytes, Time now) {
  LiveRoot live;
  wire::read_bytes(bytes, "state of a root", wire::kDepth, unsigned{1} << 24, live);
  load(std::as_bytes(std::span(live.saved)));
  lineage_ = live.lineage;
  number_ = live.number;
  for (const LiveSession &one : live.sessions) {
    const auto found = sessions_.find(one.client);
    if (found == sessions_.end()) continue;
    found->second.present = one.present;
    found->second.heard = now;
    found->second.waiting = {one.waiting.begin(), one.waiting.end()};
  }
  for (const LiveAnswer &one : live.answers) {
    const auto found = sessions_.find(one.client);
    if (found == sessions_.end()) continue;
    for (Answer &answer : found->second.answers) {
      const auto seq = std::ranges::find(one.seqs, answer.seq);
      const auto at = static_cast<size_t>(seq - one.seqs.begin());
      if (at < one.numbers.size()) answer.number = one.numbers[at];
    }
    if (options_.mutant == Mutant::half_snapshot) found->second.answers.clear();
  }
  for (const LiveLock &one : live.locks) {
    const auto found = std::ranges::find(locks_.locks(), one.name, &LockTable::Lock::name);
    if (found == locks_.locks().end()) continue;
    found->exclusive = one.exclusive;
    for (const LiveMember &holder : one.holders) found->holders.push_back({holder.client, holder.token});
    for (const LiveMember &waiter : one.queue)
      found->queue.push_back({waiter.client, waiter.seq, waiter.exclusive});
  }
  for (const LiveBarrier &one : live.barriers) {
    const auto found = std::ranges::find(barriers_.barriers, one.name, &Barriers::Barrier::name);
    if (found == barriers_.barriers.end()) continue;
    found->count = one.count;
    for (const LiveMember &arrival : one.arrived) found->arrived.push_back({arrival.client, arrival.seq});
  }
  pins_.clear();
  for (const uint64_t version : live.pins) pins_[version].since = now;
  decisions_ = {live.decisions.begin(), live.decisions.end()};
}

// What stands under "volatile" comes again: clients and shards repeat what they have no answer to.
void Root::take_over(Time now) {
  pending_.clear();
  complete_.clear();
  reply_to_.clear();
  command_until_.clear();
  waiting_.clear();
  followers_.assign(shards_, {});
  for (Follower &follower : followers_) follower.resend = now;
  for (auto &[id, session] : sessions_) session.heard = now;
  // Who reads there is not known: they stay until their time is over.
  for (auto &[version, pin] : pins_) {
    pin.since = now;
    pin.readers = {{ClientId(), 0}};
  }
  wakeup_ = now;
}

}  // namespace ngd::cluster
