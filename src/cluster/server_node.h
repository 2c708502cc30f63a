// One server process: knows the map, makes models, holds shards and leads messages to them.
//
// The driver calls receive() for each message, coordinated() for each answer of the coordinator, tick() at
// next_wakeup(), and finish() after it ran a job. Shards may also be driven by threads of their own: take shard(number),
// call its functions from one thread at a time, and give the node only the messages whose shard is 0.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cluster/environment.h"
#include "cluster/node_options.h"
#include "cluster/peer.h"
#include "cluster/shard.h"

namespace ngd::cluster {

std::string record_of(const wire::Map &map);

class ServerNode {
 public:
  ServerNode(NodeOptions options, Net &net, Disk &disk, Rng &rng, Coordinator &coordinator);

  void start(Time now);
  void receive(const From &from, wire::Message message, Time now);
  void coordinated(const CoordinatorAnswer &answer,
                   Time now);  // those of shards too: ticket >> 32 is the shard
  void tick(Time now);
  Time next_wakeup() const;

  // Called for each shard before it starts.
  void on_shard(std::function<void(Shard &)> call) { on_shard_ = std::move(call); }
  // And before it is gone, because others have it now.
  void on_drop(std::function<void(Shard &)> call) { on_drop_ = std::move(call); }
  // Shards are driven by others: tick(), next_wakeup() and take_job() leave them alone.
  void leave_shards() { shards_apart_ = true; }
  // Called when a shard is to learn where the others of its model are; without it the node tells it itself.
  void on_places(std::function<void(uint32_t, const wire::ModelPlace &)> call) { on_places_ = std::move(call); }

  // Long work on files, to be run anywhere: job->run(); then finish(job). One at a time.
  std::shared_ptr<Job> take_job();
  void finish(const std::shared_ptr<Job> &job, Time now);

  // Starts a checkpoint of every model whose root is here; a model is saved when checkpoints_pending() no longer counts it.
  void checkpoint(Time now);
  size_t checkpoints_pending() const;

  bool joined() const { return joined_; }  // the coordinator knows this node
  uint64_t incarnation() const { return incarnation_; }
  const wire::Map &map() const { return map_; }
  const wire::NodePlace *node(uint32_t number) const;
  Shard *shard(uint32_t number);
  const std::map<uint32_t, std::unique_ptr<Shard>> &shards() const { return shards_; }

 private:
  enum class Step : uint8_t { look, number, write };
  struct Creation {  // of a model, until the coordinator has answered
    From from;
    wire::Envelope envelope;
    wire::ModelSpec spec;
    Time until = 0, again_at = 0;
    Step step = Step::look;
    wire::ModelPlace place;
  };

  // Who is told when the map changes.
  struct Watcher {
    From from;
    wire::Envelope envelope;
    std::string model;
    Time until = 0;
  };

  struct Arrangement {  // until its records are written
    From from;
    wire::Envelope envelope;
    wire::Arrange request;
    Time until = 0, again_at = 0;
    std::vector<Record> writes;  // with the revisions that they replace
    bool planned = false, wrote = false, reads_back = false;
  };

  void join(Time now);
  void drop(uint32_t number);
  void arrange(const From &from, const wire::Envelope &envelope, const wire::Arrange &request, Time now);
  bool arrange_on(const CoordinatorAnswer &answer, Time now);  // false: it is none of theirs
  void answer(const From &from, const wire::Envelope &envelope, const wire::Fetch &fetch);
  void tell_map(const From &from, const wire::Envelope &envelope, const std::string &model);
  void refresh(Time now);
  void adopt(const std::vector<Record> &records, Time now);
  void create_model(const From &from, const wire::Envelope &envelope, const wire::CreateModel &request,
                    Time now);
  void place_model(const CoordinatorAnswer &answer, Time now);
  void tell_made(const Creation &creation, const wire::ModelPlace &model, uint64_t revision);
  void refuse(const From &from, const wire::Envelope &envelope, ngd_status status, wire::Refused::Retry retry,
              std::string text);
  uint64_t new_ticket() { return ++ticket_; }

  NodeOptions options_;
  Net &net_;
  Disk &disk_;
  Rng &rng_;
  Coordinator &coordinator_;
  uint64_t incarnation_ = 0;
  bool joined_ = false;
  uint64_t ticket_ = 0, refresh_ticket_ = 0, join_ticket_ = 0;
  bool join_writes_ = false;
  bool refreshing_ = false, hinted_ = false;  // asked for the records; they have changed since
  std::function<void(Shard &)> on_shard_, on_drop_;
  std::function<void(uint32_t, const wire::ModelPlace &)> on_places_;
  bool shards_apart_ = false;
  Time join_at_ = 0, refresh_at_ = 0;
  wire::Map map_;
  std::map<Peer, Watcher> watchers_;
  std::map<uint64_t, Creation> creations_;        // by ticket
  std::map<uint64_t, Arrangement> arrangements_;  // likewise
  std::map<uint32_t, uint64_t> lives_;            // of shards that were here: what the next must be above
  std::map<uint32_t, std::unique_ptr<Shard>> shards_;
};

}  // namespace ngd::cluster
