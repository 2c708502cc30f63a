// Checkpoints of a model: one safetensors file for each shard and a manifest, in two slots that take turns.
//
//   <directory>/<model>/slot<k>/shard-<i>-of-<n>.safetensors
//   <directory>/<model>/slot<k>/manifest.json
//
// A file is written under another name, synced and renamed, and its directory synced. The manifest comes last and holds
// the checksum of every file: a slot counts only if all of it agrees, and the other slot still holds the checkpoint
// before.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/state.h"
#include "cluster/environment.h"
#include "wire/message.h"

namespace ngd::cluster {

using ManifestFile = wire::SavedFile;
struct Manifest {
  uint32_t slot = 0;
  uint64_t generation = 0;  // counts checkpoints; the newer slot has the higher one
  uint64_t version = 0;
  uint64_t lineage = 0;
  uint64_t ceiling = 0;  // no version above this one was ever shown
  bool initialised = false;
  std::vector<wire::Token> seals;
  std::vector<ManifestFile> files;
};

std::string model_directory(const std::string &directory, const std::string &model);
std::string shard_file(const std::string &directory, const std::string &model, uint32_t slot, uint32_t index,
                       uint32_t count);

std::string manifest_file(const std::string &directory, const std::string &model, uint32_t slot);
Manifest parse_manifest(std::string_view text);  // throws when it is damaged

void write_manifest(Disk &disk, const std::string &directory, const std::string &model,
                    const Manifest &manifest);
// The manifests that can be read, the newest first. One that is damaged does not count.
std::vector<Manifest> read_manifests(
    Disk &disk, const std::string &directory, const std::string &model,
    std::string *why = nullptr);  // what was wrong with those that do not count
// Before the first file of a slot is written anew: from now on it holds no checkpoint.
void clear_slot(Disk &disk, const std::string &directory, const std::string &model, uint32_t slot);
// Whether a manifest was ever written there, readable or not.
bool has_manifest(Disk &disk, const std::string &directory, const std::string &model);

// A copy of a shard's state, which stays as it is while the shard goes on.
class SavedShard {
 public:
  explicit SavedShard(const StateWriter &writer);  // copies
  const StateWriter &writer() const { return writer_; }

 private:
  StateWriter writer_;
  std::vector<wire::Bytes> memory_;
};

// Writes it; returns what the manifest is to hold.
ManifestFile write_shard(Disk &disk, const std::string &path, const SavedShard &shard);

// Takes a file that lies in memory to the disk.
void write_shard_bytes(Disk &disk, const std::string &path, const std::vector<std::byte> &bytes);

// A shard's file in memory.
struct LoadedShard {
  std::vector<std::byte> bytes;
  StateReader reader;
};
// What a shard's file must be.
struct WantedShard {
  uint64_t generation = 0;
  const ManifestFile *file = nullptr;  // nullptr: any of this generation
  bool unchecked = false;
};
// Throws NGD_E_CHECKPOINT when it is not whole, or not the one that is wanted.
LoadedShard load_shard(const std::string &path, std::vector<std::byte> bytes, const WantedShard &wanted);
LoadedShard read_shard(Disk &disk, const std::string &path, const WantedShard &wanted);
// What a file's header tells of it, unchecked; nothing where there is no such file, or no header.
struct Told {
  std::string checksum;
  uint64_t generation = 0;
};
Told told_of(Disk &disk, const std::string &path);

// A shard's state in memory, as such a file.
wire::Bytes pack_state(const StateWriter &writer);
LoadedShard unpack_state(std::span<const std::byte> bytes);

// The state of one shard put together from the files of a model that was cut otherwise. `pieces` are the shard's own.
class MergedShard {
 public:
  MergedShard(const wire::ModelSpec &spec, const std::vector<wire::Piece> &pieces,
              std::vector<LoadedShard> files);
  const StateReader &reader() const { return reader_; }

 private:
  void merge_dense(const wire::ModelSpec &spec, const wire::Piece &piece);
  void merge_table(const wire::ModelSpec &spec, const wire::Piece &piece);
  void merge_state(const wire::ModelSpec &spec, const wire::Piece &piece, const std::string &group);
  void gather(const std::string &name, const std::string &from, const wire::Piece &piece, uint64_t unit,
              Shape shape);
  void add(const std::string &name, const std::string &dtype, Shape shape, wire::Bytes bytes);

  std::vector<LoadedShard> files_;
  std::vector<std::vector<wire::Piece>> layout_;  // of the files
  StateReader reader_;
  std::vector<wire::Bytes> memory_;
};

}  // namespace ngd::cluster
