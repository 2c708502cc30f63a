// The inside of a client session: operations that the caller began, and the requests that they consist of.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "cluster/client_session.h"
#include "cluster/compressor.h"

namespace ngd::cluster {

inline constexpr const char *kWentBack = "the model went back to a checkpoint; look at what it holds";
inline constexpr Time kPauses = 16;  // times the first pause before a request is sent again: the longest
inline constexpr uint32_t kNode = ~uint32_t{0};  // instead of a shard's index: a server itself

struct ClientSession::State {
  // One message that is repeated until it is answered. Updates and commands have the session's seq, reads a number above
  // kReads that no other request has.
  static constexpr uint64_t kReads = uint64_t{1} << 63;
  struct Request {
    Ticket ticket = 0;
    uint32_t shard = kNode;
    wire::Message message;
    Time at = 0, pause = 0;  // when it is sent again
    Time since = 0;          // when it was sent first to whoever leads now
    unsigned tries = 0;
    bool held = false;  // the shard has the part; only ask after it
  };
  struct Held {
    wire::Token token;
    Holding holding = Holding::alone;
  };
  using RequestKey = std::pair<uint64_t, uint32_t>;

  struct Operation {
    enum class Kind : uint8_t { open, version, push, pull, command, query, server, close } kind = Kind::open;
    enum class Step : uint8_t {
      queued,
      creating,
      finding,
      opening,
      updating,
      pointing,
      reading,
      asking
    } step = Step::queued;
    Time deadline = 0;
    wire::ModelSpec spec;  // to create
    bool create = false;
    wire::UpdateKind update = wire::UpdateKind::gradient;
    std::vector<TensorUpdate> tensors;
    std::vector<TensorQuery> queries;
    std::vector<wire::Progress> progress;
    bool then_pull = false;
    uint64_t base_version = 0;
    uint64_t seq = 0;
    uint32_t attempt = 0;
    uint64_t bytes = 0;              // of an update
    std::vector<CodedUpdate> coded;  // of a push, by shard, where numbers are compressed
    std::vector<CodedUpdate> plain;  // the same for servers that do not read that
    uint64_t reading = 0;            // of what comes back
    uint64_t version = 0;            // pull: the one asked for, 0: newest
    uint64_t at_version = 0, pin_id = 0;
    bool pinned = false;
    bool confirm = false;  // a read that trusts no clock
    wire::Command command;
    wire::Query query;
    wire::Body to_server;  // of Kind::server
    wire::Bytes payload;
    std::vector<wire::Token> tokens;  // those held when the caller began it
    Outcome outcome;
    size_t open_parts = 0;
    bool silent = false;   // the session's own
    bool settled = false;  // the servers have said what became of it
  };

  State(ClientOptions the_options, Net &the_net, Rng &the_rng);

  // Operations: client_session.cc.
  Ticket begin(Operation operation, Time now);
  void start_queued(Time now);
  bool start(Ticket ticket, Operation &operation, Time now);
  void start_update(Ticket ticket, Operation &operation, Time now);
  void code(Operation &operation);
  bool servers_decode() const;
  void send_parts(Ticket ticket, Operation &operation, Time now);
  // Whether the answer to an update can carry what is to be read with it; then that is asked for.
  bool ask_with_update(const Operation &operation, wire::Push &push) const;
  bool room_to_read(Operation &operation);
  void start_read(Ticket ticket, Operation &operation, Time now);
  void let_go_of_version(const Operation &operation);
  void start_point(Ticket ticket, Operation &operation, Time now);
  void read_shards(Ticket ticket, Operation &operation, Time now);
  bool goes_on_unseen(Ticket ticket, Operation &operation, ngd_status status, const std::string &text,
                      Time now);
  void drop_token(const std::string &lock, uint64_t token) {
    std::erase_if(held, [&](const Held &one) { return one.token.lock == lock && one.token.token == token; });
  }
  void finish(Ticket ticket, ngd_status status, std::string text, Time now);
  bool fail_all(ngd_status status, const std::string &text, bool updates_only, Time now);
  uint64_t after_of(uint64_t seq) const;
  uint64_t answer_bytes(const Operation &operation) const;
  bool check_tensors(const Operation &operation, std::string &text) const;
  size_t outstanding() const;

  // Requests: client_requests.cc.
  void request(Ticket ticket, uint64_t number, uint32_t shard, wire::Body body,
               std::vector<wire::Bytes> payload, Time now);
  void transmit(Request &request, Time now);
  void forget(Ticket ticket);
  // Answers: client_answers.cc.
  void receive(Peer from, wire::Message message, Time now);
  void answered(const Request &request, wire::Message message, Time now);
  void update_answered(Ticket ticket, Operation &operation, const wire::Pushed &pushed,
                       const std::vector<wire::Bytes> &buffers, Time now);
  void shard_answered(const Request &request, Operation &operation, const wire::Pulled &pulled,
                      const std::vector<wire::Bytes> &buffers, Time now);
  void refused(Request &request, const wire::Refused &refused, Time now);
  void adopt_map(const wire::Map &map, Time now);
  void moved(uint32_t index, uint64_t epoch, uint32_t node, Time now);
  void find_model(Ticket ticket, Time now);
  void open_session(Ticket ticket, Time now);
  void reopen(Time now);
  void refresh_map(Time now);
  void ask_for_map(Peer peer);
  void look_for_leader(const Request &silent, Time now);
  void tick(Time now);
  Time next_wakeup() const;
  Peer peer_of(const std::string &address);
  std::optional<Peer> peer_of_node(uint32_t node) const;
  uint32_t index_of(uint32_t shard) const;  // kNode: the model has no such shard
  void due(Time at) { soonest = std::min(soonest, at); }
  Peer random_peer();
  std::string describe(const Request &request) const;
  uint64_t read_number() { return kReads + ++reads; }

  ClientOptions options;
  Net &net;
  Rng &rng;
  wire::ClientId id;
  std::vector<std::string> addresses, keys;
  std::map<std::string, Peer> peers;              // by address
  std::unordered_map<uint32_t, Peer> node_peers;  // of the map
  std::vector<Time> heard;                        // from each
  wire::ModelPlace model;
  std::vector<wire::NodePlace> nodes;
  uint64_t map_revision = 0;
  bool found = false, opened = false, reopening = false, closed = false;
  Ticket opener = 0;  // the operation that opens the session
  // Of a new lineage: an operation has failed with it; nothing was under way, and the next one is to fail.
  bool told = false, untold = false;
  uint64_t session_number = 0, lineage = 0, version = 0, next_seq = 1, reads = 0;
  uint64_t bytes_under_way = 0;
  uint64_t bytes_reading = 0;  // of the answers to reads under way
  Ticket last_ticket = 0;
  std::map<Ticket, Operation> operations;
  std::deque<Ticket> queue;  // not yet started
  std::map<RequestKey, Request> requests;
  Time soonest = kNever;  // before it no request or operation is due, which are many on a model of many shards
  std::map<Ticket, Outcome> outcomes;
  std::vector<Held> held;
  Compressor compressor;
  Time keep_alive_at = kNever, map_asked = 0;
  Time latency = 0;          // of the root's answers, a running mean
  bool ask_anybody = false;  // for the map, not those that may lead next
};

}  // namespace ngd::cluster
