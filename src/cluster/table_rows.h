// The rows of a shard's tables as readers see them: one version in memory of its own, which goes from version to version
// row by row, and older versions that stand still for as long as somebody holds them.
//
// An update touches few rows of a table. Blocks that are copied whole for a version would cost many times what the update
// does, so rows are written in place, while no reader is at it; only where a version must stand still are blocks kept.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <shared_mutex>
#include <span>
#include <vector>

#include "cluster/block_pool.h"
#include "wire/message.h"

namespace ngd::cluster {

// What a shard has of a tensor.
struct PieceShape {
  wire::Piece piece;
  bool table = false;
  uint64_t width = 1;           // elements of a row; 1 when it is no table
  uint64_t block_elements = 0;  // all blocks but the last have so many
  wire::Initial initial;
  std::string name;

  uint64_t first_row() const { return piece.first / width; }
  uint64_t rows() const { return piece.count / width; }
  size_t blocks() const { return static_cast<size_t>((piece.count + block_elements - 1) / block_elements); }
};
using Pieces = std::shared_ptr<const std::vector<PieceShape>>;

// Values of elements of a tensor from `first` on that nobody has set: a function of the place alone.
void fill_initial(const wire::Initial &initial, uint32_t tensor, uint64_t first, std::span<float> values);

// Rows of a table that changed from one version to the next, counted from the piece's first.
struct RowChanges {
  size_t piece = 0;
  std::vector<uint32_t> rows;
  const float *table = nullptr;  // where all rows of the piece lie now; null once they are kept
  std::vector<float> kept;       // the rows' values, one after another

  // From now on the table may change.
  void keep(uint64_t width);
};

class TableRows : public std::enable_shared_from_this<TableRows> {
 public:
  class Standing;

  TableRows(Pieces pieces, BlockPool pool);
  TableRows(const TableRows &) = delete;
  TableRows &operator=(const TableRows &) = delete;

  // Goes on to the state with that number, by one thread at a time; all else is safe from any thread. Throws
  // std::bad_alloc, and has changed nothing then.
  void advance(uint64_t number, std::span<const RowChanges> changes);

  // Rows of a piece, counted from its first, in the state with that number; false when it has gone on.
  bool copy(uint64_t number, size_t piece, std::span<const uint32_t> rows, float *to) const;

  // That state, for good; nullptr when it has gone on.
  std::shared_ptr<const Standing> stand(uint64_t number);

 private:
  using Block = std::shared_ptr<std::byte>;  // null: rows that nobody has touched
  static uint64_t key(size_t piece, size_t block) { return uint64_t{piece} << 48 | block; }
  Block fresh(size_t piece, size_t block);
  size_t bytes_of(size_t piece, size_t block) const;
  template <class Find>
  void copy_rows(size_t piece, std::span<const uint32_t> rows, float *to, Find find) const;

  const Pieces pieces_;
  BlockPool pool_;
  mutable std::shared_mutex mutex_;
  uint64_t number_ = 0;
  std::vector<std::vector<Block>> blocks_;  // of each piece
  std::vector<Standing *> standing_;        // the newest last
};

// Keeps blocks that have changed since; those that have not are shared with all newer states.
class TableRows::Standing : public std::enable_shared_from_this<TableRows::Standing> {
 public:
  explicit Standing(std::shared_ptr<TableRows> rows) : rows_(std::move(rows)) {}
  ~Standing();
  Standing(const Standing &) = delete;
  Standing &operator=(const Standing &) = delete;

  void copy(size_t piece, std::span<const uint32_t> rows, float *to) const;
  // All rows of a piece, not copied; they hold this object.
  void append_all(size_t piece, std::vector<wire::Bytes> &payload) const;

 private:
  friend class TableRows;
  const Block &find(size_t piece, size_t block) const;  // with the lock held

  const std::shared_ptr<TableRows> rows_;
  std::map<uint64_t, Block> kept_;
};

}  // namespace ngd::cluster
