// The checksum of a saved state.
#include "store/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <memory>

namespace ngd {

std::string state_checksum(std::span<const TensorView> tensors,
                           const std::map<std::string, std::string> &texts) {
  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t *)> state(XXH3_createState(),
                                                                               XXH3_freeState);
  if (state == nullptr) throw std::bad_alloc();
  XXH3_64bits_reset(state.get());
  const auto add = [&](const void *data, uint64_t size) {
    XXH3_64bits_update(state.get(), &size, sizeof size);
    if (size != 0) XXH3_64bits_update(state.get(), data, size);
  };
  for (const auto &[key, text] : texts) {
    add(key.data(), key.size());
    add(text.data(), text.size());
  }
  for (const TensorView &tensor : tensors) {
    add(tensor.name.data(), tensor.name.size());
    add(tensor.dtype.data(), tensor.dtype.size());
    add(tensor.shape.data(), tensor.shape.size() * sizeof(int64_t));
    add(tensor.data, tensor.bytes);
  }
  uint64_t value = XXH3_64bits_digest(state.get());
  std::string digits(16, '0');
  for (size_t i = 16; i-- > 0; value >>= 4) digits[i] = "0123456789abcdef"[value & 15];
  return digits;
}

}  // namespace ngd
