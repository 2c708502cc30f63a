// Tables, JSON, plain lines; what is known of the terminal.
#include "output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/core.h>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace cli {
namespace {

std::string padded(const std::string &text, size_t width, bool right) {
  const std::string blanks(width - std::min(width, display_width(text)), ' ');
  return right ? blanks + text : text + blanks;
}

std::string plain_text(const Cell &cell) {
  if (cell.value.is_string()) return one_line(cell.value.get_ref<const std::string &>());
  return cell.value.is_null() ? "" : cell.value.dump();
}

}  // namespace

Cell text_cell(std::string_view text) {
  return {std::string(text), one_line(text)};
}

Cell integer_cell(uint64_t value) {
  return {value, std::to_string(value)};
}

Cell number_cell(double value, int decimals) {
  if (!std::isfinite(value)) return {nullptr, "-"};
  return {value, fmt::format("{:.{}f}", value, decimals)};
}

Cell short_cell(double value, int digits) {
  if (!std::isfinite(value)) return {nullptr, "-"};
  return {value, fmt::format("{:.{}g}", value, digits)};
}

void Table::widen(size_t column, size_t width) {
  widths_.resize(columns_.size());
  widths_[column] = std::max(widths_[column], width);
}

void Table::print(Style style) {
  if (style == Style::plain) {
    for (const auto &row : rows_) {
      for (size_t i = 0; i < row.size(); i++) fmt::print("{}{}", i == 0 ? "" : "\t", plain_text(row[i]));
      fmt::print("\n");
    }
    rows_.clear();
    return;
  }
  for (size_t i = 0; i < columns_.size(); i++) {
    widen(i, display_width(columns_[i].title));
    for (const auto &row : rows_) widen(i, display_width(row[i].text));
  }
  const auto print_line = [this](const auto &text_at) {
    std::string line;
    for (size_t i = 0; i < columns_.size(); i++)
      line += (i == 0 ? "" : "  ") + padded(text_at(i), widths_[i], columns_[i].right);
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print("{}\n", line);
  };
  if (!head_printed_) print_line([this](size_t i) { return columns_[i].title; });
  head_printed_ = true;
  for (const auto &row : rows_) print_line([&row](size_t i) { return row[i].text; });
  rows_.clear();
}

Json Table::object(const std::vector<Cell> &cells) const {
  Json result = Json::object();
  for (size_t i = 0; i < columns_.size(); i++) result[columns_[i].key] = cells[i].value;
  return result;
}

Json Table::json() const {
  Json result = Json::array();
  for (const auto &row : rows_) result.push_back(object(row));
  return result;
}

void print_json(const Json &document) {
  fmt::print("{}\n", document.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void print_fields(Style style, const std::vector<std::pair<std::string, Cell>> &fields) {
  if (style == Style::plain) {
    for (const auto &[name, cell] : fields) fmt::print("{}\t{}\n", name, plain_text(cell));
    return;
  }
  size_t width = 0;
  for (const auto &[name, cell] : fields) width = std::max(width, display_width(name));
  for (const auto &[name, cell] : fields) fmt::print("{}  {}\n", padded(name, width, false), cell.text);
}

std::string rounded(double value, int digits) {
  constexpr struct {
    double size;
    const char *suffix;
  } kUnits[] = {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
  if (!std::isfinite(value)) return "-";
  for (const auto &unit : kUnits) {
    if (std::fabs(value) >= unit.size) {
      const double scaled = value / unit.size;
      const int decimals = std::max(0, digits - (scaled >= 100 ? 3 : scaled >= 10 ? 2 : 1));
      return fmt::format("{:.{}f}{}", scaled, decimals, unit.suffix);
    }
  }
  return fmt::format("{:.0f}", value);
}

size_t display_width(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string one_line(std::string_view text) {
  std::string result(text);
  for (char &c : result) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return result;
}

size_t terminal_width(int descriptor) {
  winsize size = {};
  if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char *columns = std::getenv("COLUMNS");
  const long wanted = columns == nullptr ? 0 : std::strtol(columns, nullptr, 10);
  return wanted > 0 && wanted < 10000 ? static_cast<size_t>(wanted) : 80;
}

bool is_terminal(int descriptor) {
  const char *terminal = std::getenv("TERM");
  return isatty(descriptor) == 1 && (terminal == nullptr || std::string_view(terminal) != "dumb");
}

bool wants_color(int descriptor) {
  const char *refused = std::getenv("NO_COLOR");
  return (refused == nullptr || *refused == '\0') && is_terminal(descriptor);
}

}  // namespace cli
