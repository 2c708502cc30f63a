// Messages to a shard: parts of updates, decisions, pulls.
#include "cluster/shard.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "cluster/coding.h"
#include "cluster/shard_state.h"
#include "wire/codec.h"
#include "wire/table.h"

namespace ngd::cluster {

using wire::Decision;
using wire::Refused;

Shard::State::State(Place the_place, const NodeOptions &the_options, Net &the_net, Disk &the_disk, Rng &the_rng,
                    Coordinator &the_coordinator)
    : place(std::move(the_place)),
      options(the_options),
      net(the_net),
      disk(the_disk),
      rng(the_rng),
      coordinator(the_coordinator) {
  const size_t shards = place.model.shards.size();
  if (place.index == 0) root = std::make_unique<Root>(static_cast<uint32_t>(shards), options, *this);
  const wire::ShardPlace &mine = place.model.shards[place.index];
  std::vector<uint32_t> nodes = mine.replicas;
  if (nodes.empty()) nodes.push_back(mine.node);
  replica =
      std::make_unique<Replica>(mine.shard, std::move(nodes), place.incarnation, options, *this, coordinator);
  incarnations.resize(shards);
  restored_shards.resize(shards);
  restore_at.resize(shards);
}

std::string Shard::State::where() const {
  return concat("shard ", place.index, " of model ", quoted(place.model.spec.name));
}

// --- sending ----------------------------------------------------------------------------------------------------

void Shard::State::send_to(Peer peer, wire::Message message, Time asked) {
  message.envelope.epoch = place.model.shards[place.index].epoch;
  Held held_message;
  held_message.to = peer;
  held_message.asked = asked;
  held_message.message = std::move(message);
  hold(std::move(held_message));
}

void Shard::State::send_to_shard(uint32_t to, wire::Envelope envelope, wire::Body body) {
  const wire::ShardPlace &target = place.model.shards[to];
  envelope.shard = target.shard;
  envelope.epoch = target.epoch;
  Held message;
  message.to = target.node;
  message.message = {envelope, std::move(body), {}};
  hold(std::move(message));
}

void Shard::State::refuse(Peer peer, const wire::Envelope &envelope, ngd_status status, Refused::Retry retry,
                          std::string text, Time asked) {
  Refused refused;
  refused.status = status;
  refused.retry = retry;
  refused.lineage = lineage;
  refused.text = std::move(text);
  send_to(peer, {envelope, std::move(refused), {}}, asked);
}

// Whether the shard can look at a request of a client at all; else it is refused.
bool Shard::State::fresh_request(const From &from, const wire::Envelope &envelope, uint64_t request_lineage) {
  if (!leading) {
    Refused refused;
    refused.status = NGD_E_UNAVAILABLE;
    refused.retry = Refused::Retry::refresh;
    refused.epoch = replica->record().epoch;
    refused.node = replica->record().primary.node;
    refused.text = concat(where(), " ", replica->trouble());
    net.send(from.peer, {envelope, std::move(refused), {}});
    return false;
  }
  if (!replica->enough()) {
    Refused refused;
    refused.status = NGD_E_UNAVAILABLE;
    refused.retry = Refused::Retry::later;
    refused.lineage = lineage;
    refused.text = concat(where(), " has ", replica->record().in_sync.size(), " of the ", options.min_in_sync,
                          " replicas in sync that it must have");
    net.send(from.peer, {envelope, std::move(refused), {}});
    return false;
  }
  if (!ready) {
    refuse(from.peer, envelope, NGD_E_UNAVAILABLE, Refused::Retry::later,
           concat(where(), trouble.empty() ? " is starting" : ": " + trouble));
    return false;
  }
  if (envelope.epoch != 0 && envelope.epoch < place.model.shards[place.index].epoch) {
    Refused refused;
    refused.status = NGD_E_UNAVAILABLE;
    refused.retry = Refused::Retry::refresh;
    refused.epoch = place.model.shards[place.index].epoch;
    refused.node = options.node;
    refused.text = concat(where(), " has a newer place");
    send_to(from.peer, {envelope, std::move(refused), {}}, 0);
    return false;
  }
  if (request_lineage < lineage && options.mutant != Mutant::lineage_ignored) {
    refuse(from.peer, envelope, NGD_E_LINEAGE, Refused::Retry::never,
           concat("the model went back to a checkpoint (lineage ", lineage, ", you know ", request_lineage,
                  "); open it again and look at what it holds"));
    return false;
  }
  if (request_lineage > lineage) {
    refuse(from.peer, envelope, NGD_E_UNAVAILABLE, Refused::Retry::later,
           concat(where(), " has not come to lineage ", request_lineage, " yet"));
    return false;
  }
  return true;
}

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

// --- pulls --------------------------------------------------------------------------------------------------------

void Shard::State::pull(const From &from, const wire::Envelope &envelope, const wire::Pull &pull,
                        std::vector<wire::Bytes> payload, Time now) {
  if (!fresh_request(from, envelope, pull.lineage)) return;
  WaitingPull one{from, envelope, pull, std::move(payload), now + std::min(pull.wait_us, wire::kWaitUsMax), 0};
  if (pull.confirm) one.asked = ask_members(now);
  if (!rows_shown && asks_for_rows(pull)) {
    if (read_present(one)) return;
    publish();
  }
  if (try_pull(one, now)) return;
  std::erase_if(waiting, [&](const WaitingPull &other) {
    return other.envelope.client == envelope.client && other.envelope.seq == envelope.seq;
  });
  if (waiting.size() >= options.limits.waiting)
    return refuse(from.peer, envelope, NGD_E_LIMIT, Refused::Retry::later,
                  concat(where(), " holds too many reads back"));
  waiting.push_back(std::move(one));
}

bool Shard::State::try_pull(const WaitingPull &one, Time now) {
  wire::Pull pull = one.pull;
  if (options.mutant == Mutant::pin_ignored && pull.version <= version) pull.version = 0;
  if (options.mutant == Mutant::stale_read && stale != nullptr && stale->initialised && pull.version == 0) {
    wire::Message message{one.envelope, {}, {}};
    wire::Pulled pulled;
    pulled.version = stale->version;
    if (!stale->read(pull.tensors, one.payload, pulled.tensors, message.payload)) {
      message.body = std::move(pulled);
      send_to(one.from.peer, std::move(message), one.asked);
      return true;
    }
  }
  if (options.mutant == Mutant::lineage_ignored) pull.lineage = lineage;
  if (one.asked == 0 && one.until > now && replica->lease(now) <= now) return false;
  if (auto message = published.answer(one.envelope, pull, one.payload)) {
    send_to(one.from.peer, std::move(*message), one.asked);
    return true;
  }
  // Of the newest version readers may still be shown the rows: it is not gone.
  const auto shown = published.newest();
  if (shown != nullptr && shown->initialised && pull.version != 0 && pull.version < shown->version) {
    refuse(one.from.peer, one.envelope, NGD_E_NOT_FOUND, Refused::Retry::never,
           concat("version ", pull.version, " is not held any more; the newest is ", shown->version),
           one.asked);
    return true;
  }
  if (one.until > now) return false;
  if (!initialised)
    refuse(one.from.peer, one.envelope, NGD_E_STATE, Refused::Retry::never,
           "the model has no values yet; initialise it first", one.asked);
  else
    refuse(one.from.peer, one.envelope, NGD_E_TIMEOUT, Refused::Retry::never,
           concat(where(), " has version ", version, " and was asked for ",
                  std::max(pull.version, pull.min_version)));
  return true;
}

void Shard::State::serve_pulls(Time now) {
  for (size_t left = waiting.size(); left > 0; left--) {
    WaitingPull one = std::move(waiting.front());
    waiting.pop_front();
    if (!try_pull(one, now)) waiting.push_back(std::move(one));
  }
}

// The answer waits until it is certain; readers may not see the version yet.
void Shard::State::read(const Wanted &wanted, wire::Pushed &pushed, std::vector<wire::Bytes> &payload) const {
  pushed.values_version = version;
  std::vector<wire::TensorPart> parts = wanted.parts;
  if (wanted.all_dense) {
    for (const PieceShape &shape : *latest->pieces) {
      if (!shape.table) parts.push_back({shape.piece.tensor, 0, false});
    }
  }
  // What is short follows rows in one run: a frame of its own costs more than the copy.
  size_t bytes = 0;
  for (const wire::TensorPart &part : parts) bytes += parameters->bytes_beside(part);
  const wire::Buffer buffer(bytes);
  std::byte *to = buffer.data();
  size_t row = 0;
  for (const wire::TensorPart &part : parts) {
    const size_t here = parameters->bytes_beside(part);
    if (part.rows != 0)
      parameters->copy_rows(part.tensor, std::span(wanted.rows).subspan(row, part.rows),
                            reinterpret_cast<float *>(to));
    row += part.rows;
    std::vector<wire::Bytes> dense;
    if (part.rows == 0) latest->read({part}, {}, pushed.tensors, dense);
    if (part.rows != 0) pushed.tensors.push_back(part);
    if (here == 0) {
      payload.insert(payload.end(), dense.begin(), dense.end());
      continue;
    }
    size_t at = 0;
    for (const wire::Bytes &run : dense) {
      std::memcpy(to + at, run.data, run.size);
      at += run.size;
    }
    payload.push_back(buffer.bytes().slice(static_cast<size_t>(to - buffer.data()), here));
    to += here;
  }
  pushed.coding = wanted.coding;
  if (wanted.coding != wire::Coding::float32) payload = narrowed(payload, wanted.coding);
}

// --- the machine ----------------------------------------------------------------------------------------------------

Shard::Shard(Place place, const NodeOptions &options, Net &net, Disk &disk, Rng &rng, Coordinator &coordinator)
    : state_(std::make_unique<State>(std::move(place), options, net, disk, rng, coordinator)) {}

Shard::~Shard() = default;

void Shard::start(Time now) {
  state_->start(now);
}

void Shard::receive(const From &from, wire::Message message, Time now) {
  state_->receive(from, std::move(message), now);
  state_->rest(now);
}

// All that was logged has been carried out.
void Shard::State::rest(Time now) {
  log_digest(now);
  replica->send_appended(now);
}

void Shard::State::receive(const From &from, wire::Message message, Time now) {
  State &s = *this;
  s.clock = now;
  const wire::Envelope &envelope = message.envelope;
  const bool server = from.role == Role::server;
  if (server) {
    if (const auto *asked = std::get_if<wire::Fetch>(&message.body)) return s.answer(from, envelope, *asked);
    if (s.replica->receive(from, message, now)) return;
    if (!s.leading) return;  // who sent it looks for the one that leads
    if (const auto *came = std::get_if<wire::Fetched>(&message.body)) {
      if (envelope.epoch == s.replica->record().epoch) s.fetched(from, *came, message.payload, now);
      return;
    }
    // Only one that leads speaks so.
    if (std::holds_alternative<wire::Decide>(message.body) ||
        std::holds_alternative<wire::Restore>(message.body))
      s.place.model.shards[0].node = static_cast<uint32_t>(from.peer);
    if (const auto *decide = std::get_if<wire::Decide>(&message.body)) return s.decide(*decide, now);
    if (const auto *restore = std::get_if<wire::Restore>(&message.body)) return s.restore(*restore, now);
    if (const auto *dropped = std::get_if<wire::Dropped>(&message.body)) {
      if (dropped->lineage != s.lineage) return;
      const UpdateKey key{envelope.client, dropped->user, envelope.seq};
      if (s.staged(key) != nullptr)
        s.append(LogKind::dropped,
                 wire::write_bytes(DroppedEntry{key.client, key.user, key.seq, dropped->attempt}).span());
      return s.drop(key, dropped->attempt);
    }
    if (s.root == nullptr) return;
    if (const auto *staged = std::get_if<wire::Staged>(&message.body)) {
      if (staged->lineage == s.lineage && s.ready && staged->index < s.place.model.shards.size()) {
        s.root->staged(staged->index, {envelope.client, staged->user, envelope.seq}, staged->attempt, now);
        for (const wire::Staged::Part &part : staged->more)
          if (s.ready) s.root->staged(staged->index, {part.client, part.user, part.seq}, part.attempt, now);
      }
    } else if (const auto *applied = std::get_if<wire::Applied>(&message.body)) {
      if (applied->lineage == s.lineage && s.ready) s.root->applied(applied->index, applied->number, now);
    } else if (const auto *announce = std::get_if<wire::Announce>(&message.body)) {
      s.announced(*announce, from, now);
    } else if (const auto *restored = std::get_if<wire::Restored>(&message.body)) {
      s.restored(*restored, now);
    } else if (const auto *saved = std::get_if<wire::Saved>(&message.body)) {
      s.saved(*saved, now);
    }
    s.watch_ceiling(now);
    return;
  }
  if (!s.leading) {
    s.fresh_request(from, envelope, 0);
    return;
  }
  const bool changes =
      std::holds_alternative<wire::Push>(message.body) || std::holds_alternative<wire::Command>(message.body);
  if (changes && s.journal != nullptr && s.journal->backlog() > s.options.limits.shard_bytes / 4)
    return s.refuse(from.peer, envelope, NGD_E_LIMIT, Refused::Retry::later,
                    concat(s.where(), " waits for its disk",
                           s.journal->trouble().empty() ? "" : ": " + s.journal->trouble()));
  if (const auto *push = std::get_if<wire::Push>(&message.body)) {
    s.push(from, envelope, *push, message.payload, now);
    return s.watch_ceiling(now);
  }
  if (const auto *pull = std::get_if<wire::Pull>(&message.body))
    return s.pull(from, envelope, *pull, std::move(message.payload), now);
  if (s.root == nullptr)
    return s.refuse(from.peer, envelope, NGD_E_PROTOCOL, Refused::Retry::refresh,
                    concat(s.where(), " is not the root; a message of type \"",
                           wire::type_name(wire::type_of(message.body)), "\" belongs there"));
  const uint64_t any = s.lineage;
  if (const auto *open = std::get_if<wire::Open>(&message.body)) {
    if (s.fresh_request(from, envelope, any)) s.root->open(from, envelope, *open, now);
  } else if (std::holds_alternative<wire::KeepAlive>(message.body)) {
    if (s.fresh_request(from, envelope, any)) s.root->keep_alive(from, envelope, now);
  } else if (std::holds_alternative<wire::Close>(message.body)) {
    if (s.fresh_request(from, envelope, any)) s.root->close(from, envelope, now);
  } else if (auto *command = std::get_if<wire::Command>(&message.body)) {
    if (s.fresh_request(from, envelope, command->lineage))
      s.root->command(from, envelope, std::move(*command), message.payload, now);
  } else if (const auto *query = std::get_if<wire::Query>(&message.body)) {
    if (s.fresh_request(from, envelope, query->lineage)) s.root->query(from, envelope, *query, now);
  } else if (const auto *point = std::get_if<wire::ReadPoint>(&message.body)) {
    if (s.fresh_request(from, envelope, point->lineage)) s.root->read_point(from, envelope, *point, now);
  } else if (const auto *done = std::get_if<wire::ReadDone>(&message.body)) {
    if (s.ready) s.root->read_done(envelope, done->version, now);
  } else {
    s.refuse(from.peer, envelope, NGD_E_PROTOCOL, Refused::Retry::never,
             concat("a client may not send a message of type \"", wire::type_name(wire::type_of(message.body)),
                    "\""));
  }
  s.watch_ceiling(now);
}

void Shard::coordinated(const CoordinatorAnswer &answer, Time now) {
  state_->clock = now;
  state_->replica->answered(answer, now);
  if (state_->leading) state_->record_answer(answer, now);
  state_->rest(now);
}

void Shard::placed(const wire::ModelPlace &model, Time now) {
  state_->clock = now;
  state_->placed(model, now);
  state_->rest(now);
}

void Shard::tick(Time now) {
  state_->clock = now;
  state_->tick(now);
  state_->rest(now);
}

Time Shard::next_wakeup() const {
  const State &s = *state_;
  const Time next = std::min({s.wakeup, s.untold_at, s.replica->next_wakeup()});
  return s.root != nullptr && s.ready && s.leading ? std::min(next, s.root->next_wakeup()) : next;
}

std::shared_ptr<Job> Shard::take_job() {
  State &s = *state_;
  if (s.journal != nullptr) {
    if (auto job = s.journal->take_job()) {
      job->shard = number();
      return job;
    }
  }
  if (s.job_running || s.jobs.empty()) return nullptr;
  s.job_running = true;
  return s.jobs.front();
}

void Shard::finish(const std::shared_ptr<Job> &job, Time now) {
  State &s = *state_;
  s.clock = now;
  if (job->log) return s.log_done(static_cast<const LogJob &>(*job), now);
  s.job_running = false;
  if (s.jobs.empty() || s.jobs.front() != job) return;
  s.jobs.pop_front();
  if (s.leading) s.job_done(static_cast<const SaveJob &>(*job), now);
  s.rest(now);
}

void Shard::checkpoint(Time now) {
  state_->clock = now;
  if (state_->root != nullptr && state_->leading) state_->start_checkpoint(now);
  state_->rest(now);
}

bool Shard::checkpoint_pending() const {
  return state_->checkpointing;
}
uint64_t Shard::kept_checkpoint() const {
  return state_->kept;
}

uint64_t Shard::checkpoints_done() const {
  return state_->checkpoints_done;
}
const Published &Shard::published() const {
  return state_->published;
}
std::shared_ptr<const Published> Shard::readers() const {
  return state_->readers;
}
uint32_t Shard::number() const {
  return state_->place.model.shards[state_->place.index].shard;
}
bool Shard::ready() const {
  return state_->ready && state_->leading;
}
uint64_t Shard::version() const {
  return state_->version;
}
uint64_t Shard::lineage() const {
  return state_->lineage;
}
uint64_t Shard::digests() const {
  return state_->digests;
}
uint64_t Shard::differences() const {
  return state_->differences;
}
uint64_t Shard::staged_bytes() const {
  return state_->staged_bytes;
}
uint64_t Shard::unsynced_bytes() const {
  return state_->journal == nullptr ? 0 : state_->journal->backlog();
}
std::string Shard::trouble() const {
  if (!state_->trouble.empty()) return state_->trouble;
  if (state_->journal != nullptr && !state_->journal->trouble().empty()) return state_->journal->trouble();
  return state_->difference.empty() ? state_->warning : state_->difference;
}
const Replica &Shard::replica() const {
  return *state_->replica;
}
std::string Shard::doing() const {
  const State &s = *state_;
  std::string text =
      concat(s.leading ? "leads" : "follows", s.ready ? ", ready" : "", ", lineage ", s.lineage, ", version ",
             s.version, ", decision ", s.number, ", staged ", s.staged_parts.size());
  text +=
      concat(", log ", s.replica->committed(), "/", s.replica->last(), ", epoch ", s.replica->record().epoch,
             ", phase ", static_cast<int>(s.phase), " ", s.trouble, " ", s.replica->trouble());
  if (s.root != nullptr) text += " " + s.root->doing();
  return text;
}
uint32_t Shard::digest() {
  return state_->digest();
}
Root *Shard::root() {
  return state_->root.get();
}
void Shard::observe(LogObserver *observer) {
  state_->observer = observer;
  if (state_->root != nullptr) state_->root->observe(observer);
}

}  // namespace ngd::cluster
