// Processes of this program that a launcher starts, keeps alive, and takes with it when it dies.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace cli {

// What happened to one of them.
struct ProcessEvent {
  std::string name;  // "server 2"
  std::string what;  // "started", "killed by signal 9", "ended with exit code 1", "given up"
  pid_t pid = 0;
  std::chrono::steady_clock::time_point when;
};

class Processes {
 public:
  Processes();
  ~Processes();  // kills all that are left
  Processes(const Processes &) = delete;
  Processes &operator=(const Processes &) = delete;

  // `kept`: it is started again whenever it ends, and else only where its exit code is not 0. Its output goes to the end of
  // the file `log`. The kernel kills it when this process dies, however that happens.
  void start(const std::string &name, std::vector<std::string> arguments, const std::string &log, bool kept);
  // Events since the last call.
  std::vector<ProcessEvent> events();
  // The names of those that ended too often, while nothing went forward, to be started again.
  std::vector<std::string> given_up();
  void went_forward();

  // With SIGKILL; it is started again as after any death.
  void kill_one(const std::string &name);

  // From now on nothing is started again. Sends `signal` to those whose names begin with `prefix` and waits for their end,
  // for at most so long; then kills them. True: all ended by themselves.
  bool stop(const std::string &prefix, int signal, double seconds);

 private:
  struct Child {
    std::string name, log;
    std::vector<std::string> arguments;
    bool kept = false, given_up = false, done = false;
    pid_t pid = -1;
    size_t starts = 0;  // since anything went forward
    std::chrono::steady_clock::time_point again;
  };
  void launch(Child &child);
  void look_after();
  void reap(Child &child);

  std::mutex mutex_;
  std::vector<Child> children_;
  std::vector<ProcessEvent> events_;
  bool stopping_ = false, ended_ = false;
  std::thread thread_;
};

}  // namespace cli
