// The memory of a replica on its disk, for ack=disk: a state, the entries of the log behind it, and whose lives it is of.
//
//   <directory>/<model>/log/replica-<i>-of-<n>.<number>
//
// Files and records are those of a shard's log (log.h). A file begins with a state; a crash while one is written leaves the
// files before it, which are removed only when it is on the disk with all entries that belong to it.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cluster/log.h"
#include "cluster/replica_log.h"

namespace ngd::cluster {

class ReplicaDisk {
 public:
  // What was there at the start. Whatever a life between the first and the last has answered for is in it.
  struct Memory {
    uint64_t first_life = 0, last_life = 0;
    uint64_t index = 0, epoch = 0;                // of the state
    std::optional<std::vector<std::byte>> state;  // nothing: as a shard begins
    uint64_t committed = 0;                       // at least
    std::vector<LogEntry> entries;                // behind the state
  };

  ReplicaDisk(Disk &disk, std::string folder, std::string prefix);

  // Reads what is there, before all else. Nothing: there is nothing whole, see trouble(). Throws when the disk cannot be read.
  std::optional<Memory> recall();
  // It is the memory of this life, too, from now on. Otherwise begin() makes another.
  void go_on(uint64_t life);

  // The memory is this from now on, of this life alone; `state` may be null, see Memory.
  void begin(uint64_t life, uint64_t index, uint64_t epoch, const wire::Bytes *state);
  void entry(uint64_t index, const LogEntry &entry,
             uint64_t committed);  // in place of what was there from `index` on
  void cut(uint64_t index);        // forgets what is behind it
  void be(uint64_t life);          // of this life alone: what earlier ones answered for may be gone
  void forget();
  // A state that is committed, from which a restart need not read what is older; `log` has all that is behind it.
  void shorten(uint64_t index, uint64_t epoch, const wire::Bytes &state, const ReplicaLog &log,
               uint64_t committed);

  // Up to this index everything is on the disk, and whose it is. 0: nothing.
  uint64_t synced() const { return since_ != 0 && since_ <= log_->synced() ? synced_ : 0; }
  // Bytes since the last state, which is on the disk.
  uint64_t grown() const {
    return bases_.empty() && !log_->resting() ? log_->bytes_since_base() - at_base_ : 0;
  }
  size_t backlog() const { return log_ ? log_->backlog() : 0; }  // that are not on the disk
  const std::string &trouble() const { return log_ && !log_->trouble().empty() ? log_->trouble() : trouble_; }

  std::shared_ptr<LogJob> take_job() { return log_ ? log_->take_job() : nullptr; }
  bool owns(const LogJob &job) const { return job.prefix == prefix_; }
  void done(const LogJob &job, Time now);
  void tick(Time now);

 private:
  struct Found {  // by recall(), for go_on()
    uint64_t file = 0, base = 0, generation = 0, last = 0, synced = 0, highest = 0;
    std::deque<std::pair<uint64_t, LogChunk>> behind;  // records that may not be on the disk
  };
  std::optional<Memory> recall_newest();
  std::optional<Memory> read_on(size_t first);
  void append(LogKind kind, uint64_t epoch, const wire::Bytes &body, const std::vector<wire::Bytes> &payload);
  void place_base(const wire::Bytes &body, uint64_t epoch, const wire::Bytes *state, bool anew);
  void place(uint64_t index, const LogEntry &entry, uint64_t committed);
  void drop_behind(uint64_t index);
  void let_go();

  Disk &disk_;
  const std::string folder_, prefix_;
  std::optional<Log> log_;  // from recall() on
  Found found_;
  std::string trouble_;
  bool begun_ = false;
  uint64_t first_life_ = 0, last_life_ = 0, generation_ = 0;
  uint64_t since_ = 0;    // position of the record that says whose memory it is
  uint64_t at_base_ = 0;  // bytes of the last state and what belongs to it
  uint64_t synced_ = 0;
  std::deque<std::pair<uint64_t, uint64_t>> marks_;  // position and index of entries that are not on the disk
  std::deque<std::pair<uint64_t, uint64_t>> bases_;  // position and generation of states that are not
  Time again_ = 0;
};

}  // namespace ngd::cluster
