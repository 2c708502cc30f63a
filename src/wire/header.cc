// Writing and checking the fixed header.
#include "wire/header.h"

#include <bit>
#include <cstring>

#include "base/error.h"
#include "math/crc32c.h"
#include "wire/limits.h"

namespace ngd::wire {
namespace {

constexpr uint16_t kMagic = 0x474E;  // "NG"
static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie in memory");

template <class T>
void put(std::span<std::byte, kHeaderBytes> to, size_t at, T value) {
  std::memcpy(to.data() + at, &value, sizeof value);
}

template <class T>
T get(std::span<const std::byte> from, size_t at) {
  T value;
  std::memcpy(&value, from.data() + at, sizeof value);
  return value;
}

}  // namespace

void write_header(const Header &header, std::span<std::byte, kHeaderBytes> to) {
  put(to, 0, kMagic);
  put(to, 2, header.version);
  put(to, 3, header.type);
  put(to, 4, header.flags);
  put(to, 6, header.node);
  put(to, 8, header.envelope.client.high);
  put(to, 16, header.envelope.client.low);
  put(to, 24, header.envelope.seq);
  put(to, 32, header.envelope.epoch);
  put(to, 40, header.envelope.shard);
  put(to, 44, header.control_bytes);
  put(to, 48, header.payload_bytes);
  put(to, 56, header.body_checksum);
  put(to, 60, crc32c(to.first(60)));
}

Header read_header(std::span<const std::byte> from) {
  if (from.size() < kHeaderBytes)
    fail(NGD_E_PROTOCOL, "a message of ", from.size(), " bytes is shorter than its header of ", kHeaderBytes);
  if (get<uint16_t>(from, 0) != kMagic) fail(NGD_E_PROTOCOL, "a message does not begin as those of libngd do");
  if (crc32c(from.first(60)) != get<uint32_t>(from, 60))
    fail(NGD_E_PROTOCOL, "the header of a message is damaged: its checksum does not match");
  Header header;
  header.version = get<uint8_t>(from, 2);
  header.type = get<uint8_t>(from, 3);
  header.flags = get<uint16_t>(from, 4);
  header.node = get<uint16_t>(from, 6);
  header.envelope.client = {get<uint64_t>(from, 8), get<uint64_t>(from, 16)};
  header.envelope.seq = get<uint64_t>(from, 24);
  header.envelope.epoch = get<uint64_t>(from, 32);
  header.envelope.shard = get<uint32_t>(from, 40);
  header.control_bytes = get<uint32_t>(from, 44);
  header.payload_bytes = get<uint64_t>(from, 48);
  header.body_checksum = get<uint32_t>(from, 56);
  if (header.version == 0 || header.version + 1 < kVersion || header.version > kVersion + 1)
    fail(NGD_E_PROTOCOL, "a peer speaks version ", header.version, " of the wire, this library version ",
         kVersion, ": upgrade one release at a time");
  if ((header.flags & ~kKnownFlags) != 0)
    fail(NGD_E_PROTOCOL, "a message has flags ", header.flags, ", of which some are unknown here");
  if (header.node > kNodes)
    fail(NGD_E_PROTOCOL, "a message comes from server ", header.node, " of at most ", kNodes);
  if (header.control_bytes > kControlBytes)
    fail(NGD_E_PROTOCOL, "a message promises ", header.control_bytes, " bytes of control; the limit is ",
         kControlBytes);
  if (header.payload_bytes > kPayloadBytes)
    fail(NGD_E_PROTOCOL, "a message promises ", header.payload_bytes, " bytes of payload; the limit is ",
         kPayloadBytes);
  return header;
}

}  // namespace ngd::wire
