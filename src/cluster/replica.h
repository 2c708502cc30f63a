// One replica of a shard: the log that all replicas share, who leads them, and how one that is new comes in.
//
// Primary-backup replication after PacificA (Lin et al. 2008, "PacificA: replication in log-based distributed storage
// systems"). The record "/shard/<number>" of the coordinator names epoch, primary and the set of members in sync, each
// with its incarnation: a life of its memory. It changes by compare-and-swap only.
//
// - An entry is committed when every member of the maximal set in sync has it: the set of the record, and whoever is
//   being added to it.
// - A member that hears nothing for a grace takes over: epoch + 1, the set without the old primary. What it has of the
//   log is then sent to the others in the new epoch; when all of it is committed, it is ready. Members refuse lower
//   epochs, so the old primary can commit nothing any more (no clock is needed for that). It waits for a grace since it
//   last answered the old primary, too: the record may have changed long before it heard of that.
// - A primary answers only while every member's lease lasts: from the sending of a beacon that the member answered. The
//   lease is shorter than the grace, so that reads end before another may have begun to write. That holds while no clock
//   runs much faster than another; a read that trusts no clock waits until every member has answered something that was
//   sent after the read came.
// - Whoever is not in the set is a learner: it gets a snapshot and what follows, or only what follows when its log still
//   fits, and is added when it has all that is committed.
// - With ack=disk a member has an entry when it is on its disk. A server that comes back reads its memory there. It is a
//   learner then as any other; but where the record's set still has one of the lives that this memory is of, and nobody leads,
//   it takes over, since whatever the set has answered for is in it. Nobody begins anew there who is not alone in the set:
//   other members' disks have what is missing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cluster/environment.h"
#include "cluster/node_options.h"
#include "cluster/peer.h"
#include "cluster/replica_disk.h"
#include "cluster/replica_log.h"

namespace ngd::cluster {

struct Member {
  uint32_t node = 0;
  uint64_t incarnation = 0;
  bool operator==(const Member &) const = default;
};

// What the coordinator keeps of a shard.
struct ReplicaRecord {
  uint64_t epoch = 0;
  Member primary;
  std::vector<Member> in_sync;  // the primary among them
  uint64_t memory = 0;          // the epoch in which the state began anew, with nobody's memory

  bool has(const Member &member) const;
  std::string text() const;
  static std::optional<ReplicaRecord> parse(const std::string &text);
};
std::string replica_key(uint32_t shard);

// What a replica needs of the shard whose log it keeps.
class ReplicaHost {
 public:
  virtual ~ReplicaHost() = default;
  virtual void say(uint32_t node, wire::Body body, std::vector<wire::Bytes> payload) = 0;
  virtual uint64_t coordinator_ticket() = 0;
  // Of a member: an entry is committed, and happens here now. False: what is here is not what the log has made elsewhere.
  virtual bool replay(uint64_t index, const LogEntry &entry, Time now) = 0;
  // Of a primary: everything up to `index` is committed; what was said since may go out.
  virtual void committed(uint64_t index, Time now) = 0;
  // This one leads now. `fresh`: nobody has a memory; else it goes on from what was replayed.
  virtual void lead(bool fresh, Time now) = 0;
  // It leads no more. `lost`: what it holds may be what never happened.
  virtual void follow(bool lost, Time now) = 0;
  virtual size_t state_bytes() const = 0;  // about: what a snapshot has
  // All of the state; nothing while it cannot be had.
  virtual std::optional<wire::Bytes> snapshot() = 0;
  virtual void load(std::span<const std::byte> snapshot, Time now) = 0;  // throws when it cannot be read
  virtual void record_changed(const ReplicaRecord &record) = 0;
};

class Replica {
 public:
  enum class Role : uint8_t { unknown, learner, member, primary };

  // `disk`: where its memory is to outlive it; null: nowhere.
  Replica(uint32_t shard, std::vector<uint32_t> nodes, uint64_t incarnation, const NodeOptions &options,
          ReplicaHost &host, Coordinator &coordinator, std::unique_ptr<ReplicaDisk> disk = nullptr);

