// Shapes, and look-up of saved state with messages that name the tensor.
#include "base/state.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace ngd {

size_t element_count(std::span<const int64_t> shape) {
  // Half of what a size_t holds, and 8 bytes an element: no later product of bytes can overflow.
  const uint64_t limit = std::numeric_limits<size_t>::max() / 16;
  uint64_t product = 1;
  for (const int64_t size : shape) {
    if (size < 1)
      fail(NGD_E_SHAPE, "a tensor of shape ", shape_text(shape), " is not possible: every size is at least 1");
    if (static_cast<uint64_t>(size) > limit / product)
      fail(NGD_E_SHAPE, "a tensor of shape ", shape_text(shape), " is too large for this machine's addresses");
    product *= static_cast<uint64_t>(size);
  }
  return static_cast<size_t>(product);
}

std::string shape_text(std::span<const int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); i++) text += concat(i ? ", " : "", shape[i]);
  return text + "]";
}

const TensorView *StateReader::find(std::string_view name) const {
  const std::string full = prefix + std::string(name);
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [&](const TensorView &t) { return t.name == full; });
  return found == tensors.end() ? nullptr : &*found;
}

const TensorView &StateReader::tensor(std::string_view name) const {
  const TensorView *view = find(name);
  if (view == nullptr) fail(NGD_E_CHECKPOINT, "the checkpoint has no tensor \"", prefix, name, "\"");
  return *view;
}

const TensorView &StateReader::checked(std::string_view name, const char *dtype,
                                       std::span<const int64_t> shape) const {
  const TensorView &view = tensor(name);
  if (view.dtype != dtype || !std::ranges::equal(view.shape, shape))
    fail(NGD_E_CHECKPOINT, "the checkpoint's tensor \"", view.name, "\" is ", view.dtype,
         shape_text(view.shape), ", but ", dtype, shape_text(shape), " is needed");
  return view;
}

const std::string &StateReader::text(std::string_view key) const {
  const auto found = texts.find(prefix + std::string(key));
  if (found == texts.end()) fail(NGD_E_CHECKPOINT, "the checkpoint has no metadata \"", prefix, key, "\"");
  return found->second;
}

uint64_t StateReader::counter(std::string_view key) const {
  const std::string &value = text(key);
  uint64_t number = 0;
  const auto result = std::from_chars(value.data(), value.data() + value.size(), number);
  if (result.ec != std::errc() || result.ptr != value.data() + value.size())
    fail(NGD_E_CHECKPOINT, "the checkpoint's metadata \"", prefix, key, "\" is ", quoted(value),
         ", not a whole number");
  return number;
}

}  // namespace ngd
