// ZeroMQ behind two small classes: contexts and sockets that free themselves, frames that are not copied.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "transport/system.h"
#include "wire/bytes.h"

namespace ngd::transport {

// Bytes that ZeroMQ holds of what was sent and not yet written to a connection.
using Gauge = std::atomic<int64_t>;
using Gauges = std::vector<std::shared_ptr<Gauge>>;

class Context {
 public:
  explicit Context(int io_threads);
  ~Context();  // waits until all its sockets are closed, and what they linger for is sent
  Context(const Context &) = delete;
  Context &operator=(const Context &) = delete;
  void *handle() const { return handle_; }

 private:
  void *handle_;
  Owner owner_;
};

// One thread at a time; with a lock around it, any thread.
class Socket {
 public:
  Socket(std::shared_ptr<Context> context, int type);
  ~Socket();
  Socket(const Socket &) = delete;
  Socket &operator=(const Socket &) = delete;

  void set(int option, int value, const char *what);
  void set(int option, int64_t value, const char *what);
  void set(int option, std::string_view value, const char *what);
  int number(int option) const;
  std::string text(int option) const;
  // Throws NGD_E_IO with what the system says.
  void bind(const std::string &endpoint);
  void connect(const std::string &endpoint);
  int fd() const { return fd_; }

  enum class Sent : uint8_t { yes, full, unknown };  // full: no room or no connection; unknown: no such peer
  // One frame without waiting. Long ones are not copied: their owner is held, and the gauges count them, until
  // ZeroMQ has written them.
  Sent send(const wire::Bytes &frame, bool more, const Gauges &gauges);
  Sent send(std::string_view frame, bool more);

  struct Received {
    std::vector<wire::Bytes> frames;  // each begins at a multiple of 8 bytes
    std::string user;                 // ZAP's User-Id of the sender; empty without
    uint64_t bytes = 0;
  };
  // A whole message; false when there is none. More than `limit` frames are thrown away with the rest of their
  // message, and the message then has none.
  bool receive(Received &received, size_t limit = 65536);
  // What is received is memory of ZeroMQ's own: true of all transports but inproc, which hands on the sender's.
  void receives_copies() { lent_ = false; }

 private:
  std::shared_ptr<Context> context_;
  void *handle_;
  int fd_ = -1;
  bool lent_ = true;
  Owner owner_;
};

}  // namespace ngd::transport
