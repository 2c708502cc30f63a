// What one server is told at its start.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "cluster/environment.h"

namespace ngd::cluster {

// Mistakes that the tests plant to see them caught; the library never sets one.
enum class Mutant : uint8_t {
  none,
  no_dedup,            // an update that came twice is applied twice
  dedup_by_seq_alone,  // the client is forgotten in the table of what was done
  early_answer,        // "applied" before it is
  stale_read,          // a pull takes an older version than the newest that was answered
  aggregate_twice,     // bulk: an entry counts twice in its round
  token_unchecked,     // a fencing token below the sealed one passes
  torn_checkpoint,     // a checkpoint is taken as it lies, unchecked
  one_shard_only,      // a decision is applied by the root and forgotten for the others
  no_staleness,        // stale: nobody waits for the slowest
  lease_forever,       // a dead worker is waited for
  lineage_ignored,     // requests of before a restore pass
  two_owners,          // a partition is given out while another has it
  pin_ignored,         // a consistent pull is answered at whatever version
  // Of replication.
  no_fence,              // a member takes entries of an epoch that is over
  no_lease,              // a primary answers without anybody's leave
  no_incarnation,        // words to and of an earlier life count
  early_commit,          // before all members have it
  early_add,             // a learner that is being added does not count for what is committed
  early_join,            // and is added before the inherited log is committed
  read_before_ready,     // a new primary leads at once
  shrink_alone,          // a member is put out without asking the coordinator
  no_cut,                // entries that never were committed stay in a member's log
  no_hold,               // answers go out before their entry is committed
  publish_early,         // readers see versions that are not committed
  half_snapshot,         // a learner's snapshot lacks the table of what was done
  volatile_locks,        // and who holds a lock
  decisions_lost,        // and the decisions that not all shards have
  replay_twice,          // a member carries an entry out twice
  answer_before_sync,    // ack=disk: answers leave before the log is on the disk
  replay_forgets,        // a restart does not know what was done for whom
  torn_record,           // the last record of a log is taken as it lies, unchecked
  hand_over_and_answer,  // a primary that named another goes on answering
  no_confirm,            // a read that is to ask the members asks nobody
  flipped_bit,           // a bit of a member's parameters changes by itself, at some versions
  stranger_resumes,      // ack=disk: a replica leads from a disk that has not all that was answered for
  begin_despite_disks,   // and one without a memory begins anew, while others' disks have one
  hidden_rows,           // rows that readers were not given yet are read as they were before
};

struct Limits {
  uint64_t client_bytes = uint64_t{32} << 20;  // staged by one session on a shard, above one dense update
  uint64_t shard_bytes = uint64_t{1} << 30;    // staged on a shard by all
  size_t sessions = 10'000;                    // of a model
  size_t waiting = 10'000;                     // reads held back on a shard
};

struct NodeOptions {
  uint32_t node = 1;  // unlike all others of the cluster
  std::string cluster = "ngd";
  std::string address;     // where clients and servers find it
  std::string server_key;  // public, Z85
  std::string zone;        // copies of a shard go to different ones, as far as there are
  std::string directory;   // of checkpoints, below the Disk's root; "" with durable = false: none are kept
  bool durable = true;
  bool ack_disk = false;                   // answers wait until the log is on the disk, of each member in sync
  uint64_t log_bytes = uint64_t{1} << 30;  // of a log; then a checkpoint is begun
  Time checkpoint_every_us = 0;            // 0: only when asked
  uint64_t checkpoint_every_versions = 0;
  uint32_t replicas = 1;                  // of each shard of new models, as far as there are servers
  size_t min_in_sync = 1;                 // fewer members, and no client is answered
  size_t kept_bytes = size_t{256} << 20;  // of each shard's log in memory, for replicas that come back
  uint64_t digest_every =
      256;  // versions after which replicas compare what they have, as far as that costs little
  // Rows of tables are published with each version while several are read in as many versions; else whoever asks for some
  // gets them from where the optimizer works.
  unsigned unread_versions = 16;
  uint64_t ceiling_block = uint64_t{1} << 20;  // versions that are promised to the coordinator at a time
  Limits limits;
  Mutant mutant = Mutant::none;
};

}  // namespace ngd::cluster
