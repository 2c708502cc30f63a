// A cluster in one thread: servers and clients on a seeded network, clock, disk and coordinator, and the faults of them all.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "agreement.h"
#include "aims.h"
#include "cluster/client_session.h"
#include "cluster/placement.h"
#include "cluster/replica.h"
#include "cluster/root.h"
#include "cluster/server_node.h"
#include "history.h"
#include "seeded.h"
#include "simulated_disk.h"

namespace simulation {

using ngd::cluster::Peer;
using ngd::cluster::Time;

constexpr Time kSecond = 1'000'000;
constexpr const char *kModelName = "cells";  // of a workload

// How bad the world is. Probabilities are of each message.
struct Weather {
  double loss = 0, duplication = 0, slow = 0;
  double late = 0;  // seconds, between servers
  Time delay = 1000;
  bool moves = false;         // shards get other servers
  bool isolation = false;     // servers that do not reach each other, or the coordinator
  bool aimed = false;         // at moments of the protocol: aims.h
  bool late_changes = false;  // of records: made when nobody counts on them any more
  bool power = false;         // all servers die at once, and come back one after another
  bool server_pauses = false, jumps = false;
  bool partitions = false, client_pauses = false, client_crashes = false, server_crashes = false,
       disk_faults = false, clocks = false, wild_clocks = false;
};

class World {
 public:
  World(uint64_t seed, ngd::cluster::Mutant mutant, bool tracing);
  ~World();
  World(const World &) = delete;
  World &operator=(const World &) = delete;

  struct Clock {
    uint64_t offset = 0;
    double rate = 1;
    Time local(Time now) const { return offset + static_cast<Time>(static_cast<double>(now) * rate); }
    Time global(Time local_time) const {
      return local_time <= offset ? 0 : static_cast<Time>(static_cast<double>(local_time - offset) / rate) + 1;
    }
  };

  struct Server;
  struct Client;

  Time now() const { return now_; }
  Seeded &random() { return random_; }
  void at(Time time, std::function<void()> call);
  void run_until(Time time, const std::function<bool()> &done = {});
  void trace(const std::string &line);
  void violation(std::string text);

  size_t add_server(const ngd::cluster::NodeOptions &options);
  void crash_server(size_t index);
  void start_server(size_t index);
  size_t add_client();
  void start_client(size_t index, const ngd::cluster::ClientOptions &options);
  void crash_client(size_t index);

  // Faults.
  void begin_faults(Time until);
  void heal();
  void cut(size_t from, size_t to, Time until);  // one way; end points, see kClients
  void mend(size_t from, size_t to);
  void keep(size_t from, size_t to, Time until);  // what is said meanwhile arrives then
  void cut_off(size_t server, Time until);       // from the other servers and the coordinator, not from clients
  void uncoordinate(size_t server, Time until);  // it does not reach the coordinator
  void slow_answers(size_t server, Time until);  // of the coordinator to it
  void late_change(size_t server, Time delay);   // of a record, the next that it asks for; nobody tells it
  void place_shard(const std::string &shard, const ngd::cluster::WantedPlace &place);
  void pause_server(size_t server, Time until);
  void restart(size_t server, Time down);  // dies now

  // One client: its session, and the time on its own clock.
  ngd::cluster::ClientSession &session(size_t index);
  Time client_time(size_t index) const;
  void touched(size_t index);               // after each call of the session
  std::function<void(size_t)> on_client;    // something happened to it
  std::function<void(uint32_t)> on_record;  // of a shard: it has changed, who asked for that does not know yet
  bool reads_at_once;                       // the thread that reads messages answers what is published

  Weather weather;
  History history;
  std::vector<TokenUse> token_uses;
  std::map<std::pair<ClientId, uint64_t>, ngd::wire::Token> tokens;  // of what was sent under a lock
  std::vector<std::string> violations;
  std::string trace_text;
  uint64_t trace_hash = 0xCBF29CE484222325;
  bool old_nodes = false;  // maps say of servers what those of a build before kFeatures do
  uint64_t payload_between_servers = 0;
  uint64_t messages = 0, faults = 0, crashes = 0, resumptions = 0, fetches = 0;
  bool tracing;
  std::map<std::pair<uint64_t, uint64_t>, Decided> certain;  // by lineage and version
  std::vector<std::unique_ptr<Server>> servers;
  std::vector<std::unique_ptr<Client>> clients;
  std::map<std::string, ngd::cluster::Record> records;  // the coordinator's
  Agreement agreement;
  Aims aims;

