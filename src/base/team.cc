// Starting, waking and stopping the threads of a team.
#include "base/team.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/thread.h"

namespace ngd {
namespace {

// Tells the CPU that this thread waits, which leaves more of it to the one that is waited for.
void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

int64_t nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

Team::Team(unsigned threads) : owner_(getpid()) {
  if (threads <= 1) return;
  // Where threads outnumber processors, one that spins keeps another from working.
  spins_ = threads <= static_cast<unsigned long>(std::max(sysconf(_SC_NPROCESSORS_ONLN), 1L));
  helpers_.resize(threads - 1);
  start_helpers();
}

Team::~Team() {
  if (getpid() == owner_) stop_helpers(helpers_.size());
}

void Team::start_helpers() {
  size_t started = 0;
  for (; started < helpers_.size(); started++) {
    Helper &helper = helpers_[started];
    helper.team = this;
    helper.number = static_cast<unsigned>(started + 1);
    if (start_thread(&helper.thread, help, &helper) != 0) break;
  }
  if (started == helpers_.size()) return;
  stop_helpers(started);
  fail(NGD_E_MEMORY, "thread ", started + 2, " of ", helpers_.size() + 1,
       " could not be started: the system has no room for another; ask for fewer");
}

void Team::stop_helpers(size_t started) {
  stop_ = true;
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (size_t i = 0; i < started; i++) pthread_join(helpers_[i].thread, nullptr);
}

unsigned Team::size() const {
  return helpers_.empty() || getpid() != owner_ ? 1 : static_cast<unsigned>(helpers_.size() + 1);
}

// The last load sees what was written before the value was changed.
void Team::wait_while(const std::atomic<uint32_t> &value, uint32_t old) const {
  if (spins_) {
    const int64_t end = nanoseconds() + kSpin;
    do {
      for (int i = 0; i < 16; i++) {
        if (value.load(std::memory_order_acquire) != old) return;
        pause_briefly();
      }
    } while (nanoseconds() < end);
  }
  value.wait(old, std::memory_order_acquire);
}

void *Team::help(void *context) {
  const Helper &helper = *static_cast<const Helper *>(context);
  Team &team = *helper.team;
  for (uint32_t round = 0;; round++) {
    team.wait_while(team.round_, round);
    if (team.stop_) return nullptr;
    team.job_(helper.number, team.context_);
    if (team.working_.fetch_sub(1, std::memory_order_acq_rel) == 1) team.working_.notify_one();
  }
}

void Team::run(Job job, void *context) {
  active_ = size();
  if (active_ == 1) return job(0, context);
  job_ = job;
  context_ = context;
  working_.store(active_ - 1, std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  job(0, context);
  for (uint32_t left; (left = working_.load(std::memory_order_acquire)) != 0;) wait_while(working_, left);
}

void Team::barrier() {
  if (active_ == 1) return;
  const uint32_t passed = passed_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == active_) {
    arrived_.store(0, std::memory_order_relaxed);
    passed_.fetch_add(1, std::memory_order_release);
    passed_.notify_all();
  } else {
    wait_while(passed_, passed);
  }
}

}  // namespace ngd
