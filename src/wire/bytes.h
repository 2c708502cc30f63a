// Bytes that someone else owns and that stay as they are: a slice of a buffer with a count of its users.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ngd::wire {

// `owner` keeps the memory alive: a message of the transport, a block of published parameters, an array. Nobody writes
// the bytes while a slice exists.
struct Bytes {
  std::shared_ptr<const void> owner;
  const std::byte *data = nullptr;
  size_t size = 0;
  bool lent = true;  // the owner is waited for: keep it no longer than an operation lasts

  Bytes slice(size_t offset, size_t length) const { return {owner, data + offset, length, lent}; }
  std::span<const std::byte> span() const { return {data, size}; }
  std::string_view text() const { return {reinterpret_cast<const char *>(data), size}; }
};

// A buffer of one's own, of whole cache lines, not yet shared: fill `data`, then hand on `bytes()`.
class Buffer {
 public:
  explicit Buffer(size_t size)
      : owner_(::operator new[](size == 0 ? 1 : size, std::align_val_t{64}),
               [](void *memory) { ::operator delete[](memory, std::align_val_t{64}); }),
        size_(size) {}
  std::byte *data() const { return static_cast<std::byte *>(owner_.get()); }
  size_t size() const { return size_; }
  Bytes bytes() const { return {owner_, data(), size_, false}; }

 private:
  std::shared_ptr<void> owner_;
  size_t size_;
};

// Of several slices that count as one run.
inline size_t total_bytes(const std::vector<Bytes> &parts) {
  size_t bytes = 0;
  for (const Bytes &part : parts) bytes += part.size;
  return bytes;
}

// The same as text, wherever it was cut.
inline std::string text_of(const std::vector<Bytes> &parts) {
  std::string text;
  text.reserve(total_bytes(parts));
  for (const Bytes &part : parts) text += part.text();
  return text;
}

inline Bytes copied(std::span<const std::byte> from) {
  const Buffer buffer(from.size());
  if (!from.empty()) std::memcpy(buffer.data(), from.data(), from.size());
  return buffer.bytes();
}
inline Bytes copied(std::string_view text) {
  return copied(std::as_bytes(std::span(text)));
}

}  // namespace ngd::wire
