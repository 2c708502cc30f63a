// The parameters of one shard and the optimizer that moves them: updates are checked first, then applied without fail.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/memory.h"
#include "cluster/block_pool.h"
#include "cluster/payload.h"
#include "cluster/snapshot.h"
#include "optimizer/optimizer.h"
#include "wire/message.h"

namespace ngd::cluster {

// One shard's part of an update, taken apart and checked.
struct UpdatePart {
  struct Slice {
    size_t piece = 0;
    std::vector<uint32_t> rows;      // of the piece, from 0; empty for dense pieces
    std::vector<Run<float>> values;  // one run for rows
  };
  wire::UpdateKind kind = wire::UpdateKind::gradient;
  std::vector<Slice> slices;  // by piece
  size_t bytes = 0;           // of the payload
};

class Parameters {
 public:
  Parameters(const wire::ModelSpec &spec, const std::vector<wire::Piece> &pieces);

  // Throws what is wrong with it: tensors, rows, length, a number that is not finite. `numbers`: whether those are looked
  // at; another replica may have done so.
  UpdatePart checked(wire::UpdateKind kind, const std::vector<wire::TensorPart> &tensors,
                     const std::vector<wire::Bytes> &payload, bool numbers = true) const;
  // Of an update that says so of itself: how much memory it takes, once its coded parts are float32.
  uint64_t memory_of(const std::vector<wire::TensorPart> &tensors,
                     const std::vector<wire::Bytes> &payload) const;
  // All parts as one step, added in their order. `rate` is the learning rate if above 0.
  void apply(std::span<const UpdatePart *const> parts, double rate);

  // A snapshot of the present, which shares with the last one what has not changed since.
  std::shared_ptr<const Snapshot> snapshot(uint64_t version, uint64_t lineage, bool initialised);

  uint64_t elements() const { return elements_; }

  // Tensors "parameter.<name>" of dense pieces; of tables "blocks.<name>" (numbers of the blocks that exist) and
  // "rows.<name>"; the optimizers under "dense." and "tables.". Views stay valid until the next change.
  void save(StateWriter &writer);
  void load(const StateReader &reader);

  // Gives all of it to `take`, run after run, where it lies; for a checksum.
  void visit(const std::function<void(std::span<const std::byte>)> &take) const;
  void flip_bit(size_t which);  // a planted mistake

 private:
  struct Store {
    Memory memory;                       // what the optimizer works on
    std::vector<Snapshot::Block> ahead;  // of a dense piece: blocks that are newer than the memory
    Memory gathered;                     // a gradient that came in several runs
    std::vector<uint8_t> exists;         // of each block of a table
    std::vector<uint32_t> listed;        // for saving
    std::vector<float> packed;
  };
  void step(std::span<const UpdatePart *const> parts, double rate);
  const float *gathered(const UpdatePart::Slice &slice);
  // The blocks of a dense piece after values or a delta; nothing is changed yet.
  std::vector<Snapshot::Block> set_or_added(wire::UpdateKind kind, const UpdatePart::Slice &slice);
  void set_or_add_rows(wire::UpdateKind kind, const UpdatePart::Slice &slice);
  void bring_home();  // what is ahead of the memory
  struct Range {
    uint64_t first;
    size_t count;
  };
  Range range(size_t piece, size_t block) const;
  void touch(size_t piece, uint64_t row);
  void mark(size_t piece, uint64_t first, uint64_t count);
  float *values(size_t piece) const { return reinterpret_cast<float *>(stores_[piece].memory.data()); }
  bool any(bool table) const;

  std::shared_ptr<const std::vector<PieceShape>> pieces_;
  std::vector<Store> stores_;
  BlockPool pool_;
  std::vector<std::vector<uint8_t>> changed_;  // blocks since the last snapshot
  std::shared_ptr<const Snapshot> last_;
  Optimizer dense_, tables_;
  bool sum_;
  uint64_t elements_ = 0;
};

}  // namespace ngd::cluster
