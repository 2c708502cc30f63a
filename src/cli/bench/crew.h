// Threads that stay alive and do one job together again and again, each its own part: the least that a second
// thread can cost.
#pragma once

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace cli {

class Crew {
 public:
  // The caller is one of the `threads`.
  explicit Crew(size_t threads);
  ~Crew();
  Crew(const Crew &) = delete;
  Crew &operator=(const Crew &) = delete;

  size_t threads() const { return helpers_.size() + 1; }
  // Calls job(part) for each part from 0 to threads() - 1, at the same time; returns when all are done.
  void run(const std::function<void(size_t)> &job);

 private:
  void help(size_t part);

  const std::function<void(size_t)> *job_ = nullptr;
  std::atomic<uint32_t> turn_ = 0;     // rises when a job is there
  std::atomic<uint32_t> working_ = 0;  // helpers that have not finished it
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> helpers_;
};

}  // namespace cli
