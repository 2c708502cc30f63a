// Made-up vectors, the null reader, child processes.
#include <fast_float/fast_float.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>

#include "bench/clock.h"
#include "bench/memory.h"
#include "bench/word_vectors.h"
#include "handle.h"

extern char **environ;

namespace cli {

void write_made_up_vectors(const std::string &path, size_t words, size_t dimension) {
  const std::unique_ptr<FILE, int (*)(FILE *)> file(std::fopen(path.c_str(), "wb"), std::fclose);
  if (!file) throw Failure{path + ": cannot be written"};
  Draws draws(1);
  std::string line;
  for (size_t i = 0; i < words; i++) {
    line = fmt::format("w{:x}", i * 2654435761u % 4294967296u);
    for (size_t k = 0; k < dimension; k++) line += fmt::format(" {:.5g}", 2 * draws.uniform() - 1);
    line += '\n';
    if (std::fwrite(line.data(), 1, line.size(), file.get()) != line.size())
      throw Failure{path + ": cannot be written"};
  }
}

float read_and_forget(const std::string &path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw Failure{path + ": cannot be opened"};
  std::vector<char> buffer(1 << 20);
  size_t begin = 0, end = 0;
  float sum = 0;
  for (;;) {
    std::memmove(buffer.data(), buffer.data() + begin, end - begin);
    end -= begin;
    begin = 0;
    const ssize_t got = read(descriptor, buffer.data() + end, buffer.size() - end);
    if (got <= 0) break;
    end += static_cast<size_t>(got);
    while (const void *found = std::memchr(buffer.data() + begin, '\n', end - begin)) {
      const char *const stop = static_cast<const char *>(found);
      const char *at = static_cast<const char *>(std::memchr(buffer.data() + begin, ' ', end - begin));
      while (at != nullptr && at < stop) {
        float value = 0;
        at = fast_float::from_chars(at + 1, stop, value).ptr;
        sum += value;
      }
      begin = static_cast<size_t>(stop - buffer.data()) + 1;
    }
  }
  close(descriptor);
  return sum;
}

namespace {

pid_t spawn_quietly(const std::vector<std::string> &command) {
  std::vector<char *> arguments;
  std::vector<std::string> copies = command;
  for (std::string &one : copies) arguments.push_back(one.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = -1;
  const int error = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw Failure{fmt::format("{}: cannot be run: {}", command[0], std::strerror(error))};
  return child;
}

// The system's own count of the most memory; what wait4() tells holds that of the parent too.
uint64_t high_water(pid_t process) {
  std::ifstream status(fmt::format("/proc/{}/status", process));
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return std::strtoull(line.c_str() + 6, nullptr, 10) * 1024;
  }
  return 0;
}

}  // namespace

Whole run_whole(const std::vector<std::string> &command) {
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = spawn_quietly(command);
  int status = 0;
  rusage used = {};
  while (wait4(child, &status, 0, &used) < 0 && errno == EINTR) {
  }
  Whole whole;
  whole.wall = seconds_since(start);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw Failure{fmt::format("{} failed", command[0])};
  const auto seconds = [](const timeval &time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  whole.processor = seconds(used.ru_utime) + seconds(used.ru_stime);
  return whole;
}

uint64_t peak_of(const std::vector<std::string> &command) {
  const pid_t child = spawn_quietly(command);
  uint64_t peak = 0;
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    peak = std::max(peak, high_water(child));
    usleep(1000);
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw Failure{fmt::format("{} failed", command[0])};
  return peak;
}

std::string own_path() {
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0) throw Failure{"this program does not know where it lies"};
  return {path, static_cast<size_t>(size)};
}

}  // namespace cli
