// One file on its way into a table: where messages point, which lines are skipped, how labels are taken.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/option.h"
#include "data/line_reader.h"
#include "data/place.h"
#include "data/table.h"

namespace ngd {

// A mistake within one line or sample: the option malformed=skip leaves it out.
class MalformedLine : public Error {
 public:
  explicit MalformedLine(std::string message) : Error(NGD_E_DATA, std::move(message)) {}
};

inline constexpr const char *kSkipHint = "set malformed=skip to leave such lines out";

class Loading {
 public:
  Loading(Table &table, const OptionSet &options, const std::string &path);

  Table &table;
  const OptionSet &options;
  const std::string &path;
  const Table::Mark before;  // what the table held when the file was opened

  // Calls body(line) for every line of the reader. A malformed one is thrown on, or taken back and counted.
  template <class Body>
  void each_line(LineReader &reader, Body body) {
    std::string_view line;
    while (reader.next(line)) {
      attempt([&] {
        check_line(reader, line);
        body(line);
      });
    }
  }
  template <class Body>
  void attempt(Body body) {
    const Table::Mark row = table.mark();
    try {
      body();
    } catch (const MalformedLine &error) {
      if (!skip_malformed_) throw;
      table.rewind(row);
      note_skipped(error.what());
    }
  }
  // Refuses a line that is too long or holds a NUL byte.
  void check_line(const LineReader &reader, std::string_view line) const;

  // Says whether the file has labels, before its first row: all rows of a dataset have them, or none.
  void expect_labels(bool expected) const;
  // Takes the label of the row in progress.
  void label(std::string_view text, uint64_t line, uint64_t column);

  // "FILE:LINE:COLUMN: found ..., expected ... (how to mend)".
  template <class... Parts>
  [[noreturn]] void malformed(uint64_t line, uint64_t column, const Parts &...parts) const {
    throw MalformedLine(concat(place_text(path, line, column), parts...));
  }
  // The same for what concerns the whole file and cannot be skipped.
  template <class... Parts>
  [[noreturn]] void broken(uint64_t line, uint64_t column, const Parts &...parts) const {
    fail(NGD_E_DATA, place_text(path, line, column), parts...);
  }

  // To be called at the end of the file: refuses one without samples and decides what labels are.
  void finish();

 private:
  void note_skipped(const char *message);

  bool skip_malformed_ = false;
  LabelChoice choice_;
  LabelKind settled_;
  std::string first_skipped_;
};

// Position of the first byte that is not UTF-8, or npos.
size_t find_invalid_utf8(std::string_view text);

}  // namespace ngd
