// Starting, waking and ending the threads of a team.
#include "base/team.h"

#include <signal.h>
#include <unistd.h>

#include <new>
#include <system_error>

#include "base/error.h"

namespace ngd {
namespace {

// About 20 microseconds: longer than the gap between two parts of a step, shorter than a wake-up is worth.
constexpr int kSpins = 500;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Waits until `value` is no longer `old`: a while at full speed, then asleep.
void wait_for_change(const std::atomic<uint32_t> &value, uint32_t old) {
  for (int spin = 0; spin < kSpins; spin++) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

Team::Team(unsigned threads) : owner_(getpid()) {
  if (threads <= 1) return;
  workers_.reserve(threads - 1);
  // Signals are the host's: they go to its own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    for (unsigned t = 1; t < threads; t++) workers_.emplace_back([this, t] { work(t); });
  } catch (const std::system_error &) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ending_ = true;
    job_number_.fetch_add(1, std::memory_order_release);
    job_number_.notify_all();
    for (std::thread &worker : workers_) worker.join();
    fail(NGD_E_MEMORY, "the system gave ", workers_.size() + 1, " of ", threads, " threads; set a lower number");
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  size_ = threads;
}

Team::~Team() {
  if (workers_.empty()) return;
  if (getpid() != owner_) {
    // The threads are the parent's: there is nothing here to wait for.
    for (std::thread &worker : workers_) worker.detach();
    return;
  }
  ending_.store(true, std::memory_order_relaxed);
  job_number_.fetch_add(1, std::memory_order_release);
  job_number_.notify_all();
  for (std::thread &worker : workers_) worker.join();
}

void Team::look_for_fork() {
  if (size_ > 1 && getpid() != owner_) size_ = 1;
}

void Team::start(Job job, const void *context) {
  job_ = job;
  context_ = context;
  job_number_.fetch_add(1, std::memory_order_release);
  job_number_.notify_all();
  job(0, context);
  meet();
}

void Team::work(unsigned thread) {
  for (uint32_t seen = 0;;) {
    wait_for_change(job_number_, seen);
    seen++;
    if (ending_.load(std::memory_order_relaxed)) return;
    job_(thread, context_);
    meet();
  }
}

void Team::meet() {
  const uint32_t meeting = meeting_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads()) {
    arrived_.store(0, std::memory_order_relaxed);
    meeting_.fetch_add(1, std::memory_order_release);
    meeting_.notify_all();
  } else {
    wait_for_change(meeting_, meeting);
  }
}

}  // namespace ngd
