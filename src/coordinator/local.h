// The coordinator `local:` — the records of a cluster in memory, for one server, or in a directory that several servers
// of one host share.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/thread.h"
#include "cluster/environment.h"
#include "coordinator/presence.h"
#include "transport/system.h"

namespace ngd::coordinator {

using Answer = std::function<void(const cluster::CoordinatorAnswer &)>;

// Records and the number of the last change; every change has a number of its own.
struct Records {
  uint64_t revision = 0;
  std::map<std::string, cluster::Record> by_key;
};

// In memory. `answer` is called within get() and cas().
class MemoryCoordinator : public cluster::Coordinator {
 public:
  explicit MemoryCoordinator(Answer answer) : answer_(std::move(answer)) {}
  void get(uint64_t ticket, const std::string &prefix) override;
  void cas(uint64_t ticket, const std::string &key, uint64_t revision, const std::string &value) override;
  void announce(const std::string &key, const std::string &value) override;

 private:
  std::mutex mutex_;
  Records records_;
  Answer answer_;
};

// In `directory`: the file `records`, replaced whole under the lock of the file `lock`, which the kernel frees when its
// holder dies. `answer` is called on a thread of its own; a call that cannot be done is not answered. Where the system
// tells of changed files, a hint follows each change of a record within a millisecond.
class FileCoordinator : public cluster::Coordinator {
 public:
  FileCoordinator(std::string directory, Answer answer);
  ~FileCoordinator() override;
  void get(uint64_t ticket, const std::string &prefix) override;
  void cas(uint64_t ticket, const std::string &key, uint64_t revision, const std::string &value) override;
  void announce(const std::string &key, const std::string &value) override;
  std::string problem() const;  // why the last call was not answered; empty when it was

 private:
  enum class Kind : uint8_t { get, cas, announce };
  struct Call {
    uint64_t ticket = 0;
    Kind kind = Kind::get;
    std::string key;  // or prefix
    uint64_t revision = 0;
    std::string value;
  };
  void put(Call call);
  void work();
  void carry_out(const Call &call);
  bool changed_meanwhile() const;

  std::string directory_;
  Answer answer_;
  mutable std::mutex mutex_;
  transport::Bell bell_;
  int watch_ = -1;  // of the directory
  std::deque<Call> calls_;
  bool stop_ = false;
  std::string problem_;
  Presence presence_;  // of the thread
  Thread thread_;
};

// Parts that tests look at.
cluster::CoordinatorAnswer found(const Records &records, uint64_t ticket, const std::string &prefix);
cluster::CoordinatorAnswer changed(Records &records, uint64_t ticket, const std::string &key, uint64_t revision,
                                   const std::string &value);
std::string written(const Records &records);
Records read_records(std::string_view text, const std::string &path);  // throws NGD_E_CHECKPOINT

}  // namespace ngd::coordinator
