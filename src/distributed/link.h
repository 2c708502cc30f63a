// A trainer's connection to the servers of its model: it makes the model, agrees on the terms of the training, claims
// partitions of the data, reads parameters and sends gradients.
//
// Whatever fails on the way (a server died, the lease ended, the model went back to a checkpoint) is mended in one way:
// close, open again, claim again. The progress of a partition is part of the updates, so it says what has happened.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cluster/block_pool.h"
#include "cluster/commons.h"
#include "distributed/shares.h"
#include "train/training_run.h"
#include "transport/client.h"

namespace ngd::distributed {

inline constexpr const char *kEnd = "training.end";  // the value that ends a training before its time, and why

struct Connection {
  std::shared_ptr<transport::Client> client;
  std::string addresses;
  int64_t timeout_ms = 0;  // how long nothing may go forward
};

struct Claimed {
  uint64_t number = 0, token = 0, offset = 0;
  std::string blob;
};

class Link {
 public:
  Link(Connection connection, const RunInputs &inputs);
  ~Link();
  Link(const Link &) = delete;
  Link &operator=(const Link &) = delete;

  // How the training is done; the same for all.
  bool worker() const { return worker_; }
  bool bulk() const { return bulk_; }
  uint64_t partitions() const { return partitions_; }
  uint64_t rank() const { return rank_; }
  uint64_t fair_part() const { return fair_part_; }  // partitions for each worker that is to come

  Shares shares() const;
  uint64_t total_updates() const;  // of the servers' optimizer, from the first to the last

  // Connects, agrees, gives the model its first values where it has none. `as_worker`: others wait for this one.
  // `connect_ms`: how long nobody may answer; 0: as long as for any operation.
  void open(bool as_worker, int64_t connect_ms = 0);
  // Opens for the first time, and does `then`: servers may be about to start, or die just now, so both are tried until
  // nothing went forward for too long, or `cancelled`.
  void open_first(bool as_worker, const std::atomic<bool> &cancelled, const std::function<void()> &then = {});
  void close() noexcept;
  bool is_open() const { return open_; }

  Claimed claim(uint64_t number);  // throws NGD_E_CONFLICT when another has it
  void store(const Claimed &partition, const std::string &blob, bool release);
  cluster::PartitionSet look();
  std::string blob(uint64_t partition);  // that the last store() of whoever had it left

  // Reads the dense tensors and these rows of tables into the model; returns the version.
  uint64_t pull(const std::vector<uint32_t> &rows);
  uint64_t pull_all();
  // Sends what `gradients` point to, and progress with it; then reads as pull() does, if `then` is not null.
  struct Pushed {
    uint64_t made = 0;  // the version that it made
    uint64_t read = 0;  // and the one that was read; 0: none
  };
  Pushed push(wire::UpdateKind kind, std::span<const TensorStep<float>> gradients,
              std::vector<wire::Progress> progress, uint64_t base_version,
              const std::vector<uint32_t> *then = nullptr);
  // The same, begun and ended apart. What is pushed is copied.
  cluster::Ticket start_pull(const std::vector<uint32_t> &rows);
  uint64_t end_pull(cluster::Ticket ticket);
  cluster::Ticket start_push(wire::UpdateKind kind, std::span<const TensorStep<float>> gradients,
                             std::vector<wire::Progress> progress, const std::vector<uint32_t> *then = nullptr);
  Pushed end_push(cluster::Ticket ticket);
  // Whether the answer to an update brings what is read after it; else that is a request of its own.
  bool reads_with_updates() const { return reads_with_updates_; }
  std::optional<std::string> value(const std::string &name);
  // The value "optimizer.changes", and the version of the model at which it was that; 0: not known.
  std::pair<std::string, uint64_t> changes();
  void set_value(const std::string &name, const std::string &text);

  uint64_t bytes_out() const { return bytes_out_; }
  uint64_t bytes_in() const { return bytes_in_; }

  // Whether closing, opening and trying again may help.
  static bool may_retry(const Error &error);
  // After a failure: throws it when nothing has gone forward for too long; else waits a little.
  void bear(const Error &error);
  void went_forward() { failing_.reset(); }

 private:
  using Begin = transport::Client::Begin;
  cluster::Outcome run(const Begin &begin, int64_t timeout_ms = 0);
  cluster::Outcome ask(const wire::Query &query);
  std::optional<cluster::Outcome> ask_for_value(const std::string &name);  // none: there is none
  cluster::Outcome command(wire::Command command, const std::string &payload);
  void declare();
  std::string terms() const;
  void agree();
  void initialise();
  void take(const cluster::Outcome &outcome);
  Pushed ended(const cluster::Outcome &outcome);
  std::vector<cluster::TensorQuery> queries(const std::vector<uint32_t> &rows) const;
  template <class ToBytes>
  std::vector<cluster::TensorUpdate> updates(std::span<const TensorStep<float>> gradients, ToBytes to_bytes);
  int64_t operation_ms() const;

  const Connection connection_;
  transport::Client &client_;
  const RunInputs inputs_;
  const OptionSet options_;
  const std::string optimizer_;       // as it was made: local steps change its settings
  transport::Client::Instead model_;  // as it is declared to servers
  bool worker_ = true, bulk_ = false, declared_ = false, open_ = false, reads_with_updates_ = false;
  uint64_t partitions_ = 1, rank_ = 0, fair_part_ = 1;
  int64_t lease_ms_ = 10000;
  std::vector<std::string> compress_;  // options of trainer or client that say how numbers travel
  uint64_t bytes_out_ = 0, bytes_in_ = 0;
  cluster::BlockPool copies_{size_t{64} << 20};                   // of what is pushed
  std::optional<std::chrono::steady_clock::time_point> failing_;  // since when, as long as nothing goes forward
};

}  // namespace ngd::distributed
