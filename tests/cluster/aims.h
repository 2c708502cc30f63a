// Faults that are aimed: each a short story in which a mistake of replication would do harm, told to one shard of a run.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <vector>

#include "cluster/environment.h"
#include "cluster/replica.h"

namespace simulation {

class World;

enum class Aim : uint8_t {
  old_primary,     // cut off from the others, but not from its clients, while another takes over
  late_candidate,  // takes over, learns of it late, and hears the old primary meanwhile
  dead_candidate,  // has taken over and committed, then dies, comes back, and hears the old primary first
  addition,        // a primary is cut off, or dies, as a learner is added
  tail,            // one member has what another has not, and the primary dies
  commit,          // the primary dies as it commits
  unready,         // it takes over, but a member is away; one that was put out comes back
  decisions,       // the root dies before other shards have heard what it decided
  hand_over,       // a primary names another, does not hear that it leads, and goes on with its clients
  old_words,       // what two servers said to each other arrives when it is over
};
inline constexpr size_t kAims = 10;

class Aims {
 public:
  explicit Aims(World &world) : world_(world) {}
  void begin(ngd::cluster::Time until);  // some at random, one after another
  void end();
  void only(Aim aim) { only_ = aim; }
  bool take(Aim aim, uint32_t shard);  // false: not now

  // What the world tells.
  void record_changed(uint32_t shard);
  void committed(uint32_t shard, size_t server);
  void shard_made(size_t server, uint64_t life);

 private:
  using Time = ngd::cluster::Time;
  using Record = ngd::cluster::ReplicaRecord;
  // Something that is waited for; `sprung` says whether it was that.
  enum class What : uint8_t { record, commit, shard };
  struct Trap {
    What what;
    Time until;
    std::function<bool(uint32_t, size_t)> sprung;  // the shard, the server
  };
  void wait(What what, Time patience, std::function<bool(uint32_t, size_t)> sprung);
  void spring(What what, uint32_t shard, size_t server);
  // Waits for the record to be of a later epoch; for a member more, or one less.
  void when_led(uint32_t shard, Time patience, std::function<void(const Record &)> call);
  void when_added(uint32_t shard, Time patience, std::function<void(const Record &)> call);
  void when_put_out(uint32_t shard, Time patience, std::function<void(const Record &)> call);
  void when_committed(uint32_t shard, size_t server, Time patience, std::function<void()> call);
  void soon(Time most, std::function<void()> call);

  void again(Time until);
  std::optional<size_t> primary(uint32_t shard) const;  // a server that runs
  std::vector<size_t> members(uint32_t shard) const;    // without the primary
  void cut_both(size_t one, size_t other, Time until);
  void part(size_t server, Time until);  // from all other servers
  void loyal_clients(size_t server, Time until);
  void mend(size_t server);

  void old_primary(uint32_t shard, size_t server);
  void late_candidate(uint32_t shard, size_t server);
  void dead_candidate(uint32_t shard, size_t server);
  void addition(uint32_t shard, size_t server);
  void tail(uint32_t shard, size_t server);
  void commit(uint32_t shard, size_t server);
  void unready(uint32_t shard, size_t server);
  void decisions(uint32_t shard, size_t server);
  void hand_over(uint32_t shard, size_t server);
  void old_words(uint32_t shard, size_t server);

  World &world_;
  std::list<Trap> traps_;
  std::optional<Aim> only_;
  bool over_ = true;
};

}  // namespace simulation
