// Vectors as lines of text: "word n n n", with or without a line "words dimension" before them.
#include <algorithm>

#include "data/line_reader.h"
#include "data/value.h"
#include "vectors/reading.h"

namespace ngd {
namespace {

constexpr uint64_t kLongestLine = uint64_t{64} << 20;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// One copy of it, for what is seldom met.
[[gnu::noinline]] Parsed parse(std::string_view text, float &value) {
  return parse_value(text, value);
}

class TextReader {
 public:
  explicit TextReader(VectorReading &reading) : reading_(reading), reader_(reading.path, kLongestLine) {}

  void run(bool declared) {
    std::string_view line;
    uint64_t records = 0;
    if (declared) {
      uint64_t words = 0, dimension = 0;
      if (!reader_.next(line) || !parse_declaration(line, words, dimension))
        fail(
            NGD_E_DATA, place_text(reading_.path, 1, 1), "found ", quoted(line),
            ", expected the number of words and the dimension (set format=glove for a file without this line)");
      reading_.declare(words, dimension);
    }
    while (!reading_.full() && reader_.next(line)) {
      while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);
      if (line.empty() && !reader_.too_long()) continue;
      records++;
      if (reading_.declared != 0 && records > reading_.declared) {
        reading_.attempt([&] {
          malformed(1, "found ", quoted(line, 20), ", expected the end of the file: its first line promises ",
                    reading_.declared, " words (", kSkipVectorsHint, ")");
        });
        continue;
      }
      reading_.attempt([&] { take(line); });
    }
    reading_.finish(records);
  }

 private:
  template <class... Parts>
  [[noreturn]] void malformed(size_t column, const Parts &...parts) const {
    throw MalformedVector(concat(place_text(reading_.path, reader_.line_number(), column), parts...));
  }

  void take(std::string_view line) {
    if (reader_.too_long())
      malformed(1, "found a line of more than ", kLongestLine, " bytes (", kSkipVectorsHint, ")");
    if (reading_.table.dimension() == 0) decide(line);
    const size_t dimension = reading_.table.dimension();
    values_.resize(dimension);
    // As nearly all lines are: a word without blanks, then that many numbers.
    const char *at = line.data();
    const char *const end = at + line.size();
    while (at != end && !is_blank(*at)) at++;
    size_t word = static_cast<size_t>(at - line.data());
    size_t count = 0;
    while (at != end && count < dimension && scan_value(++at, end, values_[count], is_blank)) count++;
    if (at != end || count != dimension || word == 0) word = take_from_right(line);
    const std::string_view text = line.substr(0, word);
    check(text);
    float *const row = reading_.add(text);
    if (row != nullptr) std::copy(values_.begin(), values_.end(), row);
  }

  void check(std::string_view word) const {
    const auto unusual = [](unsigned char c) { return c == 0 || c >= 0x80; };
    if (word.empty() || std::ranges::any_of(word, unusual))
      check_word(word, place_text(reading_.path, reader_.line_number(), 1));
  }

  // What is between two blanks, from the right; moves `end` before it.
  static std::string_view last_part(std::string_view line, size_t &end) {
    size_t start = end;
    while (start > 0 && !is_blank(line[start - 1])) start--;
    const std::string_view part = line.substr(start, end - start);
    end = start == 0 ? 0 : start - 1;
    return part;
  }

  // A word may hold blanks: the numbers are counted from the right. Returns the length of the word.
  size_t take_from_right(std::string_view line) {
    size_t end = line.size();
    for (size_t i = values_.size(); i-- > 0;) {
      const size_t stop = end;
      const std::string_view part = last_part(line, end);
      const size_t column = stop - part.size() + 1;
      const Parsed parsed = parse(part, values_[i]);
      if (parsed == Parsed::not_finite)
        malformed(column, "found ", quoted(part), ", expected a finite number (", kSkipVectorsHint, ")");
      if (parsed == Parsed::not_a_number || part.data() == line.data())
        malformed(column, "found ", values_.size() - 1 - i + (parsed == Parsed::good ? 1 : 0),
                  " numbers after the word, expected ", values_.size(), " (", kSkipVectorsHint, ")");
    }
    const size_t word = end;
    float value;
    const std::string_view part = last_part(line, end);
    if (part.size() < word && parse(part, value) != Parsed::not_a_number)
      malformed(word - part.size() + 1, "found more than ", values_.size(), " numbers after the word (",
                kSkipVectorsHint, ")");
    return word;
  }

  // The first line of a file that does not say its dimension: as many as there are numbers at its right, behind a word.
  void decide(std::string_view line) {
    size_t end = line.size(), count = 0;
    float value;
    while (end > 0) {
      const std::string_view part = last_part(line, end);
      if (part.data() == line.data() || parse(part, value) == Parsed::not_a_number) break;
      count++;
    }
    if (count == 0 || count > kLargestDimension)
      fail(NGD_E_DATA, place_text(reading_.path, reader_.line_number(), 1), "found ", quoted(line, 60),
           ", expected a word and 1 to ", kLargestDimension, " numbers (is it a file of vectors?)");
    reading_.use_dimension(count);
  }

  VectorReading &reading_;
  LineReader reader_;
  std::vector<float> values_;
};

}  // namespace

void read_vector_text(VectorReading &reading, bool declared) {
  TextReader(reading).run(declared);
}

}  // namespace ngd
