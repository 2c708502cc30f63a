// CRC32C (Castagnoli), the checksum of the wire and of checkpoints: by the CPU's own instruction where it has one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ngd {

// The checksum of `bytes`; of several runs one after another when `before` is the checksum of those that came first.
uint32_t crc32c(std::span<const std::byte> bytes, uint32_t before = 0);

// The same by tables alone: what a CPU without the instruction takes.
uint32_t crc32c_portable(std::span<const std::byte> bytes, uint32_t before = 0);

}  // namespace ngd
