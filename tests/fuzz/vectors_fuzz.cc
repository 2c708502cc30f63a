// Fuzzes what a file of word vectors may hold. The first byte says what the others are: bytes of a file, characters of a text, or
// what stands behind a first line that promises words.
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/error.h"
#include "vectors/vectors.h"

namespace {

// A file in memory, with a path.
class Memfile {
 public:
  explicit Memfile(const std::string &bytes) : descriptor_(memfd_create("vectors", 0)) {
    if (descriptor_ < 0 || write(descriptor_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
      __builtin_trap();
  }
  ~Memfile() { close(descriptor_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

std::string file_of(const uint8_t *data, size_t size, uint8_t kind) {
  static constexpr char kCharacters[] = "0123456789.-+eE  \n\nabnaif\t\xC3\xA9";
  std::string bytes;
  if ((kind & 4) != 0 && size > 1) {
    bytes = std::to_string(data[0] % 8) + " " + std::to_string(data[1] % 4) + "\n";
    data += 2;
    size -= 2;
  }
  for (size_t i = 0; i < size; i++)
    bytes += (kind & 3) != 0 ? kCharacters[data[i] % (sizeof kCharacters - 1)] : static_cast<char>(data[i]);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  static constexpr const char *kSpecs[] = {"vectors",
                                           "vectors:malformed=skip",
                                           "vectors:words=2,case=fold",
                                           "vectors:format=word2vec_binary,memory_limit=300",
                                           "vectors:format=word2vec_text,malformed=skip",
                                           "vectors:format=glove",
                                           "vectors:format=word2vec_binary,malformed=skip",
                                           "vectors:format=safetensors"};
  const uint8_t kind = data[0];
  const Memfile file(file_of(data + 1, size - 1, kind));
  ngd::Vectors vectors(kSpecs[kind >> 3 & 7]);
  try {
    vectors.load(file.path());
  } catch (const ngd::Error &error) {
    // Refused whole: nothing is left of it, and the message is a message.
    if (vectors.table().rows() != 0 || std::strlen(error.what()) == 0) __builtin_trap();
    return 0;
  }
  const ngd::VectorTable &table = vectors.table();
  for (uint64_t row = 0; row < table.rows(); row++) {
    if (table.words().find(table.words()[row]) != row) __builtin_trap();
    for (size_t i = 0; i < table.dimension(); i++) {
      if (!std::isfinite(table.row(row)[i])) __builtin_trap();
    }
  }
  if (table.rows() == 0 || !std::isfinite(vectors.deviation())) __builtin_trap();
  vectors.nearest({table.row(0), table.dimension()}, {}, 3);
  return 0;
}
