// Beginning a table of words with word vectors.
#pragma once

#include <cstdint>
#include <span>

#include "base/vector_source.h"
#include "model/architecture.h"
#include "model/model.h"

namespace ngd {

// Row of word w: scale * vector[w] where there is one, otherwise N(0, (scale * deviation)^2), a function of (seed, w)
// alone. Rows behind those of the words stay as they are. Tokens are not counted.
template <class T>
Coverage begin_table_with_vectors(const VectorSource &vectors, const Architecture &architecture, double scale,
                                  uint64_t seed, std::span<T> table);

}  // namespace ngd
