// The safetensors file format: an 8-byte length, a JSON header, raw little-endian tensors without gaps.
//
// Files that this library writes carry a checksum of names, shapes, texts and data as the metadata entry
// kChecksumKey, so that damage anywhere is noticed; files of other programs need none.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/state.h"

namespace ngd {

inline constexpr const char *kChecksumKey = "ngd.checksum";

// Bytes an element of that type takes; 0 for a type that this library does not know.
size_t dtype_size(std::string_view dtype);

// Writes tensors by falling element size, otherwise in the writer's order, so that each is aligned to its
// elements (the data begins at a multiple of 64 bytes of the file); texts as __metadata__; atomically.
void write_safetensors(const std::string &path, const StateWriter &writer);

// The same as bytes, for who brings a file of another kind: what stands before the data, and the data in order. `path`
// is for messages; the views are the writer's.
struct SafetensorsParts {
  std::string head;
  std::vector<TensorView> tensors;
  std::string checksum;
};
SafetensorsParts safetensors_parts(const std::string &path, const StateWriter &writer);

// A file of this library that lies in memory, checked whole: it must have a checksum, unless `unchecked`. The tensors
// point into `bytes`, which begin at a multiple of 16.
StateReader read_safetensors(const std::string &path, std::span<const std::byte> bytes, bool unchecked = false);

// A file's header, checked whole: length, JSON, names, shapes, offsets without gap or overlap. Keeps the file
// open; tensors are read one by one. Safe to use from several threads at once.
class SafetensorsIndex {
 public:
  explicit SafetensorsIndex(const std::string &path);
  ~SafetensorsIndex();
  SafetensorsIndex(const SafetensorsIndex &) = delete;
  SafetensorsIndex &operator=(const SafetensorsIndex &) = delete;

  struct Tensor {
    std::string name;
    std::string dtype;
    Shape shape;
    uint64_t elements = 0;
    uint64_t offset = 0;  // from the beginning of the data
    uint64_t bytes = 0;
  };
  const std::vector<Tensor> &tensors() const { return tensors_; }  // by offset
  const std::map<std::string, std::string> &texts() const { return texts_; }
  const std::string &path() const { return path_; }
  uint64_t data_bytes() const { return data_bytes_; }

  // Reads part of the data.
  void read(uint64_t offset, std::span<std::byte> bytes) const;
  // Reads a tensor's elements as float64; throws NGD_E_UNSUPPORTED for a type it cannot convert.
  void read_f64(size_t index, std::span<double> values) const;

 private:
  std::string path_;
  int descriptor_ = -1;
  uint64_t data_begin_ = 0;
  uint64_t data_bytes_ = 0;
  std::vector<Tensor> tensors_;
  std::map<std::string, std::string> texts_;
};

// A file read whole into memory, its checksum verified when it has one. The reader's tensors point into this
// object. Read rather than mapped: a mapped file that another process shortens would end ours with SIGBUS.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::string &path);
  SafetensorsFile(const SafetensorsFile &) = delete;
  SafetensorsFile &operator=(const SafetensorsFile &) = delete;

  const StateReader &reader() const { return reader_; }

 private:
  StateReader reader_;
  std::unique_ptr<std::byte[]> data_;
  std::vector<std::unique_ptr<std::byte[]>> aligned_;  // copies of tensors that lie unaligned in a foreign file
};

}  // namespace ngd
