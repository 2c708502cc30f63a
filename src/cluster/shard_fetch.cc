// Where a shard gets the checkpoint that it begins from: its own disk, else the disks of other servers.
#include <algorithm>

#include "base/error.h"
#include "cluster/shard_state.h"

namespace ngd::cluster {
namespace {

constexpr Time kStayUs = 2'000'000, kStayMostUs = 60'000'000;

}  // namespace

AskServer Shard::State::asker() {
  return [this](uint32_t node, wire::Fetch question) { say(node, std::move(question), {}); };
}

void Shard::State::answer(const From &from, const wire::Envelope &envelope, const wire::Fetch &question) {
  std::vector<wire::Bytes> payload;
  wire::Fetched found;
  found.asked = question;
  if (options.durable) found = answer_fetch(disk, options.directory, place.model.spec.name, question, payload);
  net.send(from.peer, {envelope, std::move(found), std::move(payload)});
}

void Shard::State::fetched(const From &from, const wire::Fetched &found,
                           const std::vector<wire::Bytes> &payload, Time now) {
  const auto node = static_cast<uint32_t>(from.peer);
  if (search != nullptr && found.asked.manifest) {
    search->answered(node, found, payload);
    if (search->done(now)) manifests_found(now);
  } else if (fetch != nullptr) {
    fetch->answered(node, found, payload, now, asker());
    fetch_on(now);
  }
}

void Shard::State::fetch_on(Time now) {
  if (search != nullptr) {
    search->tick(now, asker());
    if (search->done(now)) manifests_found(now);
  }
  if (fetch == nullptr) return;
  fetch->tick(now, asker());
  if (fetch->state() == FileFetch::State::under_way) return;
  const std::unique_ptr<FileFetch> ended = std::move(fetch);
  const std::string lacking = obtaining->lacking.back().second;
  if (ended->state() == FileFetch::State::failed)
    return not_obtained(concat(lacking, ", and ", ended->why()), now);
  obtaining->files[ended->index()] = ended->take();
  obtaining->fetched.push_back(ended->index());
  obtaining->lacking.pop_back();
  obtain_next(now);
}

// --- manifests, for a root ------------------------------------------------------------------------------------------

void Shard::State::look_for_manifests(Time now) {
  if (replica->servers().empty()) {
    searched = true;
    return ask_for_lineage(now);
  }
  phase = Phase::searching;
  const bool expected = record_lineage != 0;
  const bool here = !read_manifests(disk, options.directory, place.model.spec.name).empty();
  search = std::make_unique<ManifestSearch>(replica->servers(), here || !expected, now);
  search->tick(now, asker());
}

// The record may have changed meanwhile.
void Shard::State::manifests_found(Time now) {
  elsewhere = search->found();
  damaged_elsewhere = search->damaged();
  search.reset();
  searched = true;
  phase = Phase::reading;
  read_record(now);
}

// What others have to what is here: each once, the newest first.
void Shard::State::add_found() {
  nothing_saved = candidates.empty() && elsewhere.empty() && damaged_elsewhere.empty() &&
                  (!options.durable || !has_manifest(disk, options.directory, place.model.spec.name));
  for (const Manifest &one : elsewhere) {
    if (std::ranges::find(candidates, one.generation, &Manifest::generation) == candidates.end())
      candidates.push_back(one);
  }
  std::ranges::stable_sort(candidates, std::ranges::greater(), &Manifest::generation);
  if (candidates.empty() && trouble.empty()) trouble = damaged_elsewhere;
}

// No checkpoint can be had. Servers that come may bring one, and those that are cut off.
void Shard::State::stay_away(Time now) {
  phase = Phase::broken;
  if (trouble.empty()) trouble = "no checkpoint can be read";
  trouble += "; bring back the files of a checkpoint, or remove them all to begin anew";
  stay_servers = replica->servers();
  stay_pause = std::clamp(2 * stay_pause, kStayUs, kStayMostUs);
  stay_until = stay_servers.empty() ? kNever : now + stay_pause;
}

// --- files ----------------------------------------------------------------------------------------------------------

std::string Shard::State::file_of(const wire::Restore &request, uint32_t index) const {
  return shard_file(options.directory, place.model.spec.name, request.slot, index, request.files);
}

std::vector<LoadedShard> Shard::State::read_files(const wire::Restore &request) {
  std::vector<LoadedShard> files;
  const bool same = request.files == place.model.shards.size();
  for (uint32_t index = 0; index < request.files; index++) {
    if (same && index != place.index) continue;
    files.push_back(read_shard(disk, file_of(request, index),
                               {request.generation, nullptr, options.mutant == Mutant::torn_checkpoint}));
  }
  return files;
}

// Ends with obtained() or not_obtained(), now or later.
void Shard::State::obtain(const wire::Restore &request, Time now) {
  fetch.reset();
  obtaining.emplace();
  obtaining->request = request;
  const bool same = request.files == place.model.shards.size();
  for (uint32_t index = 0; index < request.files && request.slot != wire::kNoSlot; index++) {
    if (same && index != place.index) continue;
    try {
      obtaining->files[index] =
          read_shard(disk, file_of(request, index),
                     {request.generation, index < request.saved.size() ? &request.saved[index] : nullptr,
                      options.mutant == Mutant::torn_checkpoint});
    } catch (const std::exception &error) {
      obtaining->lacking.emplace_back(index, error.what());
    }
  }
  obtain_next(now);
}

void Shard::State::obtain_next(Time now) {
  if (obtaining->lacking.empty()) return obtained(now);
  const wire::Restore &request = obtaining->request;
  const auto &[index, why] = obtaining->lacking.back();
  // Who does not know what the file must be cannot take it from others.
  if (request.saved.size() != request.files || replica->servers().empty() || !options.durable)
    return not_obtained(std::string(why), now);
  const bool unchecked = options.mutant == Mutant::torn_checkpoint;
  fetch = std::make_unique<FileFetch>(
      file_of(request, index),
      wire::Fetch{false, request.slot, index, request.files, request.saved[index].checksum, 0},
      WantedShard{request.generation, nullptr, unchecked}, request.saved[index], replica->servers(), now);
  fetch_on(now);
}

void Shard::State::obtained(Time now) {
  Obtaining done = std::move(*obtaining);
  obtaining.reset();
  try {
    // A log that begins with a checkpoint needs it on the disk; else that has time.
    for (const uint32_t index : done.fetched) {
      if (options.ack_disk) write_shard_bytes(disk, file_of(done.request, index), done.files[index].bytes);
    }
    std::vector<LoadedShard> files;
    for (auto &[index, file] : done.files) files.push_back(std::move(file));
    load_checkpoint(done.request, files);
    keep_checkpoint(done, files);
  } catch (const std::exception &error) {
    return not_obtained(error.what(), now);
  }
  if (root != nullptr) return begin_restored(now);
  restored_here(done.request, now);
}

// So that it is here the next time. A root's manifest comes behind its file, as always.
void Shard::State::keep_checkpoint(const Obtaining &done, std::vector<LoadedShard> &files) {
  if (!options.durable || done.request.slot == wire::kNoSlot) return;
  if (!options.ack_disk && done.fetched.size() == 1 && files.size() == 1)
    add_job(std::make_shared<SaveJob>(disk, file_of(done.request, done.fetched[0]), std::move(files[0].bytes)),
            done.request.generation);
  if (root == nullptr || done.request.files != place.model.shards.size()) return;
  const auto here = read_manifests(disk, options.directory, place.model.spec.name);
  if (std::ranges::find(here, chosen->generation, &Manifest::generation) == here.end())
    add_job(std::make_shared<SaveJob>(disk, options.directory, place.model.spec.name, *chosen),
            done.request.generation);
}

void Shard::State::not_obtained(const std::string &why, Time now) {
  obtaining.reset();
  fetch.reset();
  if (root != nullptr) {
    trouble = why;
    return next_candidate(now);
  }
  announce_at = now + 500'000;
  send_to_shard(0, {}, wire::Restored{place.index, place.incarnation, lineage, NGD_E_CHECKPOINT, why});
}

}  // namespace ngd::cluster
