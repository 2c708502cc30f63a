// Starting, watching and ending processes.
#include "processes.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "handle.h"

namespace cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kLookEvery{20};
constexpr milliseconds kPause{500};  // before one that ended is started again
constexpr size_t kStarts = 5;        // of one, while nothing goes forward: then it is given up

}  // namespace

Processes::Processes() : thread_([this] { look_after(); }) {}

Processes::~Processes() {
  stop("", SIGKILL, 5);
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  thread_.join();
}

void Processes::start(const std::string &name, std::vector<std::string> arguments, const std::string &log,
                      bool kept) {
  const std::lock_guard lock(mutex_);
  Child child;
  child.name = name;
  child.log = log;
  child.arguments = std::move(arguments);
  child.kept = kept;
  // The thread starts it: a process goes down with the thread that made it.
  child.again = Clock::now();
  children_.push_back(std::move(child));
}

// Only calls that are safe between fork and exec come after fork: other threads may hold any lock.
void Processes::launch(Child &child) {
  std::vector<char *> words;
  std::string program = "ngd";
  words.push_back(program.data());
  for (std::string &word : child.arguments) words.push_back(word.data());
  words.push_back(nullptr);
  const int log = open(child.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(kExitFailed);
    setpgid(0, 0);  // Ctrl-C is the launcher's
    dup2(nothing, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv("/proc/self/exe", words.data());
    _exit(127);
  }
  close(log);
  close(nothing);
  child.starts++;
  child.pid = pid;
  if (pid < 0) child.again = Clock::now() + kPause;
  events_.push_back({child.name, pid < 0 ? "could not be started" : "started", pid, Clock::now()});
}

void Processes::reap(Child &child) {
  int status = 0;
  if (waitpid(child.pid, &status, WNOHANG) != child.pid) return;
  const bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  const std::string what = WIFSIGNALED(status) ? fmt::format("killed by signal {}", WTERMSIG(status))
                                               : fmt::format("ended with exit code {}", WEXITSTATUS(status));
  events_.push_back({child.name, what, child.pid, Clock::now()});
  child.pid = -1;
  child.done = stopping_ || (good && !child.kept);
  if (child.done) return;
  if (child.starts >= kStarts) {
    child.done = child.given_up = true;
    events_.push_back({child.name, "given up", -1, Clock::now()});
  }
  child.again = Clock::now() + kPause;
}

void Processes::look_after() {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return;
      for (Child &child : children_) {
        if (child.pid > 0) reap(child);
        if (child.pid <= 0 && !child.done && !stopping_ && Clock::now() >= child.again) launch(child);
      }
    }
    std::this_thread::sleep_for(kLookEvery);
  }
}

std::vector<ProcessEvent> Processes::events() {
  const std::lock_guard lock(mutex_);
  return std::exchange(events_, {});
}

std::vector<std::string> Processes::given_up() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const Child &child : children_) {
    if (child.given_up) names.push_back(child.name);
  }
  return names;
}

void Processes::went_forward() {
  const std::lock_guard lock(mutex_);
  for (Child &child : children_) child.starts = 0;
}

void Processes::kill_one(const std::string &name) {
  const std::lock_guard lock(mutex_);
  for (const Child &child : children_) {
    if (child.name == name && child.pid > 0) kill(child.pid, SIGKILL);
  }
}

bool Processes::stop(const std::string &prefix, int signal, double seconds) {
  const auto until = Clock::now() + std::chrono::duration<double>(seconds);
  bool by_themselves = true, first = true, killed = false;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      const bool late = Clock::now() >= until;
      bool any = false;
      for (const Child &child : children_) {
        if (child.pid <= 0 || !child.name.starts_with(prefix)) continue;
        any = true;
        if (first && signal != 0) kill(child.pid, signal);
        if (late && !killed) kill(child.pid, SIGKILL);
      }
      if (!any) return by_themselves && signal != SIGKILL;
      if (late) killed = true, by_themselves = false;
      first = false;
    }
    std::this_thread::sleep_for(kLookEvery);
  }
}

}  // namespace cli
