// What the records of a shard's log hold: fields of the entries, in the order of their slots; see wire/fields.h.
#pragma once

#include "cluster/checkpoint.h"
#include "cluster/root.h"
#include "wire/fields.h"
#include "wire/table.h"

namespace ngd::cluster {

// The first record of a file that a reader may start at.
struct BaseEntry {
  bool begins = false;    // a lineage begins; else it goes on
  bool from_log = false;  // ... with what the records before have made: no checkpoint, nobody starts here
  uint64_t after = 0;     // from_log: the last of those
  uint64_t lineage = 0, version = 0, number = 0;
  uint32_t slot = wire::kNoSlot;
  uint64_t generation = 0;
  uint32_t files = 0;
  bool initialised = false;
  std::vector<wire::Token> seals;
  uint64_t life =
      0;  // of the server that began the checkpoint; another one may have begun one of the same number
  uint64_t staged = 0;  // parts of updates under way that follow, and belong to it
};
struct StagedEntry {  // the payload is that of the push
  wire::ClientId client;
  uint64_t user = 0, seq = 0;
  wire::Push push;
};
struct DroppedEntry {
  wire::ClientId client;
  uint64_t user = 0, seq = 0;
  uint32_t attempt = 0;
};

struct DigestEntry {  // of a part of the state, see Shard::State::digest_of
  uint64_t version = 0;
  uint64_t first = 0, bytes = 0;
  bool rest = false;
  uint64_t total = 0;
  uint32_t sum = 0;
};

struct MemoriesEntry {
  std::vector<uint64_t> incarnations;
};

template <class F>
void fields(F &f, DigestEntry &x) {
  f.number(x.version);
  f.number(x.first);
  f.number(x.bytes);
  f.flag(x.rest);
  f.number(x.total);
  f.number(x.sum);
}
template <class F>
void fields(F &f, MemoriesEntry &x) {
  f.numbers(x.incarnations, wire::kShards);
}
template <class F>
void fields(F &f, Manifest &x) {
  f.number(x.slot);
  f.number(x.generation);
  f.number(x.version);
  f.number(x.lineage);
  f.number(x.ceiling);
  f.flag(x.initialised);
  f.tables(x.seals, wire::kLocks);
  f.tables(x.files, wire::kShards);
}
template <class F>
void fields(F &f, BaseEntry &x) {
  f.flag(x.begins);
  f.flag(x.from_log);
  f.number(x.lineage);
  f.number(x.version);
  f.number(x.number);
  f.number(x.slot);
  f.number(x.generation);
  f.number(x.files);
  f.flag(x.initialised);
  f.tables(x.seals, wire::kLocks);
  f.number(x.after);
  f.number(x.life);
  f.number(x.staged);
}
template <class F>
void fields(F &f, StagedEntry &x) {
  f.table(x.client);
  f.number(x.user);
  f.number(x.seq);
  f.table(x.push);
}
template <class F>
void fields(F &f, DroppedEntry &x) {
  f.table(x.client);
  f.number(x.user);
  f.number(x.seq);
  f.number(x.attempt);
}
template <class F>
void fields(F &f, OpenEntry &x) {
  f.table(x.client);
  f.number(x.user);
  f.table(x.open);
}
template <class F>
void fields(F &f, PresenceEntry &x) {
  f.table(x.client);
  f.flag(x.present);
}
template <class F>
void fields(F &f, EndEntry &x) {
  f.table(x.client);
}
template <class F>
void fields(F &f, CommandEntry &x) {
  f.table(x.client);
  f.number(x.seq);
  f.table(x.command);
  f.blob(x.payload, wire::kValueBytes);
}
template <class F>
void fields(F &f, CancelEntry &x) {
  f.table(x.client);
  f.number(x.seq);
}
template <class F>
void fields(F &f, AbortEntry &x) {
  f.table(x.key.client);
  f.number(x.key.user);
  f.number(x.key.seq);
  f.number(x.attempt);
  f.number(x.status);
  f.flag(x.second_initial);
  f.text(x.text, wire::kLongTextBytes);
}

// Of a record's body.
template <class T>
T entry_of(std::span<const std::byte> body) {
  T entry;
  wire::read_bytes(body, "log record", wire::kDepth, wire::kTablesOfLists, entry);
  return entry;
}

}  // namespace ngd::cluster
