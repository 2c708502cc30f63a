// A live page of a cluster: what it shows is gathered here, drawn by cluster_page.html, and given to Prometheus as text.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "output.h"

namespace cli {

// What has been seen of a cluster. Times are seconds since 1970.
class ClusterWatch {
 public:
  explicit ClusterWatch(std::string model) : model_(std::move(model)) {}

  // One look: the JSON of ngd_client_get_places(), and the numbers of the model.
  void seen(double time, const Json &places, uint64_t version, uint64_t lineage, uint64_t clients,
            uint64_t workers);
  void failed(const std::string &trouble);  // a look that came to nothing

  std::string state() const;    // JSON, for the page
  std::string metrics() const;  // Prometheus text format 0.0.4

 private:
  struct Shard {
    uint64_t epoch = 0, leader = 0;
    Json in_sync;
  };
  void note(double time, const char *kind, std::string text);
  void compare(double time, const Json &places);

  const std::string model_;
  mutable std::mutex mutex_;
  double time_ = 0;
  Json places_ = Json::object();
  uint64_t version_ = 0, lineage_ = 0, clients_ = 0, workers_ = 0, takeovers_ = 0, failures_ = 0;
  std::string trouble_;
  std::deque<std::pair<double, double>> history_;  // time, versions a second
  std::deque<Json> events_;
  std::map<uint64_t, bool> alive_;
  std::map<std::pair<std::string, uint64_t>, Shard> shards_;
};

// The page itself.
extern const char *const kClusterPage;

// Serves the page on "host:port" until SIGINT or SIGTERM; `look` is called twice a second. Throws Failure when it cannot listen.
int serve_cluster_page(const std::string &address, ClusterWatch &watch, const std::function<void()> &look);

}  // namespace cli
