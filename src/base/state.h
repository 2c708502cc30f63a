// Saved state as named tensors and texts in memory: what optimizers and models give to, and take from, the
// store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ngd {

template <class T>
constexpr const char *dtype_name() {
  if constexpr (std::is_same_v<T, float>) return "F32";
  if constexpr (std::is_same_v<T, double>) return "F64";
  if constexpr (std::is_same_v<T, uint8_t>) return "U8";
  if constexpr (std::is_same_v<T, int32_t>) return "I32";
  if constexpr (std::is_same_v<T, uint32_t>) return "U32";
  if constexpr (std::is_same_v<T, int64_t>) return "I64";
  if constexpr (std::is_same_v<T, uint64_t>) return "U64";
}

using Shape = std::vector<int64_t>;

// Product of the sizes; throws NGD_E_SHAPE when a size is below 1 or the product does not fit.
size_t element_count(std::span<const int64_t> shape);
std::string shape_text(std::span<const int64_t> shape);  // "[3, 4]"

// A tensor that lives elsewhere. Views are valid while their owner is not changed.
struct TensorView {
  std::string name;
  std::string dtype;
  Shape shape;
  const std::byte *data = nullptr;
  size_t bytes = 0;
};

// Collects views of what is to be saved. Names are prefixed by the current prefix, so that parts nest:
// "model.", "optimizer.".
class StateWriter {
 public:
  template <class T>
  void tensor(std::string_view name, const Shape &shape, std::span<const T> values) {
    tensors.push_back({prefix + std::string(name), dtype_name<T>(), shape,
                       reinterpret_cast<const std::byte *>(values.data()), values.size_bytes()});
  }
  void text(std::string_view key, std::string value) { texts[prefix + std::string(key)] = std::move(value); }
  // Bytes of which no one else has them in the order in which they are saved.
  std::span<const std::byte> keep(std::vector<std::byte> bytes) { return kept.emplace_back(std::move(bytes)); }

  std::string prefix;
  std::vector<TensorView> tensors;
  std::map<std::string, std::string> texts;
  std::deque<std::vector<std::byte>> kept;
};

// Reads what a StateWriter collected. Every miss or mismatch is NGD_E_CHECKPOINT with the tensor's name.
class StateReader {
 public:
  bool has(std::string_view name) const { return find(name) != nullptr; }
  const TensorView &tensor(std::string_view name) const;
  template <class T>
  std::span<const T> values(std::string_view name, std::span<const int64_t> shape) const {
    const TensorView &view = checked(name, dtype_name<T>(), shape);
    return {reinterpret_cast<const T *>(view.data), view.bytes / sizeof(T)};
  }
  // As values(), the shape taken from the file.
  template <class T>
  std::span<const T> values(std::string_view name) const {
    return values<T>(name, tensor(name).shape);
  }
  // The tensor, which must be of this type and shape.
  const TensorView &checked(std::string_view name, const char *dtype, std::span<const int64_t> shape) const;
  bool has_text(std::string_view key) const { return texts.count(prefix + std::string(key)) != 0; }
  const std::string &text(std::string_view key) const;
  // Texts that hold counters: exact 64-bit whole numbers.
  uint64_t counter(std::string_view key) const;

  std::string prefix;
  std::vector<TensorView> tensors;
  std::map<std::string, std::string> texts;

 private:
  const TensorView *find(std::string_view name) const;
};

}  // namespace ngd
