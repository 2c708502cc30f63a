// The world as the machines of src/cluster see it, from the operating system: time, random numbers, files, a bell.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <mutex>
#include <string>

#include "cluster/environment.h"

namespace ngd::transport {

// Microseconds of CLOCK_BOOTTIME, which goes on while the machine sleeps.
cluster::Time now_us();

// When a call that began now has waited for long enough; at most a day. Throws NGD_E_RANGE for less than 0.
cluster::Time deadline_of(int64_t timeout_ms);

// For condition variables; 0 when it has passed.
inline std::chrono::microseconds time_left(cluster::Time deadline) {
  const cluster::Time now = now_us();
  return std::chrono::microseconds(deadline > now ? deadline - now : 0);
}

// Milliseconds from `now` to `until` for poll(), rounded up; -1 for kNever.
int poll_timeout(cluster::Time now, cluster::Time until);

// Of any thread. A call of the system gives many numbers.
class SystemRng : public cluster::Rng {
 public:
  uint64_t next() override;

 private:
  std::mutex mutex_;
  std::array<uint64_t, 32> numbers_{};
  size_t left_ = 0;
};

class SystemDisk : public cluster::Disk {
 public:
  explicit SystemDisk(std::string root) : root_(std::move(root)) {}
  std::unique_ptr<cluster::File> create(const std::string &path) override;
  std::optional<std::vector<std::byte>> read(const std::string &path) override;
  std::optional<Part> read_part(const std::string &path, uint64_t offset, size_t most) override;
  void rename(const std::string &from, const std::string &to) override;
  void remove(const std::string &path) override;
  std::vector<std::string> list(const std::string &directory) override;
  void make_directory(const std::string &path) override;
  void sync_directory(const std::string &path) override;

 private:
  std::string full(const std::string &path) const;
  std::string root_;
};

// A descriptor that another thread makes readable.
class Bell {
 public:
  Bell();
  ~Bell();
  Bell(const Bell &) = delete;
  Bell &operator=(const Bell &) = delete;
  int fd() const { return fd_; }
  void ring() const;
  void quiet() const;

 private:
  int fd_;
};

// Whether this is still the process in which the object was made; a forked child has none of its threads.
class Owner {
 public:
  Owner();
  bool here() const;
  void check(const char *what) const;  // throws NGD_E_FORKED

 private:
  pid_t process_;
};

}  // namespace ngd::transport
