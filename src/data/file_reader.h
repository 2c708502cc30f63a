// Bytes of a plain or gzip file, in order.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace ngd {

class FileReader {
 public:
  explicit FileReader(const std::string &path);
  ~FileReader();
  FileReader(const FileReader &) = delete;
  FileReader &operator=(const FileReader &) = delete;

  // Reads up to `size` bytes; fewer only at the end. What could be unpacked of damaged gzip data is still given
  // out; then damage() says what is wrong.
  size_t read(char *into, size_t size);
  uint64_t position() const { return position_; }  // bytes given out so far
  const std::string &damage() const { return damage_; }

 private:
  std::string path_;
  gzFile file_ = nullptr;
  uint64_t position_ = 0;
  bool ended_ = false;
  std::string damage_;
};

}  // namespace ngd
