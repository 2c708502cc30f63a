// Starting, waking and stopping helpers.
#include "base/helpers.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/thread.h"

namespace ngd {
namespace {

int64_t nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

// Tells the CPU that this thread waits, which leaves more of it to the one that is waited for.
void Helpers::pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

Helpers::Helpers(unsigned count) : owner_(getpid()), helpers_(count) {
  // Where threads outnumber processors, one that spins keeps another from working.
  spins_ = count < static_cast<unsigned long>(std::max(sysconf(_SC_NPROCESSORS_ONLN), 1L));
  for (size_t i = 0; i < count; i++) {
    helpers_[i].all = this;
    helpers_[i].number = static_cast<unsigned>(i + 1);
    if (start_thread(&helpers_[i].thread, help, &helpers_[i]) == 0) continue;
    stop(i);
    fail(NGD_E_MEMORY, "thread ", i + 2, " of ", count + 1,
         " could not be started: the system has no room for another; ask for fewer");
  }
}

Helpers::~Helpers() {
  if (getpid() == owner_) stop(helpers_.size());
}

void Helpers::stop(size_t started) {
  stop_ = true;
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (size_t i = 0; i < started; i++) pthread_join(helpers_[i].thread, nullptr);
}

// The last load sees what was written before the round was raised.
void Helpers::wait_for_round(uint32_t seen) const {
  if (spins_) {
    const int64_t end = nanoseconds() + kSpin;
    do {
      for (int i = 0; i < 16; i++) {
        if (round_.load(std::memory_order_acquire) != seen) return;
        pause_briefly();
      }
    } while (nanoseconds() < end);
  }
  round_.wait(seen, std::memory_order_acquire);
}

void *Helpers::help(void *context) {
  const Helper &helper = *static_cast<const Helper *>(context);
  Helpers &all = *helper.all;
  for (uint32_t seen = 0;;) {
    all.wait_for_round(seen);
    seen = all.round_.load(std::memory_order_acquire);
    if (all.stop_) return nullptr;
    uint64_t state = all.state_.load(std::memory_order_acquire);
    while ((state & kOpen) != 0 &&
           !all.state_.compare_exchange_weak(state, state + kOne, std::memory_order_acq_rel)) {
    }
    if ((state & kOpen) == 0) continue;  // too late
    all.job_(helper.number, all.context_);
    all.state_.fetch_sub(kOne, std::memory_order_acq_rel);
  }
}

void Helpers::run(Job job, void *context) {
  if (helpers_.empty() || getpid() != owner_) return job(0, context);
  job_ = job;
  context_ = context;
  state_.store(kOpen, std::memory_order_release);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  job(0, context);
  state_.fetch_and(~kOpen, std::memory_order_acq_rel);
  wait_until([this] { return state_.load(std::memory_order_acquire) == 0; });
}

}  // namespace ngd
