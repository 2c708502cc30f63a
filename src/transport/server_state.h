// The inside of a running server: its front thread, and the way of each message.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "cluster/server_node.h"
#include "transport/apply.h"
#include "transport/channel.h"
#include "transport/connections.h"
#include "transport/inproc.h"
#include "transport/server.h"
#include "transport/zap.h"

namespace ngd::transport {

struct ServerSetup {
  std::vector<Address> listen;
  std::string advertise, coordinator, data_dir;
  KeyPair keys;
  std::string authorized;
  bool trusted_network = false;
  SocketOptions sockets;
  int io_threads = 1;
  unsigned apply_threads = 2;
  uint32_t shards = 1;
  cluster::NodeOptions node;  // its limits are those of connections and of bytes under way too
};

class RunningServer : public cluster::Net {
 public:
  RunningServer(ServerSetup setup, const CoordinatorMaker &maker);
  ~RunningServer() override;

  // From a machine, on whatever thread it runs.
  void send(cluster::Peer to, wire::Message message) override;

  bool wait_until_joined(cluster::Time deadline);
  std::string endpoints() const;
  bool durable() const { return setup_.node.durable; }
  void begin_checkpoint();
  size_t checkpoints_pending();
  uint64_t checkpoints_done();
  void drain(cluster::Time deadline);
  std::string status();
  std::string coordinator_problem() const;

 private:
  void run();
  bool take_from(Listener &listener);
  void take_frames(const cluster::From &from, Socket::Received &received, uint64_t limit_bytes);
  cluster::From sender(const Listener &listener, const Socket::Received &received, bool &known) const;
  void route(const cluster::From &from, wire::Message message, uint64_t bytes, bool on_front);
  void to_node(const cluster::From &from, wire::Message message);
  void refuse(cluster::Peer peer, const wire::Envelope &envelope, ngd_status status, const char *text);
  void send_to_server(uint32_t node, const wire::Message &message);
  void send_to_client(cluster::Peer peer, const wire::Message &message);
  void drain_channels();
  void work_on_node();
  void coordinated(const cluster::CoordinatorAnswer &answer);
  bool to_shard(const cluster::CoordinatorAnswer &answer);
  void learn_map();

  ServerSetup setup_;
  SystemRng rng_;
  SystemDisk disk_;
  std::shared_ptr<Context> context_;
  std::unique_ptr<Zap> zap_;
  std::vector<std::unique_ptr<InprocName>> names_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  Bell bell_;
  Connections connections_;
  std::shared_ptr<Gauge> sending_ = std::make_shared<Gauge>(0);

  std::mutex channels_mutex_;
  std::map<uint32_t, wire::NodePlace> nodes_;
  std::map<uint32_t, std::unique_ptr<Channel>> channels_;

  // What other threads have for the node, which only the front thread touches.
  struct ToNode {
    cluster::From from;
    std::optional<wire::Message> message;
    cluster::CoordinatorAnswer answer;
  };
  std::mutex inbox_mutex_;
  std::deque<ToNode> inbox_;

  CoordinatorHandle coordinator_;
  std::unique_ptr<cluster::ServerNode> node_;
  std::vector<cluster::Shard *> fresh_shards_;
  uint64_t map_revision_ = 0;
  std::unique_ptr<Apply> apply_;

  std::mutex joined_mutex_;
  std::condition_variable joined_wake_;
  bool joined_ = false;

  std::atomic<bool> stop_{false};
  std::atomic<bool> draining_{false};
  std::atomic<uint64_t> bytes_to_servers_{0}, bytes_received_{0}, bytes_sent_{0};
  std::atomic<uint64_t> received_{0}, refused_frames_{0}, dropped_answers_{0}, strangers_{0};
  mutable std::mutex text_mutex_;
  std::string last_refusal_;
  std::atomic<pthread_t> front_id_{};
  bool front_sent_ = false;  // of the front thread: since it last found nothing to receive
  Thread front_;
};

}  // namespace ngd::transport
