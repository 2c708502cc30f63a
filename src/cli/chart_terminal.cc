// Charts in a terminal: each character cell holds two by four braille dots.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "chart.h"
#include "output.h"

namespace cli {
namespace {

constexpr const char *kColors[] = {"\x1b[36m", "\x1b[33m", "\x1b[35m", "\x1b[32m"};
constexpr size_t kChartHeight = 12;  // lines
constexpr const char *kReferenceColor = "\x1b[2m";
constexpr const char *kNoColor = "\x1b[0m";

// A grid of dots, two a character across and four down; remembers which series drew in a character last.
class Canvas {
 public:
  Canvas(size_t columns, size_t rows)
      : columns_(columns), rows_(rows), dots_(columns * rows), owner_(columns * rows) {}

  long dots_across() const { return static_cast<long>(columns_) * 2; }
  long dots_down() const { return static_cast<long>(rows_) * 4; }

  void dot(long x, long y, int series) {
    // U+2800 plus these bits: columns of three dots each, the fourth row was added to the code later.
    constexpr uint8_t kBits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    if (x < 0 || y < 0 || x >= dots_across() || y >= dots_down()) return;
    const size_t cell = static_cast<size_t>(y / 4) * columns_ + static_cast<size_t>(x / 2);
    dots_[cell] |= kBits[y % 4][x % 2];
    owner_[cell] = series;
  }

  // Bresenham's line; `gap` leaves out dots, for reference levels.
  void line(long x, long y, long to_x, long to_y, int series, long gap) {
    const long dx = std::labs(to_x - x), dy = -std::labs(to_y - y);
    const long step_x = x < to_x ? 1 : -1, step_y = y < to_y ? 1 : -1;
    for (long error = dx + dy, count = 0;; count++) {
      if (gap == 0 || count % (gap + 1) == 0) dot(x, y, series);
      if (x == to_x && y == to_y) return;
      const long twice = 2 * error;
      if (twice >= dy) {
        error += dy;
        x += step_x;
      }
      if (twice <= dx) {
        error += dx;
        y += step_y;
      }
    }
  }

  uint8_t bits(size_t column, size_t row) const { return dots_[row * columns_ + column]; }
  int owner(size_t column, size_t row) const { return owner_[row * columns_ + column]; }

