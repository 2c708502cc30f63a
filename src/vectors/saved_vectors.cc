// Vectors in files that this library writes: word2vec's two formats, and safetensors both ways.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "store/atomic_file.h"
#include "store/checksum.h"
#include "store/safetensors.h"
#include "vectors/reading.h"

namespace ngd {
namespace {

constexpr size_t kBufferBytes = 1 << 20;
constexpr const char *kWords = "words", *kVectors = "vectors";
constexpr const char *kFormatKey = "ngd.vectors";

// Bytes on their way to a file, in large pieces.
class Output {
 public:
  explicit Output(const std::string &path) : file_(path) { buffer_.reserve(kBufferBytes + 4096); }
  void put(std::string_view bytes) {
    buffer_ += bytes;
    if (buffer_.size() >= kBufferBytes) flush();
  }
  void commit() {
    flush();
    file_.commit();
  }

 private:
  void flush() {
    file_.write(std::as_bytes(std::span(buffer_)));
    buffer_.clear();
  }
  AtomicFile file_;
  std::string buffer_;
};

// A word as the word2vec formats can hold it.
std::string_view without_blanks(std::string_view word, bool underscore, const std::string &path,
                                std::string &copy) {
  if (word.find_first_of(" \t\r\v\f") == std::string_view::npos) return word;
  if (!underscore)
    fail(NGD_E_DATA, "cannot write ", quoted(path, 200), ": the word ", quoted(word),
         " holds a blank, and in this format blanks end a word; set blanks=underscore, or take safetensors");
  copy = word;
  for (char &c : copy) {
    if (std::string_view(" \t\r\v\f").find(c) != std::string_view::npos) c = '_';
  }
  return copy;
}

void write_word2vec(const std::string &path, const VectorTable &table, bool binary, bool underscore) {
  Output output(path);
  output.put(concat(table.rows(), " ", table.dimension(), "\n"));
  const float *values = table.values();
  std::string copy;
  table.words().each([&](std::string_view word) {
    output.put(without_blanks(word, underscore, path, copy));
    if (binary) {
      output.put(" ");
      output.put({reinterpret_cast<const char *>(values), table.row_bytes()});
    } else {
      char number[32] = {' '};
      for (size_t i = 0; i < table.dimension(); i++) {
        const auto end = std::to_chars(number + 1, number + sizeof number, values[i]).ptr;
        output.put({number, static_cast<size_t>(end - number)});
      }
    }
    output.put("\n");
    values += table.dimension();
  });
  output.commit();
}

void write_safetensors_vectors(const std::string &path, const VectorTable &table) {
  std::vector<std::byte> words;
  words.reserve(table.words().bytes());
  table.words().each([&](std::string_view word) {
    const auto bytes = std::as_bytes(std::span(word));
    words.insert(words.end(), bytes.begin(), bytes.end());
    words.push_back(std::byte{'\n'});
  });
  StateWriter writer;
  writer.tensor<float>(kVectors, {static_cast<int64_t>(table.rows()), static_cast<int64_t>(table.dimension())},
                       std::span(table.values(), table.rows() * table.dimension()));
  writer.tensor<uint8_t>(kWords, {static_cast<int64_t>(words.size())},
                         {reinterpret_cast<const uint8_t *>(words.data()), words.size()});
  writer.text(kFormatKey, "1");
  write_safetensors(path, writer);
}

const SafetensorsIndex::Tensor &tensor_of(const SafetensorsIndex &index, const char *name, const char *dtype,
                                          size_t rank) {
  for (const SafetensorsIndex::Tensor &tensor : index.tensors()) {
    if (tensor.name == name && tensor.dtype == dtype && tensor.shape.size() == rank) return tensor;
  }
  fail(NGD_E_DATA, path_text(index.path()), ": has no tensor \"", name, "\" of type ", dtype, " and ", rank,
       " dimension", rank == 1 ? "" : "s", "; it does not hold word vectors as this library writes them");
}

// Over what was taken, where that is all there is.
void check_checksum(const SafetensorsIndex &index, const VectorTable &table, std::string_view words) {
  auto texts = index.texts();
  const auto found = texts.find(kChecksumKey);
  if (found == texts.end()) return;
  const std::string expected = found->second;
  texts.erase(found);
  std::vector<TensorView> views;
  for (const SafetensorsIndex::Tensor &tensor : index.tensors()) {
    const bool text = tensor.name == kWords;
    if (!text && tensor.name != kVectors) return;
    views.push_back(
        {tensor.name, tensor.dtype, tensor.shape,
         text ? std::as_bytes(std::span(words)).data() : reinterpret_cast<const std::byte *>(table.values()),
         static_cast<size_t>(tensor.bytes)});
  }
  if (state_checksum(views, texts) != expected)
    fail(NGD_E_CHECKPOINT, path_text(index.path()), ": its contents do not match its checksum; it is damaged");
}

}  // namespace

void read_vector_safetensors(VectorReading &reading) {
  const SafetensorsIndex index(reading.path);
  const auto &vectors = tensor_of(index, kVectors, "F32", 2);
  const auto &words = tensor_of(index, kWords, "U8", 1);
  reading.declare(static_cast<uint64_t>(vectors.shape[0]), static_cast<uint64_t>(vectors.shape[1]));
  std::string text(words.bytes, '\0');
  index.read(words.offset, std::as_writable_bytes(std::span(text)));
  if (text.empty() || text.back() != '\n')
    fail(NGD_E_DATA, path_text(reading.path), ": its list of words does not end with a line break");
  const size_t row_bytes = reading.table.row_bytes();
  const size_t together = std::max<size_t>(1, kBufferBytes / row_bytes);
  std::vector<float> rows(together * reading.table.dimension());
  uint64_t record = 0;
  for (size_t start = 0; start < text.size() && !reading.full(); record++) {
    const size_t end = text.find('\n', start);
    const std::string_view word(text.data() + start, end - start);
    start = end + 1;
    if (record == reading.declared)
      fail(NGD_E_DATA, path_text(reading.path), ": has more words than the ", reading.declared,
           " rows of its vectors");
    if (record % together == 0) {
      const uint64_t count = std::min<uint64_t>(together, reading.declared - record);
      index.read(vectors.offset + record * row_bytes,
                 std::as_writable_bytes(std::span(rows)).first(count * row_bytes));
    }
    const std::span<const float> row =
        std::span(rows).subspan(record % together * reading.table.dimension(), reading.table.dimension());
    reading.attempt([&] {
      const std::string place = concat(path_text(reading.path), ": word ", record, ": ");
      check_word(word, place);
      if (!std::ranges::all_of(row, [](float value) { return std::isfinite(value); }))
        throw MalformedVector(
            concat(place, "a number of ", quoted(word), " is not finite (", kSkipVectorsHint, ")"));
      float *const to = reading.add(word);
      if (to != nullptr) std::ranges::copy(row, to);
    });
  }
  reading.finish(record);
  if (reading.table.rows() == reading.declared) check_checksum(index, reading.table, text);
}

void Vectors::save(const std::string &path, std::string_view format) const {
  const bool binary = format == "word2vec_binary";
  if (!binary && format != "word2vec_text" && format != "safetensors")
    fail_unknown("format to write vectors in", format, {"word2vec_text", "word2vec_binary", "safetensors"});
  require_words();
  if (format == "safetensors") return write_safetensors_vectors(path, table_);
  write_word2vec(path, table_, binary, options_.choice("blanks") == "underscore");
}

}  // namespace ngd
