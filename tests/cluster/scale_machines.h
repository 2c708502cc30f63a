// The machines of a run at scale: servers, workers and the coordinator, each on a host of the network.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cluster/client_session.h"
#include "cluster/replica.h"
#include "cluster/server_node.h"
#include "scale_network.h"

namespace scale {

class Cluster;

struct Server : ngd::cluster::Net, ngd::cluster::Coordinator {
  Server(Cluster &the_cluster, uint32_t the_index) : cluster(the_cluster), index(the_index) {}
  void send(ngd::cluster::Peer to, ngd::wire::Message message) override;
  void get(uint64_t ticket, const std::string &prefix) override;
  void cas(uint64_t ticket, const std::string &key, uint64_t revision, const std::string &value) override;
  void announce(const std::string &key, const std::string &value) override;

  Cluster &cluster;
  const uint32_t index;  // its host, too
  ngd::cluster::NodeOptions options;
  std::unique_ptr<ngd::cluster::ServerNode> node;
  Nanos armed = ~Nanos{0};
  uint64_t life = 0;
  Who who = Who::shard;
};

struct Worker : ngd::cluster::Net {
  Worker(Cluster &the_cluster, uint32_t the_index) : cluster(the_cluster), index(the_index) {}
  void send(ngd::cluster::Peer to, ngd::wire::Message message) override;

  Cluster &cluster;
  const uint32_t index;
  uint32_t host = 0;
  std::unique_ptr<ngd::cluster::ClientSession> session;
  std::vector<uint32_t> servers;  // by peer
  Nanos armed = ~Nanos{0};
};

class Cluster {
 public:
  explicit Cluster(const Setup &setup);

  Network &network() { return network_; }
  Server &server(uint32_t index) { return *servers_[index]; }
  Worker &worker(uint32_t index) { return *workers_[index]; }
  ngd::cluster::Time micros() const { return network_.micros(); }

  void start_server(uint32_t index);
  void kill_server(uint32_t index);
  // Of shard `index` of the model: the server that leads it by the records; ~0: nobody.
  uint32_t leader(uint32_t index) const;
  void touch(uint32_t worker);              // after each call of its session
  std::function<void(uint32_t)> on_worker;  // something happened to it
  // Runs on the processor of a worker's host.
  void on_host(uint32_t worker, const std::function<void()> &call);
  std::string trouble;

  std::array<std::vector<Work>, kWho> work;
  uint64_t questions = 0, answer_bytes = 0;  // of the coordinator

 private:
  friend struct Server;
  friend struct Worker;
  void receive(Flight flight);
  Flight flight_of(uint32_t from, ngd::wire::Message message) const;
  uint64_t bytes_of(const ngd::wire::Message &message, size_t control) const;
  void answer(uint32_t server, ngd::cluster::CoordinatorAnswer answer, Nanos delay);
  void drive(Server &server, const std::function<void()> &call);
  void arm(Server &server);
  void arm(Worker &worker);

  const Setup setup_;
  Network network_;
  std::vector<std::unique_ptr<Server>> servers_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::map<std::string, ngd::cluster::Record> records_;  // the coordinator's
  uint64_t revision_ = 0;
  Nanos coordinator_free_ = 0;  // its link
  std::vector<uint32_t> changed_hint_;
};

}  // namespace scale
