// The arrays of a model on servers, as a client takes them: one span for each tensor.
#pragma once

#include <concepts>
#include <initializer_list>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "ngd/handle.hpp"

namespace ngd {
inline namespace cpp {

// One span for each tensor of a model, in order: {w, b}, or any list of spans or vectors. An empty one leaves its
// tensor out. The numbers themselves are not copied.
template <class T>
class Tensors {
 public:
  Tensors(std::initializer_list<std::span<T>> spans) : spans_(spans) {}
  template <class List>
  requires requires(List &list) {
    { *std::begin(list) } -> std::convertible_to<std::span<T>>;
  }
  Tensors(List &&list) {
    for (auto &one : list) spans_.push_back(one);
  }
  size_t size() const noexcept { return spans_.size(); }
  std::span<T> operator[](size_t index) const { return spans_[index]; }

 private:
  std::vector<std::span<T>> spans_;
};

namespace detail {

// Pointers as the C contract takes them, which knows no sizes of arrays. Those of the model are asked for each time:
// they are not the same for ever, as a client may leave one model and join another.
template <class T>
std::vector<T *> pointers(const ngd_client *client, const Tensors<T> &tensors) {
  size_t count = 0;
  check(ngd_client_get_tensor_count, client, &count);
  if (tensors.size() != count)
    throw Error(NGD_E_SHAPE, std::to_string(tensors.size()) + " arrays, but the model has " +
                                 std::to_string(count) + " tensors");
  std::vector<T *> result(count, nullptr);
  for (size_t index = 0; index < count; index++) {
    if (tensors[index].empty()) continue;
    auto info = sized<ngd_tensor_info>();
    check(ngd_client_get_tensor, client, index, &info);
    if (tensors[index].size() != info.elements)
      throw Error(NGD_E_SHAPE, "tensor number " + std::to_string(index) + " has " +
                                   std::to_string(info.elements) + " elements, but the array " +
                                   std::to_string(tensors[index].size()));
    result[index] = tensors[index].data();
  }
  return result;
}

// Whether `values` are those of so many rows of a table.
inline void check_rows(const ngd_client *client, size_t tensor, size_t rows, size_t values) {
  auto info = sized<ngd_tensor_info>();
  check(ngd_client_get_tensor, client, tensor, &info);
  if (info.rank == 2 && values != rows * static_cast<size_t>(info.shape[1]))
    throw Error(NGD_E_SHAPE, std::to_string(values) + " values do not make " + std::to_string(rows) +
                                 " rows of " + std::to_string(info.shape[1]) + " columns");
}

}  // namespace detail

}  // namespace cpp
}  // namespace ngd
