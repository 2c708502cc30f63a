// Clock, entropy, bell and owner; files are in disk.cc.
#include "transport/system.h"

#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace ngd::transport {

cluster::Time now_us() {
  timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

cluster::Time deadline_of(int64_t timeout_ms) {
  if (timeout_ms < 0) fail(NGD_E_RANGE, "timeout_ms is ", timeout_ms, "; it is 0 or more");
  return now_us() + static_cast<uint64_t>(std::min<int64_t>(timeout_ms, 86'400'000)) * 1000;
}

int poll_timeout(cluster::Time now, cluster::Time until) {
  if (until == cluster::kNever) return -1;
  if (until <= now) return 0;
  return static_cast<int>(std::min<uint64_t>((until - now + 999) / 1000, 1'000'000));
}

uint64_t SystemRng::next() {
  const std::lock_guard lock(mutex_);
  while (left_ == 0) {
    // Up to 256 bytes come whole.
    const ssize_t got = getrandom(numbers_.data(), sizeof numbers_, 0);
    if (got == static_cast<ssize_t>(sizeof numbers_))
      left_ = numbers_.size();
    else if (got < 0 && errno != EINTR)
      fail(NGD_E_IO, "the system gives no random numbers: ", std::strerror(errno));
  }
  return numbers_[--left_];
}

Bell::Bell() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0)
    fail(NGD_E_MEMORY, "no descriptor is left to wake a thread with: ", std::strerror(errno),
         "; raise ulimit -n");
}

Bell::~Bell() {
  close(fd_);
}

void Bell::ring() const {
  const uint64_t one = 1;
  // A full counter is as readable as any.
  [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof one);
}

void Bell::quiet() const {
  uint64_t count;
  [[maybe_unused]] const ssize_t got = read(fd_, &count, sizeof count);
}

Owner::Owner() : process_(getpid()) {}

bool Owner::here() const {
  return getpid() == process_;
}

void Owner::check(const char *what) const {
  if (!here())
    fail(NGD_E_FORKED, "this ", what, " belongs to the process that made it, of which this one is a fork: ",
         "make another after fork(), or exec()");
}

}  // namespace ngd::transport
