// The format of LIBSVM and SVMlight: label [qid:n] index:value index:value ... # comment
#include <charconv>

#include "base/text.h"
#include "data/format.h"
#include "data/loading.h"
#include "data/value.h"

namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    kLabelTypeOption,
    choice_option("index_base", "auto", "auto|0|1",
                  "Index of the first column; auto: 0 when the first file has an index 0, otherwise 1."),
    kMalformedOption,
    kNonfiniteOption,
    kMaxLineBytesOption,
};

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

class LibsvmReader {
 public:
  explicit LibsvmReader(Loading &loading)
      : loading_(loading),
        table_(loading.table),
        reader_(loading.path, static_cast<uint64_t>(loading.options["max_line_bytes"])),
        nonfinite_is_zero_(loading.options.choice("nonfinite") == "zero") {
    const std::string &base = loading.options.choice("index_base");
    base_ = base == "auto" ? table_.index_base : base == "1" ? 1 : 0;
  }

  void run() {
    loading_.expect_labels(true);
    loading_.each_line(reader_, [&](std::string_view line) { parse(line); });
    const bool any = table_.index.size() > loading_.before.index;
    if (base_ < 0 && any) base_ = saw_zero_ ? 0 : 1;
    loading_.finish();
    if (!any) return;
    const uint32_t shift = static_cast<uint32_t>(base_);
    if (shift != 0) {
      for (size_t i = loading_.before.index; i < table_.index.size(); i++) table_.index[i] -= shift;
    }
    table_.index_base = base_;
    table_.width = std::max<uint64_t>(table_.width, uint64_t{largest_} - shift + 1);
  }

 private:
  uint64_t column(const char *at) const { return static_cast<uint64_t>(at - line_begin_) + 1; }
  static std::string_view token(const char *at, const char *end) {
    const char *stop = at;
    while (stop != end && !is_blank(*stop)) stop++;
    return {at, static_cast<size_t>(stop - at)};
  }

  void parse(std::string_view line) {
    line_begin_ = line.data();
    const char *at = line.data();
    const char *end = at + std::min(line.find('#'), line.size());
    const auto skip_blanks = [&] {
      while (at != end && is_blank(*at)) at++;
    };
    skip_blanks();
    if (at == end) return;
    const std::string_view label = token(at, end);
    if (label.find(':') != std::string_view::npos)
      loading_.malformed(reader_.line_number(), column(at), "found ", quoted(label),
                         ", expected a label before the index:value pairs (", kSkipHint, ")");
    if (label.find(',') != std::string_view::npos)
      loading_.malformed(reader_.line_number(), column(at), "found ", quoted(label),
                         ", expected one label; several labels a line are not supported (", kSkipHint, ")");
    loading_.label(label, reader_.line_number(), column(at));
    at += label.size();
    skip_blanks();
    if (end - at >= 4 && std::string_view(at, 4) == "qid:") {
      const std::string_view query = token(at, end);
      int64_t number;
      if (!parse_integer(query.substr(4), number))
        loading_.malformed(reader_.line_number(), column(at), "found ", quoted(query),
                           ", expected a whole number after \"qid:\" (", kSkipHint, ")");
      at += query.size();
    }
    int64_t previous = -1;
    uint32_t largest = largest_;
    bool zero = saw_zero_;
    for (skip_blanks(); at != end; skip_blanks()) {
      const char *start = at;
      const uint32_t index = parse_index(at, end);
      if (int64_t{index} <= previous)
        loading_.malformed(reader_.line_number(), column(start), "found ",
                           index == previous ? "the index " : "index ", index,
                           index == previous ? " twice" : concat(" after index ", previous),
                           ", expected strictly rising indices (", kSkipHint, ")");
      previous = index;
      zero = zero || index == 0;
      largest = std::max(largest, index);
      table_.index.push_back(index);
      table_.value.push_back(parse_number_at(at, end));
    }
    largest_ = largest;
    saw_zero_ = zero;
    table_.end_row();
  }

  // "index:"; leaves `at` behind the colon.
  uint32_t parse_index(const char *&at, const char *end) {
    uint64_t index = 0;
    const auto result = std::from_chars(at, end, index);
    const std::string_view found = token(at, end);
    if (result.ec == std::errc::invalid_argument || result.ptr == end || *result.ptr != ':')
      loading_.malformed(reader_.line_number(), column(at), "found ", quoted(found), ", expected index:value (",
                         kSkipHint, ")");
    // Columns are numbered up to 2^31 - 2, whatever the base.
    const uint64_t limit = static_cast<uint64_t>(kMaxColumns) - (base_ == 1 ? 0 : 1);
    if (result.ec != std::errc() || index > limit)
      loading_.malformed(reader_.line_number(), column(at), "found index ",
                         std::string_view(at, static_cast<size_t>(result.ptr - at)), ", expected at most ",
                         limit, " (", kSkipHint, ")");
    if (index == 0 && base_ == 1)
      loading_.malformed(reader_.line_number(), column(at), "found index 0, expected indices from 1",
                         loading_.options.choice("index_base") == "auto" ? " as in the files before" : "",
                         " (set index_base=0 before the first file, or ", kSkipHint, ")");
    at = result.ptr + 1;
    return static_cast<uint32_t>(index);
  }

  float parse_number_at(const char *&at, const char *end) {
    float value = 0;
    if (scan_value(at, end, value, is_blank)) return value;
    const std::string_view text = token(at, end);
    const Parsed parsed = parse_value(text, value);
    if (parsed == Parsed::not_a_number)
      loading_.malformed(reader_.line_number(), column(at), "found ", quoted(text),
                         ", expected a number after the colon (", kSkipHint, ")");
    if (parsed == Parsed::not_finite) {
      if (!nonfinite_is_zero_)
        loading_.malformed(reader_.line_number(), column(at), "found ", quoted(text),
                           ", expected a finite number (set nonfinite=zero to read 0, or ", kSkipHint, ")");
      value = 0;
    }
    at += text.size();
    return value;
  }

  Loading &loading_;
  Table &table_;
  LineReader reader_;
  bool nonfinite_is_zero_;
  int base_;  // 0, 1, or -1 when the file is to decide
  uint32_t largest_ = 0;
  bool saw_zero_ = false;
  const char *line_begin_ = nullptr;
};

void load(Loading &loading) {
  LibsvmReader(loading).run();
}

}  // namespace

constinit const Format kLibsvm = {"libsvm", FeatureKind::sparse, kOptions, nullptr, load};

}  // namespace ngd
