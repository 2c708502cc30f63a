// A member or learner: takes the log as the primary has it, and carries out what is committed.
#include <algorithm>

#include "cluster/payload.h"
#include "cluster/replica.h"
#include "cluster/replica_times.h"

namespace ngd::cluster {
namespace {

wire::Bytes joined(const std::vector<wire::Bytes> &parts) {
  if (parts.size() == 1) return parts.front();
  const wire::Buffer buffer(wire::total_bytes(parts));
  std::byte *to = buffer.data();
  for (const wire::Bytes &part : parts) to = std::copy_n(part.data, part.size, to);
  return buffer.bytes();
}

}  // namespace

void Replica::append_received(const From &from, const wire::Append &append,
                              const std::vector<wire::Bytes> &payload, Time now) {
  if (append.incarnation != me_.incarnation && options_.mutant != Mutant::no_incarnation) return;
  if (append.epoch < epoch_ && options_.mutant != Mutant::no_fence) {  // its sender is no primary any more
    host_.say(static_cast<uint32_t>(from.peer), wire::Appended{epoch_, me_.incarnation, 0, 0}, {});
    return;
  }
  if (role_ == Role::primary) {
    if (append.epoch > epoch_) {
      epoch_ = append.epoch;
      look(now);
    }
    return;
  }
  epoch_ = std::max(epoch_, append.epoch);
  if (leader_epoch_ != append.epoch) matched_ = std::min(matched_, committed_);
  leader_epoch_ = append.epoch;
  leader_ = static_cast<uint32_t>(from.peer);
  grace_ = now + kGraceUs;
  uint64_t total = 0;
  for (const wire::LogMark &mark : append.entries) total += mark.control + mark.payload;
  const bool whole = total == wire::total_bytes(payload);
  if (has_state_ && whole && log_.knows(append.after) && log_.epoch(append.after) == append.after_epoch) {
    Slices slices(payload);
    uint64_t index = append.after;
    for (const wire::LogMark &mark : append.entries) {
      index++;
      std::vector<wire::Bytes> control;
      LogEntry entry{mark.epoch, {}, {}};
      slices.take(mark.control, control);
      slices.take(mark.payload, entry.payload);
      entry.control = joined(control);
      if (index <= log_.base()) continue;
      if (index <= log_.last()) {
        if (log_.epoch(index) == mark.epoch) continue;
        if (options_.mutant == Mutant::no_cut) continue;
        if (index <= applied_) {  // what has happened here did not: this memory is of no use
          forget_state(now);
          return;
        }
        log_.cut(index - 1);
      }
      if (disk_ != nullptr) disk_->entry(index, entry, committed_);
      log_.append(std::move(entry));
    }
    matched_ = std::max(matched_, index);
  } else if (has_state_ && log_.knows(append.after) && append.after <= applied_ && whole) {
    return forget_state(now);
  }
  told_us_ = append.sent_us;
  answer();
  if (!has_state_) return;
  committed_ = std::max(committed_, std::min(append.committed, matched_));
  replay_committed(now);
}

// What is answered for is in the memory that outlives this one, if there is such a memory.
void Replica::answer() {
  uint64_t last = has_state_ ? matched_ : 0;
  if (disk_ != nullptr && options_.mutant != Mutant::answer_before_sync) last = std::min(last, disk_->synced());
  host_.say(leader_, wire::Appended{leader_epoch_, me_.incarnation, last, told_us_}, {});
}

void Replica::replay_committed(Time now) {
  while (applied_ < committed_) {
    applied_++;
    if (!host_.replay(applied_, log_.at(applied_), now) && role_ != Role::primary) return differed(now);
  }
  if (role_ != Role::primary) trim_log(applied_);
}

void Replica::handed(const wire::Handed &message, Time now) {
  if (role_ == Role::primary || message.epoch <= record_.epoch) return;
  grace_ = std::max(grace_, now + kGraceUs);
  look_soon(now);
}

// Its state is of no use, and comes anew. Where that helps again and again for a short time only, not at once. One that
// takes over goes on with what it has: there may be nothing else.
void Replica::differed(Time now) {
  forget_state(now);
  role_ = Role::learner;
  join_at_ = now + (kJoinUs << std::min(differences_++, kDifferences));
}

void Replica::ask_to_join(Time now) {
  join_at_ = now + kJoinUs;
  const uint32_t primary = leader_epoch_ >= record_.epoch && leader_ != 0 ? leader_ : record_.primary.node;
  if (primary == 0 || primary == me_.node) return;
  wire::Join join;
  join.incarnation = me_.incarnation;
  if (has_state_) {
    // Of what this primary has sent, all of it: else it would go back, and send again what is on its way.
    join.last = leader_epoch_ >= record_.epoch && leader_ == primary ? std::max(applied_, matched_) : applied_;
    // It counts as an answer.
    if (disk_ != nullptr) join.last = std::min(join.last, disk_->synced());
    if (join.last < log_.base()) return;  // once its state is on the disk
    join.last_epoch = log_.epoch(join.last);
  }
  if (receiving_) {
    join.snapshot = receiving_->index;
    join.offset = receiving_->bytes.size();
  }
  host_.say(primary, std::move(join), {});
}

void Replica::transferred(const From &from, const wire::Transfer &transfer,
                          const std::vector<wire::Bytes> &payload, Time now) {
  if (role_ == Role::primary || transfer.incarnation != me_.incarnation || transfer.epoch < epoch_) return;
  if (has_state_ && role_ == Role::member) return;
  // One that comes late: to begin anew from there would give up what was acknowledged since.
  if (has_state_ && transfer.index <= applied_ &&
      transfer.epoch <= std::max(state_epoch_, log_.epoch(log_.last())))
    return;
  epoch_ = std::max(epoch_, transfer.epoch);
  leader_epoch_ = transfer.epoch;
  leader_ = static_cast<uint32_t>(from.peer);
  if (!receiving_ || receiving_->index != transfer.index || receiving_->epoch != transfer.index_epoch ||
      receiving_->sender != transfer.sender) {
    if (transfer.offset != 0) return;
    receiving_ = Receiving{transfer.index, transfer.index_epoch, transfer.sender, transfer.total, {}};
  }
  if (transfer.offset != receiving_->bytes.size() || transfer.total != receiving_->total) return;
  for (const wire::Bytes &part : payload)
    receiving_->bytes.insert(receiving_->bytes.end(), part.data, part.data + part.size);
  if (receiving_->bytes.size() < receiving_->total) return ask_to_join(now);
  const Receiving whole = std::move(*receiving_);
  receiving_.reset();
  if (has_state_) forget_state(now);
  try {
    host_.load(whole.bytes, now);
  } catch (const std::exception &) {  // damaged on its way, or no memory: again
    return;
  }
  has_state_ = true;
  state_epoch_ = transfer.epoch;
  log_.reset(whole.index, whole.epoch);
  if (disk_ != nullptr) {
    const wire::Bytes state = wire::copied(whole.bytes);
    disk_->begin(first_life_ = me_.incarnation, whole.index, whole.epoch, &state);
  }
  committed_ = applied_ = matched_ = whole.index;
  ask_to_join(now);
}

}  // namespace ngd::cluster
