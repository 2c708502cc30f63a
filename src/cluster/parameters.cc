// Checking updates, and where what they change lies.
#include "cluster/parameters.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "cluster/coding.h"
#include "cluster/layout.h"
#include "math/reduce.h"

namespace ngd::cluster {
namespace {

constexpr uint64_t kKeptBytes = uint64_t{64} << 20;  // of blocks that no version has any more

std::vector<PieceShape> shapes_of(const wire::ModelSpec &spec, const std::vector<wire::Piece> &pieces) {
  std::vector<PieceShape> shapes;
  for (const wire::Piece &piece : pieces) {
    const wire::TensorSpec &tensor = spec.tensors[piece.tensor];
    PieceShape shape;
    shape.piece = piece;
    shape.table = tensor.table;
    shape.name = tensor.name;
    shape.initial = tensor.initial;
    shape.block_elements = kDenseBlockBytes / sizeof(float);
    if (tensor.table) {
      shape.width = static_cast<uint64_t>(tensor.shape[1]);
      shape.block_elements =
          std::max<uint64_t>(1, kTableBlockBytes / sizeof(float) / shape.width) * shape.width;
    }
    shapes.push_back(std::move(shape));
  }
  return shapes;
}

}  // namespace

Parameters::Parameters(const wire::ModelSpec &spec, const std::vector<wire::Piece> &pieces)
    : pieces_(std::make_shared<const std::vector<PieceShape>>(shapes_of(spec, pieces))),
      dense_(spec.optimizer),
      tables_(spec.optimizer),
      dense_options_(dense_),
      tables_options_(tables_),
      sum_(spec.aggregate_sum),
      average_rows_(spec.average_rows) {
  add_groups(dense_, spec);
  add_groups(tables_, spec);
  for (const PieceShape &shape : *pieces_) {
    const wire::TensorSpec &tensor = spec.tensors[shape.piece.tensor];
    const bool whole = shape.piece.count == element_count(tensor.shape);
    const auto count = static_cast<int64_t>(shape.piece.count);
    if (shape.table) {
      tables_.add_rows(Element::f32, shape.name, Shape{count / tensor.shape[1], tensor.shape[1]});
    } else {
      dense_.add(Element::f32, shape.name, whole ? tensor.shape : Shape{count});
    }
    stores_.emplace_back();
    stores_.back().memory = Memory(shape.piece.count * sizeof(float), shape.table);
    changed_.push_back(1);
    stores_.back().ahead.resize(shape.table ? 0 : shape.blocks());
    if (shape.table) {
      stores_.back().exists.resize(shape.blocks());
      stores_.back().unseen.listed.resize(shape.rows());
    } else {
      fill_initial(shape.initial, shape.piece.tensor, shape.piece.first,
                   {values(stores_.size() - 1), shape.piece.count});
    }
    elements_ += shape.piece.count;
  }
  // Several versions may be on their way to readers.
  pool_ = BlockPool(std::min<uint64_t>(3 * elements_ * sizeof(float), kKeptBytes));
  if (any(true)) rows_ = std::make_shared<TableRows>(pieces_, pool_);
}

bool Parameters::any(bool table) const {
  return std::ranges::any_of(*pieces_, [&](const PieceShape &one) { return one.table == table; });
}

UpdatePart Parameters::checked(wire::UpdateKind kind, const std::vector<wire::TensorPart> &tensors,
                               const std::vector<wire::Bytes> &payload, bool numbers) const {
  PayloadReader reader(payload);
  UpdatePart update;
  update.kind = kind;
  update.bytes = reader.left();
  std::vector<uint8_t> given(pieces_->size());
  bool dense = false;
  for (const wire::TensorPart &part : tensors) {
    const auto found =
        std::ranges::find(*pieces_, part.tensor, [](const PieceShape &one) { return one.piece.tensor; });
    if (found == pieces_->end()) fail(NGD_E_NOT_FOUND, "the shard has nothing of tensor number ", part.tensor);
    UpdatePart::Slice slice;
    slice.piece = static_cast<size_t>(found - pieces_->begin());
    if (std::exchange(given[slice.piece], 1) != 0)
      fail(NGD_E_ARGUMENT, "the update has two parts of tensor ", quoted(found->name));
    uint64_t count = found->piece.count;
    dense = dense || !found->table;
    if (part.coding != wire::Coding::float32) {
      if (kind != wire::UpdateKind::gradient && kind != wire::UpdateKind::delta)
        fail(NGD_E_PROTOCOL, "the values of tensor ", quoted(found->name),
             " are coded; only gradients and deltas may be");
      DecodedPart decoded = decode(part, *found, reader, numbers);
      slice.rows = std::move(decoded.rows);
      slice.values.push_back(std::move(decoded.values));
      if (!found->table || !slice.rows.empty()) update.slices.push_back(std::move(slice));
      continue;
    }
    if (found->table) {
      const auto rows = reader.take<uint32_t>(part.rows);
      if (!rows) fail(NGD_E_PROTOCOL, "the payload of an update is shorter than its list of rows");
      for (size_t i = 0; i < rows->size(); i++) {
        const uint64_t row = rows->data()[i];
        if (row < found->first_row() || row - found->first_row() >= found->rows())
          fail(NGD_E_RANGE, "row ", row, " of table ", quoted(found->name), " is not on this shard, which has ",
               found->rows(), " rows from ", found->first_row());
        if (i > 0 && row <= rows->data()[i - 1])
          fail(NGD_E_ARGUMENT, "the rows of table ", quoted(found->name), " must rise, but row ", row,
               " follows ", rows->data()[i - 1]);
        slice.rows.push_back(static_cast<uint32_t>(row - found->first_row()));
      }
      count = part.rows * found->width;
    } else if (part.rows != 0) {
      fail(NGD_E_ARGUMENT, "tensor ", quoted(found->name), " is no table; it is updated whole");
    }
    // The rows of a table in one run; dense values wherever they lie.
    std::optional<std::vector<Run<float>>> runs;
    if (!found->table) {
      runs = reader.take_runs<float>(count);
    } else if (auto run = reader.take<float>(count)) {
      runs.emplace(1, std::move(*run));
    }
    if (!runs)
      fail(NGD_E_SHAPE, "the payload of an update has ", reader.left(), " bytes for tensor ",
           quoted(found->name), ", which needs ", count * sizeof(float));
    for (const Run<float> &run : *runs) {
      if (numbers && !all_finite(run.data(), run.size()))
        fail(NGD_E_NOT_FINITE, "the update of tensor ", quoted(found->name), " holds a NaN or an infinity");
    }
    slice.values = std::move(*runs);
    if (!found->table || !slice.rows.empty()) update.slices.push_back(std::move(slice));
  }
  if (reader.left() != 0) fail(NGD_E_SHAPE, "the payload of an update has ", reader.left(), " bytes too many");
  if (kind == wire::UpdateKind::gradient && dense) {
    for (size_t p = 0; p < given.size(); p++) {
      if (given[p] == 0 && !(*pieces_)[p].table)
        fail(NGD_E_SHAPE, "the update has gradients of some dense tensors, but not of ",
             quoted((*pieces_)[p].name), "; a step needs them all");
    }
  }
  std::ranges::sort(update.slices, {}, &UpdatePart::Slice::piece);
  return update;
}

uint64_t Parameters::memory_of(const std::vector<wire::TensorPart> &tensors,
                               const std::vector<wire::Bytes> &payload) const {
  uint64_t bytes = 0;
  for (const wire::TensorPart &part : tensors) {
    if (part.coding == wire::Coding::float32) continue;
    const auto found =
        std::ranges::find(*pieces_, part.tensor, [](const PieceShape &one) { return one.piece.tensor; });
    if (found != pieces_->end()) bytes += decoded_bytes(part, *found);
  }
  return std::max<uint64_t>(bytes, wire::total_bytes(payload));
}

void Parameters::touch(size_t piece, uint32_t row) {
  const PieceShape &shape = (*pieces_)[piece];
  Store &store = stores_[piece];
  if (store.unseen.listed[row] == 0) {
    store.unseen.rows.push_back(row);
    store.unseen.listed[row] = 1;
  }
  const uint64_t block = row / (shape.block_elements / shape.width);
  if (store.exists[block] != 0) return;
  store.exists[block] = 1;
  const auto [first, count] = range(piece, block);
  fill_initial(shape.initial, shape.piece.tensor, shape.piece.first + first, {values(piece) + first, count});
}

void Parameters::mark(size_t piece) {
  changed_[piece] = 1;
}

void Parameters::apply(std::span<const UpdatePart *const> parts, double rate, std::string_view options) {
  if (parts.empty()) return;
  for (const UpdatePart *part : parts) {
    for (const UpdatePart::Slice &slice : part->slices) {
      if (!(*pieces_)[slice.piece].table) mark(slice.piece);
      for (const uint32_t row : slice.rows) touch(slice.piece, row);
    }
  }
  if (parts.front()->kind == wire::UpdateKind::gradient) return step(parts, rate, options);
  if (parts.size() > 1 && average_rows_ && parts.front()->kind == wire::UpdateKind::delta) {
    const UpdatePart mean = averaged(parts);
    const UpdatePart *const one[] = {&mean};
    return put(one);
  }
  put(parts);
}

// Values or deltas, one part after another.
void Parameters::put(std::span<const UpdatePart *const> parts) {
  for (const UpdatePart *part : parts) {
    // Memory may run out before anything has changed, but not after.
    std::vector<std::vector<Snapshot::Block>> blocks(part->slices.size());
    for (size_t i = 0; i < blocks.size(); i++) {
      if (!(*pieces_)[part->slices[i].piece].table) blocks[i] = set_or_added(part->kind, part->slices[i]);
    }
    for (size_t i = 0; i < blocks.size(); i++) {
      if ((*pieces_)[part->slices[i].piece].table)
        set_or_add_rows(part->kind, part->slices[i]);
      else
        stores_[part->slices[i].piece].ahead = std::move(blocks[i]);
    }
  }
}

}  // namespace ngd::cluster