 private:
  size_t columns_, rows_;
  std::vector<uint8_t> dots_;
  std::vector<int> owner_;
};

std::string braille(uint8_t bits) {
  if (bits == 0) return " ";
  const unsigned code = 0x2800u + bits;  // always three bytes of UTF-8
  return {static_cast<char>(0xE0 | (code >> 12)), static_cast<char>(0x80 | ((code >> 6) & 0x3F)),
          static_cast<char>(0x80 | (code & 0x3F))};
}

std::string colored(const Series &series, bool color, const std::string &text) {
  if (!color) return text;
  return fmt::format("{}{}{}", series.reference ? kReferenceColor : kColors[series.color % std::size(kColors)],
                     text, kNoColor);
}

// The name of a series and its last value, at the line where it ends.
struct EndLabel {
  size_t series;
  long row;
  std::string text;
};

std::vector<EndLabel> end_labels(const Chart &chart, Range y_range, size_t height) {
  std::vector<EndLabel> labels;
  for (size_t s = 0; s < chart.series.size(); s++) {
    const Series &series = chart.series[s];
    for (size_t i = series.y.size(); i-- > 0;) {
      if (!std::isfinite(series.y[i])) continue;
      const double share = (series.y[i] - y_range.low) / (y_range.high - y_range.low);
      labels.push_back({s, std::lround((1 - share) * static_cast<double>(height - 1)),
                        fmt::format("{} {:.4g}", series.name, series.y[i])});
      break;
    }
  }
  // Labels that would share a line move down, and then up again from the bottom line.
  std::stable_sort(labels.begin(), labels.end(), [](const auto &a, const auto &b) { return a.row < b.row; });
  for (size_t i = 1; i < labels.size(); i++) labels[i].row = std::max(labels[i].row, labels[i - 1].row + 1);
  long limit = static_cast<long>(height) - 1;
  for (size_t i = labels.size(); i-- > 0; limit = labels[i].row - 1)
    labels[i].row = std::min(labels[i].row, limit);
  return labels;
}

}  // namespace

std::string draw_in_terminal(const Chart &chart, size_t width, size_t height, bool color) {
  const Range x_range = range_of(chart.series, true), y_range = range_of(chart.series, false);
  const std::vector<double> y_ticks = ticks(y_range, std::max<size_t>(2, height / 3));
  const double y_step = y_ticks.size() > 1 ? y_ticks[1] - y_ticks[0] : y_range.high - y_range.low;

  std::vector<std::string> left(height);
  for (const double value : y_ticks) {
    const double share = (value - y_range.low) / (y_range.high - y_range.low);
    left[static_cast<size_t>(std::lround((1 - share) * static_cast<double>(height - 1)))] =
        tick_text(value, y_step);
  }
  size_t left_width = 0;
  for (const std::string &text : left) left_width = std::max(left_width, text.size());
  const std::vector<EndLabel> labels = end_labels(chart, y_range, height);
  size_t right_width = 0;
  for (const EndLabel &label : labels) right_width = std::max(right_width, display_width(label.text));
  const size_t taken = left_width + 2 + 1 + right_width;
  const size_t columns = width > taken + 10 ? width - taken : 10;

  Canvas canvas(columns, height);
  const auto at_x = [&](double x) {
    const double share = (x - x_range.low) / (x_range.high - x_range.low);
    return std::lround(share * static_cast<double>(canvas.dots_across() - 1));
  };
  const auto at_y = [&](double y) {
    const double share = (y - y_range.low) / (y_range.high - y_range.low);
    return std::lround((1 - share) * static_cast<double>(canvas.dots_down() - 1));
  };
  const auto draw = [&](size_t s) {
    const Series &series = chart.series[s];
    bool first = true;
    long last_x = 0, last_y = 0;
    for (size_t i = 0; i < series.x.size(); i++) {
      if (!std::isfinite(series.x[i]) || !std::isfinite(series.y[i])) continue;
      const long x = at_x(series.x[i]), y = at_y(series.y[i]);
      canvas.line(first ? x : last_x, first ? y : last_y, x, y, static_cast<int>(s), series.reference ? 2 : 0);
      first = false;
      last_x = x;
      last_y = y;
    }
  };
  for (const bool reference : {true, false}) {
    for (size_t s = 0; s < chart.series.size(); s++) {
      if (chart.series[s].reference == reference) draw(s);
    }
  }

  std::string result = chart.title + "\n";
  for (size_t row = 0; row < height; row++) {
    std::string line = fmt::format("{:>{}} {}", left[row], left_width, left[row].empty() ? "│" : "┤");
    for (size_t column = 0; column < columns; column++) {
      const std::string cell = braille(canvas.bits(column, row));
      const auto owner = static_cast<size_t>(canvas.owner(column, row));
      line += cell == " " ? cell : colored(chart.series[owner], color, cell);
    }
    for (const EndLabel &label : labels) {
      if (label.row == static_cast<long>(row))
        line.append(" ").append(colored(chart.series[label.series], color, label.text));
    }
    line.erase(line.find_last_not_of(' ') + 1);
    result += line + "\n";
  }
  // The axis below, with its first and last number.
  std::string axis(left_width + 1, ' ');
  axis += "└";
  for (size_t column = 0; column < columns; column++) axis += "─";
  const std::string first = fmt::format("{:g}", x_range.low), last = fmt::format("{:g}", x_range.high);
  const size_t blanks = columns > first.size() + last.size() ? columns - first.size() - last.size() : 1;
  return result + axis + "\n" + std::string(left_width + 2, ' ') + first + std::string(blanks, ' ') + last +
         " " + chart.x_name + "\n";
}

void print_charts(const std::vector<Chart> &charts) {
  const size_t width = std::min<size_t>(terminal_width(STDOUT_FILENO), 110);
  for (const Chart &chart : charts)
    fmt::print("\n{}", draw_in_terminal(chart, width, kChartHeight, wants_color(STDOUT_FILENO)));
}

}  // namespace cli
