// Counting scores into bins, and drawing them.
#include "score_bins.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "chart.h"

namespace cli {
namespace {

constexpr double kWidth = 760, kHeight = 360;
constexpr double kLeft = 64, kRight = 24, kTop = 76, kBottom = 52;
constexpr const char *kAllColor = "#c9d1d9", *kHardColor = "#1f6feb", *kQuarantineColor = "#d1570a";

template <class List, class... Arguments>
std::vector<uint64_t> list_of(List function, const ngd_icea *icea) {
  size_t needed = 0;
  call(function, icea, static_cast<uint64_t *>(nullptr), size_t{0}, &needed);
  std::vector<uint64_t> ids(needed);
  call(function, icea, ids.data(), ids.size(), &needed);
  return ids;
}

std::string text_at(double x, double y, const char *anchor, const std::string &text,
                    const char *attributes = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor,
                     attributes, text);
}

std::string bar(double x, double y, double width, double bottom, const char *color) {
  return fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"/>\n", x, y,
                     width, bottom - y, color);
}

}  // namespace

Scores::Scores(const ngd_icea *icea) {
  auto info = sized<ngd_icea_info>();
  call(ngd_icea_get_info, icea, &info);
  scores.resize(info.samples);
  for (auto *counts : {&seen, &errors, &miss_runs}) counts->resize(info.samples);
  call(ngd_icea_export, icea, uint64_t{0}, size_t{info.samples}, scores.data(), seen.data(), errors.data(),
       miss_runs.data());
  hard = list_of(ngd_icea_get_hard_set, icea);
  quarantined = list_of(ngd_icea_get_quarantine, icea);
  double gamma = 0, error_cap = 0;
  call(ngd_icea_get, icea, "gamma", &gamma);
  call(ngd_icea_get, icea, "error_cap", &error_cap);
  if (text_of(ngd_icea_get_text, icea, "score") == "miss") error_cap = 1;
  largest = error_cap / (1 - gamma);
}

std::vector<ScoreBin> bins_of(const Scores &scores, size_t count) {
  std::vector<ScoreBin> bins(count);
  const double width = scores.largest / static_cast<double>(count);
  for (size_t i = 0; i < count; i++) {
    bins[i].from = width * static_cast<double>(i);
    bins[i].to = width * static_cast<double>(i + 1);
  }
  const auto bin_of = [&](uint64_t id) -> ScoreBin & {
    return bins[std::min(count - 1, static_cast<size_t>(static_cast<double>(scores.scores[id]) / width))];
  };
  for (uint64_t id = 0; id < scores.scores.size(); id++) bin_of(id).samples += scores.seen[id] > 0;
  for (const uint64_t id : scores.hard) bin_of(id).hard++;
  for (const uint64_t id : scores.quarantined) bin_of(id).quarantined++;
  return bins;
}

std::string draw_bins_svg(const std::vector<ScoreBin> &bins, const std::string &title) {
  uint64_t most = 1;
  for (const ScoreBin &bin : bins) most = std::max(most, bin.samples);
  const double decades = std::max(1.0, std::ceil(std::log10(static_cast<double>(most))));
  const double bottom = kHeight - kBottom, right = kWidth - kRight;
  // One sample stands a little above the axis, none on it.
  const auto at_y = [&](double count) {
    return count < 1 ? bottom : bottom - (std::log10(count) + 0.15) / (decades + 0.15) * (bottom - kTop);
  };
  const Range range = {0, bins.back().to};
  const auto at_x = [&](double score) { return kLeft + score / range.high * (right - kLeft); };

  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} "
      "{1:.0f}\" "
      "font-family=\"system-ui, 'DejaVu Sans', sans-serif\" font-size=\"12\" fill=\"#59636e\">\n"
      "<title>{2}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
      kWidth, kHeight, xml_text(title));
  svg += text_at(kLeft, 26, "start", xml_text(title), " font-size=\"16\" font-weight=\"600\" fill=\"#1f2328\"");
  double legend = kLeft;
  for (const auto &[text, color] : {std::pair{"samples", kAllColor},
                                    {"in the hard set", kHardColor},
                                    {"in quarantine", kQuarantineColor}}) {
    svg += bar(legend, 46, 12, 58, color);
    svg += text_at(legend + 18, 56, "start", text);
    legend += 40 + 7 * static_cast<double>(std::string_view(text).size());
  }
  for (double decade = 0; decade <= decades; decade++) {
    const double y = at_y(std::pow(10, decade));
    svg += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#d8dee4\"/>\n",
                       kLeft, y, right, y);
    svg += text_at(kLeft - 8, y + 4, "end", fmt::format("{:.0f}", std::pow(10, decade)));
  }
  for (const ScoreBin &bin : bins) {
    const double x = at_x(bin.from), width = at_x(bin.to) - x;
    const double third = (width - 2) / 3;
    if (bin.samples > 0)
      svg += bar(x + 1, at_y(static_cast<double>(bin.samples)), width - 2, bottom, kAllColor);
    if (bin.hard > 0)
      svg += bar(x + 1 + third / 2, at_y(static_cast<double>(bin.hard)), third, bottom, kHardColor);
    if (bin.quarantined > 0)
      svg +=
          bar(x + 1 + 1.5 * third, at_y(static_cast<double>(bin.quarantined)), third, bottom, kQuarantineColor);
  }
  svg += fmt::format("<line x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{2:.1f}\" y2=\"{1:.1f}\" stroke=\"#59636e\"/>\n",
                     kLeft, bottom, right);
  const std::vector<double> marks = ticks(range, 8);
  for (const double mark : marks)
    svg +=
        text_at(at_x(mark), bottom + 18, "middle", tick_text(mark, marks.size() > 1 ? marks[1] - marks[0] : 1));
  svg += text_at((kLeft + right) / 2, bottom + 38, "middle", "score: what the last visits cost");
  return svg + "</svg>\n";
}

}  // namespace cli
