// Separated values: RFC 4180 with any separator, a header line or none, and a label column or none.
#include <cstring>
#include <limits>

#include "base/text.h"
#include "data/format.h"
#include "data/loading.h"
#include "data/value.h"

namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    text_option("label", "", "The label column: its name, or its index from 0; empty: rows have no label."),
    text_option(
        "separator", "auto",
        "One character between values, or tab; auto: a tab, semicolon or comma, the first of these in line 1."),
    choice_option("header", "auto", "auto|yes|no",
                  "Whether line 1 names the columns; auto: when none of its feature values is a number."),
    kLabelTypeOption,
    choice_option("missing", "error", "error|zero",
                  "What to do with a value that is empty, NA or a question mark: zero reads 0."),
    kNonfiniteOption,
    kMalformedOption,
    kMaxLineBytesOption,
};

constexpr size_t kNone = std::numeric_limits<size_t>::max();

void check(const OptionSet &options) {
  const std::string &separator = options.choice("separator");
  if (separator == "auto" || separator == "tab") return;
  const unsigned char c = separator.size() == 1 ? static_cast<unsigned char>(separator[0]) : 'a';
  const bool in_numbers = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          c == '+' || c == '-' || c == '.';
  if (in_numbers || c == '"' || c >= 0x80 || (c < 0x20 && c != '\t'))
    fail(NGD_E_RANGE, "option \"separator\" of format \"csv\" is ", quoted(separator),
         ", but takes auto, tab, or one ASCII character that is neither a quote nor part of a number");
}

bool is_missing(std::string_view text) {
  return text.empty() || text == "NA" || text == "?";
}

bool is_number(std::string_view text) {
  float value;
  return parse_value(text, value) != Parsed::not_a_number;
}

class CsvReader {
 public:
  explicit CsvReader(Loading &loading)
      : loading_(loading),
        table_(loading.table),
        reader_(loading.path, static_cast<uint64_t>(loading.options["max_line_bytes"])),
        limit_(static_cast<uint64_t>(loading.options["max_line_bytes"])),
        missing_is_zero_(loading.options.choice("missing") == "zero"),
        nonfinite_is_zero_(loading.options.choice("nonfinite") == "zero"),
        label_name_(loading.options.choice("label")) {}

  void run() {
    loading_.expect_labels(!label_name_.empty());
    loading_.each_line(reader_, [&](std::string_view line) {
      line_number_ = reader_.line_number();
      if (line.find_first_not_of(' ') == std::string_view::npos) return;  // an empty line is no sample
      if (separator_ == 0) choose_separator(line);
      const std::string_view record = whole_record(line);
      record_ = record;
      if (expected_ != 0)
        parse(record);
      else
        begin(record);
    });
    if (header_only_)
      loading_.broken(
          expected_line_, 1,
          "found only a header, expected samples after it (set header=no if that line is a sample)");
    loading_.finish();
  }

 private:
  void choose_separator(std::string_view line) {
    const std::string &option = loading_.options.choice("separator");
    if (option != "auto") {
      separator_ = option == "tab" ? '\t' : option[0];
      return;
    }
    bool tab = false, semicolon = false, in_quotes = false;
    for (const char c : line) {
      in_quotes = in_quotes != (c == '"');
      tab = tab || (c == '\t' && !in_quotes);
      semicolon = semicolon || (c == ';' && !in_quotes);
    }
    separator_ = tab ? '\t' : semicolon ? ';' : ',';
  }

  // The line itself, or, when a quote is still open at its end, the line and those up to the closing quote.
  std::string_view whole_record(std::string_view line) {
    if (line.find('"') == std::string_view::npos) return line;
    in_quotes_ = false;
    size_t at = 0, open = 0;
    if (quotes_close(line, at, open)) return line;
    joined_.assign(line);
    for (;;) {
      std::string_view more;
      if (!reader_.next(more)) {
        record_ = joined_;
        const auto [number, column] = place(record_.data() + open);
        loading_.broken(
            number, column,
            "found a quote that is never closed, expected a closing quote before the end of the file "
            "(close it, and double a quote that is part of a value)");
      }
      loading_.check_line(reader_, more);
      if (joined_.size() + 1 + more.size() > limit_)
        loading_.malformed(reader_.line_number(), 1, "found a quoted record of more than ", limit_,
                           " bytes, expected a closing quote (raise max_line_bytes, or ", kSkipHint, ")");
      joined_ += '\n';
      joined_ += more;
      if (quotes_close(joined_, at, open)) return joined_;
    }
  }

