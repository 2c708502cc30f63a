// The handle: options, filling, looking up.
#include "vectors/vectors.h"

#include <cmath>

#include "base/error.h"
#include "math/reduce.h"
#include "vectors/reading.h"
#include "vectors/training.h"

namespace ngd {
namespace {

constexpr double kMany = 9007199254740992.0;  // 2^53

constexpr OptionSpec kOptions[] = {
    fixed(choice_option("format", "auto", "auto|glove|word2vec_text|word2vec_binary|safetensors",
                        "Format of the file; auto tells it from the first bytes.")),
    fixed(integer_option("words", "0", 0, kMany, "Keep the first so many words of a file; 0 for all.")),
    fixed(integer_option("memory_limit", "0", 0, kMany,
                         "Bytes that words and vectors may take; 0 for no limit.")),
    fixed(choice_option("malformed", "error", "error|skip",
                        "What to do with a malformed line or record: skip counts it.")),
    fixed(choice_option("case", "exact", "exact|fold",
                        "How words are found: fold also takes the lower-case form, else one of other case.")),
    choice_option("blanks", "error", "error|underscore",
                  "Words with blanks in files of word2vec: refused, or written with underscores."),
    fixed(choice_option("method", "skip_gram", "skip_gram|cbow", "Training: what is told from what.")),
    fixed(integer_option("dimension", "100", 1, kLargestDimension, "Training: numbers a word.")),
    fixed(integer_option("window", "5", 1, 1000, "Training: how far neighbours are at most.")),
    fixed(integer_option("negatives", "5", 1, 1000, "Training: noise words for each word.")),
    fixed(integer_option("min_count", "5", 1, kMany, "Training: words seen less often get no vector.")),
    fixed(number_option("subsample", "1e-4", 0, 1,
                        "Training: words more frequent than this are left out at times; 0 for never.")),
    fixed(integer_option("epochs", "5", 1, kMany, "Training: how often to go through the texts.")),
    fixed(integer_option("batch_words", "512", 1, 1048576, "Training: words whose gradients make a step.")),
    fixed(integer_option("seed", "1", 0, kMany, "Training: decides order, windows, noise and first vectors.")),
    fixed(integer_option("threads", "1", 1, 1024, "Training: threads; the result does not depend on them.")),
};

// In eight running sums, so that no addition waits for the one before.
double sum_of(const float *values, size_t count) {
  constexpr size_t kTogether = 8;
  double sums[kTogether] = {};
  size_t i = 0;
  for (; i + kTogether <= count; i += kTogether) {
    for (size_t k = 0; k < kTogether; k++) sums[k] += static_cast<double>(values[i + k]);
  }
  for (; i < count; i++) sums[0] += static_cast<double>(values[i]);
  double sum = 0;
  for (const double one : sums) sum += one;
  return sum;
}

// ASCII letters only: other scripts stay as they are.
std::string lower_case(std::string_view word) {
  std::string lower(word);
  for (char &c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return lower;
}

}  // namespace

std::span<const OptionSpec> vectors_options() {
  return kOptions;
}

float *VectorTable::add(std::string_view word) {
  values_.reserve((rows() + 1) * row_bytes());
  const uint32_t number = words_.add(word);
  return number == WordList::kNone ? nullptr : values() + number * dimension_;
}

Vectors::Vectors(std::string_view spec_text) : options_(kOptions, "the vectors", "vectors") {
  const SpecText spec = parse_spec(spec_text);
  if (spec.kind != "vectors") fail_unknown("kind of vectors", spec.kind, {"vectors"});
  options_.set_all(spec);
}

Vectors::~Vectors() = default;

void Vectors::require_empty(const char *what) const {
  if (table_.rows() > 0)
    fail(NGD_E_STATE, "there are ", table_.rows(), " words already; create another handle to ", what);
}

void Vectors::require_words() const {
  if (table_.rows() == 0)
    fail(NGD_E_STATE, "there are no words yet; load a file, append words or train them first");
}

void Vectors::load(const std::string &path) {
  require_empty("load a file");
  VectorTable table;
  VectorReading reading(table, options_, path);
  const VectorFormat format = format_of(path, options_.choice("format"));
  switch (format) {
    case VectorFormat::word2vec_binary:
      read_vector_binary(reading);
      break;
    case VectorFormat::safetensors:
      read_vector_safetensors(reading);
      break;
    default:
      read_vector_text(reading, format == VectorFormat::word2vec_text);
  }
  table.shrink();
  std::swap(table_, table);
  declared_ = reading.declared;
  duplicates_ = reading.duplicates;
  skipped_ = reading.skipped;
  settle();
}

void Vectors::append(const char *const *words, const float *values, size_t count, size_t dimension) {
  if (in_training()) fail(NGD_E_STATE, "the vectors are in training; append words before or after it");
  if (count == 0) return;
  if (dimension == 0 || dimension > kLargestDimension)
    fail(NGD_E_SHAPE, "argument \"dimension\" is ", dimension, ", but must be from 1 to ", kLargestDimension);
  if (table_.rows() > 0 && dimension != table_.dimension())
    fail(NGD_E_SHAPE, "argument \"dimension\" is ", dimension, ", but the words before have ",
         table_.dimension(), " numbers");
  const uint64_t before = table_.rows();
  const uint64_t limit = static_cast<uint64_t>(options_["memory_limit"]);
  if (before == 0) table_.set_dimension(dimension);
  try {
    for (size_t i = 0; i < count; i++, values += dimension) {
      if (words[i] == nullptr) fail(NGD_E_ARGUMENT, "word ", i, " is NULL");
      const std::string_view word = words[i];
      try {
        check_word(word, concat("word ", i, ": "));
      } catch (const MalformedVector &) {
        fail(NGD_E_ARGUMENT, "word ", i, " is ", quoted(word),
             ", but must not be empty, be UTF-8 and hold no line break");
      }
      for (size_t k = 0; k < dimension; k++) {
        if (!std::isfinite(values[k]))
          fail(NGD_E_NOT_FINITE, "number ", k, " of word ", i, " is ", static_cast<double>(values[k]),
               ", but must be finite");
      }
      if (limit != 0 && table_.bytes_with(word.size() + 1) > limit)
        fail(NGD_E_MEMORY, "word ", i, " would take the table past memory_limit=", limit, " bytes");
      float *const row = table_.add(word);
      if (row == nullptr) fail(NGD_E_RANGE, "word ", i, " is ", quoted(word), ", which is there already");
      std::copy_n(values, dimension, row);
    }
    settle();
  } catch (...) {
    table_.truncate(before);
    if (before == 0) table_.set_dimension(0);
    throw;
  }
}

void Vectors::settle() {
  if (options_.choice("case") == "fold") {
    WordList folded;
    std::vector<uint32_t> row;
    uint32_t number = 0;
    table_.words().each([&](std::string_view word) {
      if (folded.add(lower_case(word)) != WordList::kNone) row.push_back(number);
      number++;
    });
    folded_ = std::move(folded);
    folded_row_ = std::move(row);
  }
  measure();
  options_.lock();
}

// The deviation about the mean of all numbers, and the mean length of rows.
void Vectors::measure() {
  const size_t dimension = table_.dimension();
  double sum = 0, squares = 0, lengths = 0;
  for (uint64_t row = 0; row < table_.rows(); row++) {
    const float *const values = table_.row(row);
    const double row_sum = sum_of(values, dimension);
    const double row_squares = sum_of_squares(values, dimension);
    sum += row_sum;
    squares += row_squares;
    lengths += std::sqrt(row_squares);
  }
  const double count = static_cast<double>(table_.rows()) * static_cast<double>(dimension);
  const double mean = sum / count;
  deviation_ = std::sqrt(std::max(0.0, squares / count - mean * mean));
  mean_length_ = lengths / static_cast<double>(table_.rows());
}

uint32_t Vectors::find_row(std::string_view word, bool &folded) const {
  folded = false;
  const uint32_t row = table_.words().find(word);
  if (row != WordList::kNone || folded_row_.empty()) return row;
  const std::string lower = lower_case(word);
  folded = true;
  const uint32_t exact = table_.words().find(lower);
  if (exact != WordList::kNone) return exact;
  const uint32_t number = folded_.find(lower);
  return number == WordList::kNone ? number : folded_row_[number];
}

VectorSource::Found Vectors::find_vector(std::string_view word) const {
  Found found;
  if (word.empty()) return found;
  const uint32_t row = find_row(word, found.folded);
  if (row != WordList::kNone) found.vector = table_.row(row);
  return found;
}

uint64_t Vectors::find(std::string_view word) const {
  bool folded;
  const uint32_t row = find_row(word, folded);
  if (row == WordList::kNone)
    fail(NGD_E_NOT_FOUND, "the word ", quoted(word), " has no vector",
         folded_row_.empty() && table_.words().find(lower_case(word)) != WordList::kNone
             ? concat("; ", quoted(lower_case(word)), " has: set case=fold before the file is loaded")
             : std::string());
  return row;
}

Vectors::Info Vectors::info() const {
  uint64_t bytes = table_.bytes() + folded_.bytes() + sizeof(uint32_t) * folded_row_.capacity();
  return {table_.rows(), table_.dimension(), bytes, declared_, duplicates_, skipped_, deviation_, mean_length_};
}

}  // namespace ngd
