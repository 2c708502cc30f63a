// Files of checkpoints: written so that a crash at any point leaves the older one whole, read so that damage is seen.
#include "cluster/checkpoint.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "math/crc32c.h"
#include "store/safetensors.h"
#include "store/safetensors_header.h"
#include "wire/limits.h"

// ngd::quoted is qualified here: the JSON header brings std::quoted, which a string argument would find.
namespace ngd::cluster {
namespace {

using Json = nlohmann::json;

// A checksum of a manifest's own text.
std::string text_digest(std::string_view text) {
  return std::to_string(crc32c(std::as_bytes(std::span(text))));
}

std::string slot_directory(const std::string &directory, const std::string &model, uint32_t slot) {
  return concat(model_directory(directory, model), "/slot", slot);
}

// What was begun and failed is taken away: on a full disk, a log may wait for its room.
void replace_file(Disk &disk, const std::string &folder, const std::string &path,
                  const std::vector<std::span<const std::byte>> &parts) {
  const std::string temporary = path + ".tmp";
  try {
    {
      const std::unique_ptr<File> file = disk.create(temporary);
      for (const auto &part : parts) {
        if (!part.empty()) file->write(part);
      }
      file->sync();
    }
    disk.rename(temporary, path);
  } catch (...) {
    try {
      disk.remove(temporary);
    } catch (const std::exception &) {  // the first failure is the one to tell
    }
    throw;
  }
  disk.sync_directory(folder);
}

uint64_t number_at(const Json &json, const char *key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_unsigned())
    fail(NGD_E_CHECKPOINT, "the manifest has no number \"", key, "\"");
  return found->get<uint64_t>();
}

std::string text_at(const Json &json, const char *key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string())
    fail(NGD_E_CHECKPOINT, "the manifest has no text \"", key, "\"");
  return found->get<std::string>();
}

}  // namespace

Manifest parse_manifest(std::string_view text) {
  const size_t end = text.rfind('\n');
  if (end == std::string_view::npos || text.substr(end + 1) != text_digest(text.substr(0, end)))
    fail(NGD_E_CHECKPOINT, "the manifest does not match its checksum");
  const Json json = Json::parse(text.substr(0, end), nullptr, false);
  if (!json.is_object()) fail(NGD_E_CHECKPOINT, "the manifest is no JSON object");
  Manifest manifest;
  manifest.slot = static_cast<uint32_t>(number_at(json, "slot"));
  manifest.generation = number_at(json, "generation");
  manifest.version = number_at(json, "version");
  manifest.lineage = number_at(json, "lineage");
  manifest.ceiling = number_at(json, "ceiling");
  manifest.initialised = number_at(json, "initialised") != 0;
  for (const char *list : {"seals", "files"}) {
    if (!json.contains(list) || !json[list].is_array())
      fail(NGD_E_CHECKPOINT, "the manifest has no list \"", list, "\"");
  }
  for (const Json &seal : json["seals"])
    manifest.seals.push_back({text_at(seal, "lock"), number_at(seal, "token")});
  for (const Json &file : json["files"])
    manifest.files.push_back({number_at(file, "bytes"), text_at(file, "checksum")});
  if (manifest.slot > 1 || manifest.files.empty() || manifest.files.size() > wire::kShards)
    fail(NGD_E_CHECKPOINT, "the manifest has impossible numbers");
  return manifest;
}

std::string model_directory(const std::string &directory, const std::string &model) {
  return directory.empty() ? model : directory + "/" + model;
}

std::string shard_file(const std::string &directory, const std::string &model, uint32_t slot, uint32_t index,
                       uint32_t count) {
  return concat(slot_directory(directory, model, slot), "/shard-", index, "-of-", count, ".safetensors");
}

std::string manifest_file(const std::string &directory, const std::string &model, uint32_t slot) {
  return slot_directory(directory, model, slot) + "/manifest.json";
}

void write_manifest(Disk &disk, const std::string &directory, const std::string &model,
                    const Manifest &manifest) {
  Json json = {{"format", "ngd checkpoint 1"}, {"model", model},
               {"slot", manifest.slot},        {"generation", manifest.generation},
               {"version", manifest.version},  {"lineage", manifest.lineage},
               {"ceiling", manifest.ceiling},  {"initialised", manifest.initialised ? 1u : 0u},
               {"seals", Json::array()},       {"files", Json::array()}};
  for (const wire::Token &seal : manifest.seals)
    json["seals"].push_back({{"lock", seal.lock}, {"token", seal.token}});
  for (const ManifestFile &file : manifest.files)
    json["files"].push_back({{"bytes", file.bytes}, {"checksum", file.checksum}});
  const std::string body = json.dump(1, ' ', false, Json::error_handler_t::replace);
  const std::string text = concat(body, "\n", text_digest(body));
  const std::string folder = slot_directory(directory, model, manifest.slot);
  replace_file(disk, folder, manifest_file(directory, model, manifest.slot), {std::as_bytes(std::span(text))});
}

std::vector<Manifest> read_manifests(Disk &disk, const std::string &directory, const std::string &model,
                                     std::string *why) {
  std::vector<Manifest> manifests;
  for (uint32_t slot = 0; slot < 2; slot++) {
    try {
      const auto bytes = disk.read(manifest_file(directory, model, slot));
      if (!bytes) continue;
      Manifest manifest = parse_manifest({reinterpret_cast<const char *>(bytes->data()), bytes->size()});
      if (manifest.slot == slot) manifests.push_back(std::move(manifest));
    } catch (const Error &error) {
      // A slot that is damaged: the other one counts.
      if (why != nullptr)
        *why = concat("slot ", slot, " of ", ngd::quoted(model_directory(directory, model), 200), ": ",
                      error.what());
    }
  }
  std::ranges::sort(manifests,
                    [](const Manifest &a, const Manifest &b) { return a.generation > b.generation; });
  return manifests;
}

