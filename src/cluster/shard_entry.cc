// Entries of a root's log between the form in which they happen and that in which they are kept.
#include "cluster/shard_entry.h"

#include "base/error.h"

namespace ngd::cluster {
namespace {

using Kind = ShardEntry::Kind;

ShardEntry of(const OpenEntry &entry) {
  ShardEntry out;
  out.kind = Kind::open;
  out.client = entry.client;
  out.user = entry.user;
  out.open = entry.open;
  return out;
}
ShardEntry of(const PresenceEntry &entry) {
  ShardEntry out;
  out.kind = Kind::presence;
  out.client = entry.client;
  out.flag = entry.present;
  return out;
}
ShardEntry of(const EndEntry &entry) {
  ShardEntry out;
  out.kind = Kind::end;
  out.client = entry.client;
  return out;
}
ShardEntry of(const CommandEntry &entry) {
  ShardEntry out;
  out.kind = Kind::command;
  out.client = entry.client;
  out.seq = entry.seq;
  out.command = entry.command;
  out.bytes = entry.payload;
  return out;
}
ShardEntry of(const CancelEntry &entry) {
  ShardEntry out;
  out.kind = Kind::cancel;
  out.client = entry.client;
  out.seq = entry.seq;
  return out;
}
ShardEntry of(const AbortEntry &entry) {
  ShardEntry out;
  out.kind = Kind::abort;
  out.client = entry.key.client;
  out.user = entry.key.user;
  out.seq = entry.key.seq;
  out.attempt = entry.attempt;
  out.status = entry.status;
  out.flag = entry.second_initial;
  out.text = entry.text;
  return out;
}
ShardEntry of(const wire::Decision &decision) {
  ShardEntry out;
  out.kind = Kind::decide;
  out.decision = decision;
  return out;
}

}  // namespace

ShardEntry shard_entry(const RootEntry &entry) {
  return std::visit([](const auto &one) { return of(one); }, entry);
}

RootEntry root_entry(ShardEntry entry) {
  switch (entry.kind) {
    case Kind::open:
      return OpenEntry{entry.client, entry.user, entry.open};
    case Kind::presence:
      return PresenceEntry{entry.client, entry.flag};
    case Kind::end:
      return EndEntry{entry.client};
    case Kind::command:
      return CommandEntry{entry.client, entry.seq, std::move(entry.command), std::move(entry.bytes)};
    case Kind::cancel:
      return CancelEntry{entry.client, entry.seq};
    case Kind::abort:
      return AbortEntry{{entry.client, entry.user, entry.seq},
                        entry.attempt,
                        static_cast<ngd_status>(entry.status),
                        entry.flag,
                        std::move(entry.text)};
    case Kind::decide:
      return std::move(entry.decision);
    default:
      fail(NGD_E_PROTOCOL, "an entry of kind ", static_cast<int>(entry.kind), " does not belong to a root");
  }
}

}  // namespace ngd::cluster
