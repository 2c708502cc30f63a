// A client: connections and the calls that wait, around the session of src/cluster.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/option.h"
#include "cluster/client_session.h"
#include "transport/system.h"

namespace ngd::transport {

OptionTable client_options();

// Shared: any number of threads may call at once. Whoever waits also does the receiving, so that no other thread has
// to be woken for an answer; between calls a thread of the client's own keeps the session alive and async work moving.
class Client {
 public:
  explicit Client(std::string_view spec);
  ~Client();
  Client(const Client &) = delete;
  Client &operator=(const Client &) = delete;

  void set(std::string_view name, double value);
  void set_text(std::string_view name, std::string_view value);
  double number(std::string_view name) const;
  std::string text(std::string_view name) const;

  // Before connect(): what the model is made of, should it not exist.
  void add(wire::TensorSpec tensor);
  void add_group(wire::GroupSpec group);

  // What a run on servers says in place of what the client was told, which stays as it is: the next one may say something
  // else.
  struct Instead {
    std::vector<wire::TensorSpec> tensors;
    std::vector<wire::GroupSpec> groups;
    std::vector<std::pair<std::string, std::string>> options;  // names and values
  };
  void connect(const std::string &addresses, int64_t timeout_ms, const Instead *instead = nullptr);
  bool connected() const;
  void disconnect(int64_t timeout_ms);

  // The model as the servers have it, in so far as it never changes: another thread may disconnect meanwhile, so each call
  // keeps what it looks at. The names also stay until disconnect().
  struct Model {
    std::vector<wire::TensorSpec> tensors;
    size_t shards = 0;
  };
  std::shared_ptr<const Model> model() const;

  using Begin =
      std::function<cluster::Ticket(cluster::ClientSession &, cluster::Time now, cluster::Time deadline)>;
  // Begins an operation and waits for its outcome; an error of the outcome is thrown.
  cluster::Outcome call(int64_t timeout_ms, const Begin &begin);
  // As call(), for updates that hold memory of the caller's: when it returns or throws, nothing reads it any more.
  class Borrowed;
  using BeginBorrowing = std::function<cluster::Ticket(cluster::ClientSession &, const Borrowed &,
                                                       cluster::Time now, cluster::Time deadline)>;
  cluster::Outcome call_borrowing(int64_t timeout_ms, const BeginBorrowing &begin);

  // Asynchronous: the ticket is waited for, polled or cancelled later, once.
  cluster::Ticket start(int64_t timeout_ms, const Begin &begin);
  // The caller's memory is held until wait() has given the outcome, or cancel() or disconnect() has returned.
  cluster::Ticket start_borrowing(int64_t timeout_ms, const BeginBorrowing &begin);
  cluster::Outcome wait(cluster::Ticket ticket, int64_t timeout_ms);
  bool finished(cluster::Ticket ticket);
  void cancel(cluster::Ticket ticket);

  // The version that gradients are computed on, with consistency=bulk: the last that was read. Else 0.
  uint64_t base_version() const;
  void saw(uint64_t version);

  using Holding = cluster::ClientSession::Holding;
  void hold(const wire::Token &token, Holding holding);
  void release(const wire::Token &token);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Memory of a caller's, for as long as a call lasts.
class Client::Borrowed {
 public:
  wire::Bytes bytes(const void *data, size_t size) const {
    return {owner_, static_cast<const std::byte *>(data), size};
  }

 private:
  friend class Client;
  std::shared_ptr<const void> owner_;
};

}  // namespace ngd::transport
