// A client of one model: numbers its updates, keeps them until they are answered, repeats what got lost, follows the map.
//
// Each call begins an operation and returns its ticket at once; poll() gives its outcome later. The driver sends what
// the session gives to Net (Peer is an index of address()), brings answers by receive(), and calls tick() at
// next_wakeup(). One thread at a time.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cluster/coding.h"
#include "cluster/environment.h"

namespace ngd::cluster {

struct ClientOptions {
  std::vector<std::string> addresses;  // of any servers
  std::string model;
  wire::Consistency consistency = wire::Consistency::asynchronous;
  uint32_t bound = 0;
  uint32_t workers = 0;
  bool worker = true;
  bool confirm_reads = false;   // replicas are asked; else only for what is read under a lock, and for values
  bool eventual_reads = false;  // each shard's newest, without asking the root for a common version
  Time lease_us = 10'000'000;
  uint16_t rank = 0;        // in the order in which the gradients of a round are added; 0: by chance
  Compression compression;  // of gradients and deltas
  wire::Coding pulls = wire::Coding::float32;  // bf16, fp16: so parameters may be read
  Time retry_us = 200'000;  // first pause before a request is sent again; doubles up to 16 times that
};

using Ticket = uint64_t;

// A tensor's part of an update: dense values of the whole tensor, or of some rows of a table. The memory stays as it is
// until the operation is over (an empty owner: the caller sees to it).
struct TensorUpdate {
  uint32_t tensor = 0;
  std::vector<uint32_t> rows;  // rising; of tables only
  wire::Bytes values;
};
// What to read: a whole tensor, or rows of a table.
struct TensorQuery {
  uint32_t tensor = 0;
  std::vector<uint32_t> rows;
  bool all_rows = false;
};

// A run of values that was read: elements [first, first + count) of a tensor, or of these rows one after another.
struct TensorValues {
  uint32_t tensor = 0;
  uint64_t first = 0, count = 0;
  std::vector<uint32_t> rows;
  std::vector<wire::Bytes> data;
};

struct Outcome {
  ngd_status status = NGD_OK;
  std::string text;      // of an error
  uint64_t version = 0;  // of the model, after an update or of what was read
  uint64_t lineage = 0;
  uint64_t seq = 0;                  // of an update or command that was sent
  bool applied = true;               // of init: this client's values are the model's
  uint64_t values_version = 0;       // of what push_pull read
  bool initialised = true;           // of version()
  wire::Done done;                   // of commands and queries
  std::vector<wire::Bytes> payload;  // of a value or a partition's blob
  std::vector<TensorValues> tensors;
  wire::Map map;               // of places() and arrange()
  uint64_t payload_bytes = 0;  // of an update, as it was sent
  uint64_t read_bytes = 0;     // of parameters, as they came
};

class ClientSession {
 public:
  ClientSession(ClientOptions options, Net &net, Rng &rng);
  ~ClientSession();
  ClientSession(const ClientSession &) = delete;
  ClientSession &operator=(const ClientSession &) = delete;

  wire::ClientId id() const;
  const std::string &address(Peer peer) const;
  const std::string &server_key(Peer peer) const;  // empty: not known, or none

  // Every operation ends by `deadline` at the latest, with NGD_E_TIMEOUT. An update that timed out may still happen; a lock
  // that is granted after that is given back.
  Ticket create_model(const wire::ModelSpec &spec, Time now,
                      Time deadline);    // then opens the session as open() does
  Ticket open(Time now, Time deadline);  // finds the model; everything else comes after it
  Ticket version(Time now, Time deadline);
  Ticket push(wire::UpdateKind kind, std::vector<TensorUpdate> tensors, Time now, Time deadline,
              uint64_t base_version = 0);
  // An update that brings partitions of the data further.
  Ticket push(wire::UpdateKind kind, std::vector<TensorUpdate> tensors, std::vector<wire::Progress> progress,
              Time now, Time deadline, uint64_t base_version);
  Ticket pull(std::vector<TensorQuery> tensors, uint64_t version, Time now,
              Time deadline);  // version 0: newest
  // An update, and a read that sees it: in the same answer where that is possible, on a model of one shard.
  Ticket push_pull(wire::UpdateKind kind, std::vector<TensorUpdate> tensors, std::vector<TensorQuery> queries,
                   Time now, Time deadline, uint64_t base_version = 0);
  Ticket push_pull(wire::UpdateKind kind, std::vector<TensorUpdate> tensors,
                   std::vector<wire::Progress> progress, std::vector<TensorQuery> queries, Time now,
                   Time deadline, uint64_t base_version);
  Ticket command(wire::Command command, wire::Bytes payload, Time now, Time deadline);
  Ticket query(wire::Query query, Time now, Time deadline);
  // Of any server: who is there and who has what, of all models; and a change of that, which is written down when it is
  // over and happens after it.
  Ticket places(Time now, Time deadline);
  Ticket arrange(wire::Arrange request, Time now, Time deadline);
  Ticket close(Time now, Time deadline);

  // Tokens that go with every update and command from now on: of locks under which the caller works. Those of a lock's name
  // stand beside each other where it is shared; who has it alone knows that nobody else has it, and of tokens that others
  // lent the last counts.
  enum class Holding : uint8_t { alone, shared, lent };
  void hold(const wire::Token &token, Holding holding = Holding::alone);
  void release(const wire::Token &token);  // that one alone

  void receive(Peer from, wire::Message message, Time now);
  void lost(Peer peer, Time now);  // the connection broke: whatever waits for that server is sent again soon
  void tick(Time now);
  Time next_wakeup() const;

  bool finished(Ticket ticket) const;
  std::optional<Outcome> poll(Ticket ticket);   // once; the operation is then forgotten
  std::optional<Ticket> next_finished() const;  // any that poll() would give
  void cancel(Ticket ticket, Time now);         // forget the outcome; an update may still happen

  const wire::ModelPlace *model() const;  // once opened
  uint64_t lineage() const;
  uint64_t seq_of(Ticket ticket) const;  // of an update or command under way; 0: not sent yet
  size_t outstanding() const;            // updates without an answer
  uint64_t bytes_under_way() const;

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace ngd::cluster
