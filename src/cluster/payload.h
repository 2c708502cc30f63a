// A payload read as runs of numbers, wherever the transport has cut it.
#pragma once

#include <cstring>
#include <optional>
#include <vector>

#include "wire/bytes.h"

namespace ngd::cluster {

// Some numbers in place where they lie in one buffer and aligned, else copied. Keeps its memory alive.
template <class T>
class Run {
 public:
  Run() = default;
  Run(wire::Bytes bytes, size_t count) : bytes_(std::move(bytes)), count_(count) {}
  const T *data() const { return reinterpret_cast<const T *>(bytes_.data); }
  size_t size() const { return count_; }
  std::span<const T> span() const { return {data(), count_}; }

 private:
  wire::Bytes bytes_;
  size_t count_ = 0;
};

class PayloadReader {
 public:
  explicit PayloadReader(const std::vector<wire::Bytes> &parts)
      : parts_(parts), left_(wire::total_bytes(parts)) {}
  size_t left() const { return left_; }

  // The next `count` numbers; nothing when the payload has fewer.
  template <class T>
  std::optional<Run<T>> take(size_t count) {
    if (count > left_ / sizeof(T)) return std::nullopt;
    const size_t bytes = count * sizeof(T);
    if (bytes == 0) return Run<T>();
    skip_empty();
    const wire::Bytes &part = parts_[index_];
    left_ -= bytes;
    if (part.size - offset_ >= bytes && reinterpret_cast<uintptr_t>(part.data + offset_) % alignof(T) == 0) {
      Run<T> run(part.slice(offset_, bytes), count);
      offset_ += bytes;
      return run;
    }
    const wire::Buffer buffer(bytes);
    for (size_t done = 0; done < bytes;) {
      skip_empty();
      const size_t here = std::min(parts_[index_].size - offset_, bytes - done);
      std::memcpy(buffer.data() + done, parts_[index_].data + offset_, here);
      offset_ += here;
      done += here;
    }
    return Run<T>(buffer.bytes(), count);
  }

 private:
  void skip_empty() {
    while (offset_ == parts_[index_].size) {
      index_++;
      offset_ = 0;
    }
  }
  const std::vector<wire::Bytes> &parts_;
  size_t index_ = 0, offset_ = 0, left_;
};

}  // namespace ngd::cluster