 private:
  friend struct Server;
  friend struct Client;
  struct Event {
    Time time;
    uint64_t order;
    std::function<void()> call;
    bool operator<(const Event &other) const {
      return std::tie(time, order) > std::tie(other.time, other.order);
    }
  };
  void deliver(size_t from, size_t to, ngd::wire::Message message,
               const std::function<void(ngd::wire::Message)> &receive);
  ngd::wire::Message travelled(const ngd::wire::Message &message);
  void lose_power();
  void fault(Time until);
  void isolate(size_t server);
  void move_shard();
  void arm(Server &server);
  void arm(Client &client);
  void run_jobs(Server &server);
  void look_at_checkpoints();

  Seeded random_;
  Time now_ = 0;
  uint64_t order_ = 0;
  std::priority_queue<Event> events_;
  std::map<std::pair<size_t, size_t>, Time> blocked_, kept_;  // one way, until
  std::map<size_t, Time> uncoordinated_, slow_;               // servers, until
  std::map<size_t, Time> late_;                               // how late
  uint64_t revision_ = 0;
  ngd::cluster::Mutant mutant_;
  uint64_t connections_ = 0;
  Lineage lineage_;     // the newest
  uint64_t whole_ = 0;  // its newest checkpoint
};

constexpr size_t kClients = 1000;  // end points from here on are clients

struct World::Server : ngd::cluster::Net, ngd::cluster::Coordinator, ngd::cluster::LogObserver {
  Server(World &the_world, size_t the_index)
      : world(the_world),
        index(the_index),
        disk_random(the_world.random_.next()),
        disk(disk_random),
        rng(the_world.random_.next()) {}
  void send(Peer to, ngd::wire::Message message) override;
  void get(uint64_t ticket, const std::string &prefix) override;
  void cas(uint64_t ticket, const std::string &key, uint64_t revision, const std::string &value) override;
  ngd::cluster::CoordinatorAnswer change(uint64_t ticket, const std::string &key, uint64_t revision,
                                         const std::string &value);
  bool coordinated() const;
  void announce(const std::string &key, const std::string &value) override;
  void answer(ngd::cluster::CoordinatorAnswer answer);
  void receive(const ngd::cluster::From &from, ngd::wire::Message message);
  void drive(const std::function<void()> &call);  // one thing that happens to it
  void applied(uint64_t lineage, uint64_t index, const ngd::cluster::RootEntry &entry) override;
  void begun(uint64_t lineage, uint64_t base, uint64_t from_lineage, uint64_t from_version) override;
  void settled(uint64_t certain_index) override;
  void lost() override;
  // What the root's log says, which is in the history when it is certain.
  struct Uncertain {
    uint64_t index;
    Decided decided;
    std::vector<TokenUse> tokens;
  };
  void note(Decided decided, std::vector<TokenUse> used);
  void into_history(Uncertain one);
  void resumed(uint64_t lineage, uint64_t version, uint64_t index) override;
  Time time() const { return clock.local(world.now_); }

  World &world;
  size_t index;
  Seeded disk_random;
  SimulatedDisk disk;
  Seeded rng;
  ngd::cluster::NodeOptions options;
  Clock clock;
  std::unique_ptr<ngd::cluster::ServerNode> node;
  ngd::cluster::Shard *root = nullptr;
  uint64_t life = 0;
  std::function<void(const ngd::cluster::CoordinatorAnswer &)> take_answer;  // in place of the node
  std::map<std::string, std::string> announced;                              // in this life
  Time armed = ngd::cluster::kNever, paused_until = 0;
  std::map<uint32_t, std::string> troubles;                     // of its shards
  std::map<std::pair<std::string, uint64_t>, ClientId> owners;  // of partitions
  bool knows_owners = true;                                     // since its lineage began here
  std::deque<Uncertain> uncertain;
};

struct World::Client : ngd::cluster::Net {
  Client(World &the_world, size_t the_index)
      : world(the_world), index(the_index), rng(the_world.random_.next()) {}
  void send(Peer to, ngd::wire::Message message) override;
  Time time() const { return clock.local(world.now_); }

  World &world;
  size_t index;
  Seeded rng;
  Clock clock;
  std::unique_ptr<ngd::cluster::ClientSession> session;
  uint64_t life = 0;
  uint64_t connection = 0;
  Time paused_until = 0;
  Time armed = ngd::cluster::kNever;
  std::map<size_t, Peer> peers;  // by server
  ngd::cluster::Role role = ngd::cluster::Role::worker;
};

}  // namespace simulation
