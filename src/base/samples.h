// What models see of data: mini-batches, and an interface that hands them out. The data room implements it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ngd {

enum class FeatureKind { dense = 1, sparse = 2, text = 3 };   // the numbers of NGD_FEATURES_
enum class LabelKind { none = 0, number = 1, category = 2 };  // the numbers of NGD_LABELS_

// One mini-batch, copied out of a dataset into memory that is used again for the next one.
struct Batch {
  size_t rows = 0;
  size_t columns = 0;
  std::vector<float> dense;       // dense: rows x columns
  std::vector<size_t> offsets;    // sparse and text: rows + 1 positions in `index` (and `value`)
  std::vector<uint32_t> index;    // sparse: columns; text: word numbers of the source's vocabulary, in order
  std::vector<float> value;       // sparse: one per index
  std::vector<float> number;      // labels of kind number
  std::vector<int32_t> category;  // labels of kind category: classes of the source
};

class Samples {
 public:
  virtual ~Samples() = default;
  virtual FeatureKind feature_kind() const = 0;
  virtual LabelKind label_kind() const = 0;
  virtual uint64_t rows() const = 0;
  virtual uint64_t columns() const = 0;
  virtual const std::vector<std::string> &class_names() const = 0;
  virtual const std::vector<std::string> &vocabulary() const = 0;  // text: the words; empty otherwise
  // Numbers unlike for any other contents: models cache the vocabulary's mapping under it.
  virtual uint64_t identity() const = 0;
  // Copies rows `which` into `batch`. Row numbers must be below rows().
  virtual void read(std::span<const uint64_t> which, Batch &batch) const = 0;
};

}  // namespace ngd
