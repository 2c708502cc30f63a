// A shard's part in a checkpoint, and the root's: all shards save the same version, the manifest comes last.
#include <algorithm>

#include "base/error.h"
#include "cluster/shard_state.h"
#include "wire/table.h"

namespace ngd::cluster {
namespace {

constexpr Time kCheckpointUs = 600'000'000;  // then it has failed
constexpr Time kJobAgainUs = 300'000;

}  // namespace

bool SaveJob::late() {
  if (!follows) return false;
  if (!is_manifest) return told_of(disk_, path_).generation > generation;
  for (const Manifest &one : read_manifests(disk_, directory_, model_)) {
    // One that is carried out once more, after a restart, finds its own manifest: that is the one that was to come.
    if (one.slot == manifest.slot) return clears ? one.generation >= generation : one.generation > generation;
  }
  return false;
}

void SaveJob::run() {
  status = NGD_OK;
  try {
    if (late()) return;
    if (clears)
      clear_slot(disk_, directory_, model_, manifest.slot);
    else if (is_manifest)
      write_manifest(disk_, directory_, model_, manifest);
    else if (fetched)
      write_shard_bytes(disk_, path_, bytes_);
    else
      file = write_shard(disk_, path_, *saved_);
  } catch (const Error &error) {
    status = error.status();
    text = error.what();
  } catch (const std::exception &error) {
    status = NGD_E_MEMORY;
    text = error.what();
  }
}

void Shard::State::add_job(std::shared_ptr<SaveJob> job, uint64_t of_generation) {
  job->generation = of_generation;
  job->lineage = lineage;
  job->shard = place.model.shards[place.index].shard;
  jobs.push_back(std::move(job));
}

void Shard::State::start_checkpoint(Time now) {
  if (!ready || !options.durable || checkpointing || !initialised) return;
  checkpointing = true;
  checkpoint_until = now + kCheckpointUs;
  making = {};
  making.slot = next_slot;
  // Unlike in all lineages, whoever's disk remembers them.
  making.generation = std::max(generation, lineage << 32) + 1;
  making.lineage = lineage;
  making.version = version;
  making.ceiling = record_ceiling;
  making.initialised = initialised;
  making.seals = root->seals();
  making.files.resize(place.model.shards.size());
  saved_shards.assign(place.model.shards.size(), 0);
  // First the slot must hold nothing any more: a manifest of an earlier try beside newer files would speak of neither.
  auto job = std::make_shared<SaveJob>(disk, options.directory, place.model.spec.name, making);
  job->clears = true;
  add_job(std::move(job), making.generation);
}

void Shard::State::save(const wire::Decision &decision, Time) {
  generation = std::max(generation, decision.generation);
  if (!leading) {
    // Who leads spares what it knows to be whole; so does whoever leads next, until there is a manifest.
    kept = decision.kept;
    next_slot = decision.slot;
    if (!options.durable) return;
    if (root != nullptr) {  // as the one that leads has done
      Manifest old;
      old.slot = decision.slot;
      auto job = std::make_shared<SaveJob>(disk, options.directory, place.model.spec.name, old);
      job->clears = job->follows = true;
      add_job(std::move(job), decision.generation);
    }
  }
  StateWriter writer;
  parameters->save(writer);
  wire::Bytes of_root;
  if (root != nullptr) {
    of_root = root->save(logging());
    writer.tensors.push_back({"root", "U8", {static_cast<int64_t>(of_root.size)}, of_root.data, of_root.size});
  }
  writer.text("format", "ngd shard 1");
  writer.text("generation", std::to_string(decision.generation));
  writer.text("version", std::to_string(version));
  writer.text("lineage", std::to_string(lineage));
  if (logging()) writer.text("life", std::to_string(place.incarnation));  // else all replicas write the same
  const auto count = static_cast<uint32_t>(place.model.shards.size());
  const std::string path =
      shard_file(options.directory, place.model.spec.name, decision.slot, place.index, count);
  auto job = std::make_shared<SaveJob>(disk, path, std::make_unique<SavedShard>(writer));
  job->follows = !leading;
  add_job(std::move(job), decision.generation);
  if (!logging()) return;
  // The log goes on behind this point. What lies before the last whole checkpoint has served.
  BaseEntry base;
  base.lineage = lineage;
  base.version = version;
  base.number = decision.number;
  base.slot = decision.slot;
  base.generation = decision.generation;
  base.files = count;
  base.initialised = initialised;
  base.life = place.incarnation;
  base.staged = staged_parts.size();
  for (const auto &[lock, token] : seals) base.seals.push_back({lock, token});
  journal->forget_before(decision.kept);
  log_base(base);
}

// What a memory on the disk says was written may not have been, where a server died: it is, before anything later takes its
// place. Not while too much waits behind it.
bool Shard::State::tries_again(const SaveJob &job, Time now) {
  constexpr size_t kWaiting = 8;
  if (!job.follows || job.status == NGD_OK || replica->disk() == nullptr || jobs.size() > kWaiting)
    return false;
  job_again = now + kJobAgainUs;
  return true;
}

void Shard::State::job_done(const SaveJob &job, Time now) {
  if (job.lineage != lineage) return;
  if (job.fetched) {
    if (job.status != NGD_OK)
      warning = "what another server sent of a checkpoint could not be kept: " + job.text;
    return;
  }
  if (job.is_manifest) {
    if (!checkpointing || job.generation != making.generation) return;
    if (job.status != NGD_OK) return checkpoint_failed(job.text);
    if (job.clears) {  // at this point of the stream every shard takes its picture
      making.version = version;
      making.seals = root->seals();
      making.ceiling = record_ceiling;
      return root->decide_checkpoint(making.slot, making.generation, kept, now);
    }
    checkpointing = false;
    checkpoints_done++;
    checkpoint_version = making.version;
    generation = kept = making.generation;
    next_slot = 1 - making.slot;
    return;
  }
  wire::Saved done{place.index,       lineage,    job.generation, job.file.bytes,
                   job.file.checksum, job.status, job.text};
  if (root != nullptr) return saved(done, now);
  send_to_shard(0, {}, std::move(done));
}

void Shard::State::saved(const wire::Saved &done, Time now) {
  if (!checkpointing || done.generation != making.generation || done.lineage != lineage ||
      done.index >= saved_shards.size())
    return;
  // One that comes twice must not have a second manifest made, which would be of the next checkpoint by then.
  if (std::ranges::count(saved_shards, 0) == 0) return;
  if (done.status != NGD_OK) return checkpoint_failed(done.text);
  making.files[done.index] = {done.bytes, done.checksum};
  saved_shards[done.index] = 1;
  for (const uint8_t one : saved_shards) {
    if (one == 0) return;
  }
  if (shares_entry()) {  // every replica keeps the checkpoint
    append(LogKind::manifest, wire::write_bytes(making).span());
  }
  // On the disk only when it is certain: a version that nobody else has must not come back.
  manifest_at = replica->last();
  committed(replica->committed(), now);
}

// What was written of it never gets a manifest. The number is used up: a file of it may lie somewhere.
void Shard::State::checkpoint_failed(std::string text) {
  checkpointing = false;
  checkpoints_failed++;
  generation = making.generation;
  trouble = "the last checkpoint failed: " + text;
}

}  // namespace ngd::cluster
