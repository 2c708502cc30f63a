// The fixed header that begins every message: 64 bytes, little-endian, the same in every version of the wire.
//
//    0  u16  magic "NG"
//    2  u8   version of the wire; neighbours of one's own are read too, so that servers can be renewed one by one
//    3  u8   type: the number of the body, codec.h
//    4  u16  flags
//    6  u16  number of the server that speaks; 0: a client
//    8  u64  client, high half           16  u64  client, low half
//   24  u64  seq                         32  u64  epoch
//   40  u32  shard                       44  u32  bytes of control
//   48  u64  bytes of payload
//   56  u32  CRC32C of the control bytes, and with kPayloadChecked of the payload after them
//   60  u32  CRC32C of the 60 bytes before
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "wire/message.h"

namespace ngd::wire {

inline constexpr size_t kHeaderBytes = 64;
inline constexpr uint8_t kVersion = 1;

enum Flags : uint16_t {
  kPayloadChecked = 1,  // the checksum covers the payload too
};
inline constexpr uint16_t kKnownFlags = kPayloadChecked;

struct Header {
  uint8_t version = kVersion;
  uint8_t type = 0;
  uint16_t flags = 0;
  uint16_t node = 0;
  Envelope envelope;
  uint32_t control_bytes = 0;
  uint64_t payload_bytes = 0;
  uint32_t body_checksum = 0;
};

void write_header(const Header &header, std::span<std::byte, kHeaderBytes> to);

// Throws Error(NGD_E_PROTOCOL) for what is no header of a version that this library reads, or promises more than the
// limits allow. What it returns may be added up without overflow.
Header read_header(std::span<const std::byte> from);

}  // namespace ngd::wire
