// What the clients of a model share besides its parameters: versioned values, partitions of the data, barriers.
//
// Part of a root's replicated state: changed by entries of its log alone, in the same way on every copy.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cluster/settings.h"
#include "wire/fields.h"
#include "wire/message.h"

namespace ngd::cluster {

// How a command ended; `final` false: it waits.
struct Reply {
  bool final = true;
  ngd_status status = NGD_OK;
  std::string text;
  wire::Done done;
  wire::Bytes payload;
};

Reply refusal(ngd_status status, std::string text);

struct Value {
  std::string name;
  uint64_t version = 0;
  std::string bytes;
};

// Named blobs with versions that count from 1.
class Values {
 public:
  // One, or several: all or none. `next`: the version that the next update of the model makes.
  Reply set(const wire::Command &command, std::string_view payload, const wire::ModelSpec &model,
            uint64_t next);
  const Value *find(const std::string &name) const;
  Settings settings() const;

  std::vector<Value> values;  // by name
  uint64_t bytes = 0;         // of all values

 private:
  struct One {
    const std::string &name;
    std::string_view text;
    uint64_t expected;
  };
  Reply refused(const One &one) const;  // of status NGD_OK: it may be set
  uint64_t put(const std::string &name, std::string_view text);
};

struct Partition {
  wire::ClientId owner;  // zero: nobody
  uint64_t token = 0;    // of the last claim; lower ones are refused
  uint64_t offset = 0;   // how far the owners came
  bool finished = false;
  std::string blob;  // what an owner leaves to the next: scores of samples
  std::string note;  // what the last update that brought it further said of it
};
struct PartitionSet {
  std::string name;
  uint64_t pass = 0;
  std::vector<Partition> partitions;
};

class Partitions {
 public:
  // Any of the commands partitions, claim, progress, yield, finish.
  Reply apply(const wire::Command &command, const wire::ClientId &client, std::string blob, uint64_t token,
              bool two_owners);
  void remove(const wire::ClientId &client);  // it is dead: what it had is free, with its progress
  // Whether an update of that client may bring a partition further; and an update does.
  bool owns(const wire::Progress &progress, const wire::ClientId &client) const;
  void advance(const wire::Progress &progress);
  const PartitionSet *set_named(const std::string &name) const;

  std::vector<PartitionSet> sets;  // by name
  uint64_t bytes = 0;              // of all blobs

 private:
  PartitionSet *find(const std::string &name);
  Reply open(const wire::Command &command);
  Reply claim(PartitionSet &set, const wire::Command &command, const wire::ClientId &client, uint64_t token,
              bool two_owners);
};

// A gate that opens when enough clients stand before it.
class Barriers {
 public:
  struct Arrival {
    wire::ClientId client;
    uint64_t seq = 0;
  };
  struct Barrier {
    std::string name;
    uint64_t count = 0;  // 0: all workers
    uint64_t opened = 0;
    std::vector<Arrival> arrived;
  };
  Reply arrive(const wire::Command &command, const Arrival &arrival);
  bool cancel(const Arrival &arrival);
  void remove(const wire::ClientId &client);
  // Opens what can be opened; `workers` are those that a barrier for all waits for.
  std::vector<Barrier> open(const std::function<bool(const std::vector<Arrival> &)> &all_workers);

  std::vector<Barrier> barriers;  // by name
};

template <class F>
void fields(F &f, Value &x) {
  f.text(x.name, wire::kTextBytes);
  f.number(x.version);
  f.blob(x.bytes, wire::kValueBytes);
}
template <class F>
void fields(F &f, Partition &x) {
  f.table(x.owner);
  f.number(x.token);
  f.number(x.offset);
  f.flag(x.finished);
  f.blob(x.blob, wire::kValueBytes);
  f.blob(x.note, wire::kNoteBytes);
}
template <class F>
void fields(F &f, PartitionSet &x) {
  f.text(x.name, wire::kTextBytes);
  f.number(x.pass);
  f.tables(x.partitions, wire::kPartitions);
}
template <class F>
void fields(F &f, Barriers::Arrival &x) {
  f.table(x.client);
  f.number(x.seq);
}
template <class F>
void fields(F &f, Barriers::Barrier &x) {
  f.text(x.name, wire::kTextBytes);
  f.number(x.opened);
  f.number(x.count);
  f.tables(x.arrived, wire::kWaiters);
}

}  // namespace ngd::cluster
