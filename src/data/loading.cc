// The parts of loading that all formats of lines share.
#include "data/loading.h"

#include <cmath>
#include <cstring>

#include "base/text.h"

namespace ngd {

Loading::Loading(Table &table_, const OptionSet &options_, const std::string &path_)
    : table(table_),
      options(options_),
      path(path_),
      before(table_.mark()),
      skip_malformed_(options_.choice("malformed") == "skip"),
      choice_(label_choice(options_.choice("label_type"))),
      settled_(table_.labels.kind()) {}

void Loading::check_line(const LineReader &reader, std::string_view line) const {
  if (reader.too_long()) {
    const uint64_t limit = static_cast<uint64_t>(options["max_line_bytes"]);
    malformed(reader.line_number(), limit + 1, "found a line of more than ", limit,
              " bytes, expected a line break (raise max_line_bytes, or ", kSkipHint, ")");
  }
  if (const void *nul = line.empty() ? nullptr : std::memchr(line.data(), 0, line.size()))
    malformed(reader.line_number(), static_cast<const char *>(nul) - line.data() + 1,
              "found a NUL byte, expected text (", kSkipHint, ")");
}

void Loading::expect_labels(bool expected) const {
  if (before.rows == 0 || expected == table.labels.present()) return;
  fail(NGD_E_DATA, path_text(path), ": found ", expected ? "labels" : "no labels", ", expected ",
       expected ? "none" : "some", " as in the rows before (put them into another dataset)");
}

void Loading::label(std::string_view text, uint64_t line, uint64_t column) {
  if (text.empty()) malformed(line, column, "found no label, expected one (", kSkipHint, ")");
  const LabelKind kind = settled_ != LabelKind::none        ? settled_
                         : choice_ == LabelChoice::number   ? LabelKind::number
                         : choice_ == LabelChoice::category ? LabelKind::category
                                                            : LabelKind::none;
  double value = 0;
  const bool number = kind != LabelKind::category && parse_number(text, value);
  if (kind == LabelKind::number && !number)
    malformed(
        line, column, "found ", quoted(text),
        settled_ != LabelKind::none && choice_ == LabelChoice::automatic
            ? ", expected a number as in the labels before (set label_type=category before the first rows, or "
            : ", expected a number as the label (set label_type=category before the first rows, or ",
        kSkipHint, ")");
  if (number && !std::isfinite(static_cast<float>(value)))
    malformed(line, column, "found ", quoted(text), ", expected a finite label (", kSkipHint, ")");
  if (kind == LabelKind::number) {
    table.labels.add_number(static_cast<float>(value));
    return;
  }
  if (const size_t at = find_invalid_utf8(text); at != std::string_view::npos)
    malformed(line, column + at,
              "found bytes that are not UTF-8, expected a label in UTF-8 (convert the file, or ", kSkipHint,
              ")");
  table.labels.add_text(text);
}

void Loading::finish() {
  if (table.rows == before.rows) {
    if (!first_skipped_.empty())
      fail(NGD_E_DATA, first_skipped_, "; every other line is malformed too, so that no sample is left");
    fail(NGD_E_DATA, path_text(path), ": found no samples, expected at least one");
  }
  table.sources.push_back(path);
  table.shrink();
  table.labels.settle(choice_);
}

void Loading::note_skipped(const char *message) {
  if (first_skipped_.empty()) first_skipped_ = message;
  table.skipped++;
}

size_t find_invalid_utf8(std::string_view text) {
  size_t at = 0;
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  while (at < text.size()) {
    uint64_t eight;
    if (text.size() - at >= 8) {
      std::memcpy(&eight, text.data() + at, 8);
      if ((eight & 0x8080808080808080u) == 0) {
        at += 8;
        continue;
      }
    }
    const unsigned first = byte(at);
    if (first < 0x80) {
      at++;
      continue;
    }
    const size_t more = first >= 0xC2 && first < 0xE0   ? 1
                        : (first & 0xF0) == 0xE0        ? 2
                        : first >= 0xF0 && first < 0xF5 ? 3
                                                        : 0;
    if (more == 0) return at;
    for (size_t i = 1; i <= more; i++) {
      if ((byte(at + i) & 0xC0) != 0x80) return at;
    }
    // Overlong forms, surrogates, and what lies beyond U+10FFFF.
    const unsigned second = byte(at + 1);
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second >= 0xA0) ||
        (first == 0xF0 && second < 0x90) || (first == 0xF4 && second >= 0x90))
      return at;
    at += more + 1;
  }
  return std::string_view::npos;
}

}  // namespace ngd
