// Files that are written whole or not at all: to a temporary name, synced, renamed, directory synced.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace ngd {

class AtomicFile {
 public:
  explicit AtomicFile(std::string path);  // opens `path` + ".<unique>.tmp" in the same directory
  ~AtomicFile();                          // removes the temporary file unless committed
  AtomicFile(const AtomicFile &) = delete;
  AtomicFile &operator=(const AtomicFile &) = delete;

  void write(std::span<const std::byte> bytes);
  void commit();  // fsync, rename, fsync of the directory

 private:
  std::string path_;
  std::string temporary_;
  int descriptor_ = -1;
};

}  // namespace ngd
