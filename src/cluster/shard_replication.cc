// A shard as one of several replicas: what it logs, what it holds until that is committed, and how it follows another.
#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "cluster/log_entries.h"
#include "cluster/shard_state.h"
#include "math/crc32c.h"
#include "wire/table.h"

namespace ngd::cluster {
namespace {

// Parts of updates that are staged, beside the parameters and the root.
struct WholeShard {
  bool ready = false, initialised = false;
  uint64_t lineage = 0, version = 0, number = 0, generation = 0;
  uint64_t kept = 0;  // of a root: the last checkpoint that is whole, and the slot of the next
  uint32_t next_slot = 0;
  std::vector<wire::Token> seals;
  std::vector<StagedEntry> staged;
  std::vector<uint64_t> bytes;  // of the payload of each
  std::vector<uint64_t> incarnations;
};

template <class F>
void fields(F &f, WholeShard &x) {
  f.flag(x.ready);
  f.flag(x.initialised);
  f.number(x.lineage);
  f.number(x.version);
  f.number(x.number);
  f.tables(x.seals, wire::kLocks);
  f.tables(x.staged, size_t{1} << 20);
  f.numbers(x.bytes, size_t{1} << 20);
  f.numbers(x.incarnations, wire::kShards);
  f.number(x.generation);
  f.number(x.kept);
  f.number(x.next_slot);
}

TensorView bytes_view(const char *name, const wire::Bytes &bytes) {
  return {name, "U8", {static_cast<int64_t>(bytes.size)}, bytes.data, bytes.size};
}

constexpr size_t kControlHead = 16;  // so that what follows is aligned

}  // namespace

// An entry of the log of replicas: its kind, and what a record on the disk has for a body.
wire::Bytes Shard::State::replica_control(LogKind kind, std::span<const std::byte> body) {
  const wire::Buffer buffer(kControlHead + body.size());
  const auto number = static_cast<uint32_t>(kind);
  std::memset(buffer.data(), 0, kControlHead);
  std::memcpy(buffer.data(), &number, sizeof number);
  if (!body.empty()) std::memcpy(buffer.data() + kControlHead, body.data(), body.size());
  return buffer.bytes();
}

// --- the log --------------------------------------------------------------------------------------------------------

// Nothing of this may come back here: what is carried out under it could move what is held.
void Shard::State::committed(uint64_t index, Time now) {
  if (manifest_at && *manifest_at <= index && checkpointing) {
    manifest_at.reset();
    add_job(std::make_shared<SaveJob>(disk, options.directory, place.model.spec.name, making),
            making.generation);
  }
  if (observer != nullptr) observer->settled(index);
  published.allow(leading && ready && replica->enough() ? replica->lease(now) : 0);
  let_out(now);
}

// After a restoration: what the other replicas know is of no use any more.
void Shard::State::record_replaced(Time) {
  if (shares_entry()) replica->append(replica_control(LogKind::replaced, {}), {whole_state()}, clock);
}

bool Shard::State::replay(uint64_t, const LogEntry &entry, Time now) {
  clock = now;
  differs = false;
  if (entry.control.size < kControlHead) fail(NGD_E_PROTOCOL, "an entry of a log is cut short");
  uint32_t kind = 0;
  std::memcpy(&kind, entry.control.data, sizeof kind);
  const auto carry_out = [&] {
    replay(static_cast<LogKind>(kind), entry.control.span().subspan(kControlHead), entry.payload, now);
  };
  carry_out();
  if (options.mutant == Mutant::replay_twice && kind >= static_cast<uint32_t>(LogKind::root) &&
      kind < static_cast<uint32_t>(LogKind::root) + 6)
    carry_out();
  if (options.mutant == Mutant::flipped_bit && kind != static_cast<uint32_t>(LogKind::digest) && ready &&
      version % 16 == 7 && std::exchange(flipped_at, version) != version)
    parameters->flip_bit(version / 16);
  return !differs;
}

// --- all of it ------------------------------------------------------------------------------------------------------

// What is neither parameters nor the root's nor bytes of updates.
wire::Bytes Shard::State::small_state(bool with_stream) const {
  WholeShard whole;
  whole.ready = ready;
  whole.initialised = initialised;
  whole.lineage = lineage;
  whole.version = version;
  whole.number = number;
  if (with_stream) {  // what this server tried counts, too
    whole.generation = generation;
    // The manifest is in the log already, and so in this picture.
    const bool told = checkpointing && std::ranges::count(saved_shards, 0) == 0;
    whole.kept = told ? making.generation : kept;
    whole.next_slot = told ? 1 - making.slot : next_slot;
  }
  whole.incarnations = incarnations;
  for (const auto &[lock, token] : seals) whole.seals.push_back({lock, token});
  for (const auto &[key, staged] : staged_parts) {
    whole.staged.push_back({key.client, key.user, key.seq, staged.push});
    whole.bytes.push_back(wire::total_bytes(staged.payload));
  }
  return wire::write_bytes(whole);
}

wire::Bytes Shard::State::whole_state(bool with_stream) {
  StateWriter writer;
  parameters->save(writer);
  wire::Bytes of_root;
  if (root != nullptr) {
    of_root = root->save_whole(with_stream);
    writer.tensors.push_back(bytes_view("root", of_root));
  }
  std::vector<std::byte> payloads;
  for (const auto &[key, staged] : staged_parts) {
    for (const wire::Bytes &part : staged.payload)
      payloads.insert(payloads.end(), part.data, part.data + part.size);
  }
  const wire::Bytes of_shard = small_state(with_stream);
  writer.tensors.push_back(bytes_view("shard", of_shard));
  writer.tensors.push_back(
      {"staged", "U8", {static_cast<int64_t>(payloads.size())}, payloads.data(), payloads.size()});
  return pack_state(writer);
}

void Shard::State::take_state(std::span<const std::byte> bytes, Time now) {
  const LoadedShard loaded = unpack_state(bytes);
  WholeShard whole;
  wire::read_bytes(std::as_bytes(loaded.reader.values<uint8_t>("shard")), "state of a shard", wire::kDepth,
                   unsigned{1} << 24, whole);
  reset();
  parameters->load(loaded.reader);
  if (root != nullptr) root->load_whole(std::as_bytes(loaded.reader.values<uint8_t>("root")), now);
  lineage = whole.lineage;
  version = whole.version;
  number = whole.number;
  generation = std::max(generation, whole.generation);
  kept = whole.kept;
  next_slot = whole.next_slot;
  initialised = whole.initialised;
  incarnations = whole.incarnations;
  incarnations.resize(place.model.shards.size());
  for (const wire::Token &seal : whole.seals) seals[seal.lock] = seal.token;
  const auto payloads = std::as_bytes(loaded.reader.values<uint8_t>("staged"));
  size_t at = 0;
  for (size_t i = 0; i < whole.staged.size() && i < whole.bytes.size(); i++) {
    const StagedEntry &one = whole.staged[i];
    if (whole.bytes[i] > payloads.size() - at) fail(NGD_E_PROTOCOL, "the state of a shard is cut short");
    std::vector<wire::Bytes> payload;
    if (whole.bytes[i] != 0) payload.push_back(wire::copied(payloads.subspan(at, whole.bytes[i])));
    at += whole.bytes[i];
    put_staged({one.client, one.user, one.seq}, one.push, payload);
  }
  ready = whole.ready;
  if (observer != nullptr) observer->lost();
}

std::optional<wire::Bytes> Shard::State::snapshot() {
  if (!ready) return std::nullopt;
  return whole_state();
}

size_t Shard::State::state_bytes() const {
  return parameters == nullptr ? 0 : parameters->elements() * sizeof(float);
}

void Shard::State::load(std::span<const std::byte> bytes, Time now) {
  take_state(bytes, now);
}

uint32_t Shard::State::digest() {
  return crc32c(whole_state(false).span());
}

// --- who leads ------------------------------------------------------------------------------------------------------

void Shard::State::lead(bool fresh_memory, Time now) {
  clock = now;
  leading = true;
  forget_held();
  place.incarnation = replica->record().memory;
  if (fresh_memory) {
    reset();
    lineage = 0;
    return come_back(now);
  }
  lead_on(now);
}

// From what was replayed. Pulls, parts and answers that were under way at the one before come again. A manifest that waits
// to be written stays: the one before may have died before it wrote its own.
void Shard::State::lead_on(Time now) {
  waiting.clear();
  checkpointing = false;
  manifest_at.reset();
  announce_at = now;
  untold.clear();
  untold_at = kNever;
  for (auto &[key, staged] : staged_parts) staged.told = staged.patience = 0;
  if (ready) publish();
  if (root == nullptr) {
    committed(replica->committed(), now);
    return;
  }
  if (!ready) {  // the one before had not brought all shards to this lineage
    committed(replica->committed(), now);
    return begin_recovery(now);
  }
  phase = Phase::ready;
  std::ranges::fill(restored_shards, 1);
  if (options.durable) {
    for (const Manifest &one : read_manifests(disk, options.directory, place.model.spec.name)) {
      generation = std::max(generation, one.generation);
      // An older server did not tell. What is about to be cleared for a later one is none.
      const bool goes = std::ranges::any_of(jobs, [&](const std::shared_ptr<Job> &job) {
        const auto &save = static_cast<const SaveJob &>(*job);
        return save.clears && save.manifest.slot == one.slot && save.generation > one.generation;
      });
      if (kept != 0 || goes) continue;
      kept = one.generation;
      next_slot = 1 - one.slot;
    }
  }
  next_checkpoint = now + options.checkpoint_every_us;
  checkpoint_version = version;
  root->take_over(now);
  committed(replica->committed(), now);
  stage_at_root(now);
  restoring = {};
  restoring.lineage = lineage;
  restoring.base_version = version;
  restoring.slot = wire::kNoSlot;
  restoring.resume = true;  // they tell again which parts they have
  for (uint32_t index = 1; index < restored_shards.size(); index++) send_restore(index, now);
  read_record(now);
}

// Its own parts. What the root makes of one may take others away.
void Shard::State::stage_at_root(Time now) {
  std::vector<std::pair<UpdateKey, uint32_t>> parts;
  for (const auto &[key, staged] : staged_parts) parts.emplace_back(key, staged.part.attempt);
  for (const auto &[key, attempt] : parts) {
    if (staged(key) != nullptr) root->staged(0, key, attempt, now);
  }
}

void Shard::State::follow(bool lost, Time now) {
  clock = now;
  leading = false;
  forget_held();
  waiting.clear();
  jobs.clear();
  checkpointing = extending = writing_record = false;
  manifest_at.reset();
  obtaining.reset();
  fetch.reset();
  search.reset();
  phase = Phase::unknown;
  published.allow(0);
  if (!lost) return;
  if (observer != nullptr) observer->lost();
  reset();
}

void Shard::State::record_changed(const ReplicaRecord &now_record) {
  wire::ShardPlace &mine = place.model.shards[place.index];
  mine.epoch = now_record.epoch;
  mine.node = now_record.primary.node;
}

// What another shard was told at its old place is said again at once: nobody may have heard it.
void Shard::State::placed(const wire::ModelPlace &model, Time now) {
  for (uint32_t index = 0; index < place.model.shards.size() && index < model.shards.size(); index++) {
    wire::ShardPlace &known = place.model.shards[index];
    const wire::ShardPlace &told = model.shards[index];
    if (index == place.index) {
      known.replicas = told.replicas;
      if (!options.ack_disk || replica->disk() != nullptr) replica->want(told.replicas, told.lead, now);
      // Who has just been added learns here that it is to take over some day; otherwise only when it looks by itself.
      const ReplicaRecord &record = replica->record();
      const bool other_members = told.epoch == record.epoch &&
                                 !std::ranges::equal(told.in_sync, record.in_sync, {}, {}, &Member::node);
      if (told.epoch > record.epoch || other_members) replica->look_soon(now);
      continue;
    }
    if (told.epoch < known.epoch || (told.epoch == known.epoch && told.node == known.node)) continue;
    known.epoch = told.epoch;
    known.node = told.node;
    if (!leading) continue;
    if (root == nullptr && index == 0) {
      announce(now);
      for (auto &[key, staged] : staged_parts) {
        if (ready) tell_root(key, staged, now);
      }
    } else if (root != nullptr && ready) {
      root->follower_came_back(index, now);
    } else if (root != nullptr && phase == Phase::restoring) {
      restore_at[index] = now;
    }
  }
}

// --- what the replica needs -------------------------------------------------------------------------------------------

void Shard::State::say(uint32_t node, wire::Body body, std::vector<wire::Bytes> payload) {
  wire::Envelope envelope;
  envelope.shard = place.model.shards[place.index].shard;
  envelope.epoch = replica->record().epoch;
  net.send(node, {envelope, std::move(body), std::move(payload)});
}

Time Shard::State::ask_members(Time now) {
  return replica->ask_members(now);
}

uint64_t Shard::State::coordinator_ticket() {
  return uint64_t{place.model.shards[place.index].shard} << 32 | (++tickets & 0xFFFFFFFF);
}

}  // namespace ngd::cluster
