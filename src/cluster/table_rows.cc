// Going on from state to state, and keeping what stands still.
#include "cluster/table_rows.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include "base/random.h"

namespace ngd::cluster {
namespace {

// Rows are anywhere in memory: so many later ones are asked for while one is copied.
constexpr size_t kRowsAhead = 8;
constexpr size_t kLine = 64;

}  // namespace

void fill_initial(const wire::Initial &initial, uint32_t tensor, uint64_t first, std::span<float> values) {
  using Kind = wire::Initial::Kind;
  if (initial.kind == Kind::zero || initial.kind == Kind::constant) {
    std::ranges::fill(values, initial.kind == Kind::zero ? 0.0f : initial.scale);
    return;
  }
  // Two numbers for each element, whatever the kind, so that its place alone says which.
  Random random(initial.seed, tensor);
  random.seek(2 * first);
  for (float &value : values) {
    if (initial.kind == Kind::normal) {
      value = static_cast<float>(random.normal() * initial.scale);
    } else {
      value = static_cast<float>((2 * random.uniform() - 1) * initial.scale);
      random.seek(random.position() + 1);
    }
  }
}

void RowChanges::keep(uint64_t width) {
  if (table == nullptr) return;
  kept.resize(rows.size() * width);
  float *to = kept.data();
  for (const uint32_t row : rows) to = std::copy_n(table + row * width, width, to);
  table = nullptr;
}

TableRows::TableRows(Pieces pieces, BlockPool pool) : pieces_(std::move(pieces)), pool_(std::move(pool)) {
  for (const PieceShape &shape : *pieces_) blocks_.emplace_back(shape.table ? shape.blocks() : 0);
}

size_t TableRows::bytes_of(size_t piece, size_t block) const {
  const PieceShape &shape = (*pieces_)[piece];
  return std::min(shape.block_elements, shape.piece.count - block * shape.block_elements) * sizeof(float);
}

TableRows::Block TableRows::fresh(size_t piece, size_t block) {
  const PieceShape &shape = (*pieces_)[piece];
  const size_t bytes = bytes_of(piece, block);
  Block made = pool_.take(bytes);
  fill_initial(shape.initial, shape.piece.tensor, shape.piece.first + block * shape.block_elements,
               {reinterpret_cast<float *>(made.get()), bytes / sizeof(float)});
  return made;
}

void TableRows::advance(uint64_t number, std::span<const RowChanges> changes) {
  const std::unique_lock lock(mutex_);
  // First all that may fail, which leaves every state what it is.
  Standing *const keeper = standing_.empty() ? nullptr : standing_.back();
  for (const RowChanges &change : changes) {
    const PieceShape &shape = (*pieces_)[change.piece];
    const auto a_block = static_cast<uint32_t>(shape.block_elements / shape.width);
    auto &blocks = blocks_[change.piece];
    for (const uint32_t row : change.rows) {
      const size_t b = row / a_block;
      Block &block = blocks[b];
      const bool keeps = keeper != nullptr && !keeper->kept_.contains(key(change.piece, b));
      if (!keeps && block != nullptr) continue;
      Block another;
      if (block == nullptr) {
        another = fresh(change.piece, b);
      } else {
        const size_t bytes = bytes_of(change.piece, b);
        another = pool_.take(bytes);
        std::memcpy(another.get(), block.get(), bytes);
      }
      if (keeps) keeper->kept_.emplace(key(change.piece, b), block);
      block = std::move(another);
    }
  }
  for (const RowChanges &change : changes) {
    const PieceShape &shape = (*pieces_)[change.piece];
    const auto a_block = static_cast<uint32_t>(shape.block_elements / shape.width);
    const size_t width = shape.width, bytes = width * sizeof(float);
    const auto &blocks = blocks_[change.piece];
    const auto place = [&](uint32_t row) { return blocks[row / a_block].get() + row % a_block * bytes; };
    const std::span<const uint32_t> rows = change.rows;
    for (size_t i = 0; i < rows.size(); i++) {
      if (i + kRowsAhead < rows.size()) {
        const std::byte *later = place(rows[i + kRowsAhead]);
        for (size_t at = 0; at < bytes; at += kLine) __builtin_prefetch(later + at, 1);
      }
      const float *from =
          change.table != nullptr ? change.table + rows[i] * width : change.kept.data() + i * width;
      std::memcpy(place(rows[i]), from, bytes);
    }
  }
  number_ = number;
}

// `find` gives the block of a number, or null.
template <class Find>
void TableRows::copy_rows(size_t piece, std::span<const uint32_t> rows, float *to, Find find) const {
  const PieceShape &shape = (*pieces_)[piece];
  const auto a_block = static_cast<uint32_t>(shape.block_elements / shape.width);
  const size_t width = shape.width, bytes = width * sizeof(float);
  for (size_t i = 0; i < rows.size(); i++) {
    if (i + kRowsAhead < rows.size()) {
      const uint32_t later = rows[i + kRowsAhead];
      if (const std::byte *block = find(later / a_block))
        for (size_t at = 0; at < bytes; at += kLine) __builtin_prefetch(block + later % a_block * bytes + at);
    }
    const std::byte *block = find(rows[i] / a_block);
    if (block != nullptr)
      std::memcpy(to, block + rows[i] % a_block * bytes, bytes);
    else
      fill_initial(shape.initial, shape.piece.tensor, shape.piece.first + rows[i] * width, {to, width});
    to += width;
  }
}

bool TableRows::copy(uint64_t number, size_t piece, std::span<const uint32_t> rows, float *to) const {
  const std::shared_lock lock(mutex_);
  if (number_ != number) return false;
  const auto &blocks = blocks_[piece];
  copy_rows(piece, rows, to, [&](size_t block) { return blocks[block].get(); });
  return true;
}

std::shared_ptr<const TableRows::Standing> TableRows::stand(uint64_t number) {
  const std::shared_ptr<Standing> made = std::make_shared<Standing>(shared_from_this());
  const std::unique_lock lock(mutex_);
  if (number_ != number) return nullptr;
  standing_.push_back(made.get());
  return made;
}

// --- what stands still ----------------------------------------------------------------------------------------------

// What it kept is what the one before it sees, too.
TableRows::Standing::~Standing() {
  std::map<uint64_t, Block> dying;  // freed after the lock
  const std::unique_lock lock(rows_->mutex_);
  auto &all = rows_->standing_;
  const auto mine = std::ranges::find(all, this);
  if (mine == all.end()) return;  // it had gone on before
  if (mine != all.begin()) (*(mine - 1))->kept_.merge(kept_);
  dying.swap(kept_);
  all.erase(mine);
}

const TableRows::Block &TableRows::Standing::find(size_t piece, size_t block) const {
  const auto &all = rows_->standing_;
  for (auto one = std::ranges::find(all, this); one != all.end(); one++) {
    if (const auto kept = (*one)->kept_.find(key(piece, block)); kept != (*one)->kept_.end())
      return kept->second;
  }
  return rows_->blocks_[piece][block];
}

void TableRows::Standing::copy(size_t piece, std::span<const uint32_t> rows, float *to) const {
  const std::shared_lock lock(rows_->mutex_);
  rows_->copy_rows(piece, rows, to, [&](size_t block) { return find(piece, block).get(); });
}

void TableRows::Standing::append_all(size_t piece, std::vector<wire::Bytes> &payload) const {
  const PieceShape &shape = (*rows_->pieces_)[piece];
  const std::shared_ptr<const void> owner = shared_from_this();
  const std::shared_lock lock(rows_->mutex_);
  for (size_t b = 0; b < shape.blocks(); b++) {
    const Block &block = find(piece, b);
    const size_t bytes = rows_->bytes_of(piece, b);
    if (block != nullptr) {
      payload.push_back({owner, block.get(), bytes});
      continue;
    }
    const wire::Buffer buffer(bytes);
    fill_initial(shape.initial, shape.piece.tensor, shape.piece.first + b * shape.block_elements,
                 {reinterpret_cast<float *>(buffer.data()), bytes / sizeof(float)});
    payload.push_back(buffer.bytes());
  }
}

}  // namespace ngd::cluster
