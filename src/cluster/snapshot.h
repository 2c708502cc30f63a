// The parameters of a shard at one version, for readers: blocks that nobody changes any more, shared between versions.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cluster/environment.h"
#include "wire/message.h"

namespace ngd::cluster {

// Rows of a table are copied in small blocks, because an update touches few of them; dense tensors in large ones.
inline constexpr size_t kDenseBlockBytes = size_t{256} << 10;
inline constexpr size_t kTableBlockBytes = size_t{4} << 10;

// Values of element `index` of a tensor that nobody has set: a function of the place alone.
void fill_initial(const wire::Initial &initial, uint32_t tensor, uint64_t first, std::span<float> values);

struct PieceShape {
  wire::Piece piece;
  bool table = false;
  uint64_t width = 1;           // elements of a row; 1 when it is no table
  uint64_t block_elements = 0;  // all blocks but the last have so many
  wire::Initial initial;
  std::string name;

  uint64_t first_row() const { return piece.first / width; }
  uint64_t rows() const { return piece.count / width; }
};

// A reader asked for something that is not there.
struct ReadError {
  ngd_status status;
  std::string text;
};

class Snapshot {
 public:
  using Block = std::shared_ptr<const std::byte[]>;  // nullptr: rows nobody has touched

  uint64_t version = 0;
  uint64_t lineage = 0;
  bool initialised = false;
  std::shared_ptr<const std::vector<PieceShape>> pieces;
  std::vector<std::vector<Block>> blocks;  // of each piece

  // Appends what `parts` asks for to an answer; `payload` holds the numbers of rows, as in the request.
  std::optional<ReadError> read(const std::vector<wire::TensorPart> &parts,
                                const std::vector<wire::Bytes> &request, std::vector<wire::TensorPart> &answer,
                                std::vector<wire::Bytes> &payload) const;

 private:
  void append_dense(size_t piece, std::vector<wire::Bytes> &payload) const;
  void copy_row(size_t piece, uint64_t row, float *to) const;
};

// The newest snapshot, and older ones that readers have pinned; safe from any thread.
class Published {
 public:
  std::shared_ptr<const Snapshot> newest() const;
  std::shared_ptr<const Snapshot> at(uint64_t version) const;  // nullptr: not there (any more, or yet)
  void publish(std::shared_ptr<const Snapshot> snapshot);
  void pin(uint64_t version);  // of the newest
  void unpin(uint64_t version);
  void unpin_all();
  size_t pins() const;
  // Until when answers may be given without asking the shard.
  void allow(Time until) { allowed_.store(until, std::memory_order_release); }

  // The answer to a pull that need not wait: Pulled or Refused.
  std::optional<wire::Message> answer(const wire::Envelope &envelope, const wire::Pull &pull,
                                      const std::vector<wire::Bytes> &payload) const;
  // The same where nobody need be asked, either. Nothing: give it to the shard.
  std::optional<wire::Message> answer_at_once(const wire::Envelope &envelope, const wire::Pull &pull,
                                              const std::vector<wire::Bytes> &payload, Time now) const;

 private:
  std::atomic<Time> allowed_{kNever};
  mutable std::mutex mutex_;
  std::shared_ptr<const Snapshot> newest_;
  std::vector<std::shared_ptr<const Snapshot>> pinned_;
};

}  // namespace ngd::cluster
