// CRC32C by SSE4.2, by ARMv8's CRC extension, or by eight tables (slicing by 8, Kounavis and Berry 2005).
#include "math/crc32c.h"

#include <array>
#include <bit>
#include <cstring>

#if defined(__aarch64__)
#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>
#elif defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace ngd {
namespace {

using Tables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; bit++) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82F63B78u : 0);
    tables[0][i] = value;
  }
  for (size_t t = 1; t < 8; t++) {
    for (size_t i = 0; i < 256; i++) tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 255];
  }
  return tables;
}
constexpr Tables kTables = make_tables();

static_assert(std::endian::native == std::endian::little, "words are read as they lie in memory");

uint64_t word_at(const std::byte *at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

uint32_t by_tables(const std::byte *at, size_t size, uint32_t crc) {
  for (; size >= 8; at += 8, size -= 8) {
    const uint64_t word = word_at(at) ^ crc;
    crc = 0;
    for (size_t i = 0; i < 8; i++) crc ^= kTables[7 - i][(word >> (8 * i)) & 255];
  }
  for (; size > 0; at++, size--) crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<uint32_t>(*at)) & 255];
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t by_instruction(const std::byte *at, size_t size, uint32_t crc) {
  uint64_t wide = crc;
  for (; size >= 8; at += 8, size -= 8) wide = _mm_crc32_u64(wide, word_at(at));
  crc = static_cast<uint32_t>(wide);
  for (; size > 0; at++, size--) crc = _mm_crc32_u8(crc, static_cast<uint8_t>(*at));
  return crc;
}
bool has_instruction() {
  return __builtin_cpu_supports("sse4.2");
}
#elif defined(__aarch64__)
__attribute__((target("+crc"))) uint32_t by_instruction(const std::byte *at, size_t size, uint32_t crc) {
  for (; size >= 8; at += 8, size -= 8) crc = __crc32cd(crc, word_at(at));
  for (; size > 0; at++, size--) crc = __crc32cb(crc, static_cast<uint8_t>(*at));
  return crc;
}
bool has_instruction() {
  return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}
#else
uint32_t by_instruction(const std::byte *at, size_t size, uint32_t crc) {
  return by_tables(at, size, crc);
}
bool has_instruction() {
  return false;
}
#endif

}  // namespace

uint32_t crc32c(std::span<const std::byte> bytes, uint32_t before) {
  return ~(has_instruction() ? by_instruction : by_tables)(bytes.data(), bytes.size(), ~before);
}

uint32_t crc32c_portable(std::span<const std::byte> bytes, uint32_t before) {
  return ~by_tables(bytes.data(), bytes.size(), ~before);
}

}  // namespace ngd
