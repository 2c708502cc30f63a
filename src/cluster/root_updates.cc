// How a root orders updates: what is complete, whose turn it is, and the stream of decisions to the other shards.
#include <algorithm>

#include "base/text.h"
#include "cluster/pace.h"
#include "cluster/root.h"

namespace ngd::cluster {

using wire::ClientId;
using wire::Decision;
using wire::Refused;

namespace {

constexpr Time kResendUs = 200'000;
constexpr size_t kDecisionsAtOnce = 64;
constexpr size_t kEntriesAtOnce = 16384;  // so that the message stays within its limits
constexpr Time kScanUs = 50'000;

}  // namespace

bool Root::admit(const From &from, const wire::Envelope &envelope, const wire::Push &push, Time now) {
  Session *session = session_of(from, envelope, now);
  if (session == nullptr || envelope.seq == 0) return false;
  if (push.session != session->number) {
    refuse(from.peer, envelope, NGD_E_EXPIRED, Refused::Retry::never,
           "the session in which this was sent has ended");
    return false;
  }
  if (options_.mutant == Mutant::dedup_by_seq_alone) {
    for (const auto &[id, other] : sessions_) {
      if (const Answer *done = other.answer(envelope.seq); done != nullptr && id != envelope.client) {
        reply_to_[{envelope.client, envelope.seq}] = {from.peer, envelope};
        answer(envelope.client, *done);
        return false;
      }
    }
  }
  if (options_.mutant != Mutant::no_dedup) {
    if (session->too_old(envelope.seq)) return false;
    if (const Answer *done = session->answer(envelope.seq)) {
      reply_to_[{envelope.client, envelope.seq}] = {from.peer, envelope};
      answer(envelope.client, *done);
      return false;
    }
    if (push.attempt < session->floor(envelope.seq)) {
      refuse(from.peer, envelope, NGD_E_UNAVAILABLE, Refused::Retry::attempt,
             "the update was given up; send it again", session->floor(envelope.seq) - 1);
      return false;
    }
  }
  reply_to_[{envelope.client, envelope.seq}] = {from.peer, envelope};
  if (const auto pending = pending_.find({envelope.client, from.user, envelope.seq}); pending != pending_.end())
    pending->second.since = now;
  return true;
}

// Whether a shard may not have come to the decision on an update yet. Then it needs what it has, also when the client has
// left.
bool Root::undelivered(uint32_t index, const UpdateKey &key, const Session *session) const {
  if (options_.mutant == Mutant::no_dedup) return false;
  const uint64_t applied = followers_[index].applied;
  if (session != nullptr && session->user == key.user && !session->too_old(key.seq)) {
    const Answer *done = session->answer(key.seq);
    return done != nullptr && done->update && done->number > applied;
  }
  return std::ranges::any_of(decisions_, [&](const Decision &one) {
    return one.number > applied && std::ranges::any_of(one.entries, [&](const Decision::Entry &entry) {
             return entry.client == key.client && entry.seq == key.seq;
           });
  });
}

// A shard has its part.
void Root::staged(uint32_t index, const UpdateKey &key, uint32_t attempt, Time now) {
  const auto drop = [&](uint32_t up_to) {
    host_.send_to_shard(index, {key.client, key.seq, 0, 0}, wire::Dropped{up_to, lineage_, key.user});
  };
  const auto found = sessions_.find(key.client);
  if (undelivered(index, key, found == sessions_.end() ? nullptr : &found->second)) return;
  if (found == sessions_.end() || found->second.user != key.user) return drop(attempt);
  const Session &session = found->second;
  if (options_.mutant != Mutant::no_dedup) {
    const Answer *done = session.answer(key.seq);
    if (done != nullptr || session.too_old(key.seq)) return drop(attempt);
    if (attempt < session.floor(key.seq)) return drop(session.floor(key.seq) - 1);
  }
  Pending &pending = pending_[key];
  if (pending.has.empty() || attempt > pending.attempt) {
    if (pending.turn != 0) {
      give_up_pending(key);
      return staged(index, key, attempt, now);
    }
    pending = {attempt, std::vector<uint8_t>(shards_), shards_, now, 0};
  }
  if (attempt < pending.attempt) return;
  if (std::exchange(pending.has[index], 1) == 0) pending.missing--;
  if (index == 0 && refuse_tokens(key, now)) return;
  if (options_.mutant == Mutant::early_answer && index == 0) {
    Answer early;
    early.seq = key.seq;
    early.update = true;
    early.version = version_ + 1;
    const auto kept = reply_to_.find({key.client, key.seq});
    const auto reply = kept == reply_to_.end() ? decltype(kept->second)() : kept->second;
    answer(key.client, early);
    if (reply.first != 0) reply_to_[{key.client, key.seq}] = reply;
  }
  if (pending.missing != 0) return;
  if (pending.turn == 0) {
    pending.turn = ++turns_;
    complete_.emplace(pending.turn, key);
    complete_of_[key.client]++;
  }
  advance(now, &key);
}

void Root::give_up_pending(const UpdateKey &key) {
  const auto found = pending_.find(key);
  if (found == pending_.end()) return;
  if (found->second.turn != 0) {
    complete_.erase(found->second.turn);
    const auto count = complete_of_.find(key.client);
    if (--count->second == 0) complete_of_.erase(count);
  }
  pending_.erase(found);
}

bool Root::may_decide() const {
  return version_ < ceiling_ && decisions_.size() < wire::kDecisions;
}

void Root::advance(Time now, const UpdateKey *only) {
  if (advancing_) return;
  advancing_ = true;
  bool all = only == nullptr, moved = true, any = all;
  while (moved && may_decide()) {
    moved = false;
    std::vector<UpdateKey> keys;
    if (all) {
      for (const auto &[turn, key] : complete_) keys.push_back(key);
    } else {
      keys.push_back(*only);
    }
    const uint64_t slowest_before = group_.slowest(wire::Consistency::stale);
    const bool initialised_before = initialised_;
    for (const UpdateKey &key : keys) {
      if (may_decide() && pending_.contains(key) && decide_one(key, now)) moved = true;
    }
    if (moved && !all) all = lets_others_go(*only, slowest_before, initialised_before);
    const bool round = may_decide() && decide_round(now);
    any |= moved || round;
    moved = round || (moved && all);
    all |= round;
  }
  advancing_ = false;
  if (any) serve_waiting(now);
}

// Whether something else that is complete may have come to its turn: the client's next, what waited for the slowest, and
// what was computed on the version before.
bool Root::lets_others_go(const UpdateKey &decided, uint64_t slowest_before, bool initialised_before) const {
  return complete_of_.contains(decided.client) || group_.slowest(wire::Consistency::stale) != slowest_before ||
         initialised_ != initialised_before ||
         (group_.count(wire::Consistency::bulk) != 0 && !complete_.empty());
}

void Root::refuse_update(const UpdateKey &key, const Pending &pending, ngd_status status, std::string text,
                         Time now) {
  submit(AbortEntry{key, pending.attempt, status, false, std::move(text)}, now);
}

// An update under a lock, or for a partition, that its client does not hold (any more) is refused, whether or not all shards have it (I8).
bool Root::refuse_tokens(const UpdateKey &key, Time now) {
  const StagedPart *part = host_.staged(key);
  if (part == nullptr || options_.mutant == Mutant::token_unchecked) return false;
  for (const wire::Token &token : part->tokens) {
    if (may_use(token, key.client)) continue;
    refuse_update(
        key, pending_.at(key), NGD_E_FENCED,
        concat("the lock ", quoted(token.lock), " is not held under token ", token.token, " any more"), now);
    return true;
  }
  for (const wire::Progress &one : part->progress) {
    if (partitions_.owns(one, key.client)) continue;
    refuse_update(key, pending_.at(key), NGD_E_FENCED,
                  concat("partition ", one.number, " of ", quoted(one.set),
                         " belongs to another by now; claim one again"),
                  now);
    return true;
  }
  return false;
}

bool Root::earlier_is_open(const Session &session, const UpdateKey &key, const StagedPart &part) {
  return part.after != 0 && part.after < key.seq && !session.too_old(part.after) &&
         session.answer(part.after) == nullptr;
}

// Decides an update alone, or refuses it; false: it waits. Those of bulk workers wait for their round.
bool Root::decide_one(const UpdateKey &key, Time now) {
  const Pending &pending = pending_.at(key);
  const StagedPart *part = host_.staged(key);
  const auto found = sessions_.find(key.client);
  if (part == nullptr || part->attempt != pending.attempt || found == sessions_.end()) return false;
  const Session &session = found->second;
  if (earlier_is_open(session, key, *part)) return false;
  if (refuse_tokens(key, now)) return true;
  if (part->kind == wire::UpdateKind::initial) {
    if (initialised_) {
      submit(AbortEntry{key, pending.attempt, NGD_OK, true, {}}, now);
      return true;
    }
  } else if (!initialised_) {
    refuse_update(key, pending, NGD_E_STATE, "the model has no values yet; initialise it first", now);
    return true;
  } else if (session.open.worker && session.present) {
    if (session.open.consistency == wire::Consistency::bulk) {
      if (part->base_version == 0 || part->base_version == version_) return false;
      refuse_update(key, pending, NGD_E_CONFLICT,
                    concat("the update was computed on version ", part->base_version,
                           ", but the round is of version ", version_, "; pull and compute again"),
                    now);
      return true;
    }
    if (too_far_ahead(session)) return false;
  }
  Decision decision;
  decision.version = version_ + 1;
  decision.update = part->kind;
  decision.entries.push_back({key.client, key.user, key.seq, pending.attempt});
  decide(std::move(decision), now);
  return true;
}

// One update of each bulk worker makes one version. Their order is that of the clients' numbers, so that sums are the
// same on every shard and in every run.
bool Root::decide_round(Time now) {
  const size_t members = group_.count(wire::Consistency::bulk);
  if (!begun_ || members == 0 || complete_of_.size() < members || !initialised_) return false;
  const std::vector<ClientId> group = workers(wire::Consistency::bulk);
  std::map<ClientId, UpdateKey> round;
  for (const auto &[turn, key] : complete_) {
    const StagedPart *part = host_.staged(key);
    const auto found = sessions_.find(key.client);
    if (part == nullptr || found == sessions_.end() || !std::ranges::binary_search(group, key.client)) continue;
    if (earlier_is_open(found->second, key, *part)) continue;
    const auto [place, fresh] = round.try_emplace(key.client, key);
    if (!fresh && key.seq < place->second.seq) place->second = key;
  }
  if (round.size() < group.size()) return false;
  Decision decision;
  decision.version = version_ + 1;
  decision.aggregate = true;
  decision.update = host_.staged(round.begin()->second)->kind;
  for (const auto &[client, key] : round) {
    const wire::UpdateKind kind = host_.staged(key)->kind;
    if (kind != decision.update) {
      refuse_update(key, pending_.at(key), NGD_E_ARGUMENT,
                    "the workers of a round must all send gradients, or all deltas, or all values", now);
      return true;
    }
    decision.entries.push_back({key.client, key.user, key.seq, pending_.at(key).attempt});
    if (options_.mutant == Mutant::aggregate_twice && decision.entries.size() == 1 && group.size() > 1)
      decision.entries.push_back(decision.entries.front());
  }
  decide(std::move(decision), now);
  return true;
}

void Root::decide(Decision decision, Time now) {
  decision.number = number_ + 1;
  if (decision.kind != Decision::Kind::apply) {
    if (decision.kind != Decision::Kind::pin && decision.kind != Decision::Kind::unpin)
      decision.version = version_;
  } else {
    Settings settings = values_.settings();
    decision.rate = settings.rate;
    if (decision.update == wire::UpdateKind::gradient) decision.options = std::move(settings.options);
  }
  submit(std::move(decision), now);
}

void Root::apply(const Decision &decision, Time now) {
  number_ = decision.number;
  // When they are read again, nobody waits for them: they end by their time.
  if (decision.kind == Decision::Kind::pin)
    pins_.try_emplace(decision.version).first->second.until = now + wire::kPinUs;
  if (decision.kind == Decision::Kind::unpin) pins_.erase(decision.version);
  std::vector<std::pair<std::pair<Peer, wire::Envelope>, Wanted>> replies;
  if (decision.kind == Decision::Kind::apply) {
    version_ = decision.version;
    if (decision.update == wire::UpdateKind::initial) initialised_ = true;
    for (const Decision::Entry &entry : decision.entries) {
      const UpdateKey key{entry.client, entry.user, entry.seq};
      const StagedPart *part = host_.staged(key);
      if (part != nullptr) {
        for (const wire::Progress &one : part->progress) {
          if (partitions_.owns(one, entry.client)) partitions_.advance(one);
        }
      }
      give_up_pending(key);
      if (const auto found = sessions_.find(entry.client); found != sessions_.end()) {
        Session &session = found->second;
        if (session.open.worker && decision.update != wire::UpdateKind::initial) {
          group_.remove(session);
          session.clock++;
          group_.add(session);
        }
        Answer done;
        done.seq = entry.seq;
        done.update = true;
        done.version = decision.version;
        done.number = decision.number;
        session.add(std::move(done));
      }
      if (const auto reply = reply_to_.find({entry.client, entry.seq}); reply != reply_to_.end()) {
        // The part goes with the decision.
        replies.emplace_back(reply->second, part != nullptr && shards_ == 1 ? part->wanted : Wanted());
        reply_to_.erase(reply);
      }
    }
  }
  if (shards_ > 1) decisions_.push_back(decision);
  host_.decided(decision, now);
  for (const auto &[reply, wanted] : replies) {
    wire::Message message{reply.second, {}, {}};
    wire::Pushed pushed;
    pushed.version = decision.version;
    if (!wanted.empty()) host_.read(wanted, pushed, message.payload);
    message.body = std::move(pushed);
    host_.send_to(reply.first, std::move(message), 0);
  }
  if (shards_ == 1) return;
  if (!host_.leads()) {  // the one that leads never has more that some shard still needs
    while (decisions_.size() > 4 * wire::kDecisions) decisions_.pop_front();
    return;
  }
  stream_all(now);
}

void Root::apply(const AbortEntry &entry, Time) {
  give_up_pending(entry.key);
  const auto found = sessions_.find(entry.key.client);
  if (found != sessions_.end()) {
    found->second.raise_floor(entry.key.seq, entry.attempt + 1);
    if (entry.status != NGD_OK || entry.second_initial) {
      Answer done;
      done.seq = entry.key.seq;
      done.update = true;
      done.applied = false;
      done.version = version_;
      done.status = entry.status;
      done.text = entry.text;
      answer(entry.key.client, done);
      found->second.add(std::move(done));
    } else if (const auto reply = reply_to_.find({entry.key.client, entry.key.seq}); reply != reply_to_.end()) {
      refuse(reply->second.first, reply->second.second, NGD_E_UNAVAILABLE, Refused::Retry::attempt,
             "the update was given up; send it again", entry.attempt);
      reply_to_.erase(reply);
    }
  }
  host_.drop(entry.key, entry.attempt);
  for (uint32_t shard = 1; shard < shards_; shard++)
    host_.send_to_shard(shard, {entry.key.client, entry.key.seq, 0, 0},
                        wire::Dropped{entry.attempt, lineage_, entry.key.user});
}

// --- the stream of decisions --------------------------------------------------------------------------------------

// Each shard is told at once what is decided, but not more often than the root has time for with so many: what is
// decided meanwhile goes together.
void Root::stream_all(Time now) {
  stream_at_ = kNever;
  for (uint32_t index = 1; index < shards_; index++) stream_soon(index, now);
}

void Root::stream_soon(uint32_t index, Time now) {
  const Follower &follower = followers_[index];
  if (follower.sent >= number_ || follower.more) return;
  const Time pause = pause_between_words(shards_);
  if (now >= follower.spoken + pause)
    stream(index, now);
  else
    stream_at_ = std::min(stream_at_, follower.spoken + pause);
}

void Root::stream(uint32_t index, Time now) {
  Follower &follower = followers_[index];
  wire::Decide decide;
  decide.lineage = lineage_;
  size_t entries = 0;
  follower.more = false;
  // Numbers have no gaps.
  const uint64_t first = decisions_.empty() ? 0 : decisions_.front().number;
  for (uint64_t at = follower.sent < first ? 0 : follower.sent + 1 - first; at < decisions_.size(); at++) {
    const Decision &decision = decisions_[at];
    entries += decision.entries.size();
    follower.more =
        decide.decisions.size() == kDecisionsAtOnce || (entries > kEntriesAtOnce && !decide.decisions.empty());
    if (follower.more) break;
    decide.decisions.push_back(decision);
    if (options_.mutant == Mutant::one_shard_only && decision.kind == Decision::Kind::apply &&
        decision.version % 8 == 5)
      decide.decisions.back().entries.clear();
    follower.sent = decision.number;
  }
  follower.resend = now + kResendUs;
  follower.spoken = now;
  if (!decide.decisions.empty()) host_.send_to_shard(index, {{}, 0, 0, 0}, std::move(decide));
}

void Root::applied(uint32_t index, uint64_t number, Time now) {
  if (index == 0 || index >= shards_ || number > number_) return;
  Follower &follower = followers_[index];
  if (number <= follower.applied) return;
  const bool was_last = follower.applied <= behind_;
  follower.applied = number;
  follower.sent = std::max(follower.sent, number);
  follower.resend = now + kResendUs;
  const bool full = !may_decide();
  if (was_last && (at_behind_ == 0 || --at_behind_ == 0)) count_followers();
  while (!decisions_.empty() && decisions_.front().number <= behind_) decisions_.pop_front();
  follower.more = false;
  stream_soon(index, now);
  if (full) advance(now);
}

void Root::count_followers() {
  behind_ = number_;
  at_behind_ = 0;
  for (uint32_t index = 1; index < shards_; index++) behind_ = std::min(behind_, followers_[index].applied);
  for (uint32_t index = 1; index < shards_; index++) at_behind_ += followers_[index].applied == behind_ ? 1 : 0;
}

// What it has is on its disk; what it has not comes again.
void Root::follower_came_back(uint32_t index, Time now) {
  followers_[index].sent = followers_[index].applied;
  stream(index, now);
}

// --- time ---------------------------------------------------------------------------------------------------------

void Root::tick(Time now) {
  if (now >= stream_at_) stream_all(now);
  if (now >= give_up_at_) serve_waiting(now);
  if (now < scan_at_) return;
  scan_at_ = now + kScanUs;
  for (uint32_t index = 1; index < shards_; index++) {
    Follower &follower = followers_[index];
    if (follower.applied == number_ || follower.resend > now) continue;
    follower.sent = follower.applied;
    stream(index, now);
  }
  std::vector<ClientId> dead, ended;
  for (const auto &[id, session] : sessions_) {
    if (session.present && now - session.heard > session.open.lease_us &&
        options_.mutant != Mutant::lease_forever)
      dead.push_back(id);
    if (now - session.heard > std::max(wire::kSessionUs, session.open.lease_us)) ended.push_back(id);
  }
  for (const ClientId &id : dead) submit(PresenceEntry{id, false}, now);
  for (const ClientId &id : ended) submit(EndEntry{id}, now);

  // Parts that did not reach all shards, and that their client does not ask after: they would lie there for ever.
  std::vector<std::pair<UpdateKey, uint32_t>> stuck;
  for (const auto &[key, pending] : pending_) {
    const auto found = sessions_.find(key.client);
    const bool silent = found == sessions_.end() || !found->second.present;
    if (pending.turn == 0 && silent && now - pending.since > wire::kUndecidedUs)
      stuck.emplace_back(key, pending.attempt);
  }
  for (const auto &[key, attempt] : stuck) submit(AbortEntry{key, attempt, NGD_OK, false, {}}, now);

  std::vector<std::pair<ClientId, uint64_t>> late;
  for (const auto &[key, until] : command_until_) {
    if (until <= now) late.push_back(key);
  }
  for (const auto &key : late) {
    command_until_.erase(key);
    const auto found = sessions_.find(key.first);
    if (found != sessions_.end() && found->second.waits(key.second))
      submit(CancelEntry{key.first, key.second}, now);
  }
  expire_pins(now);
  advance(now);
  wakeup_ = sessions_.empty() && pending_.empty() && waiting_.empty() && pins_.empty() && decisions_.empty()
                ? kNever
                : now + kScanUs;
}

}  // namespace ngd::cluster
