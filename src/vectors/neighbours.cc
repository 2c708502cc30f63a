// The words most similar to a vector: one pass over the table, and the best so far in a heap.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "math/reduce.h"
#include "vectors/vectors.h"

namespace ngd {
namespace {

double length(std::span<const float> vector) {
  return std::sqrt(sum_of_squares(vector.data(), vector.size()));
}

// a.b and b.b in one pass, in eight running sums each: enough for the compiler to make vectors of them.
struct Products {
  float with_query, with_itself;
};
Products products(const float *query, const float *row, size_t count) {
  constexpr size_t kTogether = 8;
  float dots[kTogether] = {}, squares[kTogether] = {};
  size_t i = 0;
  for (; i + kTogether <= count; i += kTogether) {
    for (size_t k = 0; k < kTogether; k++) {
      dots[k] += query[i + k] * row[i + k];
      squares[k] += row[i + k] * row[i + k];
    }
  }
  for (size_t k = 0; i < count; i++, k++) {
    dots[k] += query[i] * row[i];
    squares[k] += row[i] * row[i];
  }
  Products sums = {};
  for (size_t k = 0; k < kTogether; k++) {
    sums.with_query += dots[k];
    sums.with_itself += squares[k];
  }
  return sums;
}

bool better(const Neighbour &a, const Neighbour &b) {
  return a.similarity > b.similarity || (a.similarity == b.similarity && a.row < b.row);
}

}  // namespace

std::vector<Neighbour> Vectors::nearest(std::span<const float> query, std::span<const uint64_t> excluded,
                                        size_t count) const {
  if (query.size() != table_.dimension())
    fail(NGD_E_SHAPE, "the query has ", query.size(), " numbers, but the vectors have ", table_.dimension());
  for (size_t i = 0; i < query.size(); i++) {
    if (!std::isfinite(query[i]))
      fail(NGD_E_NOT_FINITE, "number ", i, " of the query is ", static_cast<double>(query[i]),
           ", but must be finite");
  }
  for (const uint64_t row : excluded) {
    if (row >= table_.rows())
      fail(NGD_E_RANGE, "row ", row, " to leave out does not exist; there are ", table_.rows(), " words");
  }
  // At length 1, so that no product overflows.
  std::vector<float> unit(query.begin(), query.end());
  const double query_length = length(query);
  if (query_length > 0) {
    for (float &value : unit) value = static_cast<float>(static_cast<double>(value) / query_length);
  }
  std::vector<Neighbour> best;  // a heap whose first is the worst
  count = static_cast<size_t>(std::min<uint64_t>(count, table_.rows()));
  best.reserve(count);
  for (uint64_t row = 0; row < table_.rows() && count > 0; row++) {
    const Products sums = products(unit.data(), table_.row(row), unit.size());
    float similarity = sums.with_itself > 0 ? sums.with_query / std::sqrt(sums.with_itself) : 0;
    if (!std::isfinite(sums.with_itself) || sums.with_itself < 1e-30f) {
      // Numbers so large or small that their squares leave float32.
      const std::span<const float> vector(table_.row(row), unit.size());
      const double own = length(vector);
      double dot = 0;
      for (size_t i = 0; i < unit.size(); i++)
        dot += static_cast<double>(unit[i]) * static_cast<double>(vector[i]);
      similarity = own > 0 ? static_cast<float>(dot / own) : 0;
    }
    const Neighbour one = {row, similarity};
    if (best.size() == count && !better(one, best.front())) continue;
    if (std::ranges::find(excluded, row) != excluded.end()) continue;
    if (best.size() == count) {
      std::ranges::pop_heap(best, better);
      best.pop_back();
    }
    best.push_back(one);
    std::ranges::push_heap(best, better);
  }
  std::ranges::sort(best, better);
  return best;
}

std::vector<Neighbour> Vectors::neighbours(std::string_view word, size_t count) const {
  const uint64_t row = find(word);
  return nearest({table_.row(row), table_.dimension()}, {&row, 1}, count);
}

std::vector<Neighbour> Vectors::analogy(std::string_view first, std::string_view second, std::string_view third,
                                        size_t count) const {
  const uint64_t rows[] = {find(first), find(second), find(third)};
  const double signs[] = {-1, 1, 1};
  std::vector<double> sum(table_.dimension());
  for (size_t k = 0; k < 3; k++) {
    const std::span<const float> vector(table_.row(rows[k]), table_.dimension());
    const double own = length(vector);
    for (size_t i = 0; i < sum.size() && own > 0; i++)
      sum[i] += signs[k] * static_cast<double>(vector[i]) / own;
  }
  std::vector<float> query(sum.size());
  std::ranges::transform(sum, query.begin(), [](double value) { return static_cast<float>(value); });
  return nearest(query, rows, count);
}

}  // namespace ngd
