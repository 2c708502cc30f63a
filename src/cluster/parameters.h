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
#include "optimizer/live_options.h"
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
  // Throws what is wrong with what the answer to an update is to carry.
  void check_wanted(const std::vector<wire::TensorPart> &tensors, std::span<const uint32_t> rows) const;
  // All parts as one step, added in their order. `rate` is the learning rate if above 0; `options`: see LiveOptions.
  void apply(std::span<const UpdatePart *const> parts, double rate, std::string_view options = {});

  // A snapshot of the present, which shares with the last one what has not changed since. Before the next change it is
  // published, or told to keep what changed, or withdrawn: readers then see it with the next one.
  // Without `rows` those of tables are left for later ones.
  std::shared_ptr<Snapshot> snapshot(uint64_t version, uint64_t lineage, bool initialised, bool rows = true);
  void withdraw(const Snapshot &snapshot);

  // Rows of a table as they are now; they were checked.
  void copy_rows(uint32_t tensor, std::span<const uint32_t> rows, float *to) const;
  // The bytes of rows, or of a dense tensor that is short; else 0.
  size_t bytes_beside(const wire::TensorPart &part) const;

  uint64_t elements() const { return elements_; }

  // Tensors "parameter.<name>" of dense pieces; of tables "blocks.<name>" (numbers of the blocks that exist) and
  // "rows.<name>"; the optimizers under "dense." and "tables.". Views stay valid until the next change.
  void save(StateWriter &writer);
  void load(const StateReader &reader);

  // Gives all of it to `take`, run after run, where it lies; for a checksum.
  void visit(const std::function<void(std::span<const std::byte>)> &take) const;
  void flip_bit(size_t which);  // a planted mistake

 private:
  // Rows of a table that readers have not seen yet, each once.
  struct Unseen {
    std::vector<uint8_t> listed;  // of each row
    std::vector<uint32_t> rows;
  };
  struct Store {
    Memory memory;                       // what the optimizer works on
    std::vector<Snapshot::Block> ahead;  // of a dense piece: blocks that are newer than the memory
    Memory gathered;                     // a gradient that came in several runs
    std::vector<uint8_t> exists;         // of each block of a table
    Unseen unseen;
    std::vector<uint32_t> listed;  // for saving
    std::vector<float> packed;
  };
  void step(std::span<const UpdatePart *const> parts, double rate, std::string_view options);
  UpdatePart averaged(std::span<const UpdatePart *const> parts) const;
  void put(std::span<const UpdatePart *const> parts);
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
  void touch(size_t piece, uint32_t row);  // it is about to change
  void mark(size_t piece);                 // a dense piece changes
  float *values(size_t piece) const { return reinterpret_cast<float *>(stores_[piece].memory.data()); }
  bool any(bool table) const;

  Pieces pieces_;
  std::vector<Store> stores_;
  BlockPool pool_;
  std::vector<uint8_t> changed_;  // dense pieces, since the last snapshot
  std::shared_ptr<const Snapshot> last_;
  std::shared_ptr<TableRows> rows_;  // of tables, for readers; null when there are none
  uint64_t number_ = 0;              // of their last state
  Optimizer dense_, tables_;
  LiveOptions dense_options_, tables_options_;
  bool sum_, average_rows_;
  uint64_t elements_ = 0;
};

}  // namespace ngd::cluster
