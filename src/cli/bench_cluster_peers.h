// What ngd bench cluster measures: one request at a time, or a window of them, to a server in a process of its own.
#pragma once

#include <sys/types.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "handle.h"

namespace cli {

// A child process that serves until it is killed; forked before this process has threads.
class Served {
 public:
  // `serve(ready)` runs in the child and writes a line with its address to the descriptor.
  template <class Serve>
  explicit Served(Serve serve) {
    const int ready = begin();
    if (ready >= 0) {
      serve(ready);
      leave();
    }
    read_address();
  }
  ~Served();
  Served(const Served &) = delete;
  Served &operator=(const Served &) = delete;
  const std::string &address() const { return address_; }
  double cpu_seconds() const;

 private:
  int begin();  // in the child: the descriptor; in the parent: -1
  [[noreturn]] static void leave();
  void read_address();
  pid_t child_ = -1;
  int from_child_ = -1;
  std::string address_;
};

// Requests of one size to a server.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual void start() = 0;   // one request
  virtual void finish() = 0;  // the oldest that was started
};

// A pool of numbers larger than caches, walked round and round.
class Pool {
 public:
  explicit Pool(size_t bytes);
  float *next(size_t bytes);

 private:
  std::vector<float> numbers_;
  size_t at_ = 0;
};

// A ROUTER that answers a long request by 8 bytes, and one of 8 bytes by as many as it names. With `stores` it copies
// what it gets into memory of its own first, which is the least that a server of parameters can do.
void serve_raw(const std::string &endpoint, bool stores, int ready);
std::unique_ptr<Peer> raw_peer(const std::string &address, bool pushes, size_t bytes, Pool &pool);

void serve_ngd(const std::string &endpoint, int ready);
std::unique_ptr<Peer> ngd_peer(const std::string &address, bool pushes, size_t bytes, bool single, Pool &pool);

std::unique_ptr<Peer> memcpy_peer(size_t bytes, Pool &pool);

}  // namespace cli
