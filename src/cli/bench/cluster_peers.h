// What ngd bench cluster measures: one request at a time, or a window of them, to a server in a process of its own.
#pragma once

#include <sys/types.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "handle.h"

namespace cli {

// What is asked for: a whole tensor of so many bytes there or back, or rows of a table by their numbers.
enum class Operation { push_value, push_delta, pull, push_rows, pull_rows };
struct Work {
  Operation operation;
  size_t bytes;
  bool pushes() const { return operation != Operation::pull && operation != Operation::pull_rows; }
  bool rows() const { return operation == Operation::push_rows || operation == Operation::pull_rows; }
};

constexpr int64_t kPatience = 60000;  // milliseconds
constexpr uint32_t kTableRows = 100'000, kRowWidth = 16, kKeys = 10'000;
constexpr size_t kRowBytes = size_t{kKeys} * kRowWidth * sizeof(float);  // of a request for rows
std::vector<uint32_t> some_rows();                                       // kKeys of them, rising

// A server's word to the process that waits for it.
void say_ready(int ready, const std::string &address);

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
  pid_t process() const { return child_; }
  std::string status() const;  // of one that runs serve_and_tell()

 private:
  int begin();  // in the child: the descriptor; in the parent: -1
  [[noreturn]] static void leave();
  void read_address();
  std::string read_line() const;
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

// A ROUTER that answers a long request by 8 bytes, one of 8 bytes by as many as it names, and keys by their values. What it
// gets it throws away, or does with it what a server of parameters does at the least: one pass over it.
enum class Stores { nothing, values, sums };
void serve_raw(const std::string &endpoint, Stores stores, int ready);
std::unique_ptr<Peer> raw_peer(const std::string &address, const Work &work, Pool &pool);

void serve_ngd(const std::string &endpoint, int ready);
void serve_and_tell(const std::string &spec, int ready);
std::unique_ptr<Peer> ngd_peer(const std::string &address, const Work &work, bool single, Pool &pool);

std::unique_ptr<Peer> memcpy_peer(size_t bytes, Pool &pool);

}  // namespace cli
