// The root's log: sessions, commands, and what each entry changes.
#include "cluster/root.h"

#include <algorithm>

#include "base/text.h"

namespace ngd::cluster {

using wire::ClientId;
using wire::Decision;
using wire::Refused;

Root::Root(uint32_t shards, const NodeOptions &options, RootHost &host)
    : shards_(shards), options_(options), host_(host), followers_(shards) {}

// --- the log ----------------------------------------------------------------------------------------------------

void Root::submit(RootEntry entry, Time now) {
  if (!applying_) host_.log(entry);
  replay(std::move(entry), now);
}

void Root::replay(RootEntry entry, Time now) {
  const uint64_t index = ++index_;
  // What follows from an entry follows again when it is read again: the log has it not.
  const bool inner = std::exchange(applying_, true);
  std::visit([&](const auto &one) { apply(one, now); }, entry);
  applying_ = inner;
  if (observer_ != nullptr) observer_->applied(lineage_, index, entry);
  if (!applying_) host_.carried_out(now);
}

void Root::apply(const OpenEntry &entry, Time now) {
  const auto [found, fresh] = sessions_.try_emplace(entry.client);
  Session &session = found->second;
  group_.remove(session);
  session.client = entry.client;
  session.user = entry.user;
  if (fresh) session.number = index_;
  session.open = entry.open;
  session.heard = now;
  group_.add(session);
  if (fresh || !session.present) apply(PresenceEntry{entry.client, true}, now);
}

void Root::apply(const PresenceEntry &entry, Time now) {
  const auto found = sessions_.find(entry.client);
  if (found == sessions_.end() || found->second.present == entry.present) return;
  Session &session = found->second;
  group_.remove(session);
  session.present = entry.present;
  if (!entry.present) return leave_group(entry.client, now);
  session.heard = now;
  if (!session.open.worker) return;
  // Who comes later, or again, begins with the slowest of the others: it holds nobody back, and nobody waits for it.
  const uint64_t least = group_.slowest(session.open.consistency);
  if (least != Group::kNobody) session.clock = std::max(session.clock, least);
  group_.add(session);
  if (group_.count() >= group_.required()) begun_ = true;
}

// A dead client's locks go on to the next, its partitions are free, nobody waits for it.
void Root::leave_group(const ClientId &client, Time now) {
  std::vector<LockTable::Grant> grants;
  locks_.remove(client, index_ << kTokenBits, grants);
  partitions_.remove(client);
  barriers_.remove(client);
  Session &session = sessions_.at(client);
  session.waiting.clear();
  granted(grants, now);
  open_barriers();
}

void Root::apply(const EndEntry &entry, Time now) {
  apply(PresenceEntry{entry.client, false}, now);
  sessions_.erase(entry.client);
  const auto erase_of_client = [&](auto &map) {
    const auto from = map.lower_bound({entry.client, 0});
    auto to = from;
    while (to != map.end() && to->first.first == entry.client) ++to;
    map.erase(from, to);
  };
  erase_of_client(reply_to_);
  erase_of_client(command_until_);
  std::vector<std::pair<UpdateKey, uint32_t>> dropped;
  for (auto at = pending_.lower_bound({entry.client, 0, 0});
       at != pending_.end() && at->first.client == entry.client; ++at)
    dropped.emplace_back(at->first, at->second.attempt);
  for (const auto &[key, attempt] : dropped) {
    give_up_pending(key);
    for (uint32_t shard = 0; shard < shards_; shard++)
      host_.send_to_shard(shard, {key.client, key.seq, 0, 0}, wire::Dropped{attempt, lineage_, key.user});
  }
}

void Root::apply(const CommandEntry &entry, Time now) {
  Session &session = sessions_.at(entry.client);
  session.highest = std::max(session.highest, entry.seq);
  const wire::Command &command = entry.command;
  const uint64_t token = index_ << kTokenBits;
  Reply reply;
  std::vector<LockTable::Grant> grants;
  bool opened = false;
  using Kind = wire::CommandKind;
  switch (command.kind) {
    case Kind::set_value:
      for (const wire::Token &held : command.tokens) {
        if (!may_use(held, entry.client) && options_.mutant != Mutant::token_unchecked)
          reply = refusal(NGD_E_FENCED, concat("the lock ", quoted(held.lock), " is not held under token ",
                                               held.token, " any more"));
      }
      if (reply.status == NGD_OK) reply = values_.set(command, entry.payload, host_.model(), version_ + 1);
      break;
    case Kind::lock: {
      reply.final = false;
      if (command.name.empty()) {
        reply = refusal(NGD_E_ARGUMENT, "a lock needs a name");
        break;
      }
      const auto answer = locks_.acquire(command.name, {entry.client, entry.seq, command.exclusive},
                                         command.wait_us > 0, token, grants);
      if (answer == LockTable::Answer::full)
        reply =
            refusal(NGD_E_LIMIT, concat("too many locks, or too many clients wait for ", quoted(command.name)));
      if (answer == LockTable::Answer::held)
        reply = refusal(NGD_E_CONFLICT, concat("the lock ", quoted(command.name), " is held"));
      break;
    }
    case Kind::unlock:
      if (command.token == 0) {  // so older clients give up a request: whatever it holds or waits for
        locks_.leave(command.name, entry.client, token, grants);
      } else if (!locks_.release(command.name, entry.client, command.token, token, grants))
        reply = refusal(NGD_E_FENCED,
                        concat("the lock ", quoted(command.name), " is not held under token ", command.token));
      break;
    case Kind::barrier:
      reply = barriers_.arrive(command, {entry.client, entry.seq});
      opened = true;
      break;
    default:
      reply =
          partitions_.apply(command, entry.client, entry.payload, token, options_.mutant == Mutant::two_owners);
  }
  if (!reply.final && !session.waits(entry.seq)) session.waiting.push_back(entry.seq);
  if (reply.final) finish_command(entry.client, entry.seq, std::move(reply));
  granted(grants, now);
  if (opened) open_barriers();
}

void Root::apply(const CancelEntry &entry, Time now) {
  std::vector<LockTable::Grant> grants;
  if (locks_.cancel(entry.client, entry.seq, index_ << kTokenBits, grants))
    finish_command(entry.client, entry.seq, refusal(NGD_E_TIMEOUT, "the lock did not become free in time"));
  else if (barriers_.cancel({entry.client, entry.seq}))
    finish_command(entry.client, entry.seq, refusal(NGD_E_TIMEOUT, "the barrier did not open in time"));
  granted(grants, now);
}

void Root::finish_command(const ClientId &client, uint64_t seq, Reply reply) {
  const auto found = sessions_.find(client);
  if (found == sessions_.end()) return;
  Answer done;
  done.seq = seq;
  done.version = version_;
  done.status = reply.status;
  done.text = std::move(reply.text);
  done.done = std::move(reply.done);
  done.done.version = version_;
  done.payload = std::string(reply.payload.text());
  answer(client, done);
  command_until_.erase({client, seq});
  found->second.add(std::move(done));
}

// Its own, or of another client of the same user that has lent it.
bool Root::may_use(const wire::Token &token, const ClientId &client) const {
  if (locks_.holds(token, client)) return true;
  const auto borrower = sessions_.find(client);
  const LockTable::Holder *holder = locks_.holder(token);
  const auto owner = holder == nullptr ? sessions_.end() : sessions_.find(holder->client);
  return borrower != sessions_.end() && owner != sessions_.end() && owner->second.user == borrower->second.user;
}

void Root::granted(const std::vector<LockTable::Grant> &grants, Time now) {
  for (const LockTable::Grant &grant : grants) {
    Reply reply;
    reply.done.token = grant.token;
    finish_command(grant.client, grant.seq, std::move(reply));
    if (!grant.seal) continue;
    Decision seal;
    seal.kind = Decision::Kind::seal;
    seal.seal = {grant.lock, grant.token};
    decide(std::move(seal), now);
  }
}

void Root::open_barriers() {
  const auto all_here = [&](const std::vector<Barriers::Arrival> &arrived) {
    if (arrived.size() < group_.count()) return false;
    std::set<ClientId> here;
    for (const Barriers::Arrival &one : arrived) here.insert(one.client);
    return std::ranges::all_of(workers(), [&](const ClientId &one) { return here.contains(one); });
  };
  for (const Barriers::Barrier &barrier : barriers_.open(all_here)) {
    for (const Barriers::Arrival &arrival : barrier.arrived) {
      Reply reply;
      reply.done.number = barrier.opened;
      finish_command(arrival.client, arrival.seq, std::move(reply));
    }
  }
}

// --- groups -----------------------------------------------------------------------------------------------------

std::vector<ClientId> Root::workers(std::optional<wire::Consistency> consistency) const {
  std::vector<ClientId> workers;
  for (const auto &[id, session] : sessions_) {
    if (session.present && session.open.worker && (!consistency || session.open.consistency == *consistency))
      workers.push_back(id);
  }
  return workers;
}

void Root::count_group() {
  group_ = {};
  for (const auto &[id, session] : sessions_) group_.add(session);
}

uint64_t Root::slowest(wire::Consistency consistency) const {
  const uint64_t least = group_.slowest(consistency);
  return !begun_ || least == Group::kNobody ? 0 : least;
}

bool Root::too_far_ahead(const Session &session) const {
  return session.open.worker && session.open.consistency == wire::Consistency::stale &&
         session.clock > slowest(wire::Consistency::stale) + session.open.bound &&
         options_.mutant != Mutant::no_staleness;
}

// --- sessions and commands --------------------------------------------------------------------------------------

void Root::refuse(Peer peer, const wire::Envelope &envelope, ngd_status status, Refused::Retry retry,
                  std::string text, uint32_t attempt, Time asked) {
  Refused refused;
  refused.status = status;
  refused.retry = retry;
  refused.lineage = lineage_;
  refused.attempt = attempt;
  refused.text = std::move(text);
  host_.send_to(peer, {envelope, std::move(refused), {}}, asked);
}

void Root::open(const From &from, const wire::Envelope &envelope, const wire::Open &open, Time now) {
  const auto found = sessions_.find(envelope.client);
  if (envelope.client == ClientId())
    return refuse(from.peer, envelope, NGD_E_PROTOCOL, Refused::Retry::never,
                  "a client's number may not be zero");
  if (open.lease_us < wire::kLeaseUsMin || open.lease_us > wire::kLeaseUsMax)
    return refuse(from.peer, envelope, NGD_E_RANGE, Refused::Retry::never,
                  concat("a lease lasts ", wire::kLeaseUsMin, " to ", wire::kLeaseUsMax, " microseconds, not ",
                         open.lease_us));
  if (found != sessions_.end() && found->second.user != from.user)
    return refuse(from.peer, envelope, NGD_E_ACCESS, Refused::Retry::never,
                  "the session belongs to another key");
  if (open.worker && from.role < Role::worker)
    return refuse(from.peer, envelope, NGD_E_ACCESS, Refused::Retry::never,
                  "the key may read, but not be a worker");
  if (found == sessions_.end() && sessions_.size() >= options_.limits.sessions)
    return refuse(from.peer, envelope, NGD_E_LIMIT, Refused::Retry::later,
                  concat("the model has ", sessions_.size(), " sessions already, which is the most"));
  const bool same = found != sessions_.end() && found->second.present &&
                    found->second.open.consistency == open.consistency &&
                    found->second.open.bound == open.bound && found->second.open.workers == open.workers &&
                    found->second.open.worker == open.worker && found->second.open.lease_us == open.lease_us;
  if (!same) submit(OpenEntry{envelope.client, from.user, open}, now);
  Session &session = sessions_.at(envelope.client);
  session.heard = now;
  host_.send_to(from.peer,
                {envelope, wire::Opened{lineage_, version_, session.highest, initialised_, session.number}, {}},
                0);
  advance(now);
}

// The session that a request belongs to; else it is refused.
Session *Root::session_of(const From &from, const wire::Envelope &envelope, Time now) {
  const auto found = sessions_.find(envelope.client);
  if (found == sessions_.end()) {
    refuse(from.peer, envelope, NGD_E_EXPIRED, Refused::Retry::never,
           "the server does not know the session; open it again");
    return nullptr;
  }
  Session &session = found->second;
  if (session.user != from.user) {
    refuse(from.peer, envelope, NGD_E_ACCESS, Refused::Retry::never, "the session belongs to another key");
    return nullptr;
  }
  session.heard = now;
  if (!session.present) submit(PresenceEntry{envelope.client, true}, now);
  return &session;
}

void Root::keep_alive(const From &from, const wire::Envelope &envelope, Time now) {
  if (session_of(from, envelope, now) == nullptr) return;
  host_.send_to(from.peer, {envelope, wire::Alive{version_}, {}}, 0);
}

void Root::close(const From &from, const wire::Envelope &envelope, Time now) {
  if (sessions_.contains(envelope.client)) {
    if (session_of(from, envelope, now) == nullptr) return;
    submit(EndEntry{envelope.client}, now);
  }
  host_.send_to(from.peer, {envelope, wire::Done{}, {}}, 0);
  advance(now);
}

void Root::command(const From &from, const wire::Envelope &envelope, wire::Command command,
                   const std::vector<wire::Bytes> &payload, Time now) {
  Session *session = session_of(from, envelope, now);
  if (session == nullptr) return;
  if (from.role < Role::worker)
    return refuse(from.peer, envelope, NGD_E_ACCESS, Refused::Retry::never,
                  "the key may read, but change nothing");
  if (command.session != session->number)
    return refuse(from.peer, envelope, NGD_E_EXPIRED, Refused::Retry::never,
                  "the session in which this was sent has ended");
  const std::pair<ClientId, uint64_t> key(envelope.client, envelope.seq);
  if (envelope.seq == 0 || session->too_old(envelope.seq)) return;
  if (const Answer *done = session->answer(envelope.seq)) {
    reply_to_[key] = {from.peer, envelope};
    return answer(envelope.client, *done);
  }
  std::string bytes;
  for (const wire::Bytes &part : payload) {
    if (bytes.size() + part.size > wire::kValueBytes)
      return refuse(from.peer, envelope, NGD_E_LIMIT, Refused::Retry::never,
                    concat("the payload of a command has at most ", wire::kValueBytes, " bytes"));
    bytes += part.text();
  }
  reply_to_[key] = {from.peer, envelope};
  command_until_.try_emplace(key, now + std::min(command.wait_us, wire::kWaitUsMax));
  if (session->waits(envelope.seq)) return;
  submit(CommandEntry{envelope.client, envelope.seq, std::move(command), std::move(bytes)}, now);
  serve_waiting(now);
  advance(now);
}

void Root::answer(const ClientId &client, const Answer &answer) {
  const auto found = reply_to_.find({client, answer.seq});
  if (found == reply_to_.end()) return;
  const auto [peer, envelope] = found->second;
  reply_to_.erase(found);
  if (answer.status != NGD_OK) return refuse(peer, envelope, answer.status, Refused::Retry::never, answer.text);
  wire::Message message{envelope, {}, {}};
  if (answer.update) {
    wire::Pushed pushed;
    pushed.version = answer.version;
    pushed.applied = answer.applied;
    message.body = std::move(pushed);
  } else {
    message.body = answer.done;
    if (!answer.payload.empty()) message.payload.push_back(wire::copied(answer.payload));
  }
  host_.send_to(peer, std::move(message), 0);
}

}  // namespace ngd::cluster
