// The root of a model: gives updates their order and version, and keeps sessions, locks, values, partitions, barriers.
//
// All of that is replicated state, a function of the root's log: submit() appends an entry, apply() carries it out. What
// stands under "volatile" in the class is not, and is rebuilt by retries when it is lost.
//
// An update, on a model of n shards: each shard stages its part and tells the root; when all have it, the root decides:
// version + 1. The decisions form one numbered stream which every shard applies in order, so that each version is the
// same set of updates everywhere (I7), and a shard that missed some asks again.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "cluster/commons.h"
#include "cluster/environment.h"
#include "cluster/group.h"
#include "cluster/locks.h"
#include "cluster/node_options.h"
#include "cluster/peer.h"
#include "cluster/sessions.h"
#include "wire/message.h"

namespace ngd::cluster {

// Tokens are indices of the log with room for the grants of one entry below them; the index begins each lineage at
// lineage << kLineageBits, so that tokens never go back.
inline constexpr unsigned kTokenBits = 11, kLineageBits = 32;

// What the answer to an update is to carry, on a model of one shard: all dense tensors, or these parts.
struct Wanted {
  bool all_dense = false;
  std::vector<wire::TensorPart> parts;
  std::vector<uint32_t> rows;  // of the tables among them, one's after another's
  wire::Coding coding = wire::Coding::float32;
  bool empty() const { return !all_dense && parts.empty(); }
};

// What a root sees of its own shard's part of an update.
struct StagedPart {
  uint32_t attempt = 0;
  uint64_t after = 0;
  uint64_t base_version = 0;
  Wanted wanted;  // no part of the log: who leads after this one leaves it to the client to read
  wire::UpdateKind kind = wire::UpdateKind::gradient;
  std::vector<wire::Token> tokens;
  std::vector<wire::Progress> progress;
};

struct UpdateKey {
  wire::ClientId client;
  uint64_t user = 0;
  uint64_t seq = 0;
  auto operator<=>(const UpdateKey &) const = default;
};

// The entries of a root's log.
struct OpenEntry {
  wire::ClientId client;
  uint64_t user = 0;
  wire::Open open;
};
struct PresenceEntry {  // a worker is there again, or is dead: its locks and partitions are free
  wire::ClientId client;
  bool present = false;
};
struct EndEntry {
  wire::ClientId client;
};
struct CommandEntry {
  wire::ClientId client;
  uint64_t seq = 0;
  wire::Command command;
  std::string payload;
};
struct CancelEntry {  // of a command that waits
  wire::ClientId client;
  uint64_t seq = 0;
};
struct AbortEntry {  // of one attempt, or, with a status, of the update
  UpdateKey key;
  uint32_t attempt = 0;
  ngd_status status = NGD_OK;
  bool second_initial = false;  // answered with success: the model was initialised already
  std::string text;
};
using RootEntry =
    std::variant<OpenEntry, PresenceEntry, EndEntry, CommandEntry, CancelEntry, AbortEntry, wire::Decision>;

// What a root needs of the shard that it lives on.
class RootHost {
 public:
  virtual ~RootHost() = default;
  virtual void log(const RootEntry &entry) = 0;  // before it is carried out
  virtual void carried_out(Time now) = 0;        // it is
  virtual bool leads() const = 0;                // else it only follows the log of one that does
  virtual const wire::ModelSpec &model() const = 0;
  virtual const StagedPart *staged(const UpdateKey &key) const = 0;
  virtual void drop(const UpdateKey &key, uint32_t attempt) = 0;
  virtual void decided(const wire::Decision &decision, Time now) = 0;
  virtual void send_to_shard(uint32_t index, wire::Envelope envelope, wire::Body body) = 0;
  // `asked`: 0, or what ask_members() returned for the read that this answers: it waits for the members' word.
  virtual void send_to(Peer peer, wire::Message message, Time asked) = 0;
  virtual Time ask_members(Time now) = 0;
  // Of the version that was made just now.
  virtual void read(const Wanted &wanted, wire::Pushed &pushed, std::vector<wire::Bytes> &payload) const = 0;
};

// Sees each entry of a log as it is applied; for the checks of the simulator.
class LogObserver {
 public:
  virtual ~LogObserver() = default;
  virtual void applied(uint64_t lineage, uint64_t index, const RootEntry &entry) = 0;
  // Of a replicated root: what was carried out until now has become certain up to that index of the shard's log; or
  // what was not certain never happened; or another state came in place of all.
  virtual void settled(uint64_t) {}
  virtual void lost() {}
  // A lineage begins, from nothing or from what another was at a version.
  virtual void begun(uint64_t lineage, uint64_t base_version, uint64_t from_lineage, uint64_t from_version) = 0;
  // A restart goes on at a version of a lineage; the entries behind that index are applied again.
  virtual void resumed(uint64_t lineage, uint64_t version, uint64_t index) = 0;
};

class Root {
 public:
  Root(uint32_t shards, const NodeOptions &options, RootHost &host);

