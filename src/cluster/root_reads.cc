// Reads at a root: versions to read at, pins that keep them, values, and those who wait.
#include <algorithm>

#include "base/text.h"
#include "cluster/root.h"
#include "wire/fields.h"
#include "wire/table.h"

namespace ngd::cluster {

using wire::ClientId;
using wire::Decision;
using wire::Refused;

void Root::read_point(const From &from, const wire::Envelope &envelope, const wire::ReadPoint &request,
                      Time now) {
  answer_or_hold({from, envelope, request, now + std::min(request.wait_us, wire::kWaitUsMax),
                  request.confirm ? host_.ask_members(now) : 0},
                 now);
}

void Root::query(const From &from, const wire::Envelope &envelope, const wire::Query &query, Time now) {
  // What decides how others work on is read without trust in clocks, always.
  answer_or_hold(
      {from, envelope, query, now + std::min(query.wait_us, wire::kWaitUsMax), host_.ask_members(now)}, now);
}

void Root::answer_or_hold(Waiting waiting, Time now) {
  const From &from = waiting.from;
  const wire::Envelope &envelope = waiting.envelope;
  if (session_of(from, envelope, now) == nullptr || try_read(waiting, now)) return;
  if (waiting_.size() >= options_.limits.waiting)
    return refuse(from.peer, envelope, NGD_E_LIMIT, Refused::Retry::later, "too many reads wait");
  std::erase_if(waiting_, [&](const Waiting &one) {
    const bool again = one.envelope.client == envelope.client && one.envelope.seq == envelope.seq;
    if (again && !waits_for_pin(one)) waiting_others_--;
    // Who asks again does not wait longer for it: its own time goes on.
    if (again) waiting.until = std::min(waiting.until, one.until);
    return again;
  });
  waiting_others_ += waits_for_pin(waiting) ? 0 : 1;
  give_up_at_ = std::min(give_up_at_, waiting.until);
  waiting_.push_back(std::move(waiting));
}

// Answers a read if it need not wait.
bool Root::try_read(const Waiting &waiting, Time now) {
  const wire::Envelope &envelope = waiting.envelope;
  if (const auto *query = std::get_if<wire::Query>(&waiting.request)) {
    wire::Message message{envelope, {}, {}};
    wire::Done done;
    done.version = version_;
    if (query->kind == wire::QueryKind::status) {
      done.number = sessions_.size();
      done.token = worker_count();
      done.offset = pins_.size();
      done.text =
          concat("version ", version_, ", lineage ", lineage_, ", sessions ", sessions_.size(), ", workers ",
                 worker_count(), ", updates under way ", pending_.size(), ", waiting reads ", waiting_.size());
    } else if (query->kind == wire::QueryKind::partitions || query->kind == wire::QueryKind::blob) {
      const PartitionSet *set = partitions_.set_named(query->name);
      if (set == nullptr) {
        refuse(waiting.from.peer, envelope, NGD_E_NOT_FOUND, Refused::Retry::never,
               concat("there is no set of partitions ", quoted(query->name)));
        return true;
      }
      if (query->kind == wire::QueryKind::blob && query->known >= set->partitions.size()) {
        refuse(waiting.from.peer, envelope, NGD_E_RANGE, Refused::Retry::never,
               concat("set ", quoted(query->name), " has ", set->partitions.size(), " partitions, no number ",
                      query->known));
        return true;
      }
      PartitionSet told = *set;
      for (Partition &one : told.partitions) one.blob.clear();
      done.number = told.pass;
      message.payload.push_back(query->kind == wire::QueryKind::blob
                                    ? wire::copied(set->partitions[query->known].blob)
                                    : wire::write_bytes(told));
    } else {
      const Value *value = values_.find(query->name);
      if ((value == nullptr ? 0 : value->version) <= query->known && (query->known != 0 || value == nullptr)) {
        if (waiting.until > now) return false;
        const bool absent = value == nullptr;
        refuse(waiting.from.peer, envelope, absent ? NGD_E_NOT_FOUND : NGD_E_TIMEOUT, Refused::Retry::never,
               absent ? concat("there is no value ", quoted(query->name))
                      : concat("value ", quoted(query->name), " still has version ", value->version),
               0, waiting.asked);
        return true;
      }
      done.number = value->version;
      message.payload.push_back(wire::copied(value->bytes));
    }
    message.body = std::move(done);
    host_.send_to(waiting.from.peer, std::move(message), waiting.asked);
    return true;
  }
  const auto &point = std::get<wire::ReadPoint>(waiting.request);
  const auto found = sessions_.find(envelope.client);
  if (found == sessions_.end()) return true;
  if (too_far_ahead(found->second)) return false;
  if (point.pin && !initialised_) {
    if (waiting.until > now) return false;
    refuse(waiting.from.peer, envelope, NGD_E_STATE, Refused::Retry::never,
           "the model has no values yet; initialise it first", 0, waiting.asked);
    return true;
  }
  uint64_t version = version_;
  if (point.pin && shards_ > 1) {
    // One that asks again, since the answer was long in coming, has its version: it says once that it is done.
    const Reader reader{envelope.client, envelope.seq};
    const auto had =
        std::ranges::find_if(pins_, [&](const auto &one) { return one.second.readers.contains(reader); });
    if (had != pins_.end()) {
      version = had->first;
    } else {
      if (!pins_.contains(version)) {
        if (pins_.size() >= wire::kPins || !may_decide()) return false;
        pins_[version].until = now + wire::kPinUs;
        Decision decision;
        decision.kind = Decision::Kind::pin;
        decision.version = version;
        decide(std::move(decision), now);
      }
      pins_[version].readers.insert(reader);
    }
  }
  host_.send_to(waiting.from.peer, {envelope, wire::Point{version, lineage_, initialised_}, {}}, waiting.asked);
  return true;
}

bool Root::waits_for_pin(const Waiting &waiting) const {
  const auto *point = std::get_if<wire::ReadPoint>(&waiting.request);
  return point != nullptr && point->pin && shards_ > 1;
}

void Root::serve_waiting(Time now) {
  give_up_at_ = kNever;
  // While as many versions are kept as may be, those who wait for another one wait on.
  if (waiting_others_ == 0 && pins_.size() >= wire::kPins && !pins_.contains(version_)) return;
  waiting_others_ = 0;
  for (size_t left = waiting_.size(); left > 0; left--) {
    Waiting waiting = std::move(waiting_.front());
    waiting_.pop_front();
    if (try_read(waiting, now)) continue;
    // The client's own deadline tells it; the answer would come too late.
    if (waiting.until <= now) continue;
    waiting_others_ += waits_for_pin(waiting) ? 0 : 1;
    give_up_at_ = std::min(give_up_at_, waiting.until);
    waiting_.push_back(std::move(waiting));
  }
}

void Root::read_done(const wire::Envelope &envelope, uint64_t version, Time now) {
  const auto found = pins_.find(version);
  if (found == pins_.end()) return;
  found->second.readers.erase({envelope.client, envelope.seq});
  if (!found->second.readers.empty()) return;
  pins_.erase(found);
  Decision decision;
  decision.kind = Decision::Kind::unpin;
  decision.version = version;
  decide(std::move(decision), now);
  serve_waiting(now);
}

void Root::expire_pins(Time now) {
  std::vector<uint64_t> old;
  for (const auto &[version, pin] : pins_) {
    if (now > pin.until) old.push_back(version);
  }
  for (const uint64_t version : old) {
    pins_.erase(version);
    Decision decision;
    decision.kind = Decision::Kind::unpin;
    decision.version = version;
    decide(std::move(decision), now);
  }
}

// --- checkpoints --------------------------------------------------------------------------------------------------

namespace {

struct SavedRoot {
  uint64_t index = 0, version = 0;
  bool initialised = false, begun = false;
  std::vector<Session> sessions;
  std::vector<LockTable::Lock> locks;
  std::vector<Value> values;
  std::vector<PartitionSet> partitions;
  std::vector<Barriers::Barrier> barriers;
  // Of use when the same lineage goes on alone.
  uint64_t number = 0;
  std::vector<uint64_t> pins;
  std::vector<wire::Decision> decisions;  // those that not all shards have applied
  std::vector<uint64_t> applied;          // by each shard
};

template <class F>
void fields(F &f, SavedRoot &x) {
  f.number(x.index);
  f.number(x.version);
  f.flag(x.initialised);
  f.flag(x.begun);
  f.tables(x.sessions, size_t{1} << 20);
  f.tables(x.locks, wire::kLocks);
  f.tables(x.values, wire::kValues);
  f.tables(x.partitions, wire::kPartitions);
  f.tables(x.barriers, wire::kValues);
  f.number(x.number);
  f.numbers(x.pins, wire::kPins);
  f.tables(x.decisions, size_t{1} << 24);
  f.numbers(x.applied, wire::kShards);
}

}  // namespace

void Root::decide_checkpoint(uint32_t slot, uint64_t generation, uint64_t kept, Time now) {
  Decision decision;
  decision.kept = kept;
  decision.kind = Decision::Kind::checkpoint;
  decision.slot = slot;
  decision.generation = generation;
  decide(std::move(decision), now);
}

wire::Bytes Root::save(bool with_stream) const {
  SavedRoot saved;
  saved.index = index_;
  saved.version = version_;
  saved.initialised = initialised_;
  saved.begun = begun_;
  for (const auto &[id, session] : sessions_) saved.sessions.push_back(session);
  saved.locks = locks_.locks();
  saved.values = values_.values;
  saved.partitions = partitions_.sets;
  saved.barriers = barriers_.barriers;
  saved.number = number_;
  for (const auto &[version, pin] : pins_) saved.pins.push_back(version);
  if (with_stream) {
    saved.decisions.assign(decisions_.begin(), decisions_.end());
    for (const Follower &one : followers_) saved.applied.push_back(one.applied);
  }
  return wire::write_bytes(saved);
}

void Root::load(std::span<const std::byte> bytes) {
  SavedRoot saved;
  wire::read_bytes(bytes, "saved root", wire::kDepth, unsigned{1} << 24, saved);
  index_ = saved.index;
  version_ = saved.version;
  initialised_ = saved.initialised;
  begun_ = saved.begun;
  sessions_.clear();
  for (Session &session : saved.sessions) sessions_[session.client] = std::move(session);
  count_group();
  locks_.locks() = std::move(saved.locks);
  values_ = {};
  for (const Value &value : saved.values) values_.bytes += value.bytes.size();
  values_.values = std::move(saved.values);
  partitions_ = {};
  for (const PartitionSet &set : saved.partitions) {
    for (const Partition &one : set.partitions) partitions_.bytes += one.blob.size();
  }
  partitions_.sets = std::move(saved.partitions);
  barriers_.barriers = std::move(saved.barriers);
  number_ = saved.number;
  pins_.clear();
  for (const uint64_t version : saved.pins) pins_[version];
  decisions_.assign(std::make_move_iterator(saved.decisions.begin()),
                    std::make_move_iterator(saved.decisions.end()));
  for (size_t i = 0; i < std::min(saved.applied.size(), followers_.size()); i++)
    followers_[i].applied = saved.applied[i];
  count_followers();
}

void Root::proceed(uint64_t lineage, uint64_t number, Time now) {
  lineage_ = lineage;
  number_ = number;
  for (auto &[id, session] : sessions_) session.heard = now;
  for (auto &[version, pin] : pins_) pin.until = now + wire::kPinUs;
  for (Follower &one : followers_) {
    one.sent = one.applied;
    one.resend = now;
  }
}

void Root::forget_answers() {
  for (auto &[id, session] : sessions_) session.answers.clear();
}

void Root::forget_volatile() {
  pending_.clear();
  complete_.clear();
  complete_of_.clear();
  reply_to_.clear();
  command_until_.clear();
  waiting_.clear();
  followers_.assign(shards_, {});
  stream_at_ = kNever;
  scan_at_ = 0;
  give_up_at_ = kNever;
  count_followers();
  waiting_others_ = 0;
}

void Root::begin(uint64_t lineage, uint64_t version, bool initialised, Time now) {
  lineage_ = lineage;
  index_ = std::max(index_, lineage << kLineageBits);
  version_ = version;
  initialised_ = initialised;
  if (lineage > 1) begun_ = true;  // all have been there once; some may be done by now
  number_ = 0;
  forget_volatile();
  pins_.clear();
  decisions_.clear();
  for (auto &[id, session] : sessions_) {
    session.heard = now;
    session.present = true;
    session.waiting.clear();
    for (Answer &answer : session.answers) answer.number = 0;
  }
  count_group();
  // Who held a lock before must find it lost.
  for (LockTable::Lock &lock : locks_.locks()) {
    lock.exclusive = false;
    lock.holders.clear();
    lock.queue.clear();
    lock.sealed = (index_ + 1) << kTokenBits;
  }
  for (Barriers::Barrier &barrier : barriers_.barriers) {
    barrier.count = 0;
    barrier.arrived.clear();
  }
  index_++;
}

void Root::extend_ceiling(uint64_t ceiling, Time now) {
  ceiling_ = std::max(ceiling_, ceiling);
  advance(now);
}

}  // namespace ngd::cluster
