// Fuzzes what a peer may send: frames to a message. The first bytes say how the rest is cut into frames; with an odd
// first byte the checksums are mended, so that the fuzzer reaches what stands behind them.
#include <cstdint>
#include <cstring>

#include "base/error.h"
#include "math/crc32c.h"
#include "wire/codec.h"
#include "wire/frames.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 4) return 0;
  const bool mend = (data[0] & 1) != 0;
  size_t cut = 64 + (data[1] | data[2] << 8) % 4096;
  data += 4;
  size -= 4;
  std::vector<ngd::wire::Bytes> frames;
  for (size_t at = 0; at < size; at += cut, cut = 1024) {
    const size_t length = std::min(cut, size - at);
    frames.push_back(ngd::wire::copied(std::as_bytes(std::span(data + at, length))));
  }
  if (mend && !frames.empty() && frames[0].size >= ngd::wire::kHeaderBytes) {
    std::byte *header = const_cast<std::byte *>(frames[0].data);
    uint32_t control;
    std::memcpy(&control, header + 44, 4);
    const uint32_t room = static_cast<uint32_t>(frames[0].size - ngd::wire::kHeaderBytes);
    control = std::min(control, room);
    const uint16_t magic = 0x474E, flags = 0, node = 0;
    uint64_t payload = frames[0].size - std::min<size_t>(frames[0].size, 64 + (control + 7) / 8 * 8);
    for (size_t i = 1; i < frames.size(); i++) payload += frames[i].size;
    std::memcpy(header, &magic, 2);
    header[2] = std::byte{1};
    std::memcpy(header + 4, &flags, 2);
    std::memcpy(header + 6, &node, 2);
    std::memcpy(header + 44, &control, 4);
    std::memcpy(header + 48, &payload, 8);
    const uint32_t body = ngd::crc32c({header + 64, control});
    std::memcpy(header + 56, &body, 4);
    const uint32_t own = ngd::crc32c({header, 60});
    std::memcpy(header + 60, &own, 4);
  }
  try {
    const ngd::wire::Unpacked unpacked = ngd::wire::unpack(frames);
    // What was accepted can be written again, and reads as the same.
    const auto again = ngd::wire::unpack(ngd::wire::pack(unpacked.message).list);
    if (ngd::wire::type_of(again.message.body) != ngd::wire::type_of(unpacked.message.body)) __builtin_trap();
    if (ngd::wire::total_bytes(again.message.payload) != ngd::wire::total_bytes(unpacked.message.payload))
      __builtin_trap();
  } catch (const ngd::Error &) {
  }
  return 0;
}