bool has_manifest(Disk &disk, const std::string &directory, const std::string &model) {
  for (uint32_t slot = 0; slot < 2; slot++) {
    if (disk.read(manifest_file(directory, model, slot))) return true;
  }
  return false;
}

void clear_slot(Disk &disk, const std::string &directory, const std::string &model, uint32_t slot) {
  const std::string folder = slot_directory(directory, model, slot);
  disk.make_directory(model_directory(directory, model));
  disk.make_directory(folder);
  disk.remove(manifest_file(directory, model, slot));
  disk.sync_directory(folder);
}

SavedShard::SavedShard(const StateWriter &writer) : writer_(writer) {
  for (TensorView &tensor : writer_.tensors) {
    memory_.push_back(wire::copied(std::span(tensor.data, tensor.bytes)));
    tensor.data = memory_.back().data;
  }
}

namespace {

// With the directories that lead to it.
void replace_shard(Disk &disk, const std::string &path, const std::vector<std::span<const std::byte>> &parts) {
  const std::string folder = path.substr(0, path.rfind('/'));
  const std::string model = folder.substr(0, folder.rfind('/'));
  disk.make_directory(model);
  disk.make_directory(folder);
  disk.sync_directory(model);
  replace_file(disk, folder, path, parts);
}

// Of the header of a file that may be cut short, or have none.
std::map<std::string, std::string> texts_of(const std::string &path, std::span<const std::byte> head,
                                            uint64_t total) {
  uint64_t length = 0;
  if (head.size() < kLengthBytes) return {};
  std::memcpy(&length, head.data(), kLengthBytes);
  if (length > head.size() - kLengthBytes) return {};
  const std::string_view text(reinterpret_cast<const char *>(head.data()) + kLengthBytes, length);
  return parse_safetensors_header(path, text, total - kLengthBytes - length).texts;
}

}  // namespace

ManifestFile write_shard(Disk &disk, const std::string &path, const SavedShard &shard) {
  const SafetensorsParts parts = safetensors_parts(path, shard.writer());
  std::vector<std::span<const std::byte>> spans = {std::as_bytes(std::span(parts.head))};
  ManifestFile file{parts.head.size(), parts.checksum};
  for (const TensorView &tensor : parts.tensors) {
    spans.emplace_back(tensor.data, tensor.bytes);
    file.bytes += tensor.bytes;
  }
  replace_shard(disk, path, spans);
  return file;
}

void write_shard_bytes(Disk &disk, const std::string &path, const std::vector<std::byte> &bytes) {
  replace_shard(disk, path, {bytes});
}

LoadedShard load_shard(const std::string &path, std::vector<std::byte> bytes, const WantedShard &wanted) {
  LoadedShard shard;
  shard.bytes = std::move(bytes);
  shard.reader = read_safetensors(path, shard.bytes, wanted.unchecked);
  if (!wanted.unchecked && shard.reader.counter("generation") != wanted.generation)
    fail(NGD_E_CHECKPOINT, "checkpoint ", ngd::quoted(path, 200), " is of generation ",
         shard.reader.text("generation"), ", not ", wanted.generation);
  if (!wanted.unchecked && wanted.file != nullptr &&
      texts_of(path, shard.bytes, shard.bytes.size())[kChecksumKey] != wanted.file->checksum)
    fail(NGD_E_CHECKPOINT, "checkpoint ", ngd::quoted(path, 200), " is another one than its manifest tells of");
  return shard;
}

LoadedShard read_shard(Disk &disk, const std::string &path, const WantedShard &wanted) {
  auto bytes = disk.read(path);
  if (!bytes) fail(NGD_E_CHECKPOINT, "checkpoint ", ngd::quoted(path, 200), " is not there");
  return load_shard(path, std::move(*bytes), wanted);
}

Told told_of(Disk &disk, const std::string &path) {
  const auto first = disk.read_part(path, 0, kLengthBytes);
  uint64_t length = 0;
  if (!first || first->bytes.size() < kLengthBytes) return {};
  std::memcpy(&length, first->bytes.data(), kLengthBytes);
  if (length > kHeaderLimit || length > first->total - kLengthBytes) return {};
  const auto head = disk.read_part(path, 0, kLengthBytes + length);
  if (!head || head->total != first->total) return {};
  auto texts = texts_of(path, head->bytes, head->total);
  int64_t generation = 0;
  if (!parse_integer(texts["generation"], generation)) generation = 0;
  return {texts[kChecksumKey], static_cast<uint64_t>(generation)};
}

wire::Bytes pack_state(const StateWriter &writer) {
  const SafetensorsParts parts = safetensors_parts("state", writer);
  size_t size = parts.head.size();
  for (const TensorView &tensor : parts.tensors) size += tensor.bytes;
  const wire::Buffer buffer(size);
  std::byte *to = std::ranges::copy(std::as_bytes(std::span(parts.head)), buffer.data()).out;
  for (const TensorView &tensor : parts.tensors) to = std::copy_n(tensor.data, tensor.bytes, to);
  return buffer.bytes();
}

LoadedShard unpack_state(std::span<const std::byte> bytes) {
  LoadedShard shard;
  shard.bytes.assign(bytes.begin(), bytes.end());
  shard.reader = read_safetensors("state of a replica", shard.bytes);
  return shard;
}

}  // namespace ngd::cluster
