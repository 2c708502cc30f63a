// Checkpoints on the disks of other servers: looking for the newest, and fetching a file of it.
//
// Each server has a disk of its own. Who leads a shard after all its replicas died may have been without it when the
// last checkpoint was written. So whoever leads a model's root then asks all servers for their manifests, and a shard
// whose disk lacks a file of the checkpoint that is chosen fetches it: from one that has it, part by part. What
// came counts when it has the checksum that the manifest tells; else it is asked for elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cluster/checkpoint.h"
#include "cluster/environment.h"

namespace ngd::cluster {

using AskServer = std::function<void(uint32_t node, wire::Fetch)>;

// Answers from this disk, with the payload. What cannot be read is not there.
wire::Fetched answer_fetch(Disk &disk, const std::string &directory, const std::string &model,
                           const wire::Fetch &fetch, std::vector<wire::Bytes> &payload);

// The manifests of all servers. Whoever does not answer is waited for as long as that is worth it.
class ManifestSearch {
 public:
  // `urgent`: there is something to begin with, or nothing is expected.
  ManifestSearch(std::vector<KnownServer> servers, bool urgent, Time now);
  void tick(Time now, const AskServer &ask);
  void answered(uint32_t node, const wire::Fetched &answer, const std::vector<wire::Bytes> &payload);
  bool done(Time now) const;
  const std::vector<Manifest> &found() const { return found_; }
  const std::string &damaged() const { return damaged_; }  // what is wrong with those that cannot be read

 private:
  std::vector<KnownServer> servers_;
  std::map<uint32_t, unsigned> missing_;  // slots that a server has not told of, as bits
  bool urgent_;
  Time began_, ask_at_ = 0;
  std::vector<Manifest> found_;
  std::string damaged_;
};

// One file of a checkpoint. A server that falls silent, or whose file turns out to be damaged, is left for another.
class FileFetch {
 public:
  enum class State : uint8_t { under_way, whole, failed };
  FileFetch(std::string path, wire::Fetch file, WantedShard wanted, ManifestFile told,
            const std::vector<KnownServer> &servers, Time now);
  FileFetch(const FileFetch &) = delete;
  FileFetch &operator=(const FileFetch &) = delete;
  void tick(Time now, const AskServer &ask);
  void answered(uint32_t node, const wire::Fetched &answer, const std::vector<wire::Bytes> &payload, Time now,
                const AskServer &ask);
  State state() const { return state_; }
  const std::string &why() const { return why_; }  // it failed
  uint32_t index() const { return file_.index; }
  LoadedShard take() { return std::move(loaded_); }

 private:
  void ask_all(Time now, const AskServer &ask);
  void ask_source(Time now, const AskServer &ask);
  void leave(uint32_t node, Time now);  // it has not got it, or not whole
  void finish(Time now);

  const std::string path_;
  const wire::Fetch file_;
  WantedShard wanted_;
  const ManifestFile told_;
  std::set<uint32_t> open_;  // who may have it
  uint32_t source_ = 0;      // who sends it
  std::vector<std::byte> bytes_;
  Time until_, asked_ = 0, heard_ = 0, pause_ = 0;
  State state_ = State::under_way;
  std::string why_;
  LoadedShard loaded_;
};

}  // namespace ngd::cluster