  void start(Time now);
  // Of a primary: the next index. The caller has carried the entry out, or does it at once.
  // Others hear of it with send_appended(): once for all that one call of the shard appends.
  uint64_t append(wire::Bytes control, std::vector<wire::Bytes> payload, Time now);
  void send_appended(Time now);
  // Whether others have the log, or are about to: else nothing need be appended.
  bool shared() const { return disk_ != nullptr || nodes_.size() > 1 || !alone() || !peers_.empty(); }
  void leave_out() { skipped_ = true; }  // an entry was carried out that nobody else needs
  // Who is to have the shard from now on; the first leads, if `lead`. Whoever is in the set and not wanted leaves it once
  // all who are wanted are in it.
  void want(std::vector<uint32_t> nodes, bool lead, Time now);
  void look_soon(Time now);                                          // the record has changed
  bool receive(const From &from, wire::Message &message, Time now);  // false: it is for others
  void answered(const CoordinatorAnswer &answer, Time now);
  void tick(Time now);
  Time next_wakeup() const { return wakeup_; }
  // The memory is gone: of a primary, for all; the others follow.
  void renew(Time now);
  // Its memory on the disk; null: none is kept.
  ReplicaDisk *disk() const { return disk_.get(); }
  void written(const LogJob &job, Time now);

  Role role() const { return role_; }
  bool leads() const { return role_ == Role::primary && ready_; }
  // Until when a primary may answer; leases and reads, see above.
  Time lease(Time now) const;
  // For a read that trusts no clock: it may be answered when confirmed() has come to what this returns. Members are asked
  // at once, or, when they are just being asked, as soon as they have answered.
  Time ask_members(Time now);
  Time confirmed() const;
  // Whether the set has as many members as answers need.
  bool enough() const {
    return record_.in_sync.size() >= options_.min_in_sync || nodes_.size() < options_.min_in_sync;
  }
  bool alone() const { return record_.in_sync.size() <= 1 && !adding_; }
  uint64_t last() const { return log_.last(); }
  uint64_t committed() const { return committed_; }
  size_t log_bytes() const { return log_.bytes(); }
  const ReplicaRecord &record() const { return record_; }
  const ReplicaLog &log() const { return log_; }
  uint64_t incarnation() const { return me_.incarnation; }
  const std::vector<uint32_t> &nodes() const { return nodes_; }
  // All servers but this one, as they stood in the records last.
  const std::vector<KnownServer> &servers() const { return servers_; }
  std::string trouble() const;

 private:
  static constexpr uint64_t kNoPiece = ~uint64_t{0};
  struct Peer {  // of a primary: a member or a learner
    uint64_t incarnation = 0;
    uint64_t acked = 0, sent = 0;
    bool knows = false;  // where its log stands: entries can be sent
    Time heard = 0;      // its last answer
    Time moved = 0;      // when it last had everything, or got further
    Time resend = 0;     // then what was sent and not answered counts as lost
    Time pause = 0;      // until then, at least as long as answers take; longer each time that it did not help
    Time since = 0;      // since when an answer is waited for
    bool probe = false;  // what was sent counts as lost: one entry at a time, until there is an answer
    Time lease = 0;      // until when it grants us to answer
    Time answered = 0;   // the newest sent_us that it answered
    uint64_t bytes = 0;  // on their way
    uint64_t floor = 0;  // the index at which its state began
    // The piece of a snapshot that is on its way to it: from where, since when, and when it counts as lost.
    uint64_t piece = kNoPiece, piece_of = 0;
    Time piece_at = 0, piece_pause = 0;
  };
  struct Sending {  // of a primary: a snapshot for learners
    uint64_t index = 0, epoch = 0;
    wire::Bytes bytes;
    Time used = 0;
  };
  struct Receiving {  // of a learner
    uint64_t index = 0, epoch = 0, sender = 0, total = 0;
    std::vector<std::byte> bytes;
  };

  // The record: replica.cc.
  void look(Time now);
  void change(const ReplicaRecord &wanted, Time now);
  void adopt(const std::vector<Record> &records, Time now);
  void learn_servers(const std::vector<Record> &records);
  bool all_lost(const std::vector<Record> &records) const;
  void recall(Time now);
  void take_recalled(Time now);
  bool in_set(uint64_t first_life, uint64_t last_life) const;
  bool remembers() const;
  bool may_begin() const;
  void resume(Time now);
  Time begin_after() const;
  void begin_anew(Time now);
  void step_down(Time now);

