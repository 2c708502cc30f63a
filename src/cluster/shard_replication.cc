// A shard as one of several replicas: what it logs, what it holds until that is committed, and how it follows another.
#include <algorithm>

#include "base/error.h"
#include "cluster/shard_state.h"
#include "wire/table.h"

namespace ngd::cluster {
namespace {

// Parts of updates that are staged, beside the parameters and the root.
struct WholeShard {
  bool ready = false, initialised = false;
  uint64_t lineage = 0, version = 0, number = 0, generation = 0;
  std::vector<wire::Token> seals;
  std::vector<ShardEntry> staged;
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
}

TensorView bytes_view(const char *name, const wire::Bytes &bytes) {
  return {name, "U8", {static_cast<int64_t>(bytes.size)}, bytes.data, bytes.size};
}

}  // namespace

// --- what goes out, and when ----------------------------------------------------------------------------------------

void Shard::State::say_to(Peer to, wire::Message message, uint64_t index) {
  if (!leading) return;
  if (options.mutant == Mutant::no_hold) index = 0;
  if (held.empty() && index <= replica->committed() && replica->lease(clock) > clock) {
    return net.send(to, std::move(message));
  }
  held.push_back({index, to, std::move(message)});
}

void Shard::State::let_out(Time now) {
  if (!leading || replica->lease(now) <= now) return;
  const uint64_t certain = replica->committed();
  while (!held.empty() && held.front().index <= certain) {
    Held one = std::move(held.front());
    held.pop_front();
    net.send(one.to, std::move(one.message));
  }
}

void Shard::State::change_published(Change change) {
  if (!leading || options.mutant == Mutant::publish_early) change.index = 0;
  changes.push_back(std::move(change));
  committed(replica->committed(), clock);
}

// Nothing of this may come back here: what is carried out under it could move what is held.
void Shard::State::committed(uint64_t index, Time now) {
  const bool any = !changes.empty() && changes.front().index <= index;
  while (!changes.empty() && changes.front().index <= index) {
    const Change one = std::move(changes.front());
    changes.pop_front();
    if (one.snapshot != nullptr)
      published.publish(one.snapshot);
    else if (one.pin)
      published.pin(one.version);
    else
      published.unpin(one.version);
  }
  if (manifest_at && *manifest_at <= index && checkpointing) {
    manifest_at.reset();
    add_job(std::make_shared<SaveJob>(disk, options.directory, place.model.spec.name, making),
            making.generation);
  }
  published.allow(leading && ready ? replica->lease(now) : 0);
  if (observer != nullptr) observer->settled(index);
  let_out(now);
  if (any && leading && ready) wakeup = now;  // readers may be waiting for it
}

// --- the log --------------------------------------------------------------------------------------------------------

void Shard::State::record(ShardEntry entry, std::vector<wire::Bytes> payload, Time now) {
  replica->append(wire::write_bytes(entry), std::move(payload), now);
}

void Shard::State::log(const RootEntry &entry, Time now) {
  if (leading && replicated()) record(shard_entry(entry), {}, now);
}

// After a restoration: what replicas know is of no use any more.
void Shard::State::record_replaced(Time now) {
  if (!replicated() || !leading) return;
  ShardEntry entry;
  entry.kind = ShardEntry::Kind::replace;
  record(std::move(entry), {whole_state()}, now);
}

void Shard::State::replay(uint64_t, const LogEntry &entry, Time now) {
  clock = now;
  ShardEntry one;
  wire::read_bytes(entry.control.span(), "log entry", wire::kDepth, wire::kTablesOfLists, one);
  const UpdateKey key{one.client, one.user, one.seq};
  using Kind = ShardEntry::Kind;
  const unsigned times = options.mutant == Mutant::replay_twice && one.kind == Kind::presence ? 2 : 1;
  for (unsigned i = 0; i < times; i++) {
    switch (one.kind) {
      case Kind::stage:
        keep_part(key, one.push, entry.payload);
        break;
      case Kind::drop:
        drop(key, one.attempt);
        break;
      case Kind::decision:
        decided(one.decision, now);
        break;
      case Kind::replace: {
        std::vector<std::byte> bytes;
        for (const wire::Bytes &part : entry.payload)
          bytes.insert(bytes.end(), part.data, part.data + part.size);
        take_state(bytes, now);
        break;
      }
      case Kind::manifest:
        // Who came after the picture was taken has no file of it.
        if (options.durable && one.manifest.generation == saved_generation)
          add_job(std::make_shared<SaveJob>(disk, options.directory, place.model.spec.name, one.manifest),
                  one.manifest.generation);
        break;
      case Kind::memories:
        incarnations = one.numbers;
        incarnations.resize(place.model.shards.size());
        ready = true;
        break;
      default:
        if (root != nullptr) root->replay(root_entry(one), now);
    }
  }
}

void Shard::State::keep_part(const UpdateKey &key, const wire::Push &push,
                             const std::vector<wire::Bytes> &payload) {
  Staged staged;
  staged.bytes = wire::total_bytes(payload);
  staged.update = parameters->checked(push.kind, push.tensors, payload);
  staged.part = {push.attempt, push.after, push.base_version, push.pull, push.kind, push.tokens};
  staged.push = push;
  staged.payload = payload;
  if (const auto found = staged_parts.find(key); found != staged_parts.end()) erase_staged(found);
  client_bytes[key.client] += staged.bytes;
  staged_bytes += staged.bytes;
  staged_parts.emplace(key, std::move(staged));
}

// --- all of it ------------------------------------------------------------------------------------------------------

wire::Bytes Shard::State::whole_state(bool with_stream) {
  StateWriter writer;
  parameters->save(writer);
  wire::Bytes of_root;
  if (root != nullptr) {
    of_root = root->save_whole(with_stream);
    writer.tensors.push_back(bytes_view("root", of_root));
  }
  WholeShard whole;
  whole.ready = ready;
  whole.initialised = initialised;
  whole.lineage = lineage;
  whole.version = version;
  whole.number = number;
  whole.generation = with_stream ? generation : 0;  // counts what this server tried, too
  whole.incarnations = incarnations;
  for (const auto &[lock, token] : seals) whole.seals.push_back({lock, token});
  std::vector<std::byte> payloads;
  for (const auto &[key, staged] : staged_parts) {
    ShardEntry entry;
    entry.client = key.client;
    entry.user = key.user;
    entry.seq = key.seq;
    entry.push = staged.push;
    whole.staged.push_back(std::move(entry));
    whole.bytes.push_back(staged.bytes);
    for (const wire::Bytes &part : staged.payload)
      payloads.insert(payloads.end(), part.data, part.data + part.size);
  }
  const wire::Bytes of_shard = wire::write_bytes(whole);
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
  initialised = whole.initialised;
  incarnations = whole.incarnations;
  incarnations.resize(place.model.shards.size());
  for (const wire::Token &seal : whole.seals) seals[seal.lock] = seal.token;
  const auto payloads = std::as_bytes(loaded.reader.values<uint8_t>("staged"));
  size_t at = 0;
  for (size_t i = 0; i < whole.staged.size() && i < whole.bytes.size(); i++) {
    const ShardEntry &one = whole.staged[i];
    if (whole.bytes[i] > payloads.size() - at) fail(NGD_E_PROTOCOL, "the state of a shard is cut short");
    std::vector<wire::Bytes> payload;
    if (whole.bytes[i] != 0) payload.push_back(wire::copied(payloads.subspan(at, whole.bytes[i])));
    at += whole.bytes[i];
    keep_part({one.client, one.user, one.seq}, one.push, payload);
  }
  ready = whole.ready;
  if (observer != nullptr) observer->lost();
  publish();
}

std::optional<wire::Bytes> Shard::State::snapshot() {
  if (!ready) return std::nullopt;
  return whole_state();
}

void Shard::State::load(std::span<const std::byte> bytes, Time now) {
  take_state(bytes, now);
}

uint64_t Shard::State::digest() {
  const wire::Bytes bytes = whole_state(false);
  uint64_t hash = 0xCBF29CE484222325;
  for (const std::byte one : bytes.span()) hash = (hash ^ static_cast<uint8_t>(one)) * 0x100000001B3;
  return hash;
}

// --- who leads ------------------------------------------------------------------------------------------------------

void Shard::State::lead(bool fresh_memory, Time now) {
  clock = now;
  leading = true;
  held.clear();
  place.incarnation = replica->record().memory;
  if (fresh_memory) {
    reset();
    lineage = 0;
    announce_at = now;
    if (root != nullptr) begin_recovery(now);
    return;
  }
  lead_on(now);
}

// From what was replayed. Pulls, parts and answers that were under way at the one before come again.
void Shard::State::lead_on(Time now) {
  waiting.clear();
  jobs.clear();
  checkpointing = false;
  manifest_at.reset();
  announce_at = now;
  for (auto &[key, staged] : staged_parts) staged.told = 0;
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
      if (one.generation < generation) continue;
      generation = one.generation;
      next_slot = 1 - one.slot;
    }
  }
  next_checkpoint = now + options.checkpoint_every_us;
  checkpoint_version = version;
  root->take_over(now);
  committed(replica->committed(), now);
  std::vector<std::pair<UpdateKey, uint32_t>> parts;
  for (const auto &[key, staged] : staged_parts) parts.emplace_back(key, staged.part.attempt);
  for (const auto &[key, attempt] : parts) {
    if (staged(key) != nullptr) root->staged(0, key, attempt, now);
  }
  read_record(now);
}

void Shard::State::follow(bool lost, Time now) {
  clock = now;
  leading = false;
  held.clear();
  changes.clear();
  waiting.clear();
  jobs.clear();
  checkpointing = extending = writing_record = false;
  manifest_at.reset();
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

void Shard::State::placed(const wire::ModelPlace &model) {
  for (size_t index = 0; index < place.model.shards.size() && index < model.shards.size(); index++) {
    wire::ShardPlace &known = place.model.shards[index];
    if (model.shards[index].epoch < known.epoch) continue;
    known.epoch = model.shards[index].epoch;
    known.node = model.shards[index].node;
  }
}

// --- what the replica needs -------------------------------------------------------------------------------------------

void Shard::State::say(uint32_t node, wire::Body body, std::vector<wire::Bytes> payload) {
  wire::Envelope envelope;
  envelope.shard = place.model.shards[place.index].shard;
  envelope.epoch = replica->record().epoch;
  net.send(node, {envelope, std::move(body), std::move(payload)});
}

uint64_t Shard::State::coordinator_ticket() {
  return uint64_t{place.model.shards[place.index].shard} << 32 | (++tickets & 0xFFFFFFFF);
}

}  // namespace ngd::cluster
