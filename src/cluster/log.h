// The log of a shard on its disk: records in files that are only ever added to, and synced in groups.
//
//   <directory>/<model>/log/shard-<i>-of-<n>.<number>
//
// A record is a header (magic, CRC32C of all that follows, position, epoch, what was synced when it was written, kind,
// lengths), a body (FlatBuffers) and a payload, each filled up to 8 bytes. Positions count without a gap. Files mean
// nothing but for their order: after a failed write the same records begin the next file, and a reader skips what it has.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cluster/environment.h"
#include "cluster/shard.h"

namespace ngd::cluster {

inline constexpr Time kLogRestUs = 500'000;  // after a write that failed

enum class LogKind : uint32_t {
  base = 1,  // the state is that of a checkpoint, or a lineage begins: here a reader may start
  staged,
  dropped,
  decision,  // of the stream, on another shard than the root
  // Of replicas alone.
  replaced,       // the whole state is another one; the payload
  manifest,       // root: a checkpoint is whole
  memories,       // root: the incarnations of the shards that share this lineage
  root,           // and above: the root's entries, by their place in RootEntry
  digest = 1000,  // replicas: what the state of the one that leads is there
  // Of a replica's memory: replica_disk.h.
  memory = 2000,  // a state
  placed,         // an entry of the log that replicas share, at an index
  cut,            // what is behind an index has not happened
  life,           // whose memory it is
};

struct LogRecord {
  uint64_t position = 0;
  uint64_t epoch = 0;   // of the shard when it was written
  uint64_t synced = 0;  // everything up to here was on the disk by then
  uint32_t kind = 0;
  std::span<const std::byte> body, payload, whole;
  std::shared_ptr<const void> owner;  // where they do not lie in the file
};

// Takes the record at `at` and goes on behind it. Nothing: it is the end, or torn, or damaged.
std::optional<LogRecord> next_record(std::span<const std::byte> file, size_t &at, bool unchecked = false);
// The highest `synced` of the valid records that lie somewhere behind a damaged one.
uint64_t synced_behind(std::span<const std::byte> file, size_t at);

// Records that lie together in one file.
struct LogChunk {
  bool fresh = false;            // begins a file
  std::optional<uint64_t> base;  // begins with a base on this generation of checkpoints
  std::vector<std::byte> bytes;
};

// Brings records to the disk.
class LogJob : public Job {
 public:
  void run() override;

  Disk *disk = nullptr;
  std::string folder, prefix;
  std::vector<LogChunk> chunks;
  std::vector<std::string> old;  // to be removed
  uint64_t last = 0;             // position of the last record
  std::shared_ptr<File> file;    // the open one
  uint64_t next_file = 1;
  std::vector<std::pair<uint64_t, uint64_t>> bases;  // number of the file, generation
  ngd_status status = NGD_OK;
  std::string text;
};

class Log {
 public:
  Log(Disk &disk, std::string folder, std::string prefix);

  // The files that were there at the start, the oldest first.
  const std::vector<uint64_t> &files() const { return files_; }
  std::string path(uint64_t number) const;
  // After reading: where the log ends, what of it is known to be on the disk, the highest position that lies anywhere,
  // and the records that may not be on the disk: those are written again.
  void resume(uint64_t last, uint64_t synced, uint64_t highest, std::vector<LogChunk> behind);
  void found_base(uint64_t file, uint64_t generation) { bases_.emplace_back(file, generation); }

  // Position of the new record.
  uint64_t append(LogKind kind, uint64_t epoch, std::span<const std::byte> body,
                  const std::vector<wire::Bytes> &payload);
  // The next record is a base and begins a file. `anew`: positions begin a range of their own.
  void cut(std::optional<uint64_t> generation, bool anew);
  // The checkpoint of this generation is whole: what is older than its base is not needed any more.
  void forget_before(uint64_t generation);

  std::shared_ptr<LogJob> take_job();  // nullptr: nothing to write, or the last try is too recent
  void done(const LogJob &job);
  void try_again() { resting_ = false; }

  uint64_t last() const { return last_; }
  uint64_t synced() const { return synced_; }
  size_t backlog() const { return backlog_; }  // bytes that are not on the disk yet
  uint64_t bytes_since_base() const { return bytes_since_base_; }
  bool resting() const { return resting_; }
  const std::string &trouble() const { return trouble_; }

 private:
  Disk &disk_;
  const std::string folder_, prefix_;
  std::vector<uint64_t> files_;
  std::vector<std::pair<uint64_t, uint64_t>> bases_;
  std::vector<LogChunk> pending_;
  std::vector<std::string> old_;
  std::shared_ptr<File> file_;
  uint64_t next_file_ = 1, first_file_ = 1, last_ = 0, synced_ = 0, highest_ = 0, bytes_since_base_ = 0;
  size_t backlog_ = 0;
  bool running_ = false, resting_ = false, cut_ = false;
  std::optional<uint64_t> cut_base_;
  std::string trouble_;
};

}  // namespace ngd::cluster
