// The network itself: parameters, gradients, forward and backward passes over a workspace.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/samples.h"
#include "model/architecture.h"
#include "model/row_gradient.h"
#include "model/scaling.h"

namespace ngd {

template <class T>
struct Parameter {
  Architecture::Tensor tensor;
  std::vector<T> values;
  std::vector<T> gradient;        // dense tensors
  RowGradient<T> row_gradient{};  // tensors whose gradients touch few rows
};

// Memory of one forward and backward pass, used again for the next.
template <class T>
struct Workspace {
  size_t rows = 0;
  bool dense = true;                    // whether `input` or the lists below hold the rows
  std::vector<T> input;                 // dense rows after scaling, or the means of embedding rows
  std::vector<size_t> offsets;          // sparse and text: positions in `index`, rows + 1
  std::vector<uint32_t> index;          // columns, or rows of the embedding table
  std::vector<T> value;                 // sparse: one per index, after scaling
  std::vector<std::vector<T>> outputs;  // of each layer, after its activation
  std::vector<T> delta;                 // d loss / d output of the layer at hand, going backward
  std::vector<T> next_delta;
};

template <class T>
class Network {
 public:
  Network(const Architecture &architecture, const Scaling &scaling);

  void initialize(Initializer initializer, double scale, uint64_t seed);

  // Filling a workspace's input.
  template <class U>
  void take_dense(const U *features, size_t rows, Workspace<T> &work) const;
  void take_sparse(const Batch &batch, Workspace<T> &work) const;  // columns past the inputs are left out

  // Fills work.outputs; the last of them are the network's outputs.
  void forward(Workspace<T> &work) const;

  // Gradients are set to zero by one of these, then added to by backward().
  // Rows of tables: those that `work` touches; `rising` are these, where they are known already.
  void clear_gradients(const Workspace<T> &work, std::span<const uint32_t> rising = {});
  void clear_all_gradients();  // rows of tables: all

  T *output_delta(Workspace<T> &work) const;  // where the loss writes its gradient
  void backward(Workspace<T> &work);

  std::vector<Parameter<T>> parameters;
  std::vector<T> shift;  // of the inputs; empty when they are not scaled
  std::vector<T> factor;

 private:
  size_t weight_of(size_t layer) const { return 2 * layer + (text_ ? 1 : 0); }

  std::vector<AffineShape> layers_;
  Activation activation_;
  bool text_;
  size_t inputs_;
  size_t dimension_;
};

}  // namespace ngd
