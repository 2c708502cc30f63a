// The record of a shard: who is in it, reading and changing it, and what this replica is because of it.
#include "cluster/replica.h"

#include <algorithm>

#include "base/text.h"
#include "cluster/replica_times.h"
#include "wire/limits.h"

namespace ngd::cluster {

// --- the record ---------------------------------------------------------------------------------------------------

bool ReplicaRecord::has(const Member &member) const {
  return std::ranges::find(in_sync, member) != in_sync.end();
}

// "<epoch> <memory> <node>.<incarnation> ...": the primary first.
std::string ReplicaRecord::text() const {
  std::string out = concat(epoch, " ", memory, " ", primary.node, ".", primary.incarnation);
  for (const Member &one : in_sync) {
    if (one != primary) out += concat(" ", one.node, ".", one.incarnation);
  }
  return out;
}

std::optional<ReplicaRecord> ReplicaRecord::parse(const std::string &text) {
  ReplicaRecord record;
  const auto parts = split(text, ' ');
  int64_t a = 0, b = 0;
  if (parts.size() < 3 || parts.size() > 2 + wire::kReplicas || !parse_integer(parts[0], a) ||
      !parse_integer(parts[1], b) || a < 1 || b < 1)
    return std::nullopt;
  record.epoch = static_cast<uint64_t>(a);
  record.memory = static_cast<uint64_t>(b);
  for (size_t i = 2; i < parts.size(); i++) {
    const auto halves = split(parts[i], '.');
    if (halves.size() != 2 || !parse_integer(halves[0], a) || !parse_integer(halves[1], b) || a < 1 || b < 1)
      return std::nullopt;
    record.in_sync.push_back({static_cast<uint32_t>(a), static_cast<uint64_t>(b)});
  }
  record.primary = record.in_sync.front();
  return record;
}

std::string replica_key(uint32_t shard) {
  return concat("/shard/", shard);
}

// --- reading and changing it --------------------------------------------------------------------------------------

Replica::Replica(uint32_t shard, std::vector<uint32_t> nodes, uint64_t incarnation, const NodeOptions &options,
                 ReplicaHost &host, Coordinator &coordinator, std::unique_ptr<ReplicaDisk> disk)
    : shard_(shard),
      nodes_(std::move(nodes)),
      options_(options),
      host_(host),
      coordinator_(coordinator),
      me_{options.node, incarnation},
      disk_(std::move(disk)) {}

void Replica::start(Time now) {
  started_ = now;
  wakeup_ = now + kTickUs;
  if (disk_ != nullptr) recall(now);
  if (!recalling_) look(now);
}

// Who is not in the set needs to know whether its members still live, which stands in the records of the nodes. Who is
// needs its own record alone, and asks for that often: with a thousand servers all records are a megabyte.
void Replica::look(Time now) {
  unsure_ |= std::exchange(changing_, false);
  ask_at_ = now + kAskAgainUs;
  resume_at_ = kNever;
  ticket_ = host_.coordinator_ticket();
  const bool inside = role_ == Role::primary || role_ == Role::member;
  coordinator_.get(ticket_, inside ? replica_key(shard_) : "/");
}

void Replica::change(const ReplicaRecord &wanted, Time now) {
  changing_ = true;
  ask_at_ = now + kAskAgainUs;
  ticket_ = host_.coordinator_ticket();
  coordinator_.cas(ticket_, replica_key(shard_), revision_, wanted.text());
}

void Replica::answered(const CoordinatorAnswer &answer, Time now) {
  if (answer.ticket != ticket_) return;
  ticket_ = 0;
  // What was there instead is adopted at once; what lies around it may be needed too.
  if (std::exchange(changing_, false) && !answer.done) return look(now);
  adopt(answer.records, now);
  if (ticket_ == 0) ask_at_ = now + (role_ == Role::primary ? kLookPrimaryUs : kLookUs);
}

bool Replica::all_lost(const std::vector<Record> &records) const {
  return std::ranges::all_of(record_.in_sync, [&](const Member &member) {
    if (member.node == me_.node) return member.incarnation < me_.incarnation;
    const std::string key = concat("/node/", member.node);
    const auto node = std::ranges::find(records, key, &Record::key);
    const auto told = lives_.find(member.node);
    return (node != records.end() && member.incarnation < node->revision << kIncarnationBits) ||
           (told != lives_.end() && member.incarnation < told->second);
  });
}

void Replica::begin_anew(Time now) {
  ReplicaRecord fresh;
  fresh.epoch = record_.epoch + 1;
  fresh.primary = me_;
  fresh.in_sync = {me_};
  fresh.memory = fresh.epoch;
  change(fresh, now);
}

// An answer to a change tells of that record alone.
void Replica::learn_servers(const std::vector<Record> &records) {
  constexpr std::string_view kNode = "/node/";
  std::vector<KnownServer> servers;
  for (const Record &record : records) {
    int64_t node = 0;
    if (!record.key.starts_with(kNode) || !parse_integer(record.key.substr(kNode.size()), node)) continue;
    if (node == me_.node || node < 1 || servers.size() >= wire::kNodes) continue;
    const bool alive = std::ranges::find(records, concat("/alive/", node), &Record::key) != records.end();
    servers.push_back({static_cast<uint32_t>(node), record.revision, alive});
  }
  if (!servers.empty()) servers_ = std::move(servers);
}

void Replica::adopt(const std::vector<Record> &records, Time now) {
  learn_servers(records);
  const std::string key = replica_key(shard_);
  const auto found = std::ranges::find(records, key, &Record::key);
  if (found == records.end()) {
    recalled_.reset();  // of a shard that these records never knew
    // The first of those who were chosen begins; another, when it does not come.
    if (role_ != Role::primary && (nodes_.front() == me_.node || now - started_ > kFirstUs)) begin_anew(now);
    return;
  }
  const auto record = ReplicaRecord::parse(found->value);
  if (!record || found->revision < revision_) return;
  const bool news = found->revision != revision_;
  revision_ = found->revision;
  const bool another = record->epoch != record_.epoch;
  const bool taken = news ? std::exchange(taking_, false) : taking_;
  if (news) unsure_ = false;
  record_ = *record;
  epoch_ = std::max(epoch_, record_.epoch);
  if (news) host_.record_changed(record_);
  if (recalled_) take_recalled(now);

  if (record_.primary == me_) {
    if (role_ != Role::primary) {
      if (!taken) grace_ = now;  // it was handed over by one that answers nobody any more
      return lead_now(record_.memory == record_.epoch, now);
    }
    // The set, or who is to lead, is another than when it was handed over: that can happen no more. Where nothing is
    // known of it, a new revision sees to that.
    if (handing_ && !news) return change(record_, now);
    handing_ = false;
    if (adding_ && record_.has(*adding_)) adding_.reset();
    advance_commit(now);
    return forget_strangers();
  }
  if (role_ == Role::primary) return step_down(now);
  if (record_.has(me_) && has_state_) {
    // Whoever has just taken over has a grace of its own, too: it is not put out by one that was as quick. Of one that was
    // heard, the grace is that of its last word, also where this one did not know yet that it is a member.
    const bool fresh = std::exchange(role_, Role::member) != Role::member || another;
    if (fresh && leader_epoch_ != record_.epoch) grace_ = now + kGraceUs;
    if (now >= grace_) take_over(now);
    return;
  }
  if (role_ == Role::member && has_state_) {
    // Put out of the set: what is not committed may never be. It had said that it has it, so from now on it is another.
    log_.cut(committed_);
    matched_ = std::min(matched_, committed_);
    me_.incarnation++;
    if (disk_ != nullptr) {
      disk_->cut(committed_);
      disk_->be(first_life_ = me_.incarnation);
    }
  }
  role_ = Role::learner;
  const bool lost = all_lost(records);
  if (remembers() ? now < grace_ : !lost || !may_begin()) {
    lost_at_ = 0;
    return;
  }
  if (lost_at_ == 0) lost_at_ = now;
  if (!remembers()) {
    if (now - lost_at_ >= begin_after()) begin_anew(now);
    return;
  }
  // Where another may still live, that one takes over sooner.
  const Time pause = lost ? kGraceUs + begin_after() / 4 : 3 * kGraceUs;
  // The record may name this life when the disk knows it: it would be a stranger's there after another death.
  if (now - lost_at_ >= pause && disk_->synced() != 0) return resume(now);
  resume_at_ = std::max(lost_at_ + pause, now + kTickUs);
}

// Who has led it may have the newest checkpoint on its disk, then the other members; who never was in the set has none.
Time Replica::begin_after() const {
  const auto mine = std::ranges::find(record_.in_sync, me_.node, &Member::node);
  return mine == record_.in_sync.end() ? 2 * kFirstUs
                                       : static_cast<Time>(mine - record_.in_sync.begin()) * kFirstUs / 3;
}

// --- what it is -----------------------------------------------------------------------------------------------------

void Replica::forget_state(Time now) {
  me_.incarnation++;
  has_state_ = false;
  picture_.reset();
  if (disk_ != nullptr) disk_->forget();
  log_.reset(0, 0);
  committed_ = applied_ = matched_ = 0;
  receiving_.reset();
  host_.follow(true, now);
}

void Replica::step_down(Time now) {
  if (handing_) {  // they would wait for a beacon otherwise
    for (const auto &[node, peer] : peers_) host_.say(node, wire::Handed{record_.epoch}, {});
  }
  role_ = Role::learner;
  ready_ = false;
  peers_.clear();
  adding_.reset();
  sending_.reset();
  handing_ = false;
  ask_at_ = std::min(ask_at_, now + kLookUs);
  forget_state(now);
}

void Replica::renew(Time now) {
  step_down(now);
  look(now);
}

// A member that heard nothing for its grace.
void Replica::take_over(Time now) {
  taking_ = true;
  ReplicaRecord wanted = record_;
  wanted.epoch++;
  std::erase(wanted.in_sync, wanted.primary);
  std::erase(wanted.in_sync, me_);
  wanted.primary = me_;
  wanted.in_sync.insert(wanted.in_sync.begin(), me_);
  change(wanted, now);
}

namespace {

bool message_of_replicas(const wire::Message &message) {
  return std::holds_alternative<wire::Append>(message.body) ||
         std::holds_alternative<wire::Appended>(message.body) ||
         std::holds_alternative<wire::Join>(message.body) ||
         std::holds_alternative<wire::Transfer>(message.body) ||
         std::holds_alternative<wire::Handed>(message.body);
}

}  // namespace

bool Replica::receive(const From &from, wire::Message &message, Time now) {
  if (recalling_) return message_of_replicas(message);  // it does not know yet what it has
  if (const auto *append = std::get_if<wire::Append>(&message.body))
    append_received(from, *append, message.payload, now);
  else if (const auto *appended_now = std::get_if<wire::Appended>(&message.body))
    appended(from, *appended_now, now);
  else if (const auto *joins = std::get_if<wire::Join>(&message.body))
    join(from, *joins, now);
  else if (const auto *transfer = std::get_if<wire::Transfer>(&message.body))
    transferred(from, *transfer, message.payload, now);
  else if (const auto *another = std::get_if<wire::Handed>(&message.body))
    handed(*another, now);
  else
    return false;
  return true;
}

void Replica::tick(Time now) {
  if (disk_ != nullptr) disk_->tick(now);
  if (recalling_) {
    recall(now);
    if (recalling_) return;
    look(now);
  }
  shorten_memory();
  wakeup_ = now + (nodes_.size() == 1 && role_ == Role::primary ? kLookUs : kTickUs);
  const bool waits = ticket_ != 0 && now < ask_at_;
  switch (role_) {
    case Role::primary:
      if (now >= beacon_at_) {
        beacon_at_ = now + kBeaconUs;
        send_all(now, true);
      } else {
        send_all(now, asked_ + kTickUs <= now && confirmed() < wanted_);  // a question or an answer got lost
      }
      if (!ready_) advance_commit(now);
      if (!waits && ticket_ == 0 && role_ == Role::primary) {
        keep_members(now);
        if (ticket_ == 0) add_learners(now);
        if (ticket_ == 0) settle(now);
      }
      if (sending_ && now - sending_->used > kSnapshotKeptUs) sending_.reset();
      break;
    case Role::member:
      if (now >= grace_ && !waits) look(now);
      break;
    case Role::unknown:
    case Role::learner:
      if (now >= join_at_) ask_to_join(now);
      break;
  }
  if (now >= std::min(ask_at_, resume_at_)) look(now);
}

std::string Replica::trouble() const {
  if (role_ == Role::primary && !ready_) return "is taking over";
  if (role_ == Role::primary) return {};
  if (recalling_) return concat("cannot read its log: ", disk_->trouble());
  if (record_.epoch == 0) return "is starting";
  if (disk_ != nullptr && lost_at_ == 0 && !has_state_ && record_.primary.node == me_.node && !may_begin())
    return concat("has lost what was on its disk (", disk_->trouble(),
                  "), and waits for another of its servers");
  if (record_.primary.node == me_.node) return "comes back; the other replicas decide who leads";
  return concat("is led by server ", record_.primary.node);
}

}  // namespace ngd::cluster
