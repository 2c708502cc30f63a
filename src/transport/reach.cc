// Connections that are only tried.
#include "transport/reach.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "transport/system.h"

namespace ngd::transport {
namespace {

constexpr size_t kTold = 3;

struct Attempt {
  int fd = -1;
  int error = 0;  // EINPROGRESS: not known yet; 0: somebody is there
};

// Does not wait. A host that is a name, not a number, is left alone: then there is no descriptor, and no error.
Attempt begin(const Address &address) {
  std::string host = address.host;
  std::erase_if(host, [](char c) { return c == '[' || c == ']'; });
  addrinfo hints = {}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  const std::string port = address.text.substr(address.text.rfind(':') + 1);
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return {};
  Attempt attempt;
  attempt.fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  attempt.error = attempt.fd < 0                                                ? errno
                  : connect(attempt.fd, found->ai_addr, found->ai_addrlen) != 0 ? errno
                                                                                : 0;
  freeaddrinfo(found);
  return attempt;
}

std::string told(const Address &address, const Attempt &attempt, bool encrypted) {
  if (address.scheme == Scheme::ipc) {
    struct stat status;
    const bool there = stat(address.host.c_str(), &status) == 0;
    return concat(address.text,
                  there ? " is there, but nobody answers" : " is not there; has the server begun to listen?");
  }
  if (attempt.fd < 0 && attempt.error == 0)
    return concat(address.text, " was not heard of; is the name right, and does a server listen there?");
  if (attempt.error == ECONNREFUSED)
    return concat("nobody listens on ", address.text, "; is the port right, and does the server run?");
  if (attempt.error != 0)
    return concat(address.text, " is not reached: ",
                  attempt.error == EINPROGRESS ? "no answer of the host" : std::strerror(attempt.error));
  return concat(address.text,
                encrypted ? " is reached, but does not talk to this key: is it in the server's directory "
                            "of authorized keys, and is the server's key the right one?"
                          : " is reached, but does not answer; it may want keys (options key and "
                            "server_key), or is no server of this kind");
}

}  // namespace

std::string why_unanswered(const std::vector<Address> &addresses, bool encrypted, cluster::Time patience) {
  const size_t count = std::min(addresses.size(), kTold);
  std::vector<Attempt> attempts(count);
  for (size_t i = 0; i < count; i++) {
    if (addresses[i].scheme == Scheme::tcp) attempts[i] = begin(addresses[i]);
  }
  const cluster::Time until = now_us() + patience;
  for (;;) {
    std::vector<pollfd> open;
    std::vector<Attempt *> of;
    for (Attempt &one : attempts) {
      if (one.error != EINPROGRESS) continue;
      open.push_back({one.fd, POLLOUT, 0});
      of.push_back(&one);
    }
    const cluster::Time now = now_us();
    if (open.empty() || now >= until) break;
    if (poll(open.data(), open.size(), static_cast<int>((until - now) / 1000 + 1)) <= 0) break;
    for (size_t i = 0; i < open.size(); i++) {
      if (open[i].revents == 0) continue;
      socklen_t size = sizeof of[i]->error;
      getsockopt(of[i]->fd, SOL_SOCKET, SO_ERROR, &of[i]->error, &size);
    }
  }
  std::string text;
  for (size_t i = 0; i < count; i++) {
    text += concat(text.empty() ? "" : "; ", told(addresses[i], attempts[i], encrypted));
    if (attempts[i].fd >= 0) close(attempts[i].fd);
  }
  return text;
}

}  // namespace ngd::transport
