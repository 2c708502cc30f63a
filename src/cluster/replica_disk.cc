// Records of a replica's memory: written as it changes, read at the start of a server.
#include "cluster/replica_disk.h"

#include <algorithm>

#include "base/error.h"
#include "cluster/log_entries.h"
#include "wire/fields.h"
#include "wire/table.h"

namespace ngd::cluster {
namespace {

// The first record of a file; the state is the payload.
struct MemoryEntry {
  uint64_t first_life = 0, last_life = 0;
  uint64_t index = 0, epoch = 0, committed = 0;
  uint64_t generation = 0;
  uint64_t behind = 0;  // records that follow and belong to it
  bool begins = false;  // nothing before it counts
  bool stateful = false;
};
struct PlacedEntry {
  uint64_t index = 0, committed = 0;
  uint64_t control = 0;  // bytes of the payload
};
struct CutEntry {
  uint64_t index = 0;
};
struct LifeEntry {
  uint64_t first = 0, last = 0;  // 0: there is no memory
};

template <class F>
void fields(F &f, MemoryEntry &x) {
  f.number(x.first_life);
  f.number(x.last_life);
  f.number(x.index);
  f.number(x.epoch);
  f.number(x.committed);
  f.number(x.generation);
  f.number(x.behind);
  f.flag(x.begins);
  f.flag(x.stateful);
}
template <class F>
void fields(F &f, PlacedEntry &x) {
  f.number(x.index);
  f.number(x.committed);
  f.number(x.control);
}
template <class F>
void fields(F &f, CutEntry &x) {
  f.number(x.index);
}
template <class F>
void fields(F &f, LifeEntry &x) {
  f.number(x.first);
  f.number(x.last);
}

bool is(const LogRecord &record, LogKind kind) {
  return record.kind == static_cast<uint32_t>(kind);
}

}  // namespace

ReplicaDisk::ReplicaDisk(Disk &disk, std::string folder, std::string prefix)
    : disk_(disk), folder_(std::move(folder)), prefix_(std::move(prefix)) {}

// --- reading ------------------------------------------------------------------------------------------------------

std::optional<ReplicaDisk::Memory> ReplicaDisk::recall() {
  try {
    log_.emplace(disk_, folder_, prefix_);
    return recall_newest();
  } catch (const std::exception &error) {
    log_.reset();
    trouble_ = error.what();
    throw;
  }
}

// From the newest state that is whole.
std::optional<ReplicaDisk::Memory> ReplicaDisk::recall_newest() {
  const std::vector<uint64_t> &files = log_->files();
  for (size_t k = files.size(); k-- > 0;) {
    const std::vector<std::byte> bytes = disk_.read(log_->path(files[k])).value_or(std::vector<std::byte>());
    size_t at = 0;
    const auto first = next_record(bytes, at);
    if (!first || !is(*first, LogKind::memory)) continue;
    const auto base = entry_of<MemoryEntry>(first->body);
    uint64_t behind = 0;
    while (behind < base.behind) {
      const auto record = next_record(bytes, at);
      if (!record || record->position != first->position + ++behind) break;
    }
    if (behind == base.behind) return read_on(k);
  }
  if (!files.empty()) trouble_ = concat("no state in ", log_->path(files.back()), " or before it is whole");
  return std::nullopt;
}

std::optional<ReplicaDisk::Memory> ReplicaDisk::read_on(size_t first) {
  Memory memory;
  found_ = {};
  bool stopped = false, there = true;
  uint64_t last = 0;  // index
  const auto take = [&](const LogRecord &record) {
    if (is(record, LogKind::memory)) {
      const auto base = entry_of<MemoryEntry>(record.body);
      generation_ = std::max(generation_, base.generation);
      // One that shortens the log stands for what is known already.
      if (found_.base != 0) {
        if (base.begins) fail(NGD_E_CHECKPOINT, "a state begins anew in the midst");
        return;
      }
      found_.base = record.position;
      found_.generation = base.generation;
      memory.first_life = base.first_life;
      memory.last_life = base.last_life;
      memory.index = last = synced_ = base.index;
      memory.epoch = base.epoch;
      memory.committed = base.committed;
      if (base.stateful) memory.state.emplace(record.payload.begin(), record.payload.end());
    } else if (is(record, LogKind::placed)) {
      const auto entry = entry_of<PlacedEntry>(record.body);
      if (entry.index <= memory.index || entry.index > last + 1 || entry.control > record.payload.size())
        fail(NGD_E_CHECKPOINT, "entry ", entry.index, " stands behind ", last);
      memory.committed = std::max(memory.committed, entry.committed);
      const size_t place = entry.index - memory.index - 1;
      if (entry.index <= last && memory.entries[place].epoch == record.epoch) return;  // written once more
      memory.entries.resize(place);
      drop_behind(entry.index - 1);
      const wire::Bytes whole = wire::copied(record.payload);
      LogEntry one{record.epoch, whole.slice(0, entry.control), {}};
      if (entry.control < whole.size)
        one.payload.push_back(whole.slice(entry.control, whole.size - entry.control));
      memory.entries.push_back(std::move(one));
      last = entry.index;
      marks_.emplace_back(record.position, last);
    } else if (is(record, LogKind::cut)) {
      const uint64_t index = entry_of<CutEntry>(record.body).index;
      if (index < memory.index) fail(NGD_E_CHECKPOINT, "the log is cut before its state");
      if (index < last) memory.entries.resize(index - memory.index);
      last = std::min(last, index);
      drop_behind(last);
    } else if (is(record, LogKind::life)) {
      const auto life = entry_of<LifeEntry>(record.body);
      memory.first_life = life.first;
      memory.last_life = life.last;
      there = life.last != 0;
    } else {
      fail(NGD_E_CHECKPOINT, "a record has the unknown kind ", record.kind);
    }
  };
  const std::vector<uint64_t> &files = log_->files();
  for (size_t k = first; k < files.size(); k++) {
    const std::string path = log_->path(files[k]);
    const std::vector<std::byte> bytes = disk_.read(path).value_or(std::vector<std::byte>());
    size_t at = 0;
    while (const auto record = next_record(bytes, at)) {
      found_.synced = std::max(found_.synced, record->synced);
      found_.highest = std::max(found_.highest, record->position);
      if (stopped || record->position <= found_.last) continue;
      stopped = found_.last != 0 && record->position != found_.last + 1;
      if (stopped) continue;
      try {
        take(*record);
      } catch (const std::exception &error) {
        stopped = true;
        trouble_ = concat(path, ": ", error.what());
        continue;
      }
      found_.last = record->position;
      LogChunk chunk{false, std::nullopt, {record->whole.begin(), record->whole.end()}};
      if (is(*record, LogKind::memory)) {
        chunk.fresh = true;
        chunk.base = entry_of<MemoryEntry>(record->body).generation;
      }
      found_.behind.emplace_back(found_.last, std::move(chunk));
      while (!found_.behind.empty() && found_.behind.front().first <= found_.synced) found_.behind.pop_front();
    }
    if (at == bytes.size()) continue;
    found_.synced = std::max(found_.synced, synced_behind(bytes, at));
    trouble_ = concat(path, " is torn at byte ", at, " of ", bytes.size(), "; what follows is left out");
  }
  found_.file = files[first];
  memory.committed = std::clamp(memory.committed, memory.index, last);
  if (found_.synced > found_.last)
    trouble_ += concat("; records up to ", found_.synced, " had been answered for, of which ",
                       found_.synced - found_.last, " cannot be read");
  if (found_.synced > found_.last || !there || found_.base == 0) {
    marks_.clear();
    return std::nullopt;
  }
  first_life_ = memory.first_life;
  return memory;
}

void ReplicaDisk::go_on(uint64_t life) {
  begun_ = true;
  last_life_ = life;
  if (found_.base <= found_.synced) log_->found_base(found_.file, found_.generation);
  std::vector<LogChunk> behind;
  for (auto &[position, chunk] : found_.behind) {
    if (position > found_.synced) behind.push_back(std::move(chunk));
  }
  log_->resume(found_.last, found_.synced, found_.highest, std::move(behind));
  found_ = {};
  let_go();
  append(LogKind::life, 0, wire::write_bytes(LifeEntry{first_life_, last_life_}), {});
  since_ = log_->last();
}

// --- writing ------------------------------------------------------------------------------------------------------

void ReplicaDisk::append(LogKind kind, uint64_t epoch, const wire::Bytes &body,
                         const std::vector<wire::Bytes> &payload) {
  log_->append(kind, epoch, body.span(), payload);
}

void ReplicaDisk::place_base(const wire::Bytes &body, uint64_t epoch, const wire::Bytes *state, bool anew) {
  log_->cut(generation_, anew);
  append(LogKind::memory, epoch, body, state == nullptr ? std::vector<wire::Bytes>() : std::vector{*state});
  bases_.emplace_back(log_->last(), generation_);
}

void ReplicaDisk::begin(uint64_t life, uint64_t index, uint64_t epoch, const wire::Bytes *state) {
  begun_ = true;
  first_life_ = last_life_ = life;
  marks_.clear();
  synced_ = index;
  MemoryEntry base{life, life, index, epoch, index, ++generation_, 0, true, state != nullptr};
  place_base(wire::write_bytes(base), epoch, state, true);
  since_ = log_->last();
  at_base_ = log_->bytes_since_base();
}

void ReplicaDisk::entry(uint64_t index, const LogEntry &entry, uint64_t committed) {
  drop_behind(index - 1);
  place(index, entry, committed);
  marks_.emplace_back(log_->last(), index);
}

void ReplicaDisk::place(uint64_t index, const LogEntry &entry, uint64_t committed) {
  std::vector<wire::Bytes> payload = {entry.control};
  payload.insert(payload.end(), entry.payload.begin(), entry.payload.end());
  append(LogKind::placed, entry.epoch, wire::write_bytes(PlacedEntry{index, committed, entry.control.size}),
         payload);
}

void ReplicaDisk::cut(uint64_t index) {
  if (!begun_) return;
  drop_behind(index);
  append(LogKind::cut, 0, wire::write_bytes(CutEntry{index}), {});
}

void ReplicaDisk::be(uint64_t life) {
  if (!begun_) return;
  first_life_ = last_life_ = life;
  append(LogKind::life, 0, wire::write_bytes(LifeEntry{life, life}), {});
  since_ = log_->last();
}

void ReplicaDisk::forget() {
  if (!begun_) return;
  begun_ = false;
  marks_.clear();
  since_ = synced_ = 0;
  append(LogKind::life, 0, wire::write_bytes(LifeEntry{}), {});
}

void ReplicaDisk::shorten(uint64_t index, uint64_t epoch, const wire::Bytes &state, const ReplicaLog &log,
                          uint64_t committed) {
  MemoryEntry base{first_life_,   last_life_,         index, epoch, index,
                   ++generation_, log.last() - index, false, true};
  place_base(wire::write_bytes(base), epoch, &state, false);
  for (uint64_t one = index + 1; one <= log.last(); one++) place(one, log.at(one), committed);
  at_base_ = log_->bytes_since_base();
}

// --- what is on the disk --------------------------------------------------------------------------------------------

void ReplicaDisk::drop_behind(uint64_t index) {
  while (!marks_.empty() && marks_.back().second > index) marks_.pop_back();
  synced_ = std::min(synced_, index);
}

void ReplicaDisk::let_go() {
  while (!marks_.empty() && marks_.front().first <= log_->synced()) {
    synced_ = std::max(synced_, marks_.front().second);
    marks_.pop_front();
  }
  while (!bases_.empty() && bases_.front().first <= log_->synced()) {
    log_->forget_before(bases_.front().second);
    bases_.pop_front();
  }
}

void ReplicaDisk::done(const LogJob &job, Time now) {
  log_->done(job);
  if (log_->resting()) again_ = now + kLogRestUs;
  let_go();
}

void ReplicaDisk::tick(Time now) {
  if (log_ && log_->resting() && now >= again_) log_->try_again();
}

}  // namespace ngd::cluster
