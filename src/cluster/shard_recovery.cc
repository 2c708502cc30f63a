// How shards come to life: the root reads the record of the model, takes a new lineage, and brings all shards to the newest
// checkpoint that all of them can read.
//
// The record "/model/<name>/state" holds "<lineage> <ceiling>": no version above the ceiling was ever shown. It is changed
// by compare-and-swap only, so that of two roots that think they are it one finds the record changed under its hands.
#include <algorithm>

#include "base/error.h"
#include "cluster/shard_state.h"
#include "wire/table.h"

namespace ngd::cluster {
namespace {

constexpr Time kAgainUs = 500'000;
constexpr Time kScanUs = 100'000;

std::string record_text(uint64_t lineage, uint64_t ceiling) {
  return concat(lineage, " ", ceiling);
}

bool parse_record(const std::string &text, uint64_t &lineage, uint64_t &ceiling) {
  const auto parts = split(text, ' ');
  int64_t a = 0, b = 0;
  if (parts.size() != 2 || !parse_integer(parts[0], a) || !parse_integer(parts[1], b) || a < 1 || b < 0)
    return false;
  lineage = static_cast<uint64_t>(a);
  ceiling = static_cast<uint64_t>(b);
  return true;
}

}  // namespace

void Shard::State::start(Time now) {
  clock = wakeup = announce_at = now;
  replica->start(now);
}

// Where nobody else has a memory of it: from the log on the disk, or a checkpoint.
void Shard::State::come_back(Time now) {
  wakeup = now;
  announce_at = now;
  recover_at = kNever;
  try {
    if (options.durable && !replicated()) recover(now);
  } catch (const std::exception &error) {  // its directory cannot be looked at
    replaying = false;
    trouble = error.what();
    recover_at = wakeup = now + kAgainUs;
    return;
  }
  trouble.clear();
  if (!options.ack_disk && (root == nullptr || recovery == Recovery::nothing)) journal.reset();
  if (root != nullptr) {
    begin_recovery(now);
  } else if (recovery == Recovery::whole && options.ack_disk) {
    ready = true;
    publish();
  } else {
    reset();
  }
}

// --- any shard ----------------------------------------------------------------------------------------------------

void Shard::State::announce(Time now) {
  announce_at = now + kAgainUs;
  send_to_shard(0, {}, wire::Announce{place.index, place.incarnation, ready ? lineage : 0});
}

void Shard::State::reset() {
  ready = false;
  staged_parts.clear();
  client_bytes.clear();
  staged_bytes = 0;
  untold.clear();
  untold_at = kNever;
  seals.clear();
  published.unpin_all();
  forget_held();
  stale = nullptr;
  rows_shown = true;
  interest = 0;
  number = 0;
  version = 0;
  initialised = false;
  jobs.clear();
  checkpointing = false;
  manifest_at.reset();
  obtaining.reset();
  fetch.reset();
  // Who waited is told by the lineage, when it asks again.
  waiting.clear();
  if (root != nullptr) {
    root = std::make_unique<Root>(static_cast<uint32_t>(place.model.shards.size()), options, *this);
    root->observe(observer);
  }
  parameters = std::make_unique<Parameters>(place.model.spec, place.model.shards[place.index].pieces);
}

// `files` are those that the shard needs: its own, or, of a model that was cut otherwise, all.
void Shard::State::load_checkpoint(const wire::Restore &request, std::vector<LoadedShard> &files,
                                   uint64_t life) {
  if (request.slot == wire::kNoSlot) return;
  if (life != 0 && files[0].reader.counter("life") != life)
    fail(NGD_E_CHECKPOINT, "the checkpoint in slot ", request.slot, " is of another life of the server");
  if (root != nullptr) {
    const auto bytes = files[0].reader.values<uint8_t>("root");
    root->load(std::as_bytes(bytes));
  }
  if (request.files == place.model.shards.size()) {
    parameters->load(files[0].reader);
  } else {
    const MergedShard merged(place.model.spec, place.model.shards[place.index].pieces, std::move(files));
    parameters->load(merged.reader());
  }
}

void Shard::State::restore(const wire::Restore &request, Time now) {
  if (root != nullptr || request.lineage < lineage) return;
  wire::Restored answer{place.index, place.incarnation, request.lineage, NGD_OK, {}};
  if (ready && request.lineage == lineage) {
    // A root that has come back asks after all that lies here.
    for (auto &[key, staged] : staged_parts) {
      if (request.resume) tell_root(key, staged, now);
    }
  } else if (request.resume) {
    answer.status = NGD_E_CHECKPOINT;
    answer.text = concat(where(), " has lost its log", warning.empty() ? "" : ": " + warning);
  } else {
    if (obtaining && obtaining->request.lineage == request.lineage) return;
    reset();
    lineage = request.lineage;
    return obtain(request, now);
  }
  announce_at = now + kAgainUs;
  send_to_shard(0, {}, std::move(answer));
}

// What it begins from is loaded.
void Shard::State::restored_here(const wire::Restore &request, Time now) {
  version = request.base_version;
  initialised = request.initialised;
  for (const wire::Token &seal : request.seals) seals[seal.lock] = seal.token;
  log_base({true, false, 0, lineage, version, 0, request.slot, request.generation, request.files, initialised,
            request.seals, 0, 0});
  ready = true;
  record_replaced(now);
  publish();
  announce_at = now + kAgainUs;
  send_to_shard(0, {}, wire::Restored{place.index, place.incarnation, lineage, NGD_OK, {}});
}

void Shard::State::tick(Time now) {
  replica->tick(now);
  if (leading && now >= untold_at) tell_untold(now);
  wakeup = now + kScanUs;
  if (!leading) return;
  if (recover_at != kNever) {
    if (now >= recover_at) come_back(now);
    return;
  }
  let_out(now);
  if (journal != nullptr && journal->resting() && now >= log_again) journal->try_again();
  fetch_on(now);
  if (root == nullptr) {
    if (now >= announce_at) announce(now);
  } else {
    if ((phase == Phase::reading || phase == Phase::writing || extending) && now >= record_at) read_record(now);
    if (phase == Phase::restoring || phase == Phase::ready) {
      for (uint32_t index = 1; index < restored_shards.size(); index++) {
        if (restored_shards[index] == 0 && now >= restore_at[index]) send_restore(index, now);
      }
    }
    if (ready) root->tick(now);
    watch_ceiling(now);
    if (phase == Phase::broken && (now >= stay_until || replica->servers() != stay_servers))
      begin_recovery(now);
    if (checkpointing && now >= checkpoint_until) checkpoint_failed("it took too long");
    if (ready && options.checkpoint_every_us != 0 && now >= next_checkpoint) {
      next_checkpoint = now + options.checkpoint_every_us;
      start_checkpoint(now);
    }
    if (ready && options.checkpoint_every_versions != 0 &&
        version >= checkpoint_version + options.checkpoint_every_versions)
      start_checkpoint(now);
    if (ready && logging() && journal->bytes_since_base() > options.log_bytes) start_checkpoint(now);
  }
  if (now >= scan_at) {
    scan_at = now + kScanUs;
    std::vector<UpdateKey> old;
    for (const auto &[key, staged] : staged_parts) {
      if (now - staged.told > staged.patience) old.push_back(key);
    }
    for (const UpdateKey &key : old) {
      const auto found = staged_parts.find(key);
      if (found != staged_parts.end() && ready) tell_root(key, found->second, now);
    }
  }
  if (ready) serve_pulls(now);
}

// --- the root -----------------------------------------------------------------------------------------------------

void Shard::State::begin_recovery(Time now) {
  phase = Phase::reading;
  ready = false;
  fresh = true;
  searched = false;
  elsewhere.clear();
  damaged_elsewhere.clear();
  search.reset();
  obtaining.reset();
  fetch.reset();
  read_record(now);
}

void Shard::State::read_record(Time now) {
  if (phase == Phase::writing) phase = Phase::reading;
  extending = writing_record = false;
  record_at = now + kAgainUs;
  coordinator.get(next_ticket(), concat("/model/", place.model.spec.name, "/state"));
  if (phase == Phase::ready) extending = true;
}

void Shard::State::record_answer(const CoordinatorAnswer &answer, Time now) {
  if (root == nullptr || answer.ticket != ticket) return;
  const std::string key = concat("/model/", place.model.spec.name, "/state");
  if (writing_record) {
    writing_record = false;
    if (!answer.done) return read_record(now);
    if (phase == Phase::ready) {
      extending = false;
      record_ceiling = wanted_ceiling;
      return root->extend_ceiling(record_ceiling, now);
    }
    if (resuming) return resume_lineage(now);
    const uint64_t base = record_ceiling;
    return adopt_lineage(wanted_lineage, base, wanted_ceiling, now);
  }
  // The record as it is.
  uint64_t found_lineage = 0, found_ceiling = 0, revision = 0;
  for (const Record &record : answer.records) {
    if (record.key == key && parse_record(record.value, found_lineage, found_ceiling))
      revision = record.revision;
  }
  record_revision = revision;
  if (phase == Phase::ready) {
    // Somebody else is the root now: whatever this one would decide is refused by the lineage.
    if (found_lineage != lineage) return begin_recovery(now);
    record_ceiling = found_ceiling;
    root->extend_ceiling(record_ceiling, now);
    if (record_ceiling - version > options.ceiling_block / 2) {
      extending = false;
      return;
    }
    wanted_ceiling = record_ceiling + options.ceiling_block;
    writing_record = true;
    record_at = now + kAgainUs;
    return coordinator.cas(next_ticket(), key, record_revision, record_text(lineage, wanted_ceiling));
  }
  record_lineage = found_lineage;
  record_ceiling = found_ceiling;
  // All that was ever answered for is here, and nobody was the root meanwhile: the lineage goes on.
  resuming = fresh && recovery == Recovery::whole && options.ack_disk && found_lineage == lineage;
  if (fresh && !resuming && options.durable && !searched) return look_for_manifests(now);
  ask_for_lineage(now);
}

void Shard::State::ask_for_lineage(Time now) {
  if (fresh) {
    trouble.clear();
    candidates = options.durable ? read_manifests(disk, options.directory, place.model.spec.name, &trouble)
                                 : std::vector<Manifest>();
    add_found();
    // A record that is missing while checkpoints are there: another coordinator, or the record was lost.
    for (const Manifest &one : candidates) {
      record_lineage = std::max(record_lineage, one.lineage);
      record_ceiling = std::max(record_ceiling, one.ceiling);
      generation = std::max(generation, one.generation);
    }
    next_slot = candidates.empty() ? 0 : 1 - candidates.front().slot;
    kept = candidates.empty() ? 0 : candidates.front().generation;
  }
  wanted_lineage = resuming ? lineage : std::max(record_lineage, lineage) + 1;
  wanted_ceiling = record_ceiling;
  if (!resuming || record_ceiling < version + options.ceiling_block) wanted_ceiling += options.ceiling_block;
  phase = Phase::writing;
  writing_record = true;
  record_at = now + kAgainUs;
  coordinator.cas(next_ticket(), concat("/model/", place.model.spec.name, "/state"), record_revision,
                  record_text(wanted_lineage, wanted_ceiling));
}

// The record says that this lineage is ours.
void Shard::State::adopt_lineage(uint64_t new_lineage, uint64_t base, uint64_t new_ceiling, Time now) {
  phase = Phase::restoring;
  record_ceiling = new_ceiling;
  restoring = {};
  restoring.lineage = new_lineage;
  restoring.base_version = base;
  restoring.slot = wire::kNoSlot;
  fresh = false;
  // What the log has is newer than any checkpoint of its lineage; on several shards it need not end at one version.
  const bool from_log = recovery != Recovery::nothing && place.model.shards.size() == 1 &&
                        (candidates.empty() || candidates.front().lineage <= lineage);
  recovery = Recovery::nothing;
  if (!from_log) {
    if (!options.ack_disk) journal.reset();
    return next_candidate(now);
  }
  begin_from_log(new_lineage, base, now);
  if (!options.ack_disk) journal.reset();
  root->extend_ceiling(record_ceiling, now);
  publish();
  check_ready(now);
}

void Shard::State::resume_lineage(Time now) {
  phase = Phase::restoring;
  recovery = Recovery::nothing;
  record_ceiling = wanted_ceiling;
  fresh = false;
  restoring = {};
  restoring.lineage = lineage;
  restoring.base_version = version;
  restoring.slot = wire::kNoSlot;
  restoring.resume = true;
  publish();
  restore_others(now);
}

// Brings the root to the newest checkpoint that is left, then the others.
void Shard::State::next_candidate(Time now) {
  if (candidates.empty() && !nothing_saved) return stay_away(now);
  reset();
  lineage = restoring.lineage;
  chosen.reset();
  if (candidates.empty()) return begin_restored(now);
  chosen = std::move(candidates.front());
  candidates.erase(candidates.begin());
  restoring.slot = chosen->slot;
  restoring.generation = chosen->generation;
  restoring.files = static_cast<uint32_t>(chosen->files.size());
  restoring.saved = chosen->files;
  restoring.initialised = chosen->initialised;
  phase = Phase::obtaining;  // until then nobody else is told to go there
  obtain(restoring, now);
}

void Shard::State::begin_restored(Time now) {
  phase = Phase::restoring;
  root->begin(lineage, restoring.base_version, restoring.initialised, now);
  root->extend_ceiling(record_ceiling, now);
  version = restoring.base_version;
  if (observer != nullptr)
    observer->begun(lineage, version, chosen ? chosen->lineage : 0, chosen ? chosen->version : 0);
  initialised = restoring.initialised;
  if (restoring.slot != wire::kNoSlot) next_slot = 1 - restoring.slot;
  kept = restoring.generation;
  restoring.seals = root->seals();
  for (const wire::Token &seal : restoring.seals) seals[seal.lock] = seal.token;
  log_base({true, false, 0, lineage, version, 0, restoring.slot, restoring.generation, restoring.files,
            initialised, restoring.seals, 0, 0});
  publish();
  restore_others(now);
}

void Shard::State::restore_others(Time now) {
  std::ranges::fill(restored_shards, 0);
  restored_shards[0] = 1;
  record_replaced(now);
  for (uint32_t index = 1; index < restored_shards.size(); index++) send_restore(index, now);
  check_ready(now);
}

void Shard::State::send_restore(uint32_t to, Time now) {
  restore_at[to] = now + kAgainUs;
  send_to_shard(to, {}, restoring);
}

void Shard::State::announced(const wire::Announce &who, const From &from, Time now) {
  if (who.index == 0 || who.index >= restored_shards.size()) return;
  place.model.shards[who.index].node = static_cast<uint32_t>(from.peer);  // only one that leads says so
  if (phase != Phase::restoring && phase != Phase::ready) return;
  if (restored_shards[who.index] == 0) return send_restore(who.index, now);
  if (who.incarnation > incarnations[who.index] && who.lineage == lineage && options.ack_disk) {
    incarnations[who.index] = who.incarnation;  // from its log
    return root->follower_came_back(who.index, now);
  }
  // A later life of a shard that was restored once: its memory is lost, and with it this lineage. Words of an earlier
  // life that come late mean nothing.
  if (who.incarnation > incarnations[who.index]) begin_recovery(now);
}

void Shard::State::restored(const wire::Restored &who, Time now) {
  if (phase != Phase::restoring || who.lineage != lineage || who.index == 0 ||
      who.index >= restored_shards.size())
    return;
  if (who.status != NGD_OK) {
    trouble = who.text;
    // Other shards may be there already; a new lineage takes them to the older checkpoint.
    fresh = false;
    phase = Phase::reading;
    return read_record(now);
  }
  restored_shards[who.index] = 1;
  incarnations[who.index] = who.incarnation;
  check_ready(now);
}

void Shard::State::check_ready(Time now) {
  for (const uint8_t one : restored_shards) {
    if (one == 0) return;
  }
  phase = Phase::ready;
  ready = true;
  trouble.clear();
  stay_pause = 0;
  if (shares_entry()) append(LogKind::memories, wire::write_bytes(MemoriesEntry{incarnations}).span());
  if (std::exchange(resuming, false)) {
    root->extend_ceiling(record_ceiling, now);
    stage_at_root(now);
  }
  next_checkpoint = now + options.checkpoint_every_us;
  checkpoint_version = version;
  root->tick(now);
}

void Shard::State::watch_ceiling(Time now) {
  if (root == nullptr || !ready || phase != Phase::ready || extending ||
      record_ceiling - version > options.ceiling_block / 2)
    return;
  read_record(now);
}

}  // namespace ngd::cluster
