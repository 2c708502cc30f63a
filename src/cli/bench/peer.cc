// Starts the peer's program with a pipe to each side.
#include "bench/peer.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "handle.h"

extern char **environ;

namespace cli {
namespace {

constexpr int kPatience = 120;  // seconds: a step of the largest size in the slowest peer takes a few

struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw Failure{fmt::format("no pipe: {}", std::strerror(errno))};
    read = ends[0], write = ends[1];
  }
};

}  // namespace

Peer::Peer(const std::string &program) : program_(program) {
  signal(SIGPIPE, SIG_IGN);  // a peer that has ended is told by its missing answer
  const Pipe in, out;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.read, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.write, STDOUT_FILENO);
  char *arguments[] = {program_.data(), nullptr};
  const int error = posix_spawnp(&process_, program_.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(in.read);
  close(out.write);
  questions_ = in.write;
  answers_ = out.read;
  if (error != 0) process_ = -1;
  try {
    if (error != 0) throw Failure{fmt::format("{}: cannot be run: {}", program_, std::strerror(error))};
    name_ = answer();
  } catch (...) {
    end();
    throw;
  }
}

Peer::~Peer() {
  end();
}

// A peer ends when its input does; one that does not is ended.
void Peer::end() {
  close(questions_);
  close(answers_);
  if (process_ < 0) return;
  for (int tenths = 0; waitpid(process_, nullptr, WNOHANG) == 0; tenths++) {
    if (tenths == 50) kill(process_, SIGKILL);
    usleep(100000);
  }
}

std::string Peer::answer() {
  size_t end;
  while ((end = received_.find('\n')) == std::string::npos) {
    pollfd wait = {answers_, POLLIN, 0};
    if (poll(&wait, 1, kPatience * 1000) == 0)
      throw Failure{fmt::format("{}: has not answered for {} s", program_, kPatience)};
    char bytes[512];
    const ssize_t got = read(answers_, bytes, sizeof bytes);
    if (got <= 0) throw Failure{fmt::format("{}: ended without an answer", program_)};
    received_.append(bytes, static_cast<size_t>(got));
  }
  const std::string text = received_.substr(0, end);
  received_.erase(0, end + 1);
  if (text.rfind("error ", 0) == 0) throw Failure{fmt::format("{}: {}", program_, text.substr(6))};
  return text;
}

double Peer::seconds_a_step(const std::string &rule, size_t tensors, size_t elements, size_t threads) {
  const std::string question = fmt::format("{} {} {} {}\n", rule, tensors, elements, threads);
  if (write(questions_, question.data(), question.size()) != static_cast<ssize_t>(question.size()))
    throw Failure{fmt::format("{}: takes no more questions: {}", program_, std::strerror(errno))};
  const std::string text = answer();
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || !(seconds > 0))
    throw Failure{fmt::format("{}: answered \"{}\", not the seconds of a step", program_, text)};
  return seconds;
}

}  // namespace cli
