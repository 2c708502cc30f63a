// How results are printed: tables for people, JSON for programs, tab-separated lines for scripts.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

using Json = nlohmann::ordered_json;

enum class Style { table, json, plain };

// One value: as JSON has it, and as a person reads it.
struct Cell {
  Json value;
  std::string text;
};
Cell text_cell(std::string_view text);
Cell integer_cell(uint64_t value);
// With so many decimals for people; a NaN is null in JSON and "-" for people.
Cell number_cell(double value, int decimals);
// With so many significant digits for people.
Cell short_cell(double value, int digits);

struct Column {
  std::string key;    // in JSON
  std::string title;  // for people
  bool right = true;  // aligned: numbers right, words left
};

// Rows of cells. print() may be called again as more rows come: the head is printed once, widths only grow.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<Cell> cells) { rows_.push_back(std::move(cells)); }
  // Keeps a column at least so wide, for rows that come one by one.
  void widen(size_t column, size_t width);

  void print(Style style);                            // table or plain; prints and drops the rows
  Json json() const;                                  // an array of objects
  Json object(const std::vector<Cell> &cells) const;  // one row
  const std::vector<std::vector<Cell>> &rows() const { return rows_; }

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
  std::vector<size_t> widths_;
  bool head_printed_ = false;
};

// One JSON document and a newline to stdout; bytes that are no UTF-8 become U+FFFD.
void print_json(const Json &document);

// Prints each key and value on a line of its own: "rows  20000" for people, tab-separated when plain.
void print_fields(Style style, const std::vector<std::pair<std::string, Cell>> &fields);

std::string rounded(double value, int digits);  // significant digits: 12.3k, 1.25M
size_t display_width(std::string_view text);    // characters, not bytes
std::string one_line(std::string_view text);    // tabs and line ends become spaces

// The terminal: its width in characters (COLUMNS, or 80 where there is none), and whether colours are wanted.
size_t terminal_width(int descriptor);
bool is_terminal(int descriptor);
bool wants_color(int descriptor);

}  // namespace cli
