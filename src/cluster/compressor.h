// Error feedback: a client's gradients and deltas in fewer bytes, where what rounding and choosing leave out is added to the
// next ones.
//
// For each tensor and kind of update the client keeps a residual r, at first 0. A push of g writes a = g + r as well as the
// coding can, Q(a), and keeps r = a - Q(a). So the sum of what is sent stays within one residual of the sum of what was
// pushed, whatever the coding (Seide et al. 2014, "1-bit stochastic gradient descent"; Karimireddy et al. 2019, "Error
// feedback fixes SignSGD and other gradient compression schemes"). That is also why rounding is to the nearest: its bias
// comes back with the residual, and its error is half of that of stochastic rounding.
//
// Of a table each row has its own residual, which waits until the row is pushed again; no row is sent that was not pushed.
#pragma once

#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/memory.h"
#include "cluster/coding.h"
#include "cluster/layout.h"

namespace ngd::cluster {

struct TensorUpdate;

// What goes to one shard.
struct CodedUpdate {
  std::vector<wire::TensorPart> tensors;
  std::vector<wire::Bytes> payload;
};

class Compressor {
 public:
  explicit Compressor(Compression compression) : compression_(compression) {}

  // Of gradients and deltas whose numbers are all finite; the others are sent as they are.
  bool takes(wire::UpdateKind kind, const std::vector<TensorUpdate> &tensors) const;
  // One for each shard. Residuals have changed after it.
  std::vector<CodedUpdate> code(wire::UpdateKind kind, const std::vector<TensorUpdate> &tensors,
                                const wire::ModelPlace &model);
  // The same, for servers that read no coded updates: float32 with the numbers that they would have read.
  static std::vector<CodedUpdate> plain(const std::vector<CodedUpdate> &coded, const wire::ModelPlace &model);
  // An update that `code` was given did not happen: the residuals are, up to rounding, what they would be without it.
  void undo(wire::UpdateKind kind, const std::vector<TensorUpdate> &tensors,
            const std::vector<CodedUpdate> &coded, const wire::ModelPlace &model);
  // The parameters are others now.
  void forget() { residuals_.clear(); }

 private:
  // Of a dense tensor all of it; of a table blocks of rows, as they are first touched.
  struct Residual {
    Memory whole;
    uint64_t rows_of_block = 1;
    std::unordered_map<uint64_t, std::unique_ptr<float[]>> blocks;
    float *row(uint32_t number, uint64_t width);
  };
  struct Slice {  // of a tensor's update, for one shard
    const wire::Piece &piece;
    uint64_t width;        // 0: dense
    const uint32_t *rows;  // of the tensor
    size_t row_count;
    const float *values;
    uint64_t count;
  };
  Residual &residual(wire::UpdateKind kind, uint32_t tensor, const wire::TensorSpec &spec);
  void code_all(const Slice &slice, Residual &residual, wire::Coding coding, wire::TensorPart &part,
                std::vector<wire::Bytes> &payload);
  void code_largest(const Slice &slice, Residual &residual, wire::TensorPart &part,
                    std::vector<wire::Bytes> &payload);
  template <class Use>
  static void for_slices(const std::vector<TensorUpdate> &tensors, const wire::ModelPlace &model, Use use);

  const Compression compression_;
  std::map<std::pair<wire::UpdateKind, uint32_t>, Residual> residuals_;
  std::vector<float> sums_, read_;  // between the loops of one call
  std::vector<uint64_t> largest_;
};

}  // namespace ngd::cluster
