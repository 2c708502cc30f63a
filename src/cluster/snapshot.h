// The parameters of a shard at one version, for readers: of dense tensors blocks that nobody changes any more, shared between
// versions; of tables rows that go on with the newest version, unless it is to stand still.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cluster/environment.h"
#include "cluster/table_rows.h"
#include "wire/message.h"

namespace ngd::cluster {

// Blocks of a table are small, because where a version stands still an update copies those that it touches.
inline constexpr size_t kDenseBlockBytes = size_t{256} << 10;
inline constexpr size_t kTableBlockBytes = size_t{4} << 10;

// A reader asked for something that is not there.
struct ReadError {
  ngd_status status;
  std::string text;
  enum class Rows : uint8_t {
    there,
    gone_on,
    not_shown
  } rows = Rows::there;  // newer ones by now; older ones still
};

class Snapshot {
 public:
  using Block = std::shared_ptr<const std::byte[]>;

  uint64_t version = 0;
  uint64_t lineage = 0;
  bool initialised = false;
  Pieces pieces;
  std::vector<std::vector<Block>> blocks;  // of each dense piece
  std::shared_ptr<TableRows> tables;       // null when there are none
  uint64_t number = 0;                     // of the state of their rows; 0: readers have not been given them
  std::shared_ptr<const TableRows::Standing> standing;
  std::vector<RowChanges> changes;  // what rows became; until it is published

  // Appends what `parts` asks for to an answer; `payload` holds the numbers of rows, as in the request.
  std::optional<ReadError> read(const std::vector<wire::TensorPart> &parts,
                                const std::vector<wire::Bytes> &request, std::vector<wire::TensorPart> &answer,
                                std::vector<wire::Bytes> &payload) const;
  // What has changed is kept here: the parameters may go on before it is published.
  void keep_changes();
  // The same version, for good; nullptr when its rows have gone on.
  std::shared_ptr<const Snapshot> stand() const;

 private:
  void append_dense(size_t piece, std::vector<wire::Bytes> &payload) const;
  bool append_table(size_t piece, std::vector<wire::Bytes> &payload) const;
};

// Whether a read asks for rows of tables.
bool asks_for_rows(const wire::Pull &pull);

// The newest snapshot, and older ones that readers have pinned; safe from any thread.
class Published {
 public:
  std::shared_ptr<const Snapshot> newest() const;
  std::shared_ptr<const Snapshot> at(uint64_t version) const;  // nullptr: not there (any more, or yet)
  std::shared_ptr<const Snapshot> stand() const;               // the newest, for good; may be nullptr
  void publish(std::shared_ptr<Snapshot> snapshot);
  void pin(uint64_t version);  // of the newest
  void unpin(uint64_t version);
  void unpin_all();
  size_t pins() const;
  // How often rows of tables were asked for.
  void count_row_read() const { row_reads_.fetch_add(1, std::memory_order_relaxed); }
  uint64_t row_reads() const { return row_reads_.load(std::memory_order_relaxed); }
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
  mutable std::atomic<uint64_t> row_reads_{0};
  mutable std::mutex mutex_;
  std::shared_ptr<const Snapshot> newest_;
  std::vector<std::shared_ptr<const Snapshot>> pinned_;
};

}  // namespace ngd::cluster
