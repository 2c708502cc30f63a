// The fields of each body, in the order of their slots in its FlatBuffers table: one description for writing and reading.
//
// A field keeps its slot for ever; new ones go to the end, so that neighbouring versions understand each other.
#pragma once

#include "wire/limits.h"
#include "wire/message.h"

namespace ngd::wire {

template <class F>
void fields(F &f, ClientId &x) {
  f.number(x.high);
  f.number(x.low);
}
template <class F>
void fields(F &f, Initial &x) {
  f.choice(x.kind, Initial::Kind::normal);
  f.number(x.scale);
  f.number(x.seed);
}
template <class F>
void fields(F &f, TensorSpec &x) {
  f.text(x.name, kTextBytes);
  f.numbers(x.shape, kRank);
  f.flag(x.table);
  f.table(x.initial);
}
template <class F>
void fields(F &f, GroupSpec &x) {
  f.text(x.name, kTextBytes);
  f.text(x.pattern, kTextBytes);
  f.text(x.options, kLongTextBytes);
}
template <class F>
void fields(F &f, ModelSpec &x) {
  f.text(x.name, kTextBytes);
  f.text(x.optimizer, kLongTextBytes);
  f.tables(x.groups, 64);
  f.tables(x.tensors, kTensors);
  f.number(x.shards);
  f.flag(x.aggregate_sum);
  f.flag(x.average_rows);
}
template <class F>
void fields(F &f, Piece &x) {
  f.number(x.tensor);
  f.number(x.first);
  f.number(x.count);
}
template <class F>
void fields(F &f, ShardPlace &x) {
  f.number(x.shard);
  f.number(x.node);
  f.number(x.epoch);
  f.tables(x.pieces, kTensors);
  f.numbers(x.replicas, kReplicas);
  f.numbers(x.in_sync, kReplicas);
  f.flag(x.lead);
}
template <class F>
void fields(F &f, ModelPlace &x) {
  f.number(x.model);
  f.number(x.lineage);
  f.table(x.spec);
  f.tables(x.shards, kShards);
}
template <class F>
void fields(F &f, NodePlace &x) {
  f.number(x.node);
  f.number(x.incarnation);
  f.text(x.address, kLongTextBytes);
  f.text(x.server_key, kTextBytes);
  f.text(x.zone, kTextBytes);
  f.flag(x.drained);
  f.flag(x.alive);
  f.number(x.features);
}
template <class F>
void fields(F &f, Arrange &x) {
  f.choice(x.kind, Arrange::Kind::balance);
  f.number(x.node);
  f.text(x.model, kTextBytes);
  f.number(x.shard);
  f.number(x.count);
  f.numbers(x.nodes, kReplicas);
}

template <class F>
void fields(F &f, Hello &x) {
  f.number(x.protocol);
}
template <class F>
void fields(F &f, Welcome &x) {
  f.number(x.node);
  f.number(x.incarnation);
  f.text(x.cluster, kTextBytes);
  f.number(x.map_revision);
}
template <class F>
void fields(F &f, GetMap &x) {
  f.text(x.model, kTextBytes);
  f.number(x.revision);
}
template <class F>
void fields(F &f, Map &x) {
  f.number(x.revision);
  f.tables(x.nodes, kNodes);
  f.tables(x.models, kModels);
}
template <class F>
void fields(F &f, CreateModel &x) {
  f.table(x.spec);
}

template <class F>
void fields(F &f, Open &x) {
  f.choice(x.consistency, Consistency::bulk);
  f.number(x.bound);
  f.number(x.workers);
  f.flag(x.worker);
  f.number(x.lease_us);
}
template <class F>
void fields(F &f, Opened &x) {
  f.number(x.lineage);
  f.number(x.version);
  f.number(x.last_seq);
  f.flag(x.initialised);
  f.number(x.session);
}
template <class F>
void fields(F &, KeepAlive &) {}
template <class F>
void fields(F &f, Alive &x) {
  f.number(x.version);
}
template <class F>
void fields(F &, Close &) {}

template <class F>
void fields(F &f, TensorPart &x) {
  f.number(x.tensor);
  f.number(x.rows);
  f.flag(x.all_rows);
  f.choice(x.coding, Coding::sparse);
  f.number(x.entries);
  f.number(x.gap_bytes);
}
template <class F>
void fields(F &f, Token &x) {
  f.text(x.lock, kTextBytes);
  f.number(x.token);
}
template <class F>
void fields(F &f, Progress &x) {
  f.text(x.set, kTextBytes);
  f.number(x.number);
  f.number(x.token);
  f.number(x.offset);
  f.flag(x.finish);
  f.blob(x.note, kNoteBytes);
}
template <class F>
void fields(F &f, Push &x) {
  f.choice(x.kind, UpdateKind::delta);
  f.number(x.attempt);
  f.number(x.after);
  f.number(x.base_version);
  f.number(x.lineage);
  f.flag(x.pull);
  f.tables(x.tokens, kTokens);
  f.tables(x.tensors, kTensors);
  f.flag(x.poll);
  f.number(x.session);
  f.tables(x.progress, kProgress);
  f.tables(x.wanted, kTensors);
  f.numbers(x.wanted_rows, kWantedRows);
  f.choice(x.pulls, Coding::fp16);
}
template <class F>
void fields(F &f, Pushed &x) {
  f.number(x.version);
  f.flag(x.applied);
  f.number(x.values_version);
  f.tables(x.tensors, kTensors);
  f.choice(x.coding, Coding::fp16);
}
template <class F>
void fields(F &f, Pull &x) {
  f.number(x.version);
  f.number(x.min_version);
  f.number(x.lineage);
  f.number(x.wait_us);
  f.tables(x.tensors, kTensors);
  f.flag(x.confirm);
  f.choice(x.coding, Coding::fp16);
}
template <class F>
void fields(F &f, Pulled &x) {
  f.number(x.version);
  f.tables(x.tensors, kTensors);
  f.choice(x.coding, Coding::fp16);
}
template <class F>
void fields(F &f, ReadPoint &x) {
  f.flag(x.pin);
  f.number(x.lineage);
  f.number(x.wait_us);
  f.flag(x.confirm);
}
template <class F>
void fields(F &f, Point &x) {
  f.number(x.version);
  f.number(x.lineage);
  f.flag(x.initialised);
}
template <class F>
void fields(F &f, ReadDone &x) {
  f.number(x.version);
}

template <class F>
void fields(F &f, NamedValue &x) {
  f.text(x.name, kTextBytes);
  f.number(x.bytes);
  f.number(x.expected);
}
template <class F>
void fields(F &f, Command &x) {
  f.choice(x.kind, CommandKind::finish);
  f.text(x.name, kTextBytes);
  f.number(x.number);
  f.number(x.count);
  f.number(x.token);
  f.number(x.offset);
  f.number(x.expected);
  f.flag(x.exclusive);
  f.number(x.wait_us);
  f.number(x.lineage);
  f.tables(x.tokens, kTokens);
  f.number(x.session);
  f.tables(x.values, kValuesTogether);
}
template <class F>
void fields(F &f, Query &x) {
  f.choice(x.kind, QueryKind::blob);
  f.text(x.name, kTextBytes);
  f.number(x.known);
  f.number(x.wait_us);
  f.number(x.lineage);
}
template <class F>
void fields(F &f, Done &x) {
  f.number(x.version);
  f.number(x.number);
  f.number(x.token);
  f.number(x.offset);
  f.text(x.text, kLongTextBytes);
}

template <class F>
void fields(F &f, Staged::Part &x) {
  f.table(x.client);
  f.number(x.seq);
  f.number(x.user);
  f.number(x.attempt);
}
template <class F>
void fields(F &f, Staged &x) {
  f.number(x.index);
  f.number(x.attempt);
  f.number(x.lineage);
  f.number(x.user);
  f.tables(x.more, kStagedParts);
}
template <class F>
void fields(F &f, Dropped &x) {
  f.number(x.attempt);
  f.number(x.lineage);
  f.number(x.user);
}
template <class F>
void fields(F &f, Decision::Entry &x) {
  f.table(x.client);
  f.number(x.user);
  f.number(x.seq);
  f.number(x.attempt);
}
template <class F>
void fields(F &f, Decision &x) {
  f.choice(x.kind, Decision::Kind::checkpoint);
  f.number(x.number);
  f.number(x.version);
  f.choice(x.update, UpdateKind::delta);
  f.flag(x.aggregate);
  f.tables(x.entries, kDecisions * kWindow);
  f.table(x.seal);
  f.number(x.rate);
  f.number(x.slot);
  f.number(x.generation);
  f.number(x.kept);
  f.text(x.options, kLongTextBytes);
}
template <class F>
void fields(F &f, Decide &x) {
  f.number(x.lineage);
  f.tables(x.decisions, kDecisions);
}
template <class F>
void fields(F &f, Applied &x) {
  f.number(x.index);
  f.number(x.lineage);
  f.number(x.number);
}
template <class F>
void fields(F &f, Announce &x) {
  f.number(x.index);
  f.number(x.incarnation);
  f.number(x.lineage);
}
template <class F>
void fields(F &f, SavedFile &x) {
  f.number(x.bytes);
  f.text(x.checksum, kTextBytes);
}
template <class F>
void fields(F &f, Restore &x) {
  f.number(x.lineage);
  f.number(x.base_version);
  f.number(x.slot);
  f.number(x.generation);
  f.number(x.files);
  f.flag(x.initialised);
  f.tables(x.seals, kLocks);
  f.flag(x.resume);
  f.tables(x.saved, kShards);
}
template <class F>
void fields(F &f, Restored &x) {
  f.number(x.index);
  f.number(x.incarnation);
  f.number(x.lineage);
  f.number(x.status);
  f.text(x.text, kLongTextBytes);
}
template <class F>
void fields(F &f, Saved &x) {
  f.number(x.index);
  f.number(x.lineage);
  f.number(x.generation);
  f.number(x.bytes);
  f.text(x.checksum, kTextBytes);
  f.number(x.status);
  f.text(x.text, kLongTextBytes);
}
template <class F>
void fields(F &f, Refused &x) {
  f.number(x.status);
  f.choice(x.retry, Refused::Retry::attempt);
  f.number(x.epoch);
  f.number(x.lineage);
  f.number(x.attempt);
  f.text(x.text, kLongTextBytes);
  f.number(x.node);
}

template <class F>
void fields(F &f, LogMark &x) {
  f.number(x.epoch);
  f.number(x.control);
  f.number(x.payload);
}
template <class F>
void fields(F &f, Append &x) {
  f.number(x.epoch);
  f.number(x.sender);
  f.number(x.incarnation);
  f.number(x.after);
  f.number(x.after_epoch);
  f.number(x.committed);
  f.number(x.sent_us);
  f.tables(x.entries, kLogEntries);
}
template <class F>
void fields(F &f, Appended &x) {
  f.number(x.epoch);
  f.number(x.incarnation);
  f.number(x.last);
  f.number(x.sent_us);
}
template <class F>
void fields(F &f, Join &x) {
  f.number(x.incarnation);
  f.number(x.last);
  f.number(x.last_epoch);
  f.number(x.snapshot);
  f.number(x.offset);
}
template <class F>
void fields(F &f, Handed &x) {
  f.number(x.epoch);
}
template <class F>
void fields(F &f, Transfer &x) {
  f.number(x.epoch);
  f.number(x.sender);
  f.number(x.incarnation);
  f.number(x.index);
  f.number(x.index_epoch);
  f.number(x.offset);
  f.number(x.total);
}

template <class F>
void fields(F &f, Fetch &x) {
  f.flag(x.manifest);
  f.number(x.slot);
  f.number(x.index);
  f.number(x.files);
  f.text(x.checksum, kTextBytes);
  f.number(x.offset);
}
template <class F>
void fields(F &f, Fetched &x) {
  f.table(x.asked);
  f.flag(x.there);
  f.number(x.total);
}

}  // namespace ngd::wire
