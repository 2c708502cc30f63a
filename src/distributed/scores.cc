// ICEA buffers as blobs: eight bytes of offset, eight of nothing, and what ngd_icea_save() would put into a file.
#include "distributed/scores.h"

#include <cstring>
#include <vector>

#include "store/safetensors.h"
#include "train/training_run.h"
#include "wire/limits.h"

namespace ngd::distributed {
namespace {

constexpr size_t kHead = 16;

}  // namespace

std::string write_scores(const Icea &icea, uint64_t offset) {
  SavedIcea saved;
  StateWriter writer;
  icea.save(writer, saved);
  const SafetensorsParts parts = safetensors_parts("scores", writer);
  std::string blob(kHead, '\0');
  std::memcpy(blob.data(), &offset, sizeof offset);
  blob += parts.head;
  for (const TensorView &tensor : parts.tensors)
    blob.append(reinterpret_cast<const char *>(tensor.data), tensor.bytes);
  if (blob.size() > wire::kValueBytes) blob.clear();
  return blob;
}

std::shared_ptr<Icea> read_scores(const OptionSet &options, const Shares &shares, uint64_t partition,
                                  const std::string &blob, uint64_t offset) {
  std::shared_ptr<Icea> icea =
      make_icea(options, shares.size(partition), options["seed"] + 1000003.0 * static_cast<double>(partition));
  uint64_t drawn = 0;
  if (blob.size() > kHead) {
    std::memcpy(&drawn, blob.data(), sizeof drawn);
    std::vector<std::max_align_t> memory(blob.size() / sizeof(std::max_align_t) + 1);
    std::memcpy(memory.data(), blob.data() + kHead, blob.size() - kHead);
    icea->load(read_safetensors("scores", std::as_bytes(std::span(memory)).first(blob.size() - kHead)));
  }
  std::vector<uint64_t> ids;
  for (uint64_t step = drawn; step < offset; step++) {
    ids.resize(shares.count(partition, step));
    if (!ids.empty()) icea->draw(ids, nullptr);
  }
  return icea;
}

}  // namespace ngd::distributed
