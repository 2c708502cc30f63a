// A signal becomes a byte in a pipe.
#include "end_signal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "handle.h"

namespace cli {

int EndSignal::ends_[2] = {-1, -1};

void EndSignal::note(int) {
  const int before = errno;
  static_cast<void>(!write(ends_[1], "", 1));
  errno = before;
}

EndSignal::EndSignal() {
  if (pipe2(ends_, O_CLOEXEC) != 0) throw Failure{"no pipe can be made for signals", kExitFailed, NGD_E_IO};
  struct sigaction action = {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
}

bool EndSignal::wait(int milliseconds) {
  pollfd one = {ends_[0], POLLIN, 0};
  int ready;
  do {
    ready = poll(&one, 1, milliseconds);
  } while (ready < 0 && milliseconds < 0);
  if (ready <= 0) return false;
  signal(SIGTERM, SIG_DFL);
  signal(SIGINT, SIG_DFL);
  return true;
}

}  // namespace cli
