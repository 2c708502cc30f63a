// Charts as an SVG picture that needs nothing else: no script, no font file, no style sheet.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "chart.h"

namespace cli {
namespace {

constexpr double kWidth = 760, kPanelHeight = 300, kTitleHeight = 44;
constexpr double kLeft = 64, kRight = 150, kTop = 34, kBottom = 46;  // margins of a panel
constexpr const char *kColors[] = {"#1f6feb", "#d1570a", "#8250df", "#1a7f37"};
constexpr const char *kReferenceColor = "#8c959f";

std::string text_at(double x, double y, const char *anchor, const std::string &attributes,
                    const std::string &text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor,
                     attributes, xml_text(text));
}

std::string panel(const Chart &chart, double offset) {
  const Range x_range = range_of(chart.series, true);
  Range y_range = range_of(chart.series, false);
  const std::vector<double> x_ticks = ticks(x_range, 8);
  std::vector<double> y_ticks = ticks(y_range, 5);
  const double y_step = y_ticks.size() > 1 ? y_ticks[1] - y_ticks[0] : y_range.high - y_range.low;
  const double x_step = x_ticks.size() > 1 ? x_ticks[1] - x_ticks[0] : 1;
  // The picture begins and ends at a grid line.
  y_range = {std::floor(y_range.low / y_step + 1e-9) * y_step,
             std::ceil(y_range.high / y_step - 1e-9) * y_step};
  y_ticks = ticks(y_range, 5);
  const double bottom = offset + kPanelHeight - kBottom, top = offset + kTop;
  const double left = kLeft, right = kWidth - kRight;
  const auto at_x = [&](double x) {
    return left + (x - x_range.low) / (x_range.high - x_range.low) * (right - left);
  };
  const auto at_y = [&](double y) {
    return bottom - (y - y_range.low) / (y_range.high - y_range.low) * (bottom - top);
  };

  std::string svg = text_at(left, offset + 18, "start", " font-weight=\"600\" fill=\"#1f2328\"", chart.title);
  for (const double value : y_ticks) {
    svg += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#d8dee4\"/>\n",
                       left, at_y(value), right, at_y(value));
    svg += text_at(left - 8, at_y(value) + 4, "end", "", tick_text(value, y_step));
  }
  for (const double value : x_ticks)
    svg += text_at(at_x(value), bottom + 18, "middle", "", tick_text(value, x_step));
  svg += text_at((left + right) / 2, bottom + 36, "middle", "", chart.x_name);

  double mark_y = (top + bottom) / 2;
  for (const Mark &mark : chart.marks) {
    if (!(mark.x >= x_range.low && mark.x <= x_range.high)) continue;
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\" stroke=\"#cf222e\" "
        "stroke-dasharray=\"3 3\"/>\n",
        at_x(mark.x), top, bottom);
    svg += text_at(at_x(mark.x) + 5, mark_y, "start", " fill=\"#cf222e\" font-size=\"11\"", mark.text);
    mark_y += 14;
  }

  struct Label {
    double y;
    std::string text, color;
  };
  std::vector<Label> labels;
  for (size_t s = 0; s < chart.series.size(); s++) {
    const Series &series = chart.series[s];
    const std::string color = series.reference ? kReferenceColor : kColors[series.color % std::size(kColors)];
    std::string points;
    size_t count = 0;
    double x = 0, y = 0, value = 0;
    for (size_t i = 0; i < series.x.size(); i++) {
      if (!std::isfinite(series.x[i]) || !std::isfinite(series.y[i])) continue;
      x = at_x(series.x[i]);
      y = at_y(value = series.y[i]);
      points += fmt::format("{}{:.1f},{:.1f}", count++ == 0 ? "" : " ", x, y);
    }
    if (count == 0) continue;
    if (count > 1)
      svg += fmt::format(
          "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" "
          "stroke-linejoin=\"round\" stroke-linecap=\"round\"{}/>\n",
          points, color, series.reference ? 1.5 : 2, series.reference ? " stroke-dasharray=\"5 4\"" : "");
    if (!series.reference || count == 1)
      svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\" fill=\"{}\"/>\n", x, y, color);
    labels.push_back({y, fmt::format("{} {:.4g}", series.name, value), color});
  }
  std::stable_sort(labels.begin(), labels.end(), [](const Label &a, const Label &b) { return a.y < b.y; });
  constexpr double kLine = 16;
  for (size_t i = 1; i < labels.size(); i++) labels[i].y = std::max(labels[i].y, labels[i - 1].y + kLine);
  double limit = bottom;
  for (size_t i = labels.size(); i-- > 0; limit = labels[i].y - kLine)
    labels[i].y = std::min(labels[i].y, limit);
  for (const Label &label : labels)
    svg += text_at(right + 10, label.y + 4, "start", fmt::format(" fill=\"{}\"", label.color), label.text);
  return svg;
}

}  // namespace

std::string xml_text(const std::string &text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        // Other control characters may not stand in XML at all.
        if (static_cast<unsigned char>(c) >= 0x20) result += c;
    }
  }
  return result;
}

std::string draw_svg(const std::vector<Chart> &charts, const std::string &title) {
  const double height = kTitleHeight + kPanelHeight * static_cast<double>(charts.size());
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} "
      "{1:.0f}\" "
      "font-family=\"system-ui, 'DejaVu Sans', sans-serif\" font-size=\"12\" fill=\"#59636e\">\n"
      "<title>{2}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
      kWidth, height, xml_text(title));
  svg += text_at(kLeft, 26, "start", " font-size=\"16\" font-weight=\"600\" fill=\"#1f2328\"", title);
  for (size_t i = 0; i < charts.size(); i++)
    svg += panel(charts[i], kTitleHeight + kPanelHeight * static_cast<double>(i));
  return svg + "</svg>\n";
}

}  // namespace cli
