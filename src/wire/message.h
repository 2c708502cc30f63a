// What clients and servers say to each other, as C++ structs. codec.h turns them into control bytes and back.
//
// A message is an envelope (which travels in the fixed header), one body (FlatBuffers) and a payload: raw tensors, as a
// list of buffers that count as one run of bytes; where one buffer ends and the next begins means nothing.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/state.h"
#include "ngd/error.h"
#include "wire/bytes.h"

namespace ngd::wire {

// 128 random bits; one for each client handle. Zero: a server speaks.
struct ClientId {
  uint64_t high = 0, low = 0;
  auto operator<=>(const ClientId &) const = default;
};

// What the fixed header carries.
struct Envelope {
  ClientId client;   // whose request this is, in the answer too
  uint64_t seq = 0;  // of an update: counted from 1 in each session; of a read: a number of the client's choice
  uint64_t epoch = 0;  // of the shard as the sender knows it; 0: not known
  uint32_t shard = 0;  // number of the shard in the cluster, from 1; 0: the node itself
};

// --- the map ----------------------------------------------------------------------------------------------------

// How the untouched rows of a table, or a whole tensor that nobody initialises, begin.
struct Initial {
  enum class Kind : uint8_t { zero, constant, uniform, normal };
  Kind kind = Kind::zero;
  float scale = 0;  // the constant; half the width of the uniform; the standard deviation
  uint64_t seed = 0;
};

struct TensorSpec {
  std::string name;
  Shape shape;
  bool table = false;  // rows that are created as they are first touched; rank 2
  Initial initial;
};

struct GroupSpec {  // as ngd_optimizer_add_group
  std::string name, pattern, options;
};

struct ModelSpec {
  std::string name;
  std::string optimizer;  // "adam:learning_rate=0.1"
  std::vector<GroupSpec> groups;
  std::vector<TensorSpec> tensors;
  uint32_t shards = 1;
  bool aggregate_sum = false;  // bulk-synchronous gradients: their sum; else their mean
  // Bulk-synchronous deltas: of each row of a table the mean of those that have it; else their sum.
  bool average_rows = false;
};

// Elements [first, first + count) of a tensor lie on a shard; of a table they are whole rows.
struct Piece {
  uint32_t tensor = 0;
  uint64_t first = 0, count = 0;
};

struct ShardPlace {
  uint32_t shard = 0;  // its number in the cluster
  uint32_t node = 0;
  uint64_t epoch = 0;
  std::vector<Piece> pieces;       // at most one of a tensor, by tensor
  std::vector<uint32_t> replicas;  // nodes that are to have a copy
  std::vector<uint32_t> in_sync;   // nodes that have it; `node`, which leads, is the first
  bool lead = false;               // replicas.front() is to lead
};

// shards[0] is the root: the order of versions, sessions, locks, values and partitions live there.
struct ModelPlace {
  uint32_t model = 0;
  uint64_t lineage = 0;  // grows when a model goes back to a checkpoint
  ModelSpec spec;
  std::vector<ShardPlace> shards;
};

struct NodePlace {
  uint32_t node = 0;  // from 1
  uint64_t incarnation = 0;
  std::string address;
  std::string server_key;  // Z85, empty without encryption
  std::string zone;        // what fails together with it; empty: it alone
  bool drained = false;    // it is to have no shards
  bool alive = false;      // as far as the coordinator knows
  uint64_t features = 0;   // kFeatures of its build
};
// What a server can do that not all before it could.
inline constexpr uint64_t kCodedUpdates = 1;
inline constexpr uint64_t kFeatures = kCodedUpdates;

// --- node -------------------------------------------------------------------------------------------------------

struct Hello {
  uint32_t protocol = 1;
};
struct Welcome {
  uint32_t node = 0;
  uint64_t incarnation = 0;
  std::string cluster;
  uint64_t map_revision = 0;
};
struct GetMap {
  std::string model;  // empty: all
  uint64_t revision =
      0;  // of the map that is known: the answer says nothing where it is the newest, and one follows when
          // there is a newer
};
struct Map {
  uint64_t revision = 0;
  std::vector<NodePlace> nodes;
  std::vector<ModelPlace> models;
};
struct Arrange {  // answered by Map, when it has been written down; it happens after that
  enum class Kind : uint8_t {
    drain,     // `node` is to have no shards
    undrain,   // it may have some again
    replicas,  // `model` is to have `count` of each shard
    move,      // `shard` of `model` is to be on `nodes`, led by the first
    balance,   // shards go to where there is room
  } kind = Kind::drain;
  uint32_t node = 0;
  std::string model;
  uint32_t shard = 0;  // its index
  uint32_t count = 0;
  std::vector<uint32_t> nodes;
};
struct CreateModel {  // answered by Map; a model of that name with the same spec counts as created
  ModelSpec spec;
};

// --- session, at the root ---------------------------------------------------------------------------------------

enum class Consistency : uint8_t { asynchronous, stale, bulk };

struct Open {
  Consistency consistency = Consistency::asynchronous;
  uint32_t bound = 0;    // stale: how many updates a worker may be ahead of the slowest
  uint32_t workers = 0;  // bulk and stale: do not begin before so many have joined
  bool worker = true;    // false: reads, values and locks only; never waited for
  uint64_t lease_us = 0;
};
struct Opened {
  uint64_t lineage = 0;
  uint64_t version = 0;
  uint64_t last_seq = 0;  // highest that this session has used
  bool initialised = false;
  uint64_t session = 0;  // goes with every update and command: what was sent in an earlier session is refused
};
struct KeepAlive {};
struct Alive {
  uint64_t version = 0;
};
struct Close {};

// --- parameters -------------------------------------------------------------------------------------------------

// How numbers travel; cluster/coding.h says what their bytes are.
enum class Coding : uint8_t { float32, bf16, fp16, block8, sparse };

// Part of an update or of a read on one shard. Dense: the whole piece. Rows of a table: `rows` numbers of the table's
// rows (rising uint32), then their data; in a pull only the numbers. all_rows: every row of the piece (pull only).
struct TensorPart {
  uint32_t tensor = 0;
  uint32_t rows = 0;
  bool all_rows = false;
  // Of an update, gradients and deltas alone. Rows, and the places of sparse numbers, are written as gaps then.
  Coding coding = Coding::float32;
  uint64_t entries = 0;    // sparse: how many numbers
  uint64_t gap_bytes = 0;  // behind the numbers
};

enum class UpdateKind : uint8_t { initial, gradient, value, delta };

struct Token {  // of a lock that the sender holds
  std::string lock;
  uint64_t token = 0;
};

// How far an update brings a partition of the data: it happens with the update or not at all, and an update is refused
// whose sender does not own the partition any more. Only the root is told.
struct Progress {
  std::string set;
  uint64_t number = 0;
  uint64_t token = 0;  // of the claim
  uint64_t offset = 0;
  bool finish = false;
  std::string note;  // what whoever looks at the partition is told
};
inline constexpr size_t kProgress = 64;     // partitions in one update
inline constexpr size_t kNoteBytes = 4096;  // of a partition

// One shard's part of an update. It goes to every shard of the model, with the same seq; the root answers Pushed when
// all shards have it and it has its version.
struct Push {
  UpdateKind kind = UpdateKind::gradient;
  bool poll = false;     // only asks after an update whose parts are there: no tensors
  uint32_t attempt = 0;  // grows when the root had given the update up
  uint64_t after = 0;  // the sender's last update before this one that has no answer yet; they happen in order
  uint64_t base_version = 0;  // bulk: the version on which the gradient was computed
  uint64_t lineage = 0;
  bool pull = false;  // push_pull of a model of one shard: the answer carries these tensors, dense ones whole
  std::vector<Token> tokens;
  std::vector<TensorPart> tensors;
  uint64_t session = 0;  // see Opened
  std::vector<Progress> progress;
  // The same for a part of the tensors, with rows of tables: their numbers stand one tensor's after another's.
  std::vector<TensorPart> wanted;
  std::vector<uint32_t> wanted_rows;
  Coding pulls = Coding::float32;  // as in Pull, of what the answer carries
};
struct Pushed {
  uint64_t version = 0;
  bool applied = true;              // false: an initial value that came second; the model has the first
  uint64_t values_version = 0;      // push_pull: of the values that come with it, not below version
  std::vector<TensorPart> tensors;  // push_pull: what the payload holds
  Coding coding = Coding::float32;  // and how
};

// A read of one shard. version 0: the newest, at least min_version; else exactly that one, waited for if it is to come.
struct Pull {
  uint64_t version = 0;
  uint64_t min_version = 0;
  uint64_t lineage = 0;
  uint64_t wait_us = 0;  // how long the server may hold the request
  std::vector<TensorPart> tensors;
  bool confirm =
      false;  // all replicas are asked first whether this one still leads, instead of trusting its clock
  Coding coding = Coding::float32;  // bf16, fp16: numbers may come so
};
struct Pulled {
  uint64_t version = 0;
  std::vector<TensorPart> tensors;
  Coding coding = Coding::float32;  // how they come
};

// Asks the root for a version at which all shards can be read; the shards keep it until ReadDone or 5 s.
// pin false: only tells the version, waiting as the session's consistency demands.
struct ReadPoint {
  bool pin = true;
  uint64_t lineage = 0;
  uint64_t wait_us = 0;
  bool confirm = false;  // as in Pull
};
struct Point {
  uint64_t version = 0;
  uint64_t lineage = 0;
  bool initialised = false;
};
struct ReadDone {
  uint64_t version = 0;
};

// --- commands at the root: each has a seq and happens exactly once --------------------------------------------

enum class CommandKind : uint8_t {
  // name, payload, expected: version that it must have (0: none yet; kAny: whatever) -> number: new version, offset: of a
  // setting of the optimizer the version of the model from which it counts, else 0. With `values` all those or none
  set_value,
  lock,        // name, exclusive, wait_us -> token; waits its turn
  unlock,      // name, token
  barrier,     // name, count (0: all workers) -> number: how often it has opened
  partitions,  // name: of the set, count: how many; the first call makes them
  claim,  // name: of the set; number: which, or kAny -> number, token, offset, payload: the last owner's blob
  progress,  // name, number, token, offset, payload: blob -> renews too
  yield,     // name, number, token, offset, payload: gives the partition back
  finish,    // name, number, token: it is done for this pass
};
inline constexpr uint64_t kAny = ~uint64_t{0};

struct NamedValue {  // one of several that a command sets together
  std::string name;
  uint64_t bytes = 0;  // of the payload
  uint64_t expected = kAny;
};
inline constexpr size_t kValuesTogether = 256;

struct Command {
  CommandKind kind = CommandKind::set_value;
  std::string name;
  uint64_t number = 0;
  uint64_t count = 0;
  uint64_t token = 0;
  uint64_t offset = 0;
  uint64_t expected = kAny;
  bool exclusive = true;
  uint64_t wait_us = 0;
  uint64_t lineage = 0;
  std::vector<Token> tokens;
  uint64_t session = 0;  // see Opened
  std::vector<NamedValue> values;
};
// partitions: name of the set -> the payload is a PartitionSet of cluster/commons.h without the blobs
// blob: name of the set, known: which partition -> the payload is the blob that its owner left
enum class QueryKind : uint8_t { value, status, partitions, blob };
struct Query {
  QueryKind kind = QueryKind::value;
  std::string name;
  uint64_t known = 0;  // value: answer when its version is above this one
  uint64_t wait_us = 0;
  uint64_t lineage = 0;
};
struct Done {            // the answer to Command and Query; what the fields mean stands with the kind
  uint64_t version = 0;  // of the model
  uint64_t number = 0;
  uint64_t token = 0;
  uint64_t offset = 0;
  std::string text;
};

// --- between the shards of a model ------------------------------------------------------------------------------

struct Staged {  // shard -> root: I have its part
  struct Part {  // and those of these updates
    ClientId client;
    uint64_t seq = 0;
    uint64_t user = 0;
    uint32_t attempt = 0;
  };
  uint32_t index = 0;  // of the shard in the model
  uint32_t attempt = 0;
  uint64_t lineage = 0;
  uint64_t user = 0;  // From::user of the one who sent it
  std::vector<Part> more;
};
struct Dropped {  // root -> shard: forget that part, if it is of this attempt or one before
  uint32_t attempt = 0;
  uint64_t lineage = 0;
  uint64_t user = 0;
};
struct Decision {
  enum class Kind : uint8_t { apply, seal, pin, unpin, checkpoint };
  struct Entry {
    ClientId client;
    uint64_t user = 0;
    uint64_t seq = 0;
    uint32_t attempt = 0;
  };
  Kind kind = Kind::apply;
  uint64_t number = 0;   // counted from 1 in each lineage, without a gap
  uint64_t version = 0;  // apply: the version that it makes; else: the one at which it happens
  UpdateKind update = UpdateKind::gradient;
  bool aggregate = false;  // bulk: the entries make one step together
  std::vector<Entry> entries;
  Token seal;               // seal: from now on lower tokens of that lock are refused
  double rate = 0;          // the learning rate of this step; 0: the optimizer's own
  uint32_t slot = 0;        // checkpoint: which of the two
  uint64_t generation = 0;  // checkpoint: which one
  uint64_t kept = 0;        // checkpoint: the newest that is whole; logs of before it are not needed any more
  std::string options;      // gradients: what the optimizer's options are in this step, see cluster/settings.h
};
struct Decide {  // root -> shard
  uint64_t lineage = 0;
  std::vector<Decision> decisions;
};
struct Applied {  // shard -> root: everything up to `number` has happened here
  uint32_t index = 0;
  uint64_t lineage = 0;
  uint64_t number = 0;
};
struct Announce {  // shard -> root: who I am; again until restored
  uint32_t index = 0;
  uint64_t incarnation = 0;
  uint64_t lineage = 0;
};
struct SavedFile {  // one shard's part of a checkpoint
  uint64_t bytes = 0;
  std::string checksum;
};
struct Restore {  // root -> shard: go to this lineage, from that checkpoint (slot kNoSlot: begin empty)
  uint64_t lineage = 0;
  uint64_t base_version = 0;  // what the restored state is called from now on
  uint32_t slot = 0;
  uint64_t generation = 0;
  uint32_t files = 0;  // shards that the model had then
  bool initialised = false;
  std::vector<Token> seals;
  bool resume = false;           // the lineage goes on: be where your own log ends
  std::vector<SavedFile> saved;  // what the files must be; empty: whatever has the generation
};
inline constexpr uint32_t kNoSlot = 2;
struct Restored {
  uint32_t index = 0;
  uint64_t incarnation = 0;
  uint64_t lineage = 0;
  int32_t status = 0;  // not NGD_OK: it cannot
  std::string text;
};
struct Saved {  // shard -> root: my file of that checkpoint is on the disk
  uint32_t index = 0;
  uint64_t lineage = 0;
  uint64_t generation = 0;
  uint64_t bytes = 0;
  std::string checksum;
  int32_t status = 0;  // not NGD_OK: it is not
  std::string text;
};

// --- between the replicas of a shard: see cluster/replica.h -----------------------------------------------------

struct LogMark {  // one entry of a log, as it lies in the payload: control bytes, then payload bytes
  uint64_t epoch = 0;
  uint64_t control = 0;
  uint64_t payload = 0;
};
struct
    Append {  // primary -> member or learner: the entries that follow `after`, or, without any, a sign of life
  uint64_t epoch = 0;
  uint64_t sender = 0;       // incarnations
  uint64_t incarnation = 0;  // of the receiver: words to an earlier life mean nothing
  uint64_t after = 0, after_epoch = 0;
  uint64_t committed = 0;
  uint64_t sent_us = 0;  // by the primary's clock; comes back in Appended
  std::vector<LogMark> entries;
};
struct Appended {  // the answer: everything up to `last` is here as the primary has it
  uint64_t epoch = 0;
  uint64_t incarnation = 0;
  uint64_t last = 0;
  uint64_t sent_us = 0;
};
struct Join {  // learner -> primary: what I hold (0: nothing), and which part of a snapshot I want
  uint64_t incarnation = 0;
  uint64_t last = 0, last_epoch = 0;
  uint64_t snapshot = 0;  // the index of the one that is under way; 0: any
  uint64_t offset = 0;
};
struct Handed {  // primary -> members: another leads since that epoch; the record tells who
  uint64_t epoch = 0;
};
struct Transfer {  // primary -> learner: bytes of a snapshot; the payload
  uint64_t epoch = 0;
  uint64_t sender = 0;
  uint64_t incarnation = 0;
  uint64_t index = 0, index_epoch = 0;  // the state after this entry
  uint64_t offset = 0, total = 0;
};

// --- between servers: checkpoints on the disk of another, see cluster/fetch.h ------------------------------------

struct Fetch {  // which part of which file do you have; the manifest of a slot is asked for whole
  bool manifest = false;
  uint32_t slot = 0;
  uint32_t index = 0, files = 0;  // of a shard's file
  std::string checksum;           // that it must have
  uint64_t offset = 0;
};
struct Fetched {  // the answer, with the question; the payload is what lies at the offset
  Fetch asked;
  bool there = false;
  uint64_t total = 0;  // bytes of the file
};

// --- refusal ----------------------------------------------------------------------------------------------------

struct Refused {
  enum class Retry : uint8_t {
    never,    // the answer is final, and nothing was changed
    later,    // the same request again, after a pause
    refresh,  // fetch the map, then again
    attempt,  // the update was given up: stage it again with attempt + 1
  };
  ngd_status status = NGD_E_INTERNAL;
  Retry retry = Retry::never;
  uint64_t epoch = 0;    // the server's, where it differs
  uint64_t lineage = 0;  // the server's, where it differs
  uint32_t attempt = 0;  // of Retry::attempt: the one that was given up
  std::string text;
  uint32_t node = 0;  // of Retry::refresh: who leads the shard since that epoch; 0: not known
};

using Body = std::variant<Hello, Welcome, GetMap, Map, CreateModel, Open, Opened, KeepAlive, Alive, Close, Push,
                          Pushed, Pull, Pulled, ReadPoint, Point, ReadDone, Command, Query, Done, Staged,
                          Dropped, Decide, Applied, Announce, Restore, Restored, Saved, Refused, Append,
                          Appended, Join, Transfer, Arrange, Handed, Fetch, Fetched>;

struct Message {
  Envelope envelope;
  Body body;
  std::vector<Bytes> payload;
};

}  // namespace ngd::wire