  // Walks over the record from `at`. False when it ends within quotes: `at` is then the place to go on from and
  // `open` that of the opening quote.
  bool quotes_close(std::string_view record, size_t &at, size_t &open) {
    for (;;) {
      if (!in_quotes_) {
        at = record.find('"', at);
        if (at == std::string_view::npos) return true;
        open = at;
        // A quote opens only at the start of a value; elsewhere it is a character like any other.
        in_quotes_ = at == 0 || record[at - 1] == separator_;
        at++;
      } else {
        at = record.find('"', at);
        if (at == std::string_view::npos) {
          at = record.size();
          return false;
        }
        if (at + 1 < record.size() && record[at + 1] == '"') {
          at += 2;
        } else {
          in_quotes_ = false;
          at++;
        }
      }
    }
  }

  struct Position {
    uint64_t line, column;
  };
  // Line and column of a place in the record.
  Position place(const char *at) const {
    if (record_.data() != joined_.data()) return {line_number_, static_cast<uint64_t>(at - record_.data()) + 1};
    Position result = {line_number_, 1};
    for (const char *c = record_.data(); c != at; c++) {
      result.column++;
      if (*c == '\n') result = {result.line + 1, 1};
    }
    return result;
  }
  template <class... Parts>
  [[noreturn]] void malformed(const char *at, const Parts &...parts) const {
    const Position position = place(at);
    loading_.malformed(position.line, position.column, parts...);
  }

  // The value at `at`, without quotes; moves `at` to the separator or the end.
  std::string_view next_value(const char *&at, const char *end) {
    if (at == end || *at != '"') {
      const void *found = at == end ? nullptr : std::memchr(at, separator_, static_cast<size_t>(end - at));
      const char *stop = found == nullptr ? end : static_cast<const char *>(found);
      const std::string_view value(at, static_cast<size_t>(stop - at));
      at = stop;
      return value;
    }
    value_.clear();
    for (at++;;) {
      const char *quote = static_cast<const char *>(std::memchr(at, '"', static_cast<size_t>(end - at)));
      value_.append(at, quote);
      at = quote + 1;
      if (at == end || *at != '"') break;
      value_ += '"';
      at++;
    }
    if (at != end && *at != separator_)
      malformed(at, "found ", quoted(std::string_view(at, 1)), " after a closing quote, expected ",
                quoted(std::string_view(&separator_, 1)), " (double a quote that is part of a value, or ",
                kSkipHint, ")");
    return value_;
  }

  // The first record: decides on header and label, and is the first sample when it is not a header.
  void begin(std::string_view record) {
    std::vector<std::string> values;
    const char *at = record.data();
    const char *const end = at + record.size();
    for (;; at++) {
      values.emplace_back(trim(next_value(at, end)));
      if (at == end) break;
    }
    if (values.size() > kMaxColumns)
      loading_.broken(line_number_, 1, "found ", values.size(), " columns, expected at most ", kMaxColumns);
    const bool header = is_header(values);
    find_label(values, header);
    const size_t labels = label_ == kNone ? 0 : 1;
    if (values.size() == labels)
      loading_.broken(line_number_, 1, "found only the label column, expected at least one more with features");
    if (loading_.before.rows != 0 && values.size() != table_.width + labels)
      loading_.broken(line_number_, 1, "found ", values.size(), " columns, expected ", table_.width + labels,
                      " as in the rows before");
    if (header) compare_header(values);
    expected_ = values.size();
    expected_line_ = line_number_;
    header_only_ = header;
    width_ = expected_ - labels;
    if (!header) parse(record);
  }

  bool is_header(const std::vector<std::string> &values) const {
    const std::string &option = loading_.options.choice("header");
    if (option != "auto") return option == "yes";
    int64_t index = -1;
    if (!label_name_.empty() && !parse_integer(label_name_, index)) return true;  // the label has a name
    bool text = false;
    for (size_t i = 0; i < values.size(); i++) {
      if (static_cast<int64_t>(i) == index || is_missing(values[i])) continue;
      if (is_number(values[i])) return false;
      text = true;
    }
    return text;
  }

