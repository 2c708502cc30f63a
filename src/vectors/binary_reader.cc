// Vectors as word2vec writes them with -binary 1: a line "words dimension", then records of a word, a blank, float32 numbers.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "data/file_reader.h"
#include "vectors/reading.h"

namespace ngd {
namespace {

constexpr size_t kBufferBytes = 1 << 20;
constexpr size_t kLongestWord = 1 << 16;

class BinaryReader {
 public:
  explicit BinaryReader(VectorReading &reading)
      : reading_(reading), file_(reading.path), buffer_(kBufferBytes) {}

  void run() {
    std::string line;
    uint64_t words = 0, dimension = 0;
    if (!take_until('\n', 64, line) || !parse_declaration(line, words, dimension))
      fail(NGD_E_DATA, place_text(reading_.path, 1, 1), "found ", quoted(line),
           ", expected the number of words and the dimension, and a line break");
    reading_.declare(words, dimension);
    values_.resize(dimension);
    uint64_t record = 0;
    for (; record < words && !reading_.full(); record++) {
      if (!take_record(record)) break;
    }
    // What a writer may put behind the last record.
    while (record == words && available(1) && buffer_[begin_] == '\n') begin_++;
    if (record == words && !reading_.full() && available(1))
      reading_.attempt([&] {
        throw MalformedVector(concat(path_text(reading_.path), ": found more bytes behind the ", words,
                                     " words of dimension ", dimension, " that its first line promises (",
                                     kSkipVectorsHint, ")"));
      });
    reading_.finish(record);
  }

 private:
  // Whether so many bytes are in the buffer now. There are fewer only at the end of the file.
  bool available(size_t count) {
    while (end_ - begin_ < count && !ended_) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
      if (count > buffer_.size()) buffer_.resize(count);
      const size_t got = file_.read(buffer_.data() + end_, buffer_.size() - end_);
      end_ += got;
      ended_ = got == 0;
    }
    if (ended_ && end_ - begin_ < count && !file_.damage().empty())
      fail(NGD_E_DATA, path_text(reading_.path), ": found damaged gzip data after ", file_.position(),
           " unpacked bytes (", file_.damage(),
           "), expected the rest of the file (copy or download the file again)");
    return end_ - begin_ >= count;
  }

  // The bytes up to `stop`, which is taken too; false when it does not come within so many bytes.
  bool take_until(char stop, size_t most, std::string &text) {
    text.clear();
    while (available(1)) {
      const char *const start = buffer_.data() + begin_;
      const size_t here = std::min(end_ - begin_, most + 1 - text.size());
      const void *const found = std::memchr(start, stop, here);
      const size_t count =
          found == nullptr ? here : static_cast<size_t>(static_cast<const char *>(found) - start);
      text.append(start, count);
      begin_ += count;
      if (found != nullptr) {
        begin_++;
        return true;
      }
      if (text.size() > most) return false;
    }
    return false;
  }

  std::string place(uint64_t record) const { return concat(path_text(reading_.path), ": word ", record, ": "); }

  // False at the end of the file.
  bool take_record(uint64_t record) {
    while (available(1) && buffer_[begin_] == '\n')
      begin_++;  // of the record before: some writers put one, some none
    if (!available(1)) return false;
    if (!take_until(' ', kLongestWord, word_))
      fail(NGD_E_DATA, place(record), "found no blank within ", word_.size(),
           " bytes, expected one behind the word (the file is cut short or damaged, or is not of format "
           "word2vec_binary)");
    const size_t bytes = values_.size() * sizeof(float);
    if (!available(bytes)) {
      const size_t left = end_ - begin_;
      reading_.attempt([&] {
        throw MalformedVector(
            concat(place(record), "the file ends after ", left, " of the ", bytes,
                   " bytes of its numbers (copy or download the file again, or set malformed=skip to take "
                   "what is there)"));
      });
      begin_ = end_;
      return false;
    }
    std::memcpy(values_.data(), buffer_.data() + begin_, bytes);
    begin_ += bytes;
    reading_.attempt([&] {
      check_word(word_, place(record));
      const auto bad = std::ranges::find_if(values_, [](float value) { return !std::isfinite(value); });
      if (bad != values_.end())
        throw MalformedVector(concat(place(record), "number ", bad - values_.begin(), " of ", quoted(word_),
                                     " is ", static_cast<double>(*bad), ", expected a finite number (",
                                     kSkipVectorsHint, ")"));
      float *const row = reading_.add(word_);
      if (row != nullptr) std::copy(values_.begin(), values_.end(), row);
    });
    return true;
  }

  VectorReading &reading_;
  FileReader file_;
  std::vector<char> buffer_;
  size_t begin_ = 0, end_ = 0;
  bool ended_ = false;
  std::string word_;
  std::vector<float> values_;
};

}  // namespace

void read_vector_binary(VectorReading &reading) {
  BinaryReader(reading).run();
}

}  // namespace ngd
