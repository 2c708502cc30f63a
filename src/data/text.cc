// Labelled text, one sample a line: "__label__x words", or "label TAB words", or words alone.
#include "base/text.h"

#include "data/format.h"
#include "data/loading.h"
#include "data/tokens.h"

namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    choice_option(
        "label", "auto", "auto|prefix|tab|none",
        "Where labels stand: before the words with a prefix, before a tab, nowhere; auto: see the first line."),
    text_option("label_prefix", "__label__", "What labels begin with when they stand before the words."),
    kLabelTypeOption,
    fixed(flag_option("lowercase", "0", "Turns the ASCII letters of words into lower case.")),
    fixed(choice_option("punctuation", "keep", "keep|split|drop",
                        "ASCII punctuation: part of words, words of its own, or a blank.")),
    kMalformedOption,
    kMaxLineBytesOption,
};

void check(const OptionSet &options) {
  const std::string &prefix = options.choice("label_prefix");
  if (prefix.empty() || prefix.find_first_of(" \t\r\n\v\f") != std::string::npos)
    fail(NGD_E_RANGE, "option \"label_prefix\" of format \"text\" is ", quoted(prefix),
         ", but takes text without blanks, such as __label__");
}

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

class TextReader {
 public:
  explicit TextReader(Loading &loading)
      : loading_(loading),
        table_(loading.table),
        reader_(loading.path, static_cast<uint64_t>(loading.options["max_line_bytes"])),
        tokenizer_(loading.options),
        prefix_(loading.options.choice("label_prefix")),
        style_(loading.options.choice("label")) {}

  void run() {
    loading_.each_line(reader_, [&](std::string_view line) { parse(line); });
    loading_.finish();
  }

 private:
  void parse(std::string_view line) {
    const uint64_t number = reader_.line_number();
    if (const size_t at = find_invalid_utf8(line); at != std::string_view::npos)
      loading_.malformed(number, at + 1,
                         "found bytes that are not UTF-8, expected UTF-8 (convert the file, or ", kSkipHint,
                         ")");
    size_t start = 0;
    while (start < line.size() && is_blank(line[start])) start++;
    if (start == line.size()) return;  // an empty line is no sample
    if (!decided_) decide(line, start);
    size_t words = start;
    if (style_ == "prefix") {
      if (line.compare(start, prefix_.size(), prefix_) != 0)
        loading_.malformed(number, start + 1, "found ", quoted(first_word(line, start)),
                           ", expected a label that begins with ", quoted(prefix_), decided_by_, " (",
                           kSkipHint, ")");
      const std::string_view label = first_word(line, start);
      words = start + label.size();
      loading_.label(label.substr(prefix_.size()), number, start + prefix_.size() + 1);
    } else if (style_ == "tab") {
      const size_t tab = line.find('\t');
      if (tab == std::string_view::npos)
        loading_.malformed(number, line.size() + 1, "found no tab, expected one after the label", decided_by_,
                           " (", kSkipHint, ")");
      words = tab + 1;
      loading_.label(trim(line.substr(0, tab)), number, std::min(start, tab) + 1);
    }
    if (style_ != "tab") refuse_label(line, words);
    tokenizer_.each(line.substr(words),
                    [&](std::string_view word) { table_.index.push_back(table_.words.add(word)); });
    table_.end_row();
  }

  // The first line that is not empty shows where labels stand in this file.
  void decide(std::string_view line, size_t start) {
    if (style_ == "auto") {
      style_ = line.compare(start, prefix_.size(), prefix_) == 0 ? "prefix"
               : line.find('\t') != std::string_view::npos       ? "tab"
                                                                 : "none";
      decided_by_ = concat(" as in line ", reader_.line_number());
    }
    loading_.expect_labels(style_ != "none");
    decided_ = true;
  }

  static std::string_view first_word(std::string_view line, size_t at) {
    size_t end = at;
    while (end < line.size() && !is_blank(line[end])) end++;
    return line.substr(at, end - at);
  }

  void refuse_label(std::string_view line, size_t from) const {
    for (size_t at = line.find(prefix_, from); at != std::string_view::npos; at = line.find(prefix_, at + 1)) {
      if (at > 0 && !is_blank(line[at - 1])) continue;
      loading_.malformed(reader_.line_number(), at + 1, "found ",
                         style_ == "prefix" ? "a second label " : "the label ", quoted(first_word(line, at)),
                         style_ == "prefix" ? ", expected one label a line; several are not supported"
                                            : concat(", expected no label", decided_by_),
                         " (", kSkipHint, ")");
    }
  }

  Loading &loading_;
  Table &table_;
  LineReader reader_;
  Tokenizer tokenizer_;
  const std::string &prefix_;
  std::string style_;
  std::string decided_by_;  // " as in line 1" when the option label is auto
  bool decided_ = false;
};

void load(Loading &loading) {
  TextReader(loading).run();
}

}  // namespace

constinit const Format kText = {"text", FeatureKind::text, kOptions, check, load};

}  // namespace ngd
