// What a prepared model consists of, before any memory is taken for it: sizes, loss, names, tensors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/option.h"
#include "base/samples.h"
#include "base/state.h"
#include "model/activation.h"
#include "model/affine.h"
#include "model/initializer.h"
#include "model/loss.h"

namespace ngd {

struct Architecture {
  FeatureKind features = FeatureKind::dense;
  LabelKind labels = LabelKind::number;
  Loss loss = Loss::mean_square;
  size_t inputs = 0;  // features a row; 0 for text
  size_t outputs = 0;
  std::vector<size_t> hidden;
  Activation activation = Activation::relu;
  size_t dimension = 0;  // text: the length of an embedding row
  size_t word_ngrams = 1;
  size_t buckets = 0;  // 0 when there are no n-grams
  std::vector<std::string> classes;
  std::vector<std::string> words;

  // The affine layers in order, and for text the embedding table before them.
  std::vector<AffineShape> layers() const;
  size_t table_rows() const { return words.size() + buckets; }

  struct Tensor {
    std::string name;
    Shape shape;
    bool rows = false;    // its gradients touch few rows
    bool weight = false;  // a matrix with random start; otherwise a bias
  };
  std::vector<Tensor> tensors() const;
};

// From the options and the training data, or from the options alone when `samples` is NULL.
Architecture plan_architecture(const OptionSet &options, const Samples *samples);

// The part that options do not tell, as texts; names of classes and words go into tensors of the caller.
void save_architecture(const Architecture &architecture, StateWriter &writer);
Architecture load_architecture(const OptionSet &options, const StateReader &reader);

const char *feature_name(FeatureKind kind);
const char *label_name(LabelKind kind);

}  // namespace ngd
