// One file on its way into a table of vectors: what is kept, what is left out, what is refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/option.h"
#include "data/place.h"
#include "vectors/vectors.h"

namespace ngd {

inline constexpr size_t kLargestDimension = 65536;
inline constexpr const char *kSkipVectorsHint = "set malformed=skip to leave such words out";

// A mistake within one line or record: malformed=skip leaves it out.
class MalformedVector : public Error {
 public:
  explicit MalformedVector(std::string message) : Error(NGD_E_DATA, std::move(message)) {}
};

struct VectorReading {
  VectorReading(VectorTable &into, const OptionSet &options, const std::string &file);

  VectorTable &table;
  const std::string &path;
  uint64_t declared = 0;  // words that the first line promises; 0: no such line
  uint64_t duplicates = 0, skipped = 0;

  // Takes what the first line says. Refuses a table that would be larger than the limit.
  void declare(uint64_t words, uint64_t dimension);
  void use_dimension(size_t dimension);
  bool full() const { return words_ != 0 && table.rows() >= words_; }  // the option words
  // Where the numbers of a word go; null when it has a row already, which is counted. Throws past the limit.
  float *add(std::string_view word);

  template <class Body>
  void attempt(Body body) {
    const uint64_t rows = table.rows();
    try {
      body();
    } catch (const MalformedVector &error) {
      if (!skip_malformed_) throw;
      table.truncate(rows);
      if (skipped++ == 0) first_skipped_ = error.what();
    }
  }
  // At the end of the file: refuses one without words, or with fewer or more than promised. `records` counts those left out too.
  void finish(uint64_t records);

 private:
  [[noreturn]] void over_limit(uint64_t bytes) const;

  uint64_t words_, limit_;
  bool skip_malformed_;
  std::string first_skipped_;
};

// Refuses what is no word: empty, no UTF-8, or with a NUL. `place` begins the message: "FILE:LINE:COLUMN: ".
void check_word(std::string_view word, const std::string &place);

// The whole of a line "words dimension": two whole numbers.
bool parse_declaration(std::string_view line, uint64_t &words, uint64_t &dimension);

enum class VectorFormat { glove, word2vec_text, word2vec_binary, safetensors };
// By the option, else by the first bytes.
VectorFormat format_of(const std::string &path, const std::string &choice);

void read_vector_text(VectorReading &reading, bool declared);
void read_vector_binary(VectorReading &reading);
void read_vector_safetensors(VectorReading &reading);

}  // namespace ngd
