// A server: listeners, connections and threads around the machines of src/cluster.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/option.h"
#include "cluster/environment.h"
#include "transport/system.h"

namespace ngd::transport {

// Where the coordinator's answers go; to be called from any thread.
using Answer = std::function<void(const cluster::CoordinatorAnswer &)>;
struct CoordinatorHandle {
  std::unique_ptr<cluster::Coordinator> coordinator;
  std::function<std::string()> problem;  // why it does not answer; empty: it does
};
// Makes the coordinator that an address such as "local:" names.
using CoordinatorMaker = std::function<CoordinatorHandle(const std::string &address, const std::string &cluster,
                                                         const std::string &data_dir, Answer answer)>;

class Server {
 public:
  Server(std::string_view spec, CoordinatorMaker maker);
  ~Server();
  Server(const Server &) = delete;
  Server &operator=(const Server &) = delete;

  // Any thread.
  void set(std::string_view name, double value);
  void set_text(std::string_view name, std::string_view value);
  double number(std::string_view name) const;
  // An option, or "endpoints": the addresses listened on, separated by spaces.
  std::string text(std::string_view name) const;

  // Returns once the server has joined its cluster; on failure nothing listens.
  void start(int64_t timeout_ms);
  bool running() const;
  void checkpoint(int64_t timeout_ms);
  // Ends what is under way, and writes a checkpoint where there is a directory for it. Whatever fails, the server is
  // stopped when it returns.
  void stop(int64_t timeout_ms);
  std::string status() const;  // JSON

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ngd::transport
