// Threads that help the caller with a job while it lasts, and for whom it never waits before they have begun.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace ngd {

// Beside Team, whose threads all have a fixed part of each job: here a job hands out its work itself, piece by piece, and a helper
// that the system has not woken in time is not missed. So a machine that is busy with other things costs their help and no more.
//
// Helpers block the host's signals, except those of faults. In a forked child there are no helpers.
class Helpers {
 public:
  using Job = void (*)(unsigned thread, void *context) noexcept;

  // Throws NGD_E_MEMORY when the system refuses a thread.
  explicit Helpers(unsigned count);
  ~Helpers();
  Helpers(const Helpers &) = delete;
  Helpers &operator=(const Helpers &) = delete;

  // Calls body(0) on this thread and body(i), 1 <= i <= count, on those helpers that come before it returns, each perhaps more than once.
  // Returns when all that have begun have returned. What they wrote is then visible to the caller.
  template <class Body>
  void run(Body &&body) {
    static_assert(noexcept(body(0u)), "a job throws nothing");
    run([](unsigned thread,
           void *context) noexcept { (*static_cast<std::remove_reference_t<Body> *>(context))(thread); },
        &body);
  }

  // Within a job: waits for what another thread of it is about to finish.
  template <class Condition>
  static void wait_until(Condition condition) {
    for (int turn = 0; !condition(); turn++) {
      if (turn < kTurns)
        pause_briefly();
      else
        sched_yield();
    }
  }

 private:
  static constexpr int kTurns = 200;        // before others are let in
  static constexpr int64_t kSpin = 30'000;  // nanoseconds
  static constexpr uint64_t kOpen = 1, kOne = 2;

  struct Helper {
    Helpers *all;
    unsigned number;
    pthread_t thread;
  };
  static void pause_briefly();
  static void *help(void *helper);
  void run(Job job, void *context);
  void wait_for_round(uint32_t seen) const;
  void stop(size_t started);

  const pid_t owner_;
  std::vector<Helper> helpers_;
  bool spins_ = false;
  Job job_ = nullptr;
  void *context_ = nullptr;
  bool stop_ = false;
  alignas(64) std::atomic<uint32_t> round_{0};  // raised by each run
  alignas(64) std::atomic<uint64_t> state_{0};  // kOpen while helpers may begin, and kOne for each at work
};

}  // namespace ngd
