// Which words have a vector, and what the others get.
#include "model/vector_start.h"

#include "base/error.h"
#include "base/random.h"
#include "math/reduce.h"

namespace ngd {
namespace {

constexpr uint64_t kStream = uint64_t{1} << 40;  // far from those of initialisers, which are numbers of tensors

}  // namespace

template <class T>
Coverage begin_table_with_vectors(const VectorSource &vectors, const Architecture &architecture, double scale,
                                  uint64_t seed, std::span<T> table) {
  Coverage coverage;
  coverage.words = architecture.words.size();
  coverage.rows = architecture.table_rows();
  coverage.scale = scale;
  coverage.deviation = scale * vectors.deviation();
  Random random(seed, kStream);
  const size_t dimension = architecture.dimension;
  for (size_t word = 0; word < architecture.words.size(); word++) {
    T *const row = table.data() + word * dimension;
    const VectorSource::Found found = vectors.find_vector(architecture.words[word]);
    if (found.vector == nullptr) {
      random.seek(word * dimension * 2);  // a normal number takes two
      for (size_t i = 0; i < dimension; i++) row[i] = static_cast<T>(coverage.deviation * random.normal());
      continue;
    }
    coverage.found++;
    coverage.folded += found.folded;
    for (size_t i = 0; i < dimension; i++)
      row[i] = static_cast<T>(scale * static_cast<double>(found.vector[i]));
    if (!all_finite(row, dimension))
      fail(NGD_E_NOT_FINITE, "the vector of ", quoted(architecture.words[word]), " times the scale ", scale,
           " is not finite; set vectors_scale or vectors_deviation lower");
  }
  return coverage;
}

template Coverage begin_table_with_vectors(const VectorSource &, const Architecture &, double, uint64_t,
                                           std::span<float>);
template Coverage begin_table_with_vectors(const VectorSource &, const Architecture &, double, uint64_t,
                                           std::span<double>);

}  // namespace ngd
