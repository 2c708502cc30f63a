// The safetensors file format: an 8-byte length, a JSON header, raw little-endian tensors.
#pragma once

#include <memory>
#include <string>

#include "base/state.h"

namespace ngd {

// Writes tensors in the writer's order, each at a multiple of 64 bytes of the file, texts as __metadata__;
// atomically.
void write_safetensors(const std::string &path, const StateWriter &writer);

// Opens and checks a file whole: length, JSON, names, shapes, offsets without gap or overlap. Keeps it mapped;
// the reader's tensors point into the mapping and live as long as this object.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::string &path);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile &) = delete;
  SafetensorsFile &operator=(const SafetensorsFile &) = delete;

  const StateReader &reader() const { return reader_; }

 private:
  StateReader reader_;
  void *mapping_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace ngd