  void find_label(const std::vector<std::string> &values, bool header) {
    label_ = kNone;
    if (label_name_.empty()) return;
    if (header) {
      for (size_t i = 0; i < values.size() && label_ == kNone; i++) {
        if (values[i] == label_name_) label_ = i;
      }
    }
    int64_t index;
    if (label_ == kNone && parse_integer(label_name_, index) && index >= 0 &&
        static_cast<size_t>(index) < values.size())
      label_ = static_cast<size_t>(index);
    if (label_ != kNone) return;
    if (!header)
      loading_.broken(line_number_, 1, "found ", values.size(),
                      " columns and no header, expected the label column ", quoted(label_name_),
                      " (set label to an index from 0 to ", values.size() - 1, ", or header=yes)");
    const std::string_view near = nearest(label_name_, {values.begin(), values.end()});
    loading_.broken(line_number_, 1, "found no column ", quoted(label_name_), ", expected it in the header",
                    near.empty() ? std::string() : concat("; did you mean ", quoted(near), "?"),
                    " (set label to a name of the header, or to an index from 0 to ", values.size() - 1, ")");
  }

  // Several files make one dataset only when their columns mean the same.
  void compare_header(const std::vector<std::string> &values) {
    if (table_.header.empty()) table_.header = values;
    for (size_t i = 0; i < values.size(); i++) {
      if (values[i] != table_.header[i])
        loading_.broken(line_number_, 1, "found the column ", quoted(values[i]), " at index ", i, ", expected ",
                        quoted(table_.header[i]),
                        " as in the file before (bring the columns into the same order)");
    }
  }

  void parse(std::string_view record) {
    header_only_ = false;
    table_.width = width_;
    const size_t base = table_.dense.size();
    table_.dense.resize(base + width_);
    float *out = table_.dense.data() + base;
    const auto is_separator = [separator = separator_](char c) { return c == separator; };
    const char *at = record.data();
    const char *const end = at + record.size();
    size_t count = 0;
    for (;; at++) {
      if (count == expected_) {
        size_t surplus = 0;
        for (const char *rest = at;; rest++) {
          next_value(rest, end);
          surplus++;
          if (rest == end) break;
        }
        wrong_count(at, count + surplus);
      }
      if (count == label_) {
        const char *start = at;
        const std::string_view text = trim(next_value(at, end));
        const Position position = place(start);
        loading_.label(text, position.line, position.column);
      } else if (!scan_value(at, end, *out, is_separator)) {
        *out++ = careful_value(at, end);
      } else {
        out++;
      }
      count++;
      if (at == end) break;
    }
    if (count != expected_) wrong_count(end, count);
    table_.end_row();
  }

  // A value that is not a plain number.
  float careful_value(const char *&at, const char *end) {
    const char *start = at;
    const std::string_view text = trim(next_value(at, end));
    float value = 0;
    if (is_missing(text)) {
      if (missing_is_zero_) return 0;
      malformed(start, "found ", text.empty() ? std::string("no value") : quoted(text),
                ", expected a number (set missing=zero to read 0, or ", kSkipHint, ")");
    }
    const Parsed parsed = parse_value(text, value);
    if (parsed == Parsed::good) return value;
    if (parsed == Parsed::not_a_number)
      malformed(start, "found ", quoted(text), ", expected a number (",
                label_ == kNone ? "name the label column with the option label, or " : "", kSkipHint, ")");
    if (!nonfinite_is_zero_)
      malformed(start, "found ", quoted(text), ", expected a finite number (set nonfinite=zero to read 0, or ",
                kSkipHint, ")");
    return 0;
  }

  [[noreturn]] void wrong_count(const char *at, size_t count) const {
    malformed(at, "found ", count, count == 1 ? " value" : " values", ", expected ", expected_,
              loading_.before.rows != 0 ? std::string(" as in the rows before")
                                        : concat(" as in line ", expected_line_),
              " (", kSkipHint, ")");
  }

  Loading &loading_;
  Table &table_;
  LineReader reader_;
  uint64_t limit_;
  bool missing_is_zero_, nonfinite_is_zero_;
  const std::string &label_name_;
  char separator_ = 0;
  size_t label_ = kNone;
  size_t expected_ = 0;  // values a record; 0 before the first record
  uint64_t expected_line_ = 0;
  size_t width_ = 0;
  bool header_only_ = false;
  bool in_quotes_ = false;
  uint64_t line_number_ = 0;  // where the record begins
  std::string_view record_;
  std::string joined_;  // a record of several lines
  std::string value_;   // a value without its quotes
};

void load(Loading &loading) {
  CsvReader(loading).run();
}

}  // namespace

constinit const Format kCsv = {"csv", FeatureKind::dense, kOptions, check, load};

}  // namespace ngd