  // The primary: replica_primary.cc.
  void lead_now(bool fresh, Time now);
  void appended(const From &from, const wire::Appended &answer, Time now);
  void join(const From &from, const wire::Join &join, Time now);
  void send_piece(uint32_t node, Peer &peer, const wire::Join &join, Time now);
  void send_entries(uint32_t node, Peer &peer, Time now, bool beacon);
  void send_all(Time now, bool beacon);
  void advance_commit(Time now);
  void go_on_asking(Time now);
  void keep_members(Time now);
  void add_learners(Time now);
  void settle(Time now);
  void forget_strangers();
  void trim_log(uint64_t keep);
  void begin_log();
  bool in_maximal(const Member &member) const;

  // Members and learners: replica_member.cc.
  void append_received(const From &from, const wire::Append &append, const std::vector<wire::Bytes> &payload,
                       Time now);
  void transferred(const From &from, const wire::Transfer &transfer, const std::vector<wire::Bytes> &payload,
                   Time now);
  void replay_committed(Time now);
  void handed(const wire::Handed &message, Time now);
  void ask_to_join(Time now);
  void take_over(Time now);
  void forget_state(Time now);
  void differed(Time now);
  void answer();
  void shorten_memory();

  const uint32_t shard_;
  std::vector<uint32_t> nodes_;
  bool first_leads_ = false;
  const NodeOptions &options_;
  ReplicaHost &host_;
  Coordinator &coordinator_;
  Member me_;
  Role role_ = Role::unknown;

  ReplicaRecord record_;
  std::vector<KnownServer> servers_;
  uint64_t revision_ = 0;
  uint64_t ticket_ = 0;  // of the question that is open
  bool changing_ = false;
  bool taking_ = false;  // it asked to take over from this record
  bool unsure_ = false;  // a change that had no answer may yet be made, as long as the record is what it was
  Time ask_at_ = 0, started_ = 0, lost_at_ = 0;

  uint64_t epoch_ = 0;  // the highest that was heard of: lower ones are refused
  ReplicaLog log_;
  uint64_t committed_ = 0, applied_ = 0;

  // Of a primary.
  bool ready_ = false;
  uint64_t inherited_ = 0;  // the end of the log at its takeover
  std::map<uint32_t, Peer> peers_;
  std::optional<Member> adding_;
  Time adding_since_ = 0, beacon_at_ = 0;
  bool handing_ = false;  // another is to lead, and may do so already: nothing is answered
  bool unsent_ = false;
  bool skipped_ = false;                       // what has happened is not all in the log
  Time sent_us_ = 0, asked_ = 0, wanted_ = 0;  // last; by a beacon to all; by the newest of the reads
  std::optional<Sending> sending_;

  // Of members and learners.
  bool has_state_ = false;
  uint64_t state_epoch_ = 0;  // in which it got its state
  uint64_t matched_ = 0;      // up to here the log is as the primary of this epoch has it
  Time grace_ = 0, join_at_ = 0;
  unsigned differences_ = 0;
  uint32_t leader_ = 0;  // who last said that it leads, and in which epoch
  uint64_t leader_epoch_ = 0;
  std::optional<Receiving> receiving_;
  std::map<uint32_t, uint64_t> lives_;  // incarnations of others, as far as they asked to join here

  // Of ack=disk.
  std::unique_ptr<ReplicaDisk> disk_;
  Time resume_at_ = kNever;
  bool recalling_ = false;                                   // the disk could not be read yet
  std::optional<ReplicaDisk::Memory> recalled_;              // until the record says whether it is of use
  uint64_t first_life_ = 0;                                  // of its memory; the last is this one's
  uint64_t told_us_ = 0;                                     // what its last answer to its primary was to
  std::optional<std::pair<uint64_t, wire::Bytes>> picture_;  // a state that is to shorten the log, by index

  Time wakeup_ = 0;
};

}  // namespace ngd::cluster