  // --- messages; each is answered at once, later, or by silence
  void open(const From &from, const wire::Envelope &envelope, const wire::Open &open, Time now);
  void keep_alive(const From &from, const wire::Envelope &envelope, Time now);
  void close(const From &from, const wire::Envelope &envelope, Time now);
  void command(const From &from, const wire::Envelope &envelope, wire::Command command,
               const std::vector<wire::Bytes> &payload, Time now);
  void query(const From &from, const wire::Envelope &envelope, const wire::Query &query, Time now);
  void read_point(const From &from, const wire::Envelope &envelope, const wire::ReadPoint &request, Time now);
  void read_done(const wire::Envelope &envelope, uint64_t version, Time now);

  // Whether the root's own part of an update may be staged; else it has been answered.
  bool admit(const From &from, const wire::Envelope &envelope, const wire::Push &push, Time now);
  void forget(const wire::Envelope &envelope) {
    reply_to_.erase({envelope.client, envelope.seq});
  }  // it was refused
  void staged(uint32_t index, const UpdateKey &key, uint32_t attempt, Time now);
  void applied(uint32_t index, uint64_t number, Time now);
  void tick(Time now);
  Time next_wakeup() const { return std::min({wakeup_, stream_at_, give_up_at_}); }

  // --- checkpoints and restoration
  void decide_checkpoint(uint32_t slot, uint64_t generation, uint64_t kept, Time now);
  // `with_stream`: how far the other shards are, too.
  wire::Bytes save(bool with_stream = true) const;
  void load(std::span<const std::byte> bytes);
  void begin(uint64_t lineage, uint64_t version, bool initialised,
             Time now);  // everything volatile starts anew
  // After load(): the lineage goes on at that decision, and entries of its log follow.
  void proceed(uint64_t lineage, uint64_t number, Time now);
  void forget_answers();                              // a planted mistake
  void follower_came_back(uint32_t index, Time now);  // with all that it ever told
  void extend_ceiling(uint64_t ceiling, Time now);
  // Replicas: carry out what another root has logged; all of the state, also what a checkpoint leaves out; and lead on
  // from there.
  void replay(RootEntry entry, Time now);
  wire::Bytes save_whole(bool with_stream) const;
  void load_whole(std::span<const std::byte> bytes, Time now);
  void take_over(Time now);
  std::vector<wire::Token> seals() const { return locks_.seals(); }

  uint64_t version() const { return version_; }
  uint64_t lineage() const { return lineage_; }
  uint64_t ceiling() const { return ceiling_; }
  bool initialised() const { return initialised_; }
  uint64_t decided() const { return number_; }
  size_t session_count() const { return sessions_.size(); }
  size_t worker_count() const { return group_.count(); }
  size_t pin_count() const { return pins_.size(); }
  uint64_t index() const { return index_; }
  uint64_t weight() const;    // what save() costs, in bytes that a checksum reads in that time
  std::string doing() const;  // for people: how far the other shards are
  const Values &values() const { return values_; }
  const std::map<wire::ClientId, Session> &sessions() const { return sessions_; }
  void observe(LogObserver *observer) { observer_ = observer; }

 private:
  struct Pending {  // volatile: an update that not all shards have, or that waits for its turn
    uint32_t attempt = 0;
    std::vector<uint8_t> has;
    size_t missing = 0;  // shards that have it not
    Time since = 0;
    uint64_t turn = 0;  // in the order in which updates became complete; 0: it is not
  };
  struct Waiting {  // volatile: a read that is held back
    From from;
    wire::Envelope envelope;
    std::variant<wire::ReadPoint, wire::Query> request;
    Time until = 0, asked = 0;
  };
  using Reader = std::pair<wire::ClientId, uint64_t>;  // and the number of its request
  struct Pin {
    std::set<Reader> readers;
    Time until = 0;
  };

