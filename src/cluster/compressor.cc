// Residuals, and which numbers are sent.
#include "cluster/compressor.h"

#include <algorithm>
#include <cmath>

#include "cluster/client_session.h"
#include "cluster/compress_loops.h"
#include "math/reduce.h"

namespace ngd::cluster {
namespace {

using wire::Coding;

constexpr uint64_t kResidualBlock = 16 << 10;  // bytes

PieceShape shape_of(const wire::TensorSpec &spec, const wire::Piece &piece) {
  PieceShape shape;
  shape.piece = piece;
  shape.table = spec.table;
  shape.name = spec.name;
  if (spec.table) shape.width = static_cast<uint64_t>(spec.shape[1]);
  return shape;
}

}  // namespace

float *Compressor::Residual::row(uint32_t number, uint64_t width) {
  std::unique_ptr<float[]> &block = blocks[number / rows_of_block];
  if (block == nullptr) block = std::make_unique<float[]>(rows_of_block * width);
  return block.get() + number % rows_of_block * width;
}

Compressor::Residual &Compressor::residual(wire::UpdateKind kind, uint32_t tensor,
                                           const wire::TensorSpec &spec) {
  Residual &one = residuals_[{kind, tensor}];
  if (spec.table)
    one.rows_of_block =
        std::max<uint64_t>(1, kResidualBlock / sizeof(float) / static_cast<uint64_t>(spec.shape[1]));
  else if (one.whole.bytes() == 0)
    one.whole = Memory(element_count(spec.shape) * sizeof(float));
  return one;
}

bool Compressor::takes(wire::UpdateKind kind, const std::vector<TensorUpdate> &tensors) const {
  if (compression_.coding == Coding::float32) return false;
  if (kind != wire::UpdateKind::gradient && kind != wire::UpdateKind::delta) return false;
  return std::ranges::all_of(tensors, [](const TensorUpdate &one) {
    return all_finite(reinterpret_cast<const float *>(one.values.data), one.values.size / sizeof(float));
  });
}

template <class Use>
void Compressor::for_slices(const std::vector<TensorUpdate> &tensors, const wire::ModelPlace &model, Use use) {
  for (size_t index = 0; index < model.shards.size(); index++) {
    for (const TensorUpdate &update : tensors) {
      const wire::Piece *piece = find_piece(model.shards[index].pieces, update.tensor);
      if (piece == nullptr) continue;
      const wire::TensorSpec &spec = model.spec.tensors[update.tensor];
      const auto *values = reinterpret_cast<const float *>(update.values.data);
      if (!spec.table) {
        use(index, update.tensor, Slice{*piece, 0, nullptr, 0, values + piece->first, piece->count});
        continue;
      }
      const auto width = static_cast<uint64_t>(spec.shape[1]);
      const auto [first, count] = rows_in(update.rows, *piece, width);
      if (count > 0)
        use(index, update.tensor,
            Slice{*piece, width, update.rows.data() + first, count, values + first * width, count * width});
    }
  }
}

std::vector<CodedUpdate> Compressor::code(wire::UpdateKind kind, const std::vector<TensorUpdate> &tensors,
                                          const wire::ModelPlace &model) {
  std::vector<CodedUpdate> coded(model.shards.size());
  for_slices(tensors, model, [&](size_t index, uint32_t tensor, const Slice &slice) {
    Residual &kept = residual(kind, tensor, model.spec.tensors[tensor]);
    wire::TensorPart part;
    part.tensor = tensor;
    const bool whole = slice.width == 0 && slice.count < compression_.whole_below;
    if (compression_.coding == Coding::sparse && !whole)
      code_largest(slice, kept, part, coded[index].payload);
    else
      code_all(slice, kept, compression_.coding == Coding::sparse ? Coding::bf16 : compression_.coding, part,
               coded[index].payload);
    coded[index].tensors.push_back(part);
  });
  return coded;
}

void Compressor::code_all(const Slice &slice, Residual &residual, Coding coding, wire::TensorPart &part,
                          std::vector<wire::Bytes> &payload) {
  part.coding = coding;
  NumberWriter numbers(coding, slice.count);
  if (slice.width == 0) {
    sums_.resize(std::max(sums_.size(), kAtOnce));
    read_.resize(std::max(read_.size(), kAtOnce));
    float *kept = reinterpret_cast<float *>(residual.whole.data()) + slice.piece.first;
    for (uint64_t at = 0; at < slice.count; at += kAtOnce) {
      const size_t here = std::min<uint64_t>(kAtOnce, slice.count - at);
      add_bounded(slice.values + at, kept + at, sums_.data(), here);
      numbers.put(sums_.data(), here, read_.data());
      subtract(sums_.data(), read_.data(), kept + at, here);
    }
    payload.push_back(numbers.bytes());
    return;
  }
  part.rows = static_cast<uint32_t>(slice.row_count);
  sums_.resize(std::max<size_t>(sums_.size(), slice.count));
  read_.resize(std::max<size_t>(read_.size(), slice.count));
  GapWriter gaps;
  const auto of_row = [&](std::vector<float> &all, size_t row) { return all.data() + row * slice.width; };
  for (size_t row = 0; row < slice.row_count; row++) {
    gaps.put(slice.rows[row]);
    add_bounded(slice.values + row * slice.width, residual.row(slice.rows[row], slice.width),
                of_row(sums_, row), slice.width);
  }
  numbers.put(sums_.data(), slice.count, read_.data());
  for (size_t row = 0; row < slice.row_count; row++)
    subtract(of_row(sums_, row), of_row(read_, row), residual.row(slice.rows[row], slice.width), slice.width);
  part.gap_bytes = gaps.size();
  payload.push_back(numbers.bytes());
  payload.push_back(gaps.bytes());
}

void Compressor::code_largest(const Slice &slice, Residual &residual, wire::TensorPart &part,
                              std::vector<wire::Bytes> &payload) {
  part.coding = Coding::sparse;
  const auto count = std::max<uint64_t>(
      1, static_cast<uint64_t>(std::ceil(compression_.share * static_cast<double>(slice.count))));
  // What is not sent is the residual: of a dense tensor the sums are made where they will stay.
  float *sums = nullptr;
  if (slice.width == 0) {
    sums = reinterpret_cast<float *>(residual.whole.data()) + slice.piece.first;
    for (uint64_t at = 0; at < slice.count; at += kAtOnce) {
      const size_t here = std::min<uint64_t>(kAtOnce, slice.count - at);
      sums_.resize(std::max(sums_.size(), kAtOnce));
      add_bounded(slice.values + at, sums + at, sums_.data(), here);
      std::copy_n(sums_.data(), here, sums + at);
    }
  } else {
    sums_.resize(std::max<size_t>(sums_.size(), slice.count));
    sums = sums_.data();
    for (size_t row = 0; row < slice.row_count; row++)
      add_bounded(slice.values + row * slice.width, residual.row(slice.rows[row], slice.width),
                  sums + row * slice.width, slice.width);
  }
  largest_places(sums, slice.count, count, largest_);
  part.entries = largest_.size();
  NumberWriter numbers(Coding::sparse, part.entries);
  GapWriter gaps;
  read_.resize(std::max(read_.size(), largest_.size()));
  std::vector<float> chosen(largest_.size());
  std::ranges::transform(largest_, chosen.begin(), [&](uint64_t place) { return sums[place]; });
  numbers.put(chosen.data(), chosen.size(), read_.data());
  const uint64_t first_row = slice.width == 0 ? 0 : slice.piece.first / slice.width;
  for (size_t i = 0; i < largest_.size(); i++) {
    const uint64_t place = largest_[i];
    sums[place] -= read_[i];
    gaps.put(slice.width == 0
                 ? place
                 : (slice.rows[place / slice.width] - first_row) * slice.width + place % slice.width);
  }
  for (size_t row = 0; row < slice.row_count; row++)
    std::copy_n(sums + row * slice.width, slice.width, residual.row(slice.rows[row], slice.width));
  part.gap_bytes = gaps.size();
  payload.push_back(numbers.bytes());
  payload.push_back(gaps.bytes());
}

std::vector<CodedUpdate> Compressor::plain(const std::vector<CodedUpdate> &coded,
                                           const wire::ModelPlace &model) {
  std::vector<CodedUpdate> all(coded.size());
  for (size_t index = 0; index < coded.size(); index++) {
    PayloadReader reader(coded[index].payload);
    for (const wire::TensorPart &part : coded[index].tensors) {
      const PieceShape shape =
          shape_of(model.spec.tensors[part.tensor], *find_piece(model.shards[index].pieces, part.tensor));
      DecodedPart decoded = decode(part, shape, reader, false);
      wire::TensorPart as_plain;
      as_plain.tensor = part.tensor;
      as_plain.rows = static_cast<uint32_t>(decoded.rows.size());
      if (shape.table && decoded.rows.empty()) continue;
      for (uint32_t &row : decoded.rows) row += static_cast<uint32_t>(shape.first_row());
      if (shape.table) all[index].payload.push_back(wire::copied(std::as_bytes(std::span(decoded.rows))));
      all[index].payload.push_back(wire::copied(std::as_bytes(decoded.values.span())));
      all[index].tensors.push_back(as_plain);
    }
  }
  return all;
}

void Compressor::undo(wire::UpdateKind kind, const std::vector<TensorUpdate> &tensors,
                      const std::vector<CodedUpdate> &coded, const wire::ModelPlace &model) {
  std::vector<PayloadReader> readers;
  for (const CodedUpdate &one : coded) readers.emplace_back(one.payload);
  std::vector<size_t> next(coded.size());
  for_slices(tensors, model, [&](size_t index, uint32_t tensor, const Slice &slice) {
    const wire::TensorSpec &spec = model.spec.tensors[tensor];
    const PieceShape shape = shape_of(spec, slice.piece);
    const DecodedPart sent = decode(coded[index].tensors[next[index]++], shape, readers[index], false);
    Residual &kept = residual(kind, tensor, spec);
    if (slice.width == 0)
      return take_back(reinterpret_cast<float *>(kept.whole.data()) + slice.piece.first, sent.values.data(),
                       slice.values, slice.count);
    size_t at = 0;  // of the rows that were sent
    for (size_t row = 0; row < slice.row_count; row++) {
      const bool there = at < sent.rows.size() && sent.rows[at] + shape.first_row() == slice.rows[row];
      take_back(kept.row(slice.rows[row], slice.width),
                there ? sent.values.data() + at++ * slice.width : nullptr, slice.values + row * slice.width,
                slice.width);
    }
  });
}

}  // namespace ngd::cluster
