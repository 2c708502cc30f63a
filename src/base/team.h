// A team of threads for one parallel region after another: the caller and helpers that it owns run one job together.
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <vector>

namespace ngd {

// How the work is divided is the caller's business, by thread number and size(). Helpers that have nothing to do look
// for a job for kSpin, so that a region of 100 microseconds is not spent on waking them, and sleep after that.
//
// Helpers block the host's signals, except those of faults. In a forked child there are no helpers: size() is 1 there,
// run() works on the calling thread, and the destructor waits for nobody. One thread at a time may use a team.
class Team {
 public:
  // `thread` is 0 for the caller, up to size() - 1. A job throws nothing and calls no run().
  using Job = void (*)(unsigned thread, void *context) noexcept;

  // With one thread (or none) nothing is started. Throws NGD_E_MEMORY when the system refuses a thread.
  explicit Team(unsigned threads);
  ~Team();
  Team(const Team &) = delete;
  Team &operator=(const Team &) = delete;

  // Threads that the next run() uses.
  unsigned size() const;

  // Calls the job on each thread and returns when all have returned. What they wrote is then visible to the caller.
  void run(Job job, void *context);
  // body(thread), for any callable that is noexcept.
  template <class Body>
  void run(Body &&body) {
    static_assert(noexcept(body(0u)), "a job throws nothing");
    run([](unsigned thread,
           void *context) noexcept { (*static_cast<std::remove_reference_t<Body> *>(context))(thread); },
        &body);
  }

  // Within a job, to be called by every thread of it: returns when all have called it. What any of them wrote before is
  // then visible to all.
  void barrier();

 private:
  static constexpr int64_t kSpin = 20'000;  // nanoseconds

  struct Helper {
    Team *team;
    unsigned number;
    pthread_t thread;
  };
  static void *help(void *helper);
  void start_helpers();
  void stop_helpers(size_t started);
  void wait_while(const std::atomic<uint32_t> &value, uint32_t old) const;

  const pid_t owner_;
  std::vector<Helper> helpers_;
  bool spins_ = false;

  // Written before round_ is raised, and read after it was seen.
  Job job_ = nullptr;
  void *context_ = nullptr;
  unsigned active_ = 1;  // threads of the present run
  bool stop_ = false;

  // On lines of their own: they are what threads look at while others work.
  alignas(64) std::atomic<uint32_t> round_{0};    // raised by each run
  alignas(64) std::atomic<uint32_t> working_{0};  // helpers that have not returned from the job
  alignas(64) std::atomic<uint32_t> arrived_{0};  // threads that wait at the barrier
  alignas(64) std::atomic<uint32_t> passed_{0};   // barriers passed
};

}  // namespace ngd
