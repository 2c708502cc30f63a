// A team of threads that runs one job at a time: the caller and, beside it, threads that wait for the next job.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace ngd {

class Team {
 public:
  // `threads` in all, the calling one included; 1 starts none. Throws NGD_E_MEMORY when the system has no more threads.
  explicit Team(unsigned threads);
  ~Team();
  Team(const Team &) = delete;
  Team &operator=(const Team &) = delete;

  unsigned threads() const { return static_cast<unsigned>(workers_.size()) + 1; }
  // How many take part in the jobs to come: all, but only the caller in a child of fork, which has no other threads.
  unsigned size() const { return size_; }
  void look_for_fork();  // to be called before size() is used in a new call of the library

  // Calls body(thread) for thread = 0 (the caller) to size() - 1 at the same time, and returns when all have returned.
  template <class Body>
  void run(const Body &body) {
    if (size_ == 1) return body(0u);
    start([](unsigned thread, const void *context) noexcept { (*static_cast<const Body *>(context))(thread); }, &body);
  }
  // Within a job: waits until every thread of the team is here.
  void barrier() {
    if (size_ > 1) meet();
  }

 private:
  using Job = void (*)(unsigned thread, const void *context) noexcept;
  void start(Job job, const void *context);
  void work(unsigned thread);
  void meet();

  unsigned size_ = 1;
  pid_t owner_;
  std::vector<std::thread> workers_;
  Job job_ = nullptr;
  const void *context_ = nullptr;
  std::atomic<bool> ending_ = false;
  // Each on a cache line of its own: one is waited for while others are written.
  alignas(64) std::atomic<uint32_t> job_number_ = 0;
  alignas(64) std::atomic<uint32_t> arrived_ = 0;
  alignas(64) std::atomic<uint32_t> meeting_ = 0;
};

}  // namespace ngd
