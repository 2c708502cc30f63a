// Queues of work, one for each thread, and the thread that writes checkpoints.
#include "transport/apply.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "transport/system.h"

namespace ngd::transport {
namespace {

// A step on so many parameters takes no longer than waking another thread.
constexpr size_t kSmallBytes = size_t{1} << 18;
constexpr cluster::Time kLongestSleep = 1'000'000;

size_t dense_bytes(const cluster::Published &published) {
  size_t bytes = 0;
  const auto newest = published.newest();
  if (newest == nullptr || newest->pieces == nullptr) return bytes;
  for (const cluster::PieceShape &shape : *newest->pieces) {
    if (!shape.table) bytes += shape.piece.count * sizeof(float);
  }
  return bytes;
}

}  // namespace

Apply::Apply(unsigned threads) {
  for (unsigned i = 0; i < std::max(threads, 1u); i++) {
    workers_.push_back(std::make_unique<Worker>());
    Worker &worker = *workers_.back();
    worker.thread = Thread(concat("ngd-apply-", i), [this, &worker] { work(worker); });
  }
  files_.thread = Thread("ngd-files", [this] { work_on_files(files_); });
  logs_.thread = Thread("ngd-logs", [this] { work_on_files(logs_); });
}

Apply::~Apply() {
  stop();
}

void Apply::stop() {
  for (const auto &worker : workers_) {
    {
      const std::lock_guard lock(worker->mutex);
      worker->stop = true;
    }
    worker->wake.notify_all();
  }
  for (const auto &worker : workers_) worker->thread.join();
  for (Lane *lane : {&files_, &logs_}) {
    {
      const std::lock_guard lock(lane->mutex);
      lane->stop = true;
    }
    lane->wake.notify_all();
    lane->thread.join();
  }
}

void Apply::add(cluster::Shard &shard) {
  const auto runner = std::make_shared<Runner>();
  Runner &one = *runner;
  one.number = shard.number();
  one.shard = &shard;
  one.published = shard.readers();
  {
    const std::lock_guard lock(mutex_);
    one.worker = runners_.size() % workers_.size();
    if (!runners_.emplace(one.number, runner).second) return;
  }
  Worker &worker = *workers_[one.worker];
  const std::lock_guard lock(worker.mutex);
  worker.runners.push_back(runner);
  worker.wake.notify_all();
}

void Apply::remove(uint32_t shard) {
  const std::shared_ptr<Runner> runner = find(shard);
  if (runner == nullptr) return;
  {
    const std::lock_guard lock(mutex_);
    runners_.erase(shard);
  }
  {
    Worker &worker = *workers_[runner->worker];
    const std::lock_guard lock(worker.mutex);
    std::erase(worker.runners, runner);
  }
  const std::lock_guard own(runner->mutex);  // what is under way ends first
  runner->shard = nullptr;
}

std::shared_ptr<Apply::Runner> Apply::find(uint32_t shard) const {
  const std::lock_guard lock(mutex_);
  const auto found = runners_.find(shard);
  return found == runners_.end() ? nullptr : found->second;
}

bool Apply::has(uint32_t shard) const {
  return find(shard) != nullptr;
}

std::vector<uint32_t> Apply::shards() const {
  const std::lock_guard lock(mutex_);
  std::vector<uint32_t> numbers;
  for (const auto &[number, runner] : runners_) numbers.push_back(number);
  return numbers;
}

std::shared_ptr<const cluster::Published> Apply::published(uint32_t shard) const {
  const auto runner = find(shard);
  return runner == nullptr ? nullptr : runner->published;
}

void Apply::carry_out(const std::shared_ptr<Runner> &runner, const Work &work) {
  if (runner->shard == nullptr) return;
  try {
    work(*runner->shard, now_us());
  } catch (const std::exception &) {
    failures_.fetch_add(1, std::memory_order_relaxed);
  }
  settle(runner);
}

// After each piece of work: when the shard wants to be woken, what it wants written.
void Apply::settle(const std::shared_ptr<Runner> &runner) {
  runner->wakeup.store(runner->shard->next_wakeup(), std::memory_order_release);
  while (std::shared_ptr<cluster::Job> job = runner->shard->take_job()) {
    Lane &lane = job->log ? logs_ : files_;
    const std::lock_guard lock(lane.mutex);
    lane.jobs.push_back({runner, std::move(job)});
    lane.wake.notify_all();
  }
}

void Apply::run(uint32_t shard, Work work, uint64_t bytes, bool short_work) {
  const auto runner = find(shard);
  if (runner == nullptr) return;
  Worker &worker = *workers_[runner->worker];
  std::unique_lock lock(worker.mutex);
  if (short_work && runner->small && worker.tasks.empty() && !worker.busy && runner->mutex.try_lock()) {
    const std::lock_guard own(runner->mutex, std::adopt_lock);
    const cluster::Time sleeps_until = worker.sleeps_until;
    lock.unlock();
    carry_out(runner, work);
    if (runner->wakeup.load(std::memory_order_relaxed) < sleeps_until) {
      lock.lock();
      worker.wake.notify_all();
    }
    return;
  }
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  worker.tasks.push_back({runner, std::move(work), bytes});
  worker.wake.notify_all();
}

void Apply::run_and_wait(uint32_t shard, const Work &work) {
  const auto runner = find(shard);
  if (runner == nullptr) return;
  {
    const std::lock_guard own(runner->mutex);
    carry_out(runner, work);
  }
  Worker &worker = *workers_[runner->worker];
  const std::lock_guard lock(worker.mutex);
  worker.wake.notify_all();
}

void Apply::work(Worker &worker) {
  std::unique_lock lock(worker.mutex);
  while (!worker.stop) {
    if (!worker.tasks.empty()) {
      const Task task = std::move(worker.tasks.front());
      worker.tasks.pop_front();
      worker.busy = true;
      lock.unlock();
      {
        const std::lock_guard own(task.runner->mutex);
        carry_out(task.runner, task.work);
        task.runner->small = dense_bytes(*task.runner->published) <= kSmallBytes;
      }
      bytes_.fetch_sub(task.bytes, std::memory_order_relaxed);
      lock.lock();
      worker.busy = false;
      continue;
    }
    const cluster::Time now = now_us();
    cluster::Time next = now + kLongestSleep;
    bool ticked = false;
    for (size_t i = 0; i < worker.runners.size() && !ticked; i++) {
      const std::shared_ptr<Runner> runner = worker.runners[i];
      const cluster::Time wakeup = runner->wakeup.load(std::memory_order_acquire);
      if (wakeup > now) {
        next = std::min(next, wakeup);
        continue;
      }
      worker.busy = true;
      lock.unlock();
      {
        const std::lock_guard own(runner->mutex);
        carry_out(runner, [](cluster::Shard &shard, cluster::Time at) { shard.tick(at); });
      }
      lock.lock();
      worker.busy = false;
      ticked = true;
      // A shard that is never content must not keep the others waiting.
      if (i < worker.runners.size())
        std::rotate(worker.runners.begin(), worker.runners.begin() + static_cast<ptrdiff_t>(i) + 1,
                    worker.runners.end());
    }
    if (ticked) continue;
    worker.sleeps_until = next;
    worker.wake.wait_for(lock, std::chrono::microseconds(next - now));
    worker.sleeps_until = 0;
  }
}

void Apply::work_on_files(Lane &lane) {
  std::unique_lock lock(lane.mutex);
  for (;;) {
    lane.wake.wait(lock, [&] { return lane.stop || !lane.jobs.empty(); });
    if (lane.stop) return;
    const JobTask task = std::move(lane.jobs.front());
    lane.jobs.pop_front();
    lock.unlock();
    task.job->run();
    run(task.runner->number,
        [job = task.job](cluster::Shard &shard, cluster::Time now) { shard.finish(job, now); });
    lock.lock();
  }
}

}  // namespace ngd::transport
