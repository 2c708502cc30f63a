// What all formats of vectors have in common: which format a file has, limits, counts, the end of a file.
#include "vectors/reading.h"

#include <algorithm>
#include <cstring>

#include "data/file_reader.h"
#include "data/loading.h"

namespace ngd {
namespace {

// Enough for a first line, and for a record behind it of a word and a few numbers.
constexpr size_t kLookAt = 4096;
constexpr uint64_t kLargestCount = WordList::kMost;

// Whether bytes behind the line "words dimension" are lines of text: those of a binary file have bytes that no text has.
bool looks_like_text(std::string_view bytes, bool whole) {
  const size_t end = bytes.find('\n');
  if (end == std::string_view::npos && !whole) {
    // One long line: text has nothing but graphic characters and blanks.
    return std::ranges::none_of(bytes, [](unsigned char c) { return c < ' ' && c != '\t' && c != '\r'; });
  }
  const std::string_view line = trim(bytes.substr(0, end));
  const size_t blank = line.find_last_of(" \t");
  double value;
  return blank == std::string_view::npos || parse_number(line.substr(blank + 1), value);
}

}  // namespace

bool parse_declaration(std::string_view line, uint64_t &words, uint64_t &dimension) {
  line = trim(line);
  const size_t blank = line.find_first_of(" \t");
  if (blank == std::string_view::npos) return false;
  const auto whole = [](std::string_view text, uint64_t &value) {
    int64_t number = 0;
    if (text.empty() || text[0] < '0' || text[0] > '9' || !parse_integer(text, number)) return false;
    value = static_cast<uint64_t>(number);
    return true;
  };
  return whole(line.substr(0, blank), words) && whole(trim(line.substr(blank)), dimension);
}

VectorFormat format_of(const std::string &path, const std::string &choice) {
  if (choice == "glove") return VectorFormat::glove;
  if (choice == "word2vec_text") return VectorFormat::word2vec_text;
  if (choice == "word2vec_binary") return VectorFormat::word2vec_binary;
  if (choice == "safetensors") return VectorFormat::safetensors;
  char bytes[kLookAt];
  FileReader file(path);
  const size_t count = file.read(bytes, sizeof bytes);
  std::string_view start(bytes, count);
  // A length of eight bytes, then JSON.
  if (count > 9 && bytes[8] == '{' && std::memchr(bytes, 0, 8) != nullptr) return VectorFormat::safetensors;
  if (start.starts_with("\xEF\xBB\xBF")) start.remove_prefix(3);
  const size_t end = start.find('\n');
  uint64_t words, dimension;
  if (end == std::string_view::npos || !parse_declaration(start.substr(0, end), words, dimension))
    return VectorFormat::glove;
  return looks_like_text(start.substr(end + 1), count < sizeof bytes) ? VectorFormat::word2vec_text
                                                                      : VectorFormat::word2vec_binary;
}

VectorReading::VectorReading(VectorTable &into, const OptionSet &options, const std::string &file)
    : table(into),
      path(file),
      words_(static_cast<uint64_t>(options["words"])),
      limit_(static_cast<uint64_t>(options["memory_limit"])),
      skip_malformed_(options.choice("malformed") == "skip") {}

void VectorReading::use_dimension(size_t dimension) {
  table.set_dimension(dimension);
}

void VectorReading::declare(uint64_t words, uint64_t dimension) {
  if (words == 0 || words > kLargestCount || dimension == 0 || dimension > kLargestDimension)
    fail(NGD_E_DATA, place_text(path, 1, 1), "found the promise of ", words, " words of dimension ", dimension,
         ", expected 1 to ", kLargestCount, " words of dimension 1 to ", kLargestDimension,
         " (the file is damaged, or no file of vectors)");
  declared = words;
  use_dimension(dimension);
  const uint64_t wanted = words_ == 0 ? words : std::min(words, words_);
  if (limit_ != 0 && wanted * table.row_bytes() > limit_) over_limit(wanted * table.row_bytes());
}

void VectorReading::over_limit(uint64_t bytes) const {
  // What a word takes beyond its numbers is known only when it comes: a little is left for it.
  const uint64_t fit = table.rows() > 0 ? table.rows() : limit_ / (table.row_bytes() + 24);
  fail(NGD_E_MEMORY, path_text(path), ": ",
       declared != 0 ? concat(declared, " words") : concat("more than ", table.rows(), " words"),
       " of dimension ", table.dimension(), " need ", declared != 0 ? "" : "more than ", bytes,
       " bytes, but memory_limit is ", limit_, "; set words=", fit,
       " to keep the first ones, or raise memory_limit");
}

float *VectorReading::add(std::string_view word) {
  const uint64_t bytes = table.bytes_with(word.size() + 1);
  if (limit_ != 0 && bytes > limit_) over_limit(bytes);
  if (table.rows() == kLargestCount)
    fail(NGD_E_DATA, path_text(path), ": has more than ", kLargestCount, " words; set words to keep fewer");
  float *const row = table.add(word);
  if (row == nullptr) duplicates++;
  return row;
}

void VectorReading::finish(uint64_t records) {
  if (table.rows() == 0) {
    if (skipped > 0)
      fail(NGD_E_DATA, path_text(path), ": all ", skipped,
           " words were left out by malformed=skip, the first because: ", first_skipped_);
    fail(NGD_E_DATA, path_text(path), ": holds no word vectors; is it the right file?");
  }
  if (declared != 0 && records < declared && !full() && !skip_malformed_)
    fail(NGD_E_DATA, path_text(path), ": ends after ", records, " words, but its first line promises ",
         declared, " (copy or download the file again, or set malformed=skip to take what is there)");
}

void check_word(std::string_view word, const std::string &place) {
  if (word.empty())
    throw MalformedVector(
        concat(place, "found no word, expected one before the numbers (", kSkipVectorsHint, ")"));
  if (word.find('\0') != std::string_view::npos)
    throw MalformedVector(
        concat(place, "found a NUL byte in the word ", quoted(word), " (", kSkipVectorsHint, ")"));
  if (word.find('\n') != std::string_view::npos)
    throw MalformedVector(
        concat(place, "found a line break in the word ", quoted(word), " (", kSkipVectorsHint, ")"));
  if (find_invalid_utf8(word) != std::string_view::npos)
    throw MalformedVector(concat(place, "found the word ", quoted(word),
                                 ", which is not UTF-8 (convert the file, or ", kSkipVectorsHint, ")"));
}

}  // namespace ngd
