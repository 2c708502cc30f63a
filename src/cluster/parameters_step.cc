// Several parts of updates as one: what is added, what is averaged, and the optimizer's step on it.
#include <algorithm>

#include "cluster/parameters.h"

namespace ngd::cluster {
namespace {

std::vector<const UpdatePart::Slice *> slices_of(std::span<const UpdatePart *const> parts, size_t piece) {
  std::vector<const UpdatePart::Slice *> slices;
  for (const UpdatePart *part : parts) {
    for (const UpdatePart::Slice &slice : part->slices) {
      if (slice.piece == piece) slices.push_back(&slice);
    }
  }
  return slices;
}

// Several slices of one piece, added in their order.
struct Sum {
  std::vector<uint32_t> rows, slices;  // of a table: all that any has, and how many have each
  std::vector<float> values;
};

Sum added(const PieceShape &shape, const std::vector<const UpdatePart::Slice *> &slices) {
  Sum sum;
  for (const UpdatePart::Slice *slice : slices)
    sum.rows.insert(sum.rows.end(), slice->rows.begin(), slice->rows.end());
  std::ranges::sort(sum.rows);
  sum.rows.erase(std::unique(sum.rows.begin(), sum.rows.end()), sum.rows.end());
  sum.slices.resize(sum.rows.size());
  sum.values.resize(shape.table ? sum.rows.size() * shape.width : shape.piece.count);
  for (const UpdatePart::Slice *slice : slices) {
    if (!shape.table) {
      float *to = sum.values.data();
      for (const Run<float> &run : slice->values) {
        for (size_t i = 0; i < run.size(); i++) to[i] += run.data()[i];
        to += run.size();
      }
      continue;
    }
    const float *from = slice->values.front().data();
    for (size_t k = 0; k < slice->rows.size(); k++) {
      const auto at =
          static_cast<size_t>(std::ranges::lower_bound(sum.rows, slice->rows[k]) - sum.rows.begin());
      sum.slices[at]++;
      for (size_t i = 0; i < shape.width; i++) sum.values[at * shape.width + i] += from[k * shape.width + i];
    }
  }
  return sum;
}

}  // namespace

// Deltas as one: a row of a table that one of four workers has moved moves as far as that one says, not a fourth of it.
UpdatePart Parameters::averaged(std::span<const UpdatePart *const> parts) const {
  UpdatePart mean;
  mean.kind = parts.front()->kind;
  for (size_t p = 0; p < pieces_->size(); p++) {
    const PieceShape &shape = (*pieces_)[p];
    const std::vector<const UpdatePart::Slice *> slices = slices_of(parts, p);
    if (slices.empty()) continue;
    Sum sum = added(shape, slices);
    for (size_t i = 0; i < sum.slices.size() * shape.width; i++)
      sum.values[i] /= static_cast<float>(sum.slices[i / shape.width]);
    UpdatePart::Slice slice;
    slice.piece = p;
    slice.rows = std::move(sum.rows);
    const wire::Bytes bytes = wire::copied(std::as_bytes(std::span(sum.values)));
    slice.values.emplace_back(bytes, sum.values.size(), false);
    mean.slices.push_back(std::move(slice));
  }
  return mean;
}

// In one run, as optimizers want it. Memory for what came in several is kept for the next time.
const float *Parameters::gathered(const UpdatePart::Slice &slice) {
  if (slice.values.empty()) return nullptr;
  if (slice.values.size() == 1) return slice.values.front().data();
  Memory &memory = stores_[slice.piece].gathered;
  const size_t bytes = (*pieces_)[slice.piece].piece.count * sizeof(float);
  if (memory.bytes() < bytes) memory = Memory(bytes);
  auto *to = reinterpret_cast<float *>(memory.data());
  for (const Run<float> &run : slice.values) to = std::copy_n(run.data(), run.size(), to);
  return reinterpret_cast<const float *>(memory.data());
}

void Parameters::step(std::span<const UpdatePart *const> parts, double rate, std::string_view options) {
  bring_home();
  const size_t count = pieces_->size();
  std::vector<const float *> gradients(count, nullptr);
  std::vector<std::vector<uint32_t>> rows(count);
  std::vector<std::vector<float>> sums(count);
  bool dense = false, table = false;
  // One part is stepped on where it lies; several are added, always in the same order.
  for (size_t p = 0; p < count; p++) {
    const std::vector<const UpdatePart::Slice *> slices = slices_of(parts, p);
    const PieceShape &shape = (*pieces_)[p];
    if (slices.empty()) continue;
    (shape.table ? table : dense) = true;
    if (parts.size() == 1) {
      gradients[p] = gathered(*slices[0]);
      rows[p] = slices[0]->rows;
      continue;
    }
    Sum sum = added(shape, slices);
    rows[p] = std::move(sum.rows);
    sums[p] = std::move(sum.values);
    if (!sum_) {
      const float share = 1 / static_cast<float>(parts.size());
      for (float &value : sums[p]) value *= share;
    }
    gradients[p] = sums[p].data();
  }
  for (const bool of_table : {false, true}) {
    if (!(of_table ? table : dense)) continue;
    Optimizer &optimizer = of_table ? tables_ : dense_;
    std::vector<TensorStep<float>> steps;
    for (size_t p = 0; p < count; p++) {
      if ((*pieces_)[p].table != of_table) continue;
      TensorStep<float> one;
      one.parameter = values(p);
      one.gradient = gradients[p];
      one.rows = rows[p];
      steps.push_back(one);
    }
    (of_table ? tables_options_ : dense_options_).bring(optimizer, options);
    const double base = optimizer.options().number("learning_rate");
    optimizer.use_rate_factor(rate > 0 && base > 0 ? rate / base : 1);
    optimizer.step(std::span<const TensorStep<float>>(steps));
  }
}

}  // namespace ngd::cluster
