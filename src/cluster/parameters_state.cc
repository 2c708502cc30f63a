// The state of a shard's parameters in checkpoints.
#include <algorithm>

#include "base/error.h"
#include "cluster/parameters.h"

namespace ngd::cluster {

void Parameters::save(StateWriter &writer) {
  bring_home();
  for (size_t p = 0; p < pieces_->size(); p++) {
    const PieceShape &shape = (*pieces_)[p];
    Store &store = stores_[p];
    if (!shape.table) {
      writer.tensor("parameter." + shape.name, {static_cast<int64_t>(shape.piece.count)},
                    std::span<const float>(values(p), shape.piece.count));
      continue;
    }
    store.listed.clear();
    store.packed.clear();
    for (uint32_t b = 0; b < store.exists.size(); b++) {
      if (store.exists[b] == 0) continue;
      const uint64_t first = b * shape.block_elements;
      const uint64_t end = std::min(first + shape.block_elements, shape.piece.count);
      for (uint64_t row = first / shape.width; row < end / shape.width; row++)
        store.listed.push_back(static_cast<uint32_t>(row));
      store.packed.insert(store.packed.end(), values(p) + first, values(p) + end);
    }
    if (store.listed.empty()) continue;
    const auto rows = static_cast<int64_t>(store.listed.size());
    writer.tensor("rows." + shape.name, {rows}, std::span<const uint32_t>(store.listed));
    writer.tensor("values." + shape.name, {rows, static_cast<int64_t>(shape.width)},
                  std::span<const float>(store.packed));
  }
  const std::string prefix = writer.prefix;
  if (any(false)) {
    writer.prefix = prefix + "dense.";
    dense_.save(writer);
  }
  if (any(true)) {
    writer.prefix = prefix + "tables.";
    tables_.save(writer);
  }
  writer.prefix = prefix;
}

void Parameters::load(const StateReader &reader) {
  for (size_t p = 0; p < pieces_->size(); p++) {
    const PieceShape &shape = (*pieces_)[p];
    if (!shape.table) {
      const int64_t count[] = {static_cast<int64_t>(shape.piece.count)};
      std::ranges::copy(reader.values<float>("parameter." + shape.name, count), values(p));
      std::ranges::fill(stores_[p].ahead, nullptr);
      mark(p);
      continue;
    }
    if (!reader.has("rows." + shape.name)) continue;
    const auto rows = reader.values<uint32_t>("rows." + shape.name);
    const int64_t sizes[] = {static_cast<int64_t>(rows.size()), static_cast<int64_t>(shape.width)};
    const auto data = reader.values<float>("values." + shape.name, sizes);
    for (size_t i = 0; i < rows.size(); i++) {
      if (rows[i] >= shape.rows())
        fail(NGD_E_CHECKPOINT, "the checkpoint's table ", quoted(shape.name), " has row ", rows[i], " of ",
             shape.rows());
      touch(p, rows[i]);
      std::copy_n(data.data() + i * shape.width, shape.width, values(p) + rows[i] * shape.width);
    }
  }
  StateReader inner;
  inner.tensors = reader.tensors;
  inner.texts = reader.texts;
  if (any(false)) {
    inner.prefix = reader.prefix + "dense.";
    dense_.load(inner);
  }
  if (any(true)) {
    inner.prefix = reader.prefix + "tables.";
    tables_.load(inner);
  }
  dense_options_.forget();
  tables_options_.forget();
}

void Parameters::visit(const std::function<void(std::span<const std::byte>)> &take) const {
  for (size_t p = 0; p < pieces_->size(); p++) {
    const Store &store = stores_[p];
    const bool table = (*pieces_)[p].table;
    if (table) take(std::as_bytes(std::span(store.exists)));
    for (size_t b = 0; b < (*pieces_)[p].blocks(); b++) {
      if (table && store.exists[b] == 0) continue;
      const auto [first, count] = range(p, b);
      const bool ahead = !table && store.ahead[b] != nullptr;
      const std::byte *from = ahead ? store.ahead[b].get() : store.memory.data() + first * sizeof(float);
      take({from, count * sizeof(float)});
    }
  }
  StateWriter writer;
  if (any(false)) dense_.save(writer, true);
  writer.prefix = "tables.";
  if (any(true)) tables_.save(writer, true);
  for (const auto &[key, text] : writer.texts) take(std::as_bytes(std::span(text)));
  for (const TensorView &view : writer.tensors) take({view.data, view.bytes});
}

void Parameters::flip_bit(size_t which) {
  bring_home();
  if (stores_.empty()) return;
  Memory &memory = stores_[0].memory;
  memory.data()[which / 8 % memory.bytes()] ^= std::byte{1} << which % 8;
}

}  // namespace ngd::cluster