  // The log.
  void submit(RootEntry entry, Time now);
  void apply(const OpenEntry &entry, Time now);
  void apply(const PresenceEntry &entry, Time now);
  void apply(const EndEntry &entry, Time now);
  void apply(const CommandEntry &entry, Time now);
  void apply(const CancelEntry &entry, Time now);
  void apply(const AbortEntry &entry, Time now);
  void apply(const wire::Decision &decision, Time now);
  void finish_command(const wire::ClientId &client, uint64_t seq, Reply reply);
  void leave_group(const wire::ClientId &client, Time now);
  bool may_use(const wire::Token &token, const wire::ClientId &client) const;
  void granted(const std::vector<LockTable::Grant> &grants, Time now);
  void open_barriers();

  // Deciding. `only`: of all that are complete, nothing else can have come to its turn.
  void advance(Time now, const UpdateKey *only = nullptr);
  bool lets_others_go(const UpdateKey &decided, uint64_t slowest_before, bool initialised_before) const;
  void give_up_pending(const UpdateKey &key);
  bool refuse_tokens(const UpdateKey &key, Time now);
  bool decide_one(const UpdateKey &key, Time now);
  bool decide_round(Time now);
  void refuse_update(const UpdateKey &key, const Pending &pending, ngd_status status, std::string text,
                     Time now);
  void decide(wire::Decision decision, Time now);
  bool may_decide() const;
  // Workers that are there: all, or those of one consistency.
  std::vector<wire::ClientId> workers(std::optional<wire::Consistency> consistency = std::nullopt) const;
  void count_group();
  // Whether a worker of consistency=stale must wait for the slowest.
  bool too_far_ahead(const Session &session) const;
  // Whether an update before this one, which happens first, is still to be decided.
  static bool earlier_is_open(const Session &session, const UpdateKey &key, const StagedPart &part);
  uint64_t slowest(wire::Consistency consistency) const;

  // Answers.
  Session *session_of(const From &from, const wire::Envelope &envelope, Time now);
  void answer(const wire::ClientId &client, const Answer &answer);
  void refuse(Peer peer, const wire::Envelope &envelope, ngd_status status, wire::Refused::Retry retry,
              std::string text, uint32_t attempt = 0, Time asked = 0);
  void answer_or_hold(Waiting waiting, Time now);
  bool try_read(const Waiting &waiting, Time now);
  bool waits_for_pin(const Waiting &waiting) const;  // of the one version that can be
  void serve_waiting(Time now);
  void expire_pins(Time now);
  void forget_volatile();
  void stream(uint32_t index, Time now);
  void stream_soon(uint32_t index, Time now);
  void stream_all(Time now);
  bool undelivered(uint32_t index, const UpdateKey &key, const Session *session) const;
  void count_followers();

  const uint32_t shards_;
  const NodeOptions &options_;
  RootHost &host_;
  LogObserver *observer_ = nullptr;

  // Replicated.
  uint64_t index_ = 0;  // of the log; tokens are indices
  uint64_t lineage_ = 0, version_ = 0, number_ = 0, ceiling_ = 0;
  bool initialised_ = false;
  bool begun_ = false;  // as many workers as asked for have joined
  std::map<wire::ClientId, Session> sessions_;
  Group group_;  // of the sessions, which say it all
  LockTable locks_;
  Values values_;
  Partitions partitions_;
  Barriers barriers_;

  // Volatile.
  std::map<UpdateKey, Pending> pending_;
  std::map<uint64_t, UpdateKey> complete_;        // by their turn
  std::map<wire::ClientId, size_t> complete_of_;  // how many of each client
  uint64_t turns_ = 0;
  std::map<std::pair<wire::ClientId, uint64_t>, std::pair<Peer, wire::Envelope>> reply_to_;
  std::map<std::pair<wire::ClientId, uint64_t>, Time> command_until_;
  std::deque<Waiting> waiting_;
  Time give_up_at_ = kNever;              // when one of those is to be told that it waited in vain
  size_t waiting_others_ = 0;             // of those, all but reads that wait for a version to be kept for them
  std::map<uint64_t, Pin> pins_;          // by version
  std::deque<wire::Decision> decisions_;  // those that not all shards have applied
  struct Follower {
    uint64_t applied = 0, sent = 0;
    Time resend = kNever;
    Time spoken = 0;    // when it was last told something
    bool more = false;  // that was not all: the rest follows its answer
  };
  std::vector<Follower> followers_;
  uint64_t behind_ = 0, at_behind_ = 0;  // what the slowest followers have applied, and how many they are
  Time stream_at_ = kNever;              // then some are told what they were not told at once
  Time wakeup_ = kNever, scan_at_ = 0;
  bool advancing_ = false;
  bool applying_ = false;
};

}  // namespace ngd::cluster
