// A primary: sends its log, counts what is committed, puts members out and learners in.
#include <algorithm>

#include "cluster/replica.h"
#include "cluster/replica_times.h"
#include "wire/limits.h"

namespace ngd::cluster {

void Replica::lead_now(bool fresh, Time now) {
  role_ = Role::primary;
  epoch_ = record_.epoch;
  peers_.clear();
  adding_.reset();
  sending_.reset();
  receiving_.reset();
  beacon_at_ = now;
  wanted_ = 0;
  if (fresh) {
    log_.reset(0, 0);
    committed_ = applied_ = 0;
    has_state_ = true;
    if (disk_ != nullptr) begin_log();
  }
  inherited_ = log_.last();
  ready_ = false;
  for (const Member &member : record_.in_sync) {
    if (member == me_) continue;
    // Whoever is in the set has all that is committed.
    Peer peer;
    peer.incarnation = member.incarnation;
    peer.acked = peer.sent = committed_;
    peer.knows = true;
    peer.heard = peer.moved = now;
    peers_[member.node] = peer;
  }
  if (fresh) {
    ready_ = true;
    host_.lead(true, now);
    return;
  }
  send_all(now, true);
  advance_commit(now);
  wakeup_ = now + kTickUs;
}

uint64_t Replica::append(wire::Bytes control, std::vector<wire::Bytes> payload, Time now) {
  if (skipped_) begin_log();
  log_.append({record_.epoch, std::move(control), std::move(payload)});
  if (disk_ != nullptr) disk_->entry(log_.last(), log_.at(log_.last()), committed_);
  applied_ = log_.last();
  unsent_ = true;
  if (alone()) advance_commit(now);  // nobody's answer will: those who are not in the set may be dead
  return log_.last();
}

void Replica::send_appended(Time now) {
  if (std::exchange(unsent_, false) && role_ == Role::primary) send_all(now, false);
}

bool Replica::in_maximal(const Member &member) const {
  return record_.has(member) || (adding_ && *adding_ == member);
}

Time Replica::lease(Time now) const {
  if (!leads() || handing_) return 0;
  Time until = kNever;
  if (options_.mutant == Mutant::no_lease) return until;
  for (const auto &[node, peer] : peers_) {
    if (in_maximal({node, peer.incarnation})) until = std::min(until, peer.lease);
  }
  // One of the set that came back with another memory grants nothing.
  for (const Member &member : record_.in_sync) {
    if (member == me_) continue;
    const auto peer = peers_.find(member.node);
    if (peer == peers_.end() || peer->second.incarnation != member.incarnation) return 0;
  }
  return until > now ? until : 0;
}

// The members of the set, and whoever is being added: of those the next primary is one, and whoever leads a later epoch
// answers nothing of this one.
Time Replica::confirmed() const {
  if (!leads() || handing_) return 0;
  Time all = kNever;
  const auto count = [&](const Member &member) {
    if (member == me_) return;
    const auto peer = peers_.find(member.node);
    const bool same = peer != peers_.end() && peer->second.incarnation == member.incarnation;
    all = std::min(all, same ? peer->second.answered : 0);
  };
  for (const Member &member : record_.in_sync) count(member);
  if (adding_) count(*adding_);
  return all;
}

Time Replica::ask_members(Time now) {
  wanted_ = sent_us_ + 1;
  if (confirmed() >= asked_) go_on_asking(now);
  return wanted_;
}

void Replica::go_on_asking(Time now) {
  if (wanted_ > asked_ && confirmed() < wanted_) send_all(now, true);
}

// --- sending --------------------------------------------------------------------------------------------------------

void Replica::send_all(Time now, bool beacon) {
  if (beacon) asked_ = std::max({now, wanted_, sent_us_});
  for (auto &[node, peer] : peers_) send_entries(node, peer, now, beacon);
}

void Replica::send_entries(uint32_t node, Peer &peer, Time now, bool beacon) {
  peer.pause = std::max(peer.pause, kResendUs);
  if (peer.knows && peer.sent > peer.acked && now >= peer.resend) {
    peer.sent = peer.acked;
    peer.bytes = 0;
    peer.pause = std::min(2 * peer.pause, kResendMostUs);
    peer.probe = true;
    peer.resend = now + peer.pause;
  } else if (peer.sent == peer.acked) {  // what is sent later must not put off what was lost
    peer.since = now;
    peer.resend = now + peer.pause;
  }
  const uint64_t most =
      !peer.probe ? log_.last() : std::min(log_.last(), peer.sent > peer.acked ? peer.sent : peer.sent + 1);
  if (peer.knows && !log_.knows(peer.sent)) peer.knows = false;  // too far behind: it needs a snapshot
  bool said = false;
  do {
    wire::Append append;
    append.epoch = record_.epoch;
    append.sender = me_.incarnation;
    append.incarnation = peer.incarnation;
    append.committed = committed_;
    append.sent_us = sent_us_ = std::max({now, wanted_, sent_us_});
    std::vector<wire::Bytes> payload;
    size_t bytes = 0;
    if (peer.knows) {
      append.after = peer.sent;
      append.after_epoch = log_.epoch(peer.sent);
      while (peer.sent < most && append.entries.size() < wire::kLogEntries && peer.bytes < kFlightBytes) {
        const LogEntry &entry = log_.at(peer.sent + 1);
        if (!append.entries.empty() && bytes + entry.bytes() > kSendBytes) break;
        append.entries.push_back({entry.epoch, entry.control.size, wire::total_bytes(entry.payload)});
        payload.push_back(entry.control);
        payload.insert(payload.end(), entry.payload.begin(), entry.payload.end());
        bytes += entry.bytes();
        peer.bytes += entry.bytes();
        peer.sent++;
      }
    } else {
      append.after = ~uint64_t{0};  // only a sign of life: nothing is said of the log
    }
    if (append.entries.empty() && (!beacon || said)) return;
    said = true;
    host_.say(node, std::move(append), std::move(payload));
  } while (peer.knows && peer.sent < most && peer.bytes < kFlightBytes);
}

// --- answers --------------------------------------------------------------------------------------------------------

void Replica::appended(const From &from, const wire::Appended &answer, Time now) {
  if (role_ != Role::primary) return;
  if (answer.epoch > epoch_) {
    epoch_ = answer.epoch;
    return look(now);  // deposed, most likely
  }
  const auto found = peers_.find(static_cast<uint32_t>(from.peer));
  if (found == peers_.end() || answer.epoch != record_.epoch) return;
  Peer &peer = found->second;
  if (answer.incarnation != peer.incarnation && options_.mutant != Mutant::no_incarnation) return;
  peer.heard = now;
  peer.lease = std::max(peer.lease, answer.sent_us + kReplicaLeaseUs);
  peer.answered = std::max(peer.answered, answer.sent_us);
  if (peer.knows && std::max(answer.last, peer.acked) < log_.base()) peer.knows = false;  // it was too slow
  if (peer.knows && answer.last > peer.acked && answer.last <= log_.last()) {
    peer.acked = answer.last;
    peer.sent = std::max(peer.sent, peer.acked);
    peer.moved = now;
    peer.pause = std::clamp(3 * (now - peer.since), kResendUs, kResendMostUs);
    peer.since = now;
    peer.resend = now + peer.pause;
    peer.probe = false;
    if (peer.sent == peer.acked)
      peer.bytes = 0;
    else {
      uint64_t bytes = 0;  // few: what is on its way
      for (uint64_t index = peer.acked + 1; index <= peer.sent; index++) bytes += log_.at(index).bytes();
      peer.bytes = bytes;
    }
    advance_commit(now);
    if (role_ != Role::primary) return;
  }
  if (peer.acked == log_.last()) peer.moved = now;
  if (const auto again = peers_.find(static_cast<uint32_t>(from.peer)); again != peers_.end())
    send_entries(again->first, again->second, now, false);
  if (confirmed() >= asked_) go_on_asking(now);
  host_.committed(committed_, now);  // the lease is longer now, and reads may be confirmed
}

void Replica::advance_commit(Time now) {
  if (role_ != Role::primary) return;
  uint64_t all = log_.last();
  if (disk_ != nullptr && options_.mutant != Mutant::answer_before_sync) all = std::min(all, disk_->synced());
  const auto acked = [&](const Member &member) {
    if (member == me_) return;
    const auto peer = peers_.find(member.node);
    const bool counts =
        peer != peers_.end() && peer->second.knows &&
        (peer->second.incarnation == member.incarnation || options_.mutant == Mutant::no_incarnation);
    all = std::min(all, counts ? peer->second.acked : 0);
  };
  if (options_.mutant != Mutant::early_commit) {
    for (const Member &member : record_.in_sync) acked(member);
    if (adding_ && options_.mutant != Mutant::early_add) acked(*adding_);
  }
  if (all > committed_) {
    committed_ = all;
    if (!ready_) replay_committed(now);
  }
  // By its grace, nobody has its leave to answer any more.
  if (!ready_ &&
      ((committed_ >= inherited_ && now >= grace_) || options_.mutant == Mutant::read_before_ready)) {
    if (options_.mutant == Mutant::read_before_ready) {
      const uint64_t truly = std::exchange(committed_, log_.last());
      replay_committed(now);
      committed_ = truly;
    }
    ready_ = true;
    applied_ = log_.last();
    host_.lead(false, now);
    if (role_ != Role::primary) return;
  }
  if (ready_) host_.committed(committed_, now);
  uint64_t keep = committed_;
  for (const auto &[node, peer] : peers_) {
    if (peer.knows) keep = std::min(keep, std::max(peer.acked, log_.base()));
  }
  if (sending_) keep = std::min(keep, sending_->index);
  if (picture_) keep = std::min(keep, picture_->first);
  trim_log(keep);
}

// One who needs much of the log, for what the state has bytes, is helped as soon by a snapshot; and memory that is used
// again at once is warm. Whoever still gets entries holds them back, but not for ever: it may be dead, or slower than the
// updates.
void Replica::trim_log(uint64_t keep) {
  const bool useful = nodes_.size() > 1;
  log_.trim(useful ? std::min(options_.kept_bytes, std::max(kKeptAlways, host_.state_bytes() / 4)) : 0, keep);
  if (role_ == Role::primary) log_.trim(options_.kept_bytes, committed_);
}

// --- who is in the set ----------------------------------------------------------------------------------------------

void Replica::keep_members(Time now) {
  ReplicaRecord wanted = record_;
  std::erase_if(wanted.in_sync, [&](const Member &member) {
    if (member == me_) return false;
    const auto found = peers_.find(member.node);
    if (found == peers_.end() || found->second.incarnation != member.incarnation) return true;
    const Peer &peer = found->second;
    return now - peer.heard > kReplicaLeaseUs + kBeaconUs || now - peer.moved > kSlowUs;
  });
  if (wanted.in_sync.size() == record_.in_sync.size()) return;
  if (options_.mutant == Mutant::shrink_alone) {  // without asking the coordinator
    record_ = wanted;
    return advance_commit(now);
  }
  change(wanted, now);
}

void Replica::want(std::vector<uint32_t> nodes, bool lead, Time now) {
  if (nodes.empty() || (nodes == nodes_ && lead == first_leads_)) return;
  nodes_ = std::move(nodes);
  first_leads_ = lead;
  if (role_ == Role::primary) forget_strangers();
  wakeup_ = now;
}

void Replica::look_soon(Time now) {
  if (ticket_ == 0) look(now);
}

// Who is not wanted leaves when all who are have come. When that is the primary, it names another: from the moment that
// it asks for that, it answers nobody, for the other may lead before the answer is here.
void Replica::settle(Time now) {
  if (!ready_ || adding_ || nodes_.empty()) return;
  const auto wanted_here = [&](const Member &member) {
    return std::ranges::find(nodes_, member.node) != nodes_.end();
  };
  const auto there = [&](uint32_t node) {
    return std::ranges::any_of(record_.in_sync, [&](const Member &one) { return one.node == node; });
  };
  if (!std::ranges::all_of(nodes_, there)) return;
  ReplicaRecord wanted = record_;
  const bool stays = wanted_here(me_) && (!first_leads_ || nodes_.front() == me_.node);
  if (!stays) {
    // One that has nearly all that there is leads soonest.
    const Member *next = nullptr;
    for (const uint32_t node : nodes_) {
      const auto peer = peers_.find(node);
      if (next != nullptr || peer == peers_.end() || now - peer->second.heard > kReplicaLeaseUs ||
          peer->second.acked + kNearEntries < log_.last())
        continue;
      for (const Member &member : record_.in_sync) {
        if (member == Member{node, peer->second.incarnation}) next = &member;
      }
    }
    if (next == nullptr) return;
    wanted.epoch++;
    wanted.primary = *next;
    std::erase(wanted.in_sync, me_);  // it forgets what is not committed, and so all: it comes in anew
    if (wanted.in_sync.size() < options_.min_in_sync) return;
  }
  std::erase_if(wanted.in_sync,
                [&](const Member &member) { return member != wanted.primary && !wanted_here(member); });
  if (wanted.primary == record_.primary && wanted.in_sync.size() == record_.in_sync.size()) return;
  if (wanted.primary != me_) {
    handing_ = options_.mutant != Mutant::hand_over_and_answer;
    host_.committed(committed_, now);
  }
  change(wanted, now);
}

void Replica::forget_strangers() {
  std::erase_if(peers_, [&](const auto &one) {
    return std::ranges::find(nodes_, one.first) == nodes_.end() &&
           !in_maximal({one.first, one.second.incarnation});
  });
}

// A log that nobody else has is not kept. One who comes later must not take its end for ours; and nobody can have 0.
void Replica::begin_log() {
  if (!skipped_ && log_.last() != 0) return;
  skipped_ = false;
  log_.reset(log_.last() + 1, record_.epoch);
  committed_ = applied_ = log_.last();
  if (disk_ != nullptr) disk_->begin(first_life_ = me_.incarnation, log_.last(), record_.epoch, nullptr);
}

// A learner that is near counts for what is committed from now on; when it has all that was, the record is changed.
void Replica::add_learners(Time now) {
  if (!ready_ && options_.mutant != Mutant::early_join) return;
  if (disk_ != nullptr && disk_->synced() < log_.base())
    return;  // who is not alone in the set has a memory on its disk
  if (adding_) {
    const auto found = peers_.find(adding_->node);
    const bool gone = found == peers_.end() || found->second.incarnation != adding_->incarnation;
    if (gone || now - adding_since_ > kAddingUs) {
      if (unsure_) return change(record_, now);  // it must not be added any more
      adding_.reset();
      return advance_commit(now);
    }
    if (found->second.acked < committed_) return;
    ReplicaRecord wanted = record_;
    wanted.in_sync.push_back(*adding_);
    return change(wanted, now);
  }
  for (const auto &[node, peer] : peers_) {
    const Member member{node, peer.incarnation};
    if (record_.has(member) || !peer.knows || now - peer.heard > kReplicaLeaseUs) continue;
    // What began as a snapshot of entries that were not committed then must be so by now.
    if (peer.floor > committed_ || peer.acked + kNearEntries < log_.last()) continue;
    if (std::ranges::any_of(record_.in_sync, [&](const Member &one) { return one.node == node; })) continue;
    adding_ = member;
    adding_since_ = now;
    host_.committed(committed_, now);  // from now on its leave is needed, too
    return add_learners(now);
  }
}

void Replica::join(const From &from, const wire::Join &join, Time now) {
  const auto node = static_cast<uint32_t>(from.peer);
  lives_[node] = std::max(lives_[node], join.incarnation);
  if (role_ != Role::primary || std::ranges::find(nodes_, node) == nodes_.end()) return;
  if (ready_) begin_log();
  Peer &peer = peers_[node];
  if (join.incarnation < peer.incarnation) return;
  if (join.incarnation > peer.incarnation) {
    // Whoever may be in the set already by a change that had no answer counts until it is out: its disk remembers.
    const bool counts = disk_ != nullptr && unsure_;
    if (adding_ && adding_->node == node && !changing_ && !counts) adding_.reset();
    peer = {};
    peer.incarnation = join.incarnation;
    peer.heard = peer.moved = now;
  }
  peer.heard = now;
  if (record_.has({node, peer.incarnation})) return;  // it does not know yet
  // It was put out of the set, and has given up what was not committed.
  if (peer.knows && join.last < peer.acked) peer.knows = false;
  if (!peer.knows && join.last > 0 && log_.knows(join.last) && log_.epoch(join.last) == join.last_epoch) {
    peer.knows = true;
    peer.acked = peer.sent = peer.floor = join.last;
    peer.bytes = 0;
    peer.moved = now;
  }
  if (peer.knows) return send_entries(node, peer, now, true);
  if (!sending_ || (join.snapshot != sending_->index && !log_.knows(sending_->index))) {
    if (!ready_) return;
    std::optional<wire::Bytes> bytes = host_.snapshot();
    if (!bytes) return;
    sending_ = Sending{log_.last(), log_.epoch(log_.last()), std::move(*bytes), now};
  }
  send_piece(node, peer, join, now);
}

// The next piece, of which one is under way at a time.
void Replica::send_piece(uint32_t node, Peer &peer, const wire::Join &join, Time now) {
  sending_->used = now;
  const bool goes_on = join.snapshot == sending_->index && join.offset <= sending_->bytes.size;
  const uint64_t offset = goes_on ? join.offset : 0;
  peer.piece_pause = std::max(peer.piece_pause, kTransferAgainUs);
  // Also a question from before the last piece.
  if (peer.piece != kNoPiece && offset <= peer.piece && peer.piece_of == sending_->index) {
    if (now - peer.piece_at < peer.piece_pause) return;
    peer.piece_pause = std::min(2 * peer.piece_pause, kTransferMostUs);
  }
  peer.piece = offset;
  peer.piece_of = sending_->index;
  peer.piece_at = now;
  wire::Transfer transfer;
  transfer.epoch = record_.epoch;
  transfer.sender = me_.incarnation;
  transfer.incarnation = peer.incarnation;
  transfer.index = sending_->index;
  transfer.index_epoch = sending_->epoch;
  transfer.offset = offset;
  transfer.total = sending_->bytes.size;
  std::vector<wire::Bytes> payload;
  payload.push_back(sending_->bytes.slice(offset, std::min<uint64_t>(kTransferBytes, transfer.total - offset)));
  host_.say(node, std::move(transfer), std::move(payload));
}

}  // namespace ngd::cluster
