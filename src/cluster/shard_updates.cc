// Updates of a shard: parts that wait for the root's decision, and decisions that are carried out.
#include <algorithm>

#include "base/error.h"
#include "cluster/coding.h"
#include "cluster/shard_state.h"
#include "wire/codec.h"
#include "wire/table.h"

namespace ngd::cluster {

using wire::Decision;
using wire::Refused;

// --- parts of updates ---------------------------------------------------------------------------------------------

void Shard::State::push(const From &from, const wire::Envelope &envelope, const wire::Push &push,
                        const std::vector<wire::Bytes> &payload, Time now) {
  if (from.role < Role::worker)
    return refuse(from.peer, envelope, NGD_E_ACCESS, Refused::Retry::never,
                  "the key may read, but change nothing");
  if (!fresh_request(from, envelope, push.lineage)) return;
  if (root != nullptr && !root->admit(from, envelope, push, now)) return;
  stage(from, envelope, push, payload, now);
}

void Shard::State::stage(const From &from, const wire::Envelope &envelope, const wire::Push &push,
                         const std::vector<wire::Bytes> &payload, Time now) {
  const UpdateKey key{envelope.client, from.user, envelope.seq};
  auto found = staged_parts.find(key);
  if (found != staged_parts.end() && push.attempt < found->second.part.attempt) return;
  if (found != staged_parts.end() && push.attempt == found->second.part.attempt) {
    // It came again: the answer got lost, or the root's.
    found->second.part.after = push.after;
  } else {
    if (push.poll && root != nullptr) root->forget(envelope);
    if (push.poll)
      return refuse(from.peer, envelope, NGD_E_UNAVAILABLE, Refused::Retry::later, "the part is not here");
    for (const wire::Token &token : push.tokens) {
      // The root tells the client; here the part is only kept out (I8).
      const auto seal = seals.find(token.lock);
      if (root == nullptr && seal != seals.end() && token.token < seal->second &&
          options.mutant != Mutant::token_unchecked)
        return;
    }
    const uint64_t bytes = parameters->memory_of(push.tensors, payload);
    const uint64_t dense = parameters->elements() * sizeof(float);
    const auto own = client_bytes.find(envelope.client);
    const uint64_t mine = own == client_bytes.end() ? 0 : own->second;
    if (mine + bytes > options.limits.client_bytes + dense ||
        staged_bytes + bytes > options.limits.shard_bytes + dense) {
      if (root != nullptr) root->forget(envelope);
      return refuse(
          from.peer, envelope, NGD_E_LIMIT, Refused::Retry::later,
          concat(where(), " holds ", staged_bytes, " bytes of updates under way; send it again later"));
    }
    try {
      found = put_staged(key, push, payload);
    } catch (const Error &error) {
      if (root != nullptr) root->forget(envelope);
      return refuse(from.peer, envelope, error.status(), Refused::Retry::never, error.what());
    }
    log_staged(key, found->second);
  }
  tell_root_again(key, found->second, now);
  // Where it still waits, the client need not send it again.
  if (place.model.shards.size() > 1 || staged_parts.contains(key))
    send_to(from.peer, {envelope, wire::Staged{place.index, push.attempt, lineage, from.user, {}}, {}}, 0);
}

// Throws what is wrong with it, and has changed nothing then.
std::map<UpdateKey, Shard::State::Staged>::iterator Shard::State::put_staged(
    const UpdateKey &key, const wire::Push &push, const std::vector<wire::Bytes> &payload) {
  Staged staged;
  staged.bytes = parameters->memory_of(push.tensors, payload);
  staged.update = parameters->checked(push.kind, push.tensors, payload, leading);
  parameters->check_wanted(push.wanted, push.wanted_rows);
  staged.part = {
      push.attempt, push.after,  push.base_version, {push.pull, push.wanted, push.wanted_rows, push.pulls},
      push.kind,    push.tokens, push.progress};
  staged.push = push;
  staged.push.wanted.clear();
  staged.push.wanted_rows.clear();
  staged.payload = payload;
  if (const auto found = staged_parts.find(key); found != staged_parts.end()) erase_staged(found);
  client_bytes[key.client] += staged.bytes;
  staged_bytes += staged.bytes;
  return staged_parts.emplace(key, std::move(staged)).first;
}

void Shard::State::tell_root(const UpdateKey &key, Staged &staged, Time now) {
  staged.told = now;
  staged.patience = std::clamp(2 * staged.patience, kTellAgainUs, kTellAgainMostUs);
  if (root != nullptr) return root->staged(0, key, staged.part.attempt, now);
  untold.push_back(key);
  const Time pause = pause_between_words(place.model.shards.size());
  if (now >= told_at + pause || untold.size() >= kPartsAtOnce) return tell_untold(now);
  untold_at = told_at + pause;
}

// A client, or time, asks again. The root may have much to do, and hears of it once: the more often, the later it answers.
void Shard::State::tell_root_again(const UpdateKey &key, Staged &staged, Time now) {
  if (staged.told == 0 || now - staged.told > staged.patience) tell_root(key, staged, now);
}

void Shard::State::tell_untold(Time now) {
  untold_at = kNever;
  told_at = now;
  wire::Staged message;
  UpdateKey first;
  for (const UpdateKey &key : std::exchange(untold, {})) {
    const auto found = staged_parts.find(key);
    if (found == staged_parts.end()) continue;
    const uint32_t attempt = found->second.part.attempt;
    if (message.lineage != 0) {
      message.more.push_back({key.client, key.seq, key.user, attempt});
      continue;
    }
    first = key;
    message = {place.index, attempt, lineage, key.user, {}};
  }
  if (message.lineage != 0) send_to_shard(0, {first.client, first.seq, 0, 0}, std::move(message));
}

void Shard::State::erase_staged(std::map<UpdateKey, Staged>::iterator at) {
  staged_bytes -= at->second.bytes;
  const auto bytes = client_bytes.find(at->first.client);
  // A part may have no bytes: then its client may not be counted any more.
  if (bytes != client_bytes.end() && (bytes->second -= at->second.bytes) == 0) client_bytes.erase(bytes);
  staged_parts.erase(at);
}

const StagedPart *Shard::State::staged(const UpdateKey &key) const {
  const auto found = staged_parts.find(key);
  return found == staged_parts.end() ? nullptr : &found->second.part;
}

void Shard::State::drop(const UpdateKey &key, uint32_t attempt) {
  const auto found = staged_parts.find(key);
  if (found != staged_parts.end() && found->second.part.attempt <= attempt) erase_staged(found);
}

// --- decisions ----------------------------------------------------------------------------------------------------

void Shard::State::decided(const Decision &decision, Time now) {
  number = decision.number;
  switch (decision.kind) {
    case Decision::Kind::apply: {
      std::vector<const UpdatePart *> parts;
      for (const Decision::Entry &entry : decision.entries) {
        const auto found = staged_parts.find({entry.client, entry.user, entry.seq});
        if (found != staged_parts.end()) parts.push_back(&found->second.update);
      }
      parameters->apply(parts, decision.rate, decision.options);
      for (const Decision::Entry &entry : decision.entries) {
        const auto found = staged_parts.find({entry.client, entry.user, entry.seq});
        if (found == staged_parts.end()) continue;
        digest_credit += found->second.bytes / kBytesForDigest;
        erase_staged(found);
      }
      digest_credit += kDigestCredit / options.digest_every;
      version = decision.version;
      if (decision.update == wire::UpdateKind::initial) initialised = true;
      if (replaying || !leading) break;
      publish(rows_are_read());
      serve_pulls(now);
      break;
    }
    case Decision::Kind::seal:
      seals[decision.seal.lock] = std::max(seals[decision.seal.lock], decision.seal.token);
      break;
    case Decision::Kind::pin:
      if (!replaying && leading && !rows_shown) publish();
      pin(Held::Kind::pin, decision.version);
      if (!replaying && leading) serve_pulls(now);
      break;
    case Decision::Kind::unpin:
      pin(Held::Kind::unpin, decision.version);
      break;
    case Decision::Kind::checkpoint:
      generation = std::max(generation, decision.generation);
      if (!replaying) save(decision, now);
      break;
  }
}

void Shard::State::publish(bool rows) {
  rows_shown = rows;
  if (options.mutant == Mutant::stale_read) stale = published.stand();
  Held snapshot;
  snapshot.kind = Held::Kind::snapshot;
  snapshot.snapshot = parameters->snapshot(version, lineage, initialised, rows);
  if (rows) shown_number = snapshot.snapshot->number;
  if (options.mutant == Mutant::hidden_rows) snapshot.snapshot->number = shown_number;
  latest = snapshot.snapshot;
  hold(std::move(snapshot));
}

// Where rows come with the answers to updates, and few are read otherwise, a second copy of them costs more than it saves.
bool Shard::State::rows_are_read() {
  const uint64_t reads = published.row_reads() - row_reads;
  row_reads += reads;
  const unsigned most = options.unread_versions;
  const uint64_t more = interest + reads * std::max(1u, most / 4);
  interest = more < most ? static_cast<unsigned>(more) : most;
  const bool often = interest > most / 2;
  if (interest > 0) interest--;
  return often || !waiting.empty() || options.mutant == Mutant::stale_read;
}

// Answers a read of rows that readers were not given from where the optimizer works. What it says is as certain as an
// answer to an update.
bool Shard::State::read_present(const WaitingPull &one) {
  if (!initialised || one.pull.version != 0 || one.pull.min_version > version) return false;
  Wanted wanted;
  wanted.parts = one.pull.tensors;
  PayloadReader reader(one.payload);
  for (const wire::TensorPart &part : wanted.parts) {
    const auto rows = reader.take<uint32_t>(part.rows);
    if (!rows || part.all_rows) return false;
    wanted.rows.insert(wanted.rows.end(), rows->data(), rows->data() + rows->size());
  }
  if (reader.left() != 0) return false;
  try {
    parameters->check_wanted(wanted.parts, wanted.rows);
  } catch (const Error &) {
    return false;  // others say what is wrong with it
  }
  wire::Message message{one.envelope, {}, {}};
  wire::Pushed values;
  read(wanted, values, message.payload);
  message.body = wire::Pulled{version, std::move(values.tensors)};
  published.count_row_read();
  send_to(one.from.peer, std::move(message), one.asked);
  return true;
}

void Shard::State::pin(Held::Kind kind, uint64_t of_version) {
  Held one;
  one.kind = kind;
  one.version = of_version;
  hold(std::move(one));
}

void Shard::State::decide(const wire::Decide &decide, Time now) {
  if (decide.lineage != lineage || !ready) return;
  for (const Decision &decision : decide.decisions) {
    if (decision.number != number + 1) continue;
    for (const Decision::Entry &entry : decision.entries) {
      if (staged({entry.client, entry.user, entry.seq}) != nullptr) continue;
      // Cannot be, unless memory was lost: the root brings everybody back to a checkpoint.
      ready = false;
      return replica->renew(now);
    }
    append(LogKind::decision, wire::write_bytes(decision).span());
    decided(decision, now);
  }
  send_to_shard(0, {}, wire::Applied{place.index, lineage, number});
}

}  // namespace ngd::cluster
