// All that the machines of the cluster know of the world. The transport gives them the real one, the simulator a seeded one.
//
// Machines are driven: somebody calls receive() with a message or tick() when a time has come, and takes what they say
// from their outbox. Nothing here waits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/message.h"

namespace ngd::cluster {

// Microseconds of a clock that never goes back, with any beginning. Passed to each call; clocks of different machines
// have nothing in common but, roughly, their rate.
using Time = uint64_t;
inline constexpr Time kNever = ~Time{0};

// Who a message goes to or comes from. For a server: a number below kFirstConnection is the server of that node number,
// above it one connection of a client (the driver counts them). For a client: the index of an address, see
// ClientSession::address().
using Peer = uint64_t;
inline constexpr Peer kFirstConnection = Peer{1} << 32;

// Net: where a machine puts what it has to say. The driver sends it; it may be lost, come twice or late, for all the
// machine knows.
class Net {
 public:
  virtual ~Net() = default;
  virtual void send(Peer to, wire::Message message) = 0;
};

class Rng {
 public:
  virtual ~Rng() = default;
  virtual uint64_t next() = 0;  // of the system's entropy, or of a seed
};

// Files. Every call may throw Error(NGD_E_IO); what was written is on the disk only after sync(), a name only after
// sync_directory(). Paths are relative to the server's directory.
class File {
 public:
  virtual ~File() = default;
  virtual void write(std::span<const std::byte> bytes) = 0;  // at the end
  virtual void sync() = 0;
};
class Disk {
 public:
  struct Part {
    std::vector<std::byte> bytes;
    uint64_t total = 0;  // of the file
  };
  virtual ~Disk() = default;
  virtual std::unique_ptr<File> create(const std::string &path) = 0;                // empties an existing file
  virtual std::optional<std::vector<std::byte>> read(const std::string &path) = 0;  // nothing: no such file
  // At most so many bytes of it from `offset` on.
  virtual std::optional<Part> read_part(const std::string &path, uint64_t offset, size_t most) = 0;
  virtual void rename(const std::string &from, const std::string &to) = 0;
  virtual void remove(const std::string &path) = 0;  // also when there is none
  virtual std::vector<std::string> list(const std::string &directory) = 0;
  virtual void make_directory(const std::string &path) = 0;
  virtual void sync_directory(const std::string &path) = 0;
};

// The small store that all servers agree on: who is there, which model lives where, which lineage it has. Calls answer
// later, by ServerNode::coordinated() with the same ticket, or never (then the machine asks again). An answer with ticket
// 0, which nobody asks for, is a hint that some record has changed; it may be missing.
struct Record {
  std::string key;
  std::string value;
  uint64_t revision = 0;  // of its last change; 0: there is none
};
struct CoordinatorAnswer {
  uint64_t ticket = 0;
  bool done = false;            // cas: it was changed
  std::vector<Record> records;  // get: those found; cas: the record as it is now
};
// A server as the coordinator's records tell of it.
struct KnownServer {
  uint32_t node = 0;
  uint64_t revision = 0;  // of its last start
  bool alive = false;     // as far as the coordinator knows
  bool operator==(const KnownServer &) const = default;
};
class Coordinator {
 public:
  virtual ~Coordinator() = default;
  virtual void get(uint64_t ticket, const std::string &prefix) = 0;
  // Sets `key` if its revision is `revision` (0: it does not exist).
  virtual void cas(uint64_t ticket, const std::string &key, uint64_t revision, const std::string &value) = 0;
  // Keeps a record there while this process lives, from before the next call is answered. It says nothing about how far a
  // process is or that it still lives: it goes some time after the process, and is missing while a live one is cut off.
  virtual void announce(const std::string &key, const std::string &value) = 0;
};

}  // namespace ngd::cluster
