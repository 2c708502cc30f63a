// The threads that drive shards: each shard has one, and is worked on by one thread at a time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/thread.h"
#include "cluster/shard.h"

namespace ngd::transport {

class Apply {
 public:
  explicit Apply(unsigned threads);
  ~Apply();

  // From now on the shard is driven: its time, its jobs, and what run() is given.
  void add(cluster::Shard &shard);
  bool has(uint32_t shard) const;
  std::vector<uint32_t> shards() const;
  // For readers: of any thread. nullptr: there is no such shard.
  std::shared_ptr<const cluster::Published> published(uint32_t shard) const;
  // The shard is driven no more, and may end.
  void remove(uint32_t shard);

  // In its turn, on the shard's thread; on this one when `short_work` and nothing is under way there. Work that throws
  // has not happened. `bytes` is what it holds of messages until then.
  using Work = std::function<void(cluster::Shard &, cluster::Time)>;
  void run(uint32_t shard, Work work, uint64_t bytes = 0, bool short_work = false);
  // The same, and waits for it: only where nobody who holds a lock of the shard waits for the caller.
  void run_and_wait(uint32_t shard, const Work &work);

  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }  // held by work that waits
  uint64_t failures() const { return failures_.load(std::memory_order_relaxed); }
  void stop();

 private:
  struct Runner {
    uint32_t number;
    cluster::Shard *shard;  // nullptr: it was removed
    std::shared_ptr<const cluster::Published> published;
    size_t worker;
    std::mutex mutex;  // of the shard
    std::atomic<cluster::Time> wakeup{0};
    std::atomic<bool> small{false};  // its steps are short
  };
  struct Task {
    std::shared_ptr<Runner> runner;
    Work work;
    uint64_t bytes;
  };
  struct Worker {
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<Task> tasks;
    std::vector<std::shared_ptr<Runner>> runners;
    cluster::Time sleeps_until = 0;
    bool busy = false;
    bool stop = false;
    Thread thread;
  };
  struct JobTask {
    std::shared_ptr<Runner> runner;
    std::shared_ptr<cluster::Job> job;
  };
  std::shared_ptr<Runner> find(uint32_t shard) const;
  void carry_out(const std::shared_ptr<Runner> &runner, const Work &work);  // with its lock held
  void settle(const std::shared_ptr<Runner> &runner);
  void work(Worker &worker);
  // Jobs on files, one after another: checkpoints in one lane, logs in another, which answers wait for.
  struct Lane {
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<JobTask> jobs;
    bool stop = false;
    Thread thread;
  };
  void work_on_files(Lane &lane);

  mutable std::mutex mutex_;  // of the list of runners
  std::map<uint32_t, std::shared_ptr<Runner>> runners_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<uint64_t> bytes_{0}, failures_{0};
  Lane files_, logs_;
};

}  // namespace ngd::transport
