// A shard and its log: nothing that it says leaves before what it rests on is on the disk, and a restart reads it again.
//
// Entries change the shard at once; answers, messages to other shards and snapshots for readers are held back until the
// log is on the disk up to the entry that was the last when they were made. A crash then loses only what nobody has seen.
#include <algorithm>

#include "base/error.h"
#include "cluster/log_entries.h"
#include "cluster/shard_state.h"
#include "wire/table.h"

namespace ngd::cluster {
namespace {

template <size_t I = 0>
RootEntry root_entry_of(LogKind kind, std::span<const std::byte> body) {
  if constexpr (I == std::variant_size_v<RootEntry>) {
    fail(NGD_E_CHECKPOINT, "a log record has the unknown kind ", static_cast<uint32_t>(kind));
  } else {
    if (static_cast<uint32_t>(kind) == static_cast<uint32_t>(LogKind::root) + I)
      return entry_of<std::variant_alternative_t<I, RootEntry>>(body);
    return root_entry_of<I + 1>(kind, body);
  }
}

// Whether a record goes on where the log has come to. One that keeps what a damaged log had says itself where that ended.
bool follows(const LogRecord &record, uint64_t position) {
  if (record.position == position + 1) return true;
  if (record.kind != static_cast<uint32_t>(LogKind::base)) return false;
  const auto base = entry_of<BaseEntry>(record.body);
  return base.from_log && base.after == position;
}

}  // namespace

// --- writing ------------------------------------------------------------------------------------------------------

// Of an entry that is carried out now: whether other replicas are to have it.
bool Shard::State::shares_entry() const {
  if (!leading) return false;
  if (!replicated()) replica->leave_out();
  return replicated();
}

void Shard::State::append(LogKind kind, std::span<const std::byte> body,
                          const std::vector<wire::Bytes> &payload) {
  if (logging()) journal->append(kind, place.model.shards[place.index].epoch, body, payload);
  if (shares_entry()) replica->append(replica_control(kind, body), payload, clock);
}

void Shard::State::log(const RootEntry &entry) {
  if (!shares_entry() && !logging()) return;
  std::visit(
      [&](const auto &one) {
        append(static_cast<LogKind>(static_cast<uint32_t>(LogKind::root) + entry.index()),
               wire::write_bytes(one).span());
      },
      entry);
}

void Shard::State::log_staged(const UpdateKey &key, const Staged &staged) {
  if (!shares_entry() && !logging()) return;
  append(LogKind::staged, wire::write_bytes(StagedEntry{key.client, key.user, key.seq, staged.push}).span(),
         staged.payload);
}

// The log goes on in a file that a reader may start at.
void Shard::State::log_base(const BaseEntry &base) {
  if (!logging()) return;
  journal->cut(base.from_log ? std::nullopt : std::optional(base.generation), base.begins);
  append(LogKind::base, wire::write_bytes(base).span());
  // What was staged before is in files that will go.
  if (!base.begins) {
    for (const auto &[key, staged] : staged_parts) log_staged(key, staged);
  }
}

void Shard::State::hold(Held one) {
  if (replaying) return withdraw(one);
  // One that follows says nothing.
  if (!leading && one.kind == Held::Kind::message) return;
  const bool early = options.mutant == Mutant::answer_before_sync ||
                     (options.mutant == Mutant::no_confirm && one.asked != 0) ||
                     (options.mutant == Mutant::no_hold && one.kind == Held::Kind::message) ||
                     (options.mutant == Mutant::publish_early && one.kind != Held::Kind::message);
  if (journal != nullptr && !early) one.position = journal->last();
  if (leading && !early) one.index = replica->last();
  if (one.asked != 0) return hold_confirming(std::move(one));
  const bool now = (held.empty() || early) && certain(one);
  if (one.kind != Held::Kind::snapshot) {
    if (now) return let_go(std::move(one));
    return held.push_back(std::move(one));
  }
  try {
    if (now) return published.publish(one.snapshot);
    one.snapshot->keep_changes();
    held.push_back(one);
  } catch (...) {
    withdraw(one);
    throw;
  }
}

// Messages leave only while the other replicas let this one speak for all.
bool Shard::State::certain(const Held &one) const {
  if ((journal != nullptr && one.position > journal->synced()) || one.index > replica->committed())
    return false;
  if (one.asked != 0) return options.mutant == Mutant::no_confirm || replica->confirmed() >= one.asked;
  return one.kind != Held::Kind::message || replica->lease(clock) > clock;
}

// Whether readers have been shown all that was there when it was made: it must not tell of more than who reads next is shown.
// A lease that has run out holds answers up, and what is to be shown behind them, that are certain otherwise.
bool Shard::State::follows_held(const Held &one) const {
  return held.empty() || held.front().index > one.index;
}

// One that is asked again while it waits is answered once; beyond the limit it will be asked again.
void Shard::State::hold_confirming(Held one) {
  if (certain(one) && follows_held(one)) return let_go(std::move(one));
  const wire::Envelope &envelope = one.message.envelope;
  std::erase_if(confirming, [&](const Held &other) {
    return other.message.envelope.client == envelope.client && other.message.envelope.seq == envelope.seq;
  });
  if (confirming.size() < options.limits.waiting) confirming.push_back(std::move(one));
}

// What readers were to see in it they see in a later one.
void Shard::State::withdraw(const Held &one) {
  if (one.kind == Held::Kind::snapshot && parameters != nullptr) parameters->withdraw(*one.snapshot);
}

void Shard::State::forget_held() {
  for (const Held &one : held) withdraw(one);
  held.clear();
  confirming.clear();
}

void Shard::State::let_out(Time now) {
  bool shown = false;
  while (!held.empty() && certain(held.front())) {
    const Held::Kind kind = held.front().kind;
    shown |= kind == Held::Kind::snapshot || kind == Held::Kind::pin;
    if (kind == Held::Kind::snapshot) {
      published.publish(held.front().snapshot);  // where memory is too short for it, it stays the next
      held.pop_front();
      continue;
    }
    Held one = std::move(held.front());
    held.pop_front();
    let_go(std::move(one));
  }
  while (!confirming.empty() && certain(confirming.front()) && follows_held(confirming.front())) {
    Held one = std::move(confirming.front());
    confirming.pop_front();
    let_go(std::move(one));
  }
  if (shown && ready && leading) wakeup = now;  // readers may be waiting for it
}

void Shard::State::let_go(Held one) {
  switch (one.kind) {
    case Held::Kind::message:
      // Whoever asked asks again; what goes to other shards must not wait behind it.
      if (one.to >= kFirstConnection && !replica->enough()) return;
      return net.send(one.to, std::move(one.message));
    case Held::Kind::snapshot:
      return published.publish(one.snapshot);
    case Held::Kind::pin:
      return published.pin(one.version);
    case Held::Kind::unpin:
      return published.unpin(one.version);
  }
}

void Shard::State::log_done(const LogJob &job, Time now) {
  if (replica->disk() != nullptr && replica->disk()->owns(job)) return replica->written(job, now);
  journal->done(job);
  if (journal->resting()) log_again = now + kLogRestUs;
  let_out(now);
}

// --- reading ------------------------------------------------------------------------------------------------------

// Takes the state that a base stands for. Throws when its checkpoint cannot be read.
void Shard::State::take_base(const BaseEntry &base, Time now) {
  if (!base.from_log) {
    reset();
    wire::Restore from;
    from.slot = base.slot;
    from.generation = base.generation;
    from.files = base.files;
    std::vector<LoadedShard> files = read_files(from);
    load_checkpoint(from, files, base.life);
  }
  lineage = base.lineage;
  version = base.version;
  number = base.number;
  initialised = base.initialised;
  seals.clear();
  for (const wire::Token &seal : base.seals) seals[seal.lock] = seal.token;
  generation = std::max(generation, base.generation);
  if (base.from_log) {
    staged_parts.clear();
    client_bytes.clear();
    staged_bytes = 0;
  }
  if (root == nullptr) return;
  if (base.begins)
    root->begin(lineage, version, initialised, now);
  else
    root->proceed(lineage, number, now);
}

void Shard::State::replay(LogKind kind, std::span<const std::byte> body,
                          const std::vector<wire::Bytes> &payload, Time now) {
  switch (kind) {
    case LogKind::base: {
      const auto base = entry_of<BaseEntry>(body);
      // Where a checkpoint was begun the state is what it is; elsewhere a base can only be started at.
      if (base.from_log) return take_base(base, now);
      if (base.begins || base.lineage != lineage || base.number != number)
        fail(NGD_E_CHECKPOINT, "the log goes on with a checkpoint that cannot be read");
      return;
    }
    case LogKind::staged: {
      const auto entry = entry_of<StagedEntry>(body);
      const UpdateKey key{entry.client, entry.user, entry.seq};
      const auto found = staged_parts.find(key);
      if (found != staged_parts.end() && found->second.part.attempt >= entry.push.attempt) return;
      put_staged(key, entry.push, payload);
      return;
    }
    case LogKind::dropped: {
      const auto entry = entry_of<DroppedEntry>(body);
      return drop({entry.client, entry.user, entry.seq}, entry.attempt);
    }
    case LogKind::decision: {
      const auto decision = entry_of<wire::Decision>(body);
      if (root != nullptr || decision.number != number + 1)
        fail(NGD_E_CHECKPOINT, "decision ", decision.number, " stands in the log behind ", number);
      return decided(decision, now);
    }
    case LogKind::replaced: {
      std::vector<std::byte> bytes;
      for (const wire::Bytes &part : payload) bytes.insert(bytes.end(), part.data, part.data + part.size);
      return take_state(bytes, now);
    }
    case LogKind::manifest: {
      const auto manifest = entry_of<Manifest>(body);
      kept = manifest.generation;
      next_slot = 1 - manifest.slot;
      // Also where there is no file of it, of one that came after the picture was taken: others have files, from which it can
      // be fetched, and who made the checkpoint may be gone before it had written what makes it one.
      if (!options.durable) return;
      auto job = std::make_shared<SaveJob>(disk, options.directory, place.model.spec.name, manifest);
      job->follows = true;
      return add_job(std::move(job), manifest.generation);
    }
    case LogKind::memories:
      incarnations = entry_of<MemoriesEntry>(body).incarnations;
      incarnations.resize(place.model.shards.size());
      ready = true;
      return;
    case LogKind::digest:
      return compare(entry_of<DigestEntry>(body));
    default:
      break;
  }
  if (root == nullptr) fail(NGD_E_CHECKPOINT, "a root's entry stands in the log of another shard");
  root->replay(root_entry_of(kind, body), now);
}

// Brings the shard to where its log ends. Afterwards `recovery` says what that is worth.
void Shard::State::recover(Time now) {
  journal = std::make_unique<Log>(disk, log_folder(),
                                  concat("shard-", place.index, "-of-", place.model.shards.size()));
  const std::vector<uint64_t> &files = journal->files();
  if (files.empty()) return;
  replaying = true;
  const size_t start = find_base(now);
  bool stopped = start == files.size();
  std::vector<std::tuple<uint64_t, uint64_t, uint64_t>> bases;  // file, position, generation
  uint64_t position = 0, synced = 0, highest = 0;               // synced: what was on the disk for certain
  std::deque<std::pair<uint64_t, LogChunk>> behind;             // records that may not be
  const auto keep = [&](const LogRecord &record) {
    LogChunk chunk{false, std::nullopt, {record.whole.begin(), record.whole.end()}};
    if (record.kind == static_cast<uint32_t>(LogKind::base)) {
      const auto base = entry_of<BaseEntry>(record.body);
      chunk.fresh = true;
      if (!base.from_log) chunk.base = base.generation;
    }
    position = record.position;
    behind.emplace_back(position, std::move(chunk));
    while (!behind.empty() && behind.front().first <= synced) behind.pop_front();
  };
  for (size_t k = start; k < files.size(); k++) {
    const std::string path = journal->path(files[k]);
    try {
      const std::vector<std::byte> bytes = disk.read(path).value_or(std::vector<std::byte>());
      size_t at = 0;
      while (const auto record = next_record(bytes, at, options.mutant == Mutant::torn_record)) {
        synced = std::max(synced, record->synced);
        highest = std::max(highest, record->position);
        const bool first = position == 0;
        if (stopped || record->position <= position) continue;
        if (!first && !follows(*record, position)) {
          stopped = true;
          continue;
        }
        try {
          if (!first)
            replay(static_cast<LogKind>(record->kind), record->body, {wire::copied(record->payload)}, now);
          keep(*record);
          if (record->kind == static_cast<uint32_t>(LogKind::base)) {
            const auto base = entry_of<BaseEntry>(record->body);
            if (!base.from_log) bases.push_back({files[k], record->position, base.generation});
          }
        } catch (const std::exception &error) {
          stopped = true;
          warning = concat(path, ": ", error.what());
        }
      }
      if (at == bytes.size()) continue;
      synced = std::max(synced, synced_behind(bytes, at));
      warning = concat(path, " is torn at byte ", at, " of ", bytes.size(), ", behind record ", position,
                       "; what follows is left out");
    } catch (const std::exception &error) {
      stopped = true;
      warning = concat(path, ": ", error.what());
    }
  }
  replaying = false;
  for (const auto &[file, base_position, base_generation] : bases) {
    if (base_position <= synced) journal->found_base(file, base_generation);
  }
  const bool lost = synced > position;
  if (start == files.size())
    recovery = Recovery::nothing;
  else
    recovery = lost ? Recovery::partly : Recovery::whole;
  if (lost && position != 0) warning += "; records up to " + std::to_string(synced) + " had been answered for";
  std::vector<LogChunk> chunks;
  for (auto &[at, chunk] : behind) {
    if (at > synced) chunks.push_back(std::move(chunk));
  }
  if (recovery != Recovery::nothing) journal->resume(position, synced, highest, std::move(chunks));
  if (options.mutant == Mutant::replay_forgets && root != nullptr) root->forget_answers();
}

// The newest file that begins with a base whose checkpoint can be read; the shard has that state then.
size_t Shard::State::find_base(Time now) {
  const std::vector<uint64_t> &files = journal->files();
  for (size_t k = files.size(); k-- > 0;) {
    try {
      const auto bytes = disk.read(journal->path(files[k]));
      size_t at = 0;
      const auto record = bytes ? next_record(*bytes, at) : std::nullopt;
      if (!record || record->kind != static_cast<uint32_t>(LogKind::base)) continue;
      const auto base = entry_of<BaseEntry>(record->body);
      if (base.from_log) continue;
      // Without the parts that were under way it is no state: those stand in older files else.
      uint64_t parts = 0;
      while (parts < base.staged && next_record(*bytes, at)) parts++;
      if (parts < base.staged) continue;
      take_base(base, now);
      if (observer != nullptr && root != nullptr) observer->resumed(lineage, version, root->index());
      return k;
    } catch (const std::exception &error) {
      warning = concat(journal->path(files[k]), ": ", error.what());
    }
  }
  reset();
  return files.size();
}

// A model of one shard whose log cannot go on in its lineage keeps what the log has, in a new one.
void Shard::State::begin_from_log(uint64_t new_lineage, uint64_t base_version, Time now) {
  const uint64_t from_lineage = lineage, from_version = version;
  BaseEntry base;
  base.begins = base.from_log = true;
  base.lineage = new_lineage;
  base.version = base_version;
  base.initialised = initialised;
  base.after = journal->last();
  take_base(base, now);
  base.seals = root->seals();
  for (const wire::Token &seal : base.seals) seals[seal.lock] = seal.token;
  if (observer != nullptr) observer->begun(lineage, version, from_lineage, from_version);
  log_base(base);
}

}  // namespace ngd::cluster
