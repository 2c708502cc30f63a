// The JSON header of a safetensors file: reading it strictly.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "store/safetensors.h"

namespace ngd {

inline constexpr uint64_t kLengthBytes = 8;            // before the header: its length
inline constexpr uint64_t kHeaderLimit = 100'000'000;  // of the format
inline constexpr size_t kRankLimit = 8;                // of ngd_tensor_info

struct SafetensorsHeader {
  std::vector<SafetensorsIndex::Tensor> tensors;  // by offset
  std::map<std::string, std::string> texts;
};

// Throws NGD_E_CHECKPOINT with a message that begins with `checkpoint "path": `.
SafetensorsHeader parse_safetensors_header(const std::string &path, std::string_view text, uint64_t data_bytes);

[[noreturn]] void fail_checkpoint(const std::string &path, const std::string &reason);

}  // namespace ngd
