// What models see of word vectors: an interface that the vectors room implements.
#pragma once

#include <cstddef>
#include <string_view>

namespace ngd {

class VectorSource {
 public:
  virtual ~VectorSource() = default;
  virtual size_t dimension() const = 0;
  virtual double deviation() const = 0;  // of all numbers
  struct Found {
    const float *vector = nullptr;  // dimension() numbers; null when the word has none
    bool folded = false;            // found only without regard to case
  };
  virtual Found find_vector(std::string_view word) const = 0;
};

}  // namespace ngd
