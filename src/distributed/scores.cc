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
  const uint64_t drawn = steps_of_scores(blob);
  if (blob.size() > kHead) {
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

bool fit_a_blob(uint64_t rows) {
  constexpr uint64_t kRowBytes = 16, kTexts = 4096;
  return rows * kRowBytes + kTexts < wire::kValueBytes;
}

uint64_t steps_of_scores(const std::string &blob) {
  uint64_t steps = 0;
  if (blob.size() > kHead) std::memcpy(&steps, blob.data(), sizeof steps);
  return steps;
}

std::shared_ptr<Icea> merged_scores(const OptionSet &options, Shares &shares, uint64_t rows,
                                    const std::vector<std::string> &blobs) {
  std::shared_ptr<Icea> all = make_icea(options, rows, options["seed"]);
  SavedIcea of_all;
  of_all.scores.resize(rows);
  for (auto *counts : {&of_all.seen, &of_all.errors, &of_all.miss_runs}) counts->resize(rows);
  for (uint64_t p = 0; p < blobs.size(); p++) {
    if (blobs[p].empty()) continue;
    const std::shared_ptr<Icea> one = read_scores(options, shares, p, blobs[p], 0);
    const IceaInfo info = one->info();
    if (info.samples != shares.size(p))
      fail(NGD_E_CHECKPOINT, "the scores of partition ", p, " are of ", info.samples, " rows, but it has ",
           shares.size(p));
    SavedIcea part;
    StateWriter writer;
    one->save(writer, part);
    for (uint64_t i = 0; i < info.samples; i++) {
      const uint64_t row = shares.own_row(p, i);
      of_all.scores[row] = part.scores[i];
      of_all.seen[row] = part.seen[i];
      of_all.errors[row] = part.errors[i];
      of_all.miss_runs[row] = part.miss_runs[i];
    }
    all->count_in(info);
  }
  all->copy_in(0, rows,
               {of_all.scores.data(), of_all.seen.data(), of_all.errors.data(), of_all.miss_runs.data()});
  return all;
}

}  // namespace ngd::distributed
