// Fuzzes coded updates on a server: parts of a push and their payload, against a shard of a dense tensor and a table. What is
// accepted is applied, and leaves finite numbers.
#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/error.h"
#include "cluster/parameters.h"

namespace {

using ngd::wire::Bytes;
using ngd::wire::Coding;
using ngd::wire::TensorPart;
using ngd::wire::UpdateKind;

ngd::cluster::Parameters &shard() {
  static ngd::cluster::Parameters parameters = [] {
    ngd::wire::ModelSpec spec;
    spec.name = "m";
    spec.optimizer = "sgd:learning_rate=1e-38";
    spec.tensors = {{"dense", {300}, false, {}}, {"table", {70, 3}, true, {}}};
    // The table's rows from 10 on.
    return ngd::cluster::Parameters(spec, {{0, 0, 300}, {1, 30, 180}});
  }();
  return parameters;
}

}  // namespace

// Byte 0: kind and number of parts; then for each part 4 bytes: tensor and coding, rows, entries, gaps; byte: where the
// payload is cut; the rest is the payload.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  const auto kind = static_cast<UpdateKind>(data[0] & 3);
  const size_t count = 1 + (data[0] >> 2) % 3;
  if (size < 2 + 4 * count) return 0;
  std::vector<TensorPart> parts;
  for (size_t i = 0; i < count; i++) {
    const uint8_t *at = data + 1 + 4 * i;
    TensorPart part;
    part.tensor = at[0] & 1;
    part.coding = static_cast<Coding>((at[0] >> 1) % 5);
    part.rows = at[1] < 250 ? at[1] : ~0u - at[1];
    part.entries = at[2] < 250 ? at[2] : ~uint64_t{0} << (at[2] & 7);
    part.gap_bytes = at[3] < 250 ? at[3] : ~uint64_t{0} << (at[3] & 7);
    parts.push_back(part);
  }
  const size_t cut = data[1 + 4 * count];
  data += 2 + 4 * count;
  size -= 2 + 4 * count;
  const Bytes all = ngd::wire::copied(std::as_bytes(std::span(data, size)));
  const size_t first = std::min(cut, size);
  const std::vector<Bytes> payload = {all.slice(0, first), all.slice(first, size - first)};
  try {
    static_cast<void>(shard().memory_of(parts, payload));
    const ngd::cluster::UpdatePart update = shard().checked(kind, parts, payload);
    for (const auto &slice : update.slices) {
      for (const auto &run : slice.values) {
        for (const float value : run.span()) {
          if (!std::isfinite(value)) __builtin_trap();
        }
      }
      for (const uint32_t row : slice.rows) {
        if (row >= 60) __builtin_trap();
      }
    }
    // Deltas and values of any size may add up past the largest number; gradients at this rate cannot.
    const ngd::cluster::UpdatePart *one[] = {&update};
    if (kind == UpdateKind::gradient) shard().apply(one, 0);
  } catch (const ngd::Error &) {
  }
  return 0;
}
