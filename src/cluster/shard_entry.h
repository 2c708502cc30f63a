// What a shard's log says, as bytes: everything that changes a shard or its root.
#pragma once

#include <string>
#include <vector>

#include "cluster/checkpoint.h"
#include "cluster/root.h"
#include "wire/fields.h"

namespace ngd::cluster {

struct ShardEntry {
  enum class Kind : uint8_t {
    stage,     // a part of an update is here; its numbers are the payload
    drop,      // it is forgotten
    decision,  // of the root's stream, on another shard
    replace,   // the whole state is another one; the payload
    manifest,  // root: a checkpoint is whole
    memories,  // root: the incarnations of the shards that share this lineage
    open,      // from here on: root, see RootEntry
    presence,
    end,
    command,
    cancel,
    abort,
    decide,
  };
  Kind kind = Kind::stage;
  wire::ClientId client;
  uint64_t user = 0, seq = 0;
  uint32_t attempt = 0;
  bool flag = false;
  int32_t status = 0;
  std::string text, bytes;
  wire::Push push;
  wire::Decision decision;
  wire::Open open;
  wire::Command command;
  Manifest manifest;
  std::vector<uint64_t> numbers;
};

template <class F>
void fields(F &f, ManifestFile &x) {
  f.number(x.bytes);
  f.text(x.checksum, wire::kTextBytes);
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

// Only what a kind has is written.
template <class F>
void fields(F &f, ShardEntry &x) {
  using Kind = ShardEntry::Kind;
  f.choice(x.kind, Kind::decide);
  if (x.kind == Kind::decision || x.kind == Kind::decide) return f.table(x.decision);
  if (x.kind == Kind::replace) return;
  if (x.kind == Kind::manifest) return f.table(x.manifest);
  if (x.kind == Kind::memories) return f.numbers(x.numbers, wire::kShards);
  f.table(x.client);
  f.number(x.user);
  f.number(x.seq);
  f.number(x.attempt);
  if (x.kind == Kind::stage) f.table(x.push);
  if (x.kind == Kind::open) f.table(x.open);
  if (x.kind == Kind::presence) f.flag(x.flag);
  if (x.kind == Kind::command) {
    f.table(x.command);
    f.blob(x.bytes, wire::kValueBytes);
  }
  if (x.kind == Kind::abort) {
    f.number(x.status);
    f.flag(x.flag);
    f.text(x.text, wire::kLongTextBytes);
  }
}

ShardEntry shard_entry(const RootEntry &entry);
// Of the kinds from `open` on.
RootEntry root_entry(ShardEntry entry);

}  // namespace ngd::cluster
