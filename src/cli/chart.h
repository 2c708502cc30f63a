// Line charts: what is drawn, and the two ways to draw it, with characters in a terminal and as an SVG picture.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace cli {

struct Series {
  std::string name;
  std::vector<double> x, y;  // of equal length; points with a NaN are left out
  size_t color = 0;          // which of the colours; the same thing keeps its colour in every chart
  bool reference = false;    // a level to compare with: grey, thin, drawn first
};

// Something that happened at a place of the x axis.
struct Mark {
  double x = 0;
  std::string text;
};

struct Chart {
  std::string title;
  std::string x_name;
  std::vector<Series> series;
  std::vector<Mark> marks{};  // pictures show them
};

struct Range {
  double low = 0, high = 1;
};

// A range that holds all finite values, never empty; and round numbers inside it, about so many.
Range range_of(const std::vector<Series> &series, bool of_x);
std::vector<double> ticks(Range range, size_t about);
std::string tick_text(double value, double step);

// Draws with braille dots, `width` characters wide and `height` lines high without title and axis. Every series
// is named at its right end, with its last value. Lines end with "\n".
std::string draw_in_terminal(const Chart &chart, size_t width, size_t height, bool color);

// Draws all to stdout, as wide as the terminal and at most 110 characters.
void print_charts(const std::vector<Chart> &charts);

// Text as XML takes it.
std::string xml_text(const std::string &text);

// One SVG document with the charts below each other.
std::string draw_svg(const std::vector<Chart> &charts, const std::string &title);

}  // namespace cli
