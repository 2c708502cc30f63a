// A replica whose memory outlives its server: what it finds there at the start, when it leads from it, and how it stays short.
#include <algorithm>

#include "base/error.h"
#include "cluster/replica.h"
#include "cluster/replica_times.h"

namespace ngd::cluster {

// A disk that cannot be read is no disk without a memory: it is asked again.
void Replica::recall(Time now) {
  try {
    recalled_ = disk_->recall();
    recalling_ = false;
  } catch (const std::exception &) {
    recalling_ = true;
    wakeup_ = now + kAskAgainUs;
  }
}

// It is the shard's if the set has one of the lives that it is of. Else others have gone on since, and give what is newer.
void Replica::take_recalled(Time now) {
  ReplicaDisk::Memory memory = std::move(*recalled_);
  recalled_.reset();
  if (!in_set(memory.first_life, memory.last_life)) return;
  host_.follow(true, now);
  try {
    if (memory.state) host_.load(*memory.state, now);
    has_state_ = true;
    first_life_ = memory.first_life;
    log_.reset(memory.index, memory.epoch);
    for (LogEntry &entry : memory.entries) log_.append(std::move(entry));
    applied_ = memory.index;
    committed_ = matched_ = memory.committed;
    replay_committed(now);
  } catch (const std::exception &) {  // of another build, or no room: the disk keeps it for the next life
    forget_state(now);
  }
  if (has_state_) disk_->go_on(me_.incarnation);
}

// Whether the set of the record has one of these lives of this server.
bool Replica::in_set(uint64_t first_life, uint64_t last_life) const {
  return options_.mutant == Mutant::stranger_resumes ||
         std::ranges::any_of(record_.in_sync, [&](const Member &one) {
           return one.node == me_.node && one.incarnation >= first_life && one.incarnation <= last_life;
         });
}

// Whether its memory has all that the set of the record has answered for.
bool Replica::remembers() const {
  return disk_ != nullptr && has_state_ && in_set(first_life_, me_.incarnation);
}

// Whether nobody else can have a memory.
bool Replica::may_begin() const {
  return disk_ == nullptr || options_.mutant == Mutant::begin_despite_disks ||
         std::ranges::all_of(record_.in_sync, [&](const Member &one) { return one.node == me_.node; });
}

// The set died with its servers, and what it answered for is here: as after a takeover, alone.
void Replica::resume(Time now) {
  taking_ = true;
  ReplicaRecord wanted = record_;
  wanted.epoch++;
  wanted.primary = me_;
  wanted.in_sync = {me_};
  change(wanted, now);
}

void Replica::written(const LogJob &job, Time now) {
  disk_->done(job, now);
  if (role_ == Role::primary) return advance_commit(now);
  if (leader_ != 0 && leader_epoch_ >= record_.epoch) answer();
}

// A primary has carried out what is not committed yet, so its picture waits until that is.
void Replica::shorten_memory() {
  if (disk_ == nullptr || !has_state_) return;
  const bool settled = role_ == Role::primary ? ready_ : role_ == Role::member;
  if (!picture_ && settled && disk_->grown() > options_.log_bytes) {
    if (auto bytes = host_.snapshot()) picture_.emplace(applied_, std::move(*bytes));
  }
  if (!picture_ || picture_->first > committed_) return;
  if (log_.knows(picture_->first))
    disk_->shorten(picture_->first, log_.epoch(picture_->first), picture_->second, log_, committed_);
  picture_.reset();
}

}  // namespace ngd::cluster
