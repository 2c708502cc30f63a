// One shard of a model on one server: takes parts of updates, applies what the root decides in its order, answers reads.
//
// Everything that changes a shard is an entry of its log: a part that was staged, a decision. The state is a function of
// the log alone, so that a replica that has the log has the state. The root is the shard with index 0; it has a Root
// besides.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cluster/environment.h"
#include "cluster/node_options.h"
#include "cluster/peer.h"
#include "cluster/snapshot.h"

namespace ngd::cluster {

class Root;
class LogObserver;

// Long work on files, to be run anywhere once, between take_job() and finish().
class Job {
 public:
  virtual ~Job() = default;
  virtual void run() = 0;  // never throws
  uint32_t shard = 0;
  bool log = false;  // short, and answers wait for it: not behind the others
};

class Replica;

class Shard {
 public:
  struct Place {  // which one it is
    wire::ModelPlace model;
    uint32_t index = 0;
    uint64_t incarnation = 0;  // grows with each life of the server
  };
  Shard(Place place, const NodeOptions &options, Net &net, Disk &disk, Rng &rng, Coordinator &coordinator);
  ~Shard();

  void start(Time now);
  void receive(const From &from, wire::Message message, Time now);
  void coordinated(const CoordinatorAnswer &answer, Time now);
  // Other shards of the model are led elsewhere now.
  void placed(const wire::ModelPlace &model, Time now);
  void tick(Time now);
  Time next_wakeup() const;
  std::shared_ptr<Job> take_job();
  void finish(const std::shared_ptr<Job> &job, Time now);
  void checkpoint(Time now);  // the root's: asks all shards of the model for one
  bool checkpoint_pending() const;
  uint64_t checkpoints_done() const;
  uint64_t kept_checkpoint() const;  // of a root: the generation of the last that it knows to be whole; 0: none

  // The newest version for readers on any thread; answers what it can without the shard's own thread.
  const Published &published() const;
  std::shared_ptr<const Published> readers() const;

  uint32_t number() const;
  bool ready() const;
  uint64_t version() const;
  uint64_t lineage() const;
  uint64_t staged_bytes() const;
  uint64_t unsynced_bytes() const;  // of the log, see NodeOptions::ack_disk
  std::string trouble() const;      // what is wrong with its files; empty: nothing
  void observe(LogObserver *observer);
  const Replica &replica() const;
  uint64_t digests() const;  // of others that were compared with its own, and those that differed
  uint64_t differences() const;
  std::string doing() const;  // for people: its part, its state
  uint32_t digest();          // of all of the state that replicas share
  Root *root();               // nullptr on other shards than the root

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ngd::cluster
