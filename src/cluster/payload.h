// A payload read as runs of numbers, wherever the transport has cut it.
#pragma once

#include <algorithm>
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
  Run(wire::Bytes bytes, size_t count, bool keepable)
      : bytes_(std::move(bytes)), count_(count), keepable_(keepable) {}
  const T *data() const { return reinterpret_cast<const T *>(bytes_.data); }
  size_t size() const { return count_; }
  std::span<const T> span() const { return {data(), count_}; }
  // Worth keeping in place of a copy: the memory is not lent, and little of it is of other use.
  bool keepable() const { return keepable_; }
  const std::shared_ptr<const void> &owner() const { return bytes_.owner; }

 private:
  wire::Bytes bytes_;
  size_t count_ = 0;
  bool keepable_ = false;
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
    if (part.size - offset_ >= bytes && aligned<T>(part, offset_)) return in_place<T>(bytes);
    left_ -= bytes;
    const wire::Buffer buffer(bytes);
    for (size_t done = 0; done < bytes;) {
      skip_empty();
      const size_t here = std::min(parts_[index_].size - offset_, bytes - done);
      std::memcpy(buffer.data() + done, parts_[index_].data + offset_, here);
      offset_ += here;
      done += here;
    }
    return Run<T>(buffer.bytes(), count, true);
  }

  // The same in as many runs as there are buffers, none of which is copied; in one copy where a buffer ends within a
  // number.
  template <class T>
  std::optional<std::vector<Run<T>>> take_runs(size_t count) {
    if (count > left_ / sizeof(T)) return std::nullopt;
    std::vector<Run<T>> runs;
    const size_t index = index_, offset = offset_, left = left_;
    for (size_t bytes = count * sizeof(T); bytes > 0;) {
      skip_empty();
      const wire::Bytes &part = parts_[index_];
      const size_t here = std::min(part.size - offset_, bytes);
      if (here % sizeof(T) != 0 || !aligned<T>(part, offset_)) {
        index_ = index, offset_ = offset, left_ = left;
        runs.assign(1, *take<T>(count));
        return runs;
      }
      runs.push_back(in_place<T>(here));
      bytes -= here;
    }
    return runs;
  }

 private:
  template <class T>
  static bool aligned(const wire::Bytes &part, size_t offset) {
    return reinterpret_cast<uintptr_t>(part.data + offset) % alignof(T) == 0;
  }
  template <class T>
  Run<T> in_place(size_t bytes) {
    const wire::Bytes &part = parts_[index_];
    Run<T> run(part.slice(offset_, bytes), bytes / sizeof(T), !part.lent && bytes >= part.size / 2);
    offset_ += bytes;
    left_ -= bytes;
    return run;
  }
  void skip_empty() {
    while (offset_ == parts_[index_].size) {
      index_++;
      offset_ = 0;
    }
  }
  const std::vector<wire::Bytes> &parts_;
  size_t index_ = 0, offset_ = 0, left_;
};

// A payload from its beginning on. Where its buffers end means nothing: what is taken may end within one.
class Slices {
 public:
  explicit Slices(const std::vector<wire::Bytes> &buffers) : buffers_(buffers) {}
  // Appends the next so many bytes; false when there are fewer.
  bool take(uint64_t bytes, std::vector<wire::Bytes> &to) {
    while (bytes > 0 && index_ < buffers_.size()) {
      const wire::Bytes &buffer = buffers_[index_];
      const size_t here = std::min<uint64_t>(bytes, buffer.size - offset_);
      if (here > 0) to.push_back(buffer.slice(offset_, here));
      offset_ += here;
      bytes -= here;
      if (offset_ == buffer.size) index_++, offset_ = 0;
    }
    return bytes == 0;
  }

 private:
  const std::vector<wire::Bytes> &buffers_;
  size_t index_ = 0, offset_ = 0;
};

}  // namespace ngd::cluster
