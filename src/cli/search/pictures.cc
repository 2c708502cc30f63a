// Drawing a search's trials.
#include "search/pictures.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "chart.h"

namespace cli {
namespace {

constexpr double kWidth = 760;
constexpr const char *kInk = "#1f2328", *kGrid = "#d8dee4", *kAxis = "#59636e";
constexpr const char *kDot = "#8c959f", *kLine = "#1f6feb", *kBest = "#d1570a";

std::string text_at(double x, double y, const char *anchor, const std::string &text,
                    const char *attributes = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor,
                     attributes, xml_text(text));
}

std::string line_at(double x1, double y1, double x2, double y2, const char *color, double width = 1) {
  return fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" stroke-width=\"{}\"/>\n", x1,
      y1, x2, y2, color, width);
}

std::string picture(double height, const std::string &title, const std::string &body) {
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 "
             "{0:.0f} "
             "{1:.0f}\" font-family=\"system-ui, 'DejaVu Sans', sans-serif\" font-size=\"12\" fill=\"{3}\">\n"
             "<title>{2}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
             kWidth, height, xml_text(title), kAxis) +
         text_at(24, 28, "start", title, " font-size=\"16\" font-weight=\"600\" fill=\"#1f2328\"") + body +
         "</svg>\n";
}

// Numbers on a line from 0 to 1, by their logarithms where that shows them better.
class Scale {
 public:
  Scale(std::vector<double> values, bool logarithmic) : logarithmic_(logarithmic) {
    std::erase_if(values, [](double value) { return !std::isfinite(value); });
    if (values.empty()) return;
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    if (*low <= 0) logarithmic_ = false;
    range_ = {place(*low), place(*high)};
    const double margin = range_.high > range_.low ? 0.03 * (range_.high - range_.low) : 0.5;
    range_ = {range_.low - margin, range_.high + margin};
  }
  double at(double value) const {
    return std::clamp((place(value) - range_.low) / (range_.high - range_.low), 0.0, 1.0);
  }

  struct Mark {
    double at;
    std::string text;
  };
  std::vector<Mark> marks(size_t about) const {
    std::vector<Mark> result;
    if (!logarithmic_) {
      const std::vector<double> places = ticks(range_, about);
      const double step = places.size() > 1 ? places[1] - places[0] : 1;
      for (const double value : places) result.push_back({at(value), tick_text(value, step)});
      return result;
    }
    // Of 1, 2, 5 in each decade as many as there is room for.
    for (const std::vector<double> &digits : {std::vector<double>{1, 2, 5}, {1, 3}, {1}}) {
      result.clear();
      for (double decade = std::floor(range_.low); decade <= range_.high; decade++) {
        for (const double digit : digits) {
          const double value = digit * std::pow(10, decade);
          if (place(value) >= range_.low && place(value) <= range_.high)
            result.push_back({at(value), fmt::format("{:.4g}", value)});
        }
      }
      if (result.size() <= about + 1) break;
    }
    return result;
  }

 private:
  double place(double value) const { return logarithmic_ ? std::log10(value) : value; }
  bool logarithmic_;
  Range range_;
};

std::vector<double> finished_values(const SearchReport &report) {
  std::vector<double> values;
  for (const TrialRow &trial : report.trials) {
    if (trial.state == NGD_TRIAL_FINISHED) values.push_back(trial.value);
  }
  return values;
}

// Results often lie on all scales: by logarithms when the largest is ten times the least.
Scale value_scale(const SearchReport &report) {
  const std::vector<double> values = finished_values(report);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {values, !values.empty() && *low > 0 && *high >= 10 * *low};
}

// --- parallel coordinates ---

struct Axis {
  std::string name;
  std::vector<double> at;  // of each trial, 0 to 1; NaN where the parameter was left out
  std::vector<Scale::Mark> marks;
};

Axis parameter_axis(const SearchReport &report, size_t index) {
  const ParameterRow &parameter = report.parameters[index];
  Axis axis = {parameter.name, {}, {}};
  if (parameter.kind == "categorical") {
    std::vector<std::string> texts;
    for (const TrialRow &trial : report.trials) {
      const std::string &text = trial.values[index];
      if (!text.empty() && std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(text);
    }
    std::sort(texts.begin(), texts.end());
    const auto place = [&](size_t i) {
      return (static_cast<double>(i) + 0.5) / static_cast<double>(texts.size());
    };
    for (size_t i = 0; i < texts.size(); i++) axis.marks.push_back({place(i), texts[i]});
    for (const TrialRow &trial : report.trials) {
      const auto found = std::find(texts.begin(), texts.end(), trial.values[index]);
      axis.at.push_back(found == texts.end() ? std::numeric_limits<double>::quiet_NaN()
                                             : place(static_cast<size_t>(found - texts.begin())));
    }
    return axis;
  }
  std::vector<double> numbers;
  for (const TrialRow &trial : report.trials)
    numbers.push_back(trial.values[index].empty() ? std::numeric_limits<double>::quiet_NaN()
                                                  : std::strtod(trial.values[index].c_str(), nullptr));
  const Scale scale(numbers, parameter.kind.rfind("log_", 0) == 0);
  axis.marks = scale.marks(5);
  for (const double number : numbers)
    axis.at.push_back(std::isfinite(number) ? scale.at(number) : std::numeric_limits<double>::quiet_NaN());
  return axis;
}

// From light grey, the worst, to blue.
std::string rank_color(double share) {
  const auto mix = [share](int from, int to) { return static_cast<int>(from + share * (to - from)); };
  return fmt::format("#{:02x}{:02x}{:02x}", mix(0xde, 0x1f), mix(0xe3, 0x6f), mix(0xe8, 0xeb));
}

}  // namespace

std::string draw_parallel(const SearchReport &report) {
  constexpr double kHeight = 420, kTop = 84, kBottom = 356, kLeft = 60, kRight = kWidth - 70;
  std::vector<Axis> axes;
  for (size_t i = 0; i < report.parameters.size(); i++) axes.push_back(parameter_axis(report, i));
  const Scale scale = value_scale(report);
  Axis result = {report.value_name(), {}, scale.marks(6)};
  for (const TrialRow &trial : report.trials) result.at.push_back(scale.at(trial.value));
  axes.push_back(result);

  const bool gaps = std::any_of(axes.begin(), axes.end(), [](const Axis &axis) {
    return std::any_of(axis.at.begin(), axis.at.end(), [](double at) { return std::isnan(at); });
  });
  // Where a parameter was left out its line passes below the axis.
  const double bottom = gaps ? kBottom - 34 : kBottom;
  const auto x_of = [&](size_t axis) {
    return kLeft + (kRight - kLeft) * static_cast<double>(axis) / static_cast<double>(axes.size() - 1);
  };
  const auto y_of = [&](double at) { return std::isnan(at) ? kBottom : bottom - at * (bottom - kTop); };

  std::vector<size_t> order;  // the worst first, so that the best is drawn over all
  for (size_t i = 0; i < report.trials.size(); i++) {
    if (report.trials[i].state == NGD_TRIAL_FINISHED) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const double x = report.trials[a].value, y = report.trials[b].value;
    return report.maximize ? x < y : x > y;
  });
  std::string body =
      text_at(24, 48, "start",
              fmt::format("{} finished trials; the darker, the better; orange: the best, trial {}",
                          order.size(), report.info.best_trial));
  for (size_t i = 0; i < order.size(); i++) {
    const size_t trial = order[i];
    const bool best = report.trials[trial].number == report.info.best_trial;
    std::string points;
    for (size_t axis = 0; axis < axes.size(); axis++)
      points += fmt::format("{}{:.1f},{:.1f}", axis == 0 ? "" : " ", x_of(axis), y_of(axes[axis].at[trial]));
    const double share = order.size() < 2 ? 1 : static_cast<double>(i) / static_cast<double>(order.size() - 1);
    body += fmt::format(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"/>\n",
        points, best ? kBest : rank_color(share * share), best ? 2.5 : 1.2);
  }
  for (size_t axis = 0; axis < axes.size(); axis++) {
    const double x = x_of(axis);
    body += line_at(x, kTop, x, bottom, kAxis);
    // Long names stand in two heights.
    const bool crowded = axes.size() > 5 && axis % 2 == 1;
    body += text_at(x, crowded ? kTop - 20 : kTop - 6, "middle", axes[axis].name, " fill=\"#1f2328\"");
    const bool last = axis + 1 == axes.size();
    for (const Scale::Mark &mark : axes[axis].marks) {
      body += line_at(x - 3, y_of(mark.at), x + 3, y_of(mark.at), kAxis);
      const char *halo = " paint-order=\"stroke\" stroke=\"#ffffff\" stroke-width=\"3\"";
      body += text_at(last ? x + 8 : x - 7, y_of(mark.at) + 4, last ? "start" : "end", mark.text, halo);
    }
  }
  if (gaps)
    body +=
        text_at(kLeft, kBottom + 24, "start", "a line below an axis: the parameter was left out of that trial");
  return picture(gaps ? kHeight : kHeight - 30, "Trials", body);
}

std::string draw_best_so_far(const SearchReport &report) {
  constexpr double kHeight = 360, kTop = 70, kBottom = 310, kLeft = 70, kRight = kWidth - 120;
  const Scale scale = value_scale(report);
  const double last = std::max<double>(1, static_cast<double>(report.trials.size()) - 1);
  const auto x_of = [&](uint64_t trial) {
    return kLeft + static_cast<double>(trial) / last * (kRight - kLeft);
  };
  const auto y_of = [&](double value) { return kBottom - scale.at(value) * (kBottom - kTop); };
  std::string body = text_at(24, 48, "start",
                             report.info.pruned + report.info.failed > 0
                                 ? "dots: trials that finished; crosses: trials that failed or were pruned"
                                 : "dots: trials");
  for (const Scale::Mark &mark : scale.marks(6)) {
    const double y = kBottom - mark.at * (kBottom - kTop);
    body += line_at(kLeft, y, kRight, y, kGrid) + text_at(kLeft - 8, y + 4, "end", mark.text);
  }
  const std::vector<double> places = ticks({0, last}, 8);
  for (const double place : places) {
    if (place >= -1e-9 && std::fabs(place - std::round(place)) < 1e-9)
      body += text_at(x_of(static_cast<uint64_t>(place + 0.5)), kBottom + 18, "middle",
                      fmt::format("{}", static_cast<uint64_t>(place + 0.5)));
  }
  body += text_at((kLeft + kRight) / 2, kBottom + 38, "middle", "trial");
  std::string steps;
  double best = 0, best_x = 0;
  bool found = false;
  for (const TrialRow &trial : report.trials) {
    const double x = x_of(trial.number);
    if (trial.state != NGD_TRIAL_FINISHED) {
      body += line_at(x - 3, kTop - 9, x + 3, kTop - 3, kDot) + line_at(x - 3, kTop - 3, x + 3, kTop - 9, kDot);
      continue;
    }
    body +=
        fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n", x, y_of(trial.value), kDot);
    if (found && (report.maximize ? trial.value <= best : trial.value >= best)) continue;
    if (found) steps += fmt::format(" {:.1f},{:.1f}", x, y_of(best));
    steps += fmt::format("{}{:.1f},{:.1f}", found ? " " : "", x, y_of(trial.value));
    best = trial.value;
    best_x = x;
    found = true;
  }
  if (found) {
    steps += fmt::format(" {:.1f},{:.1f}", kRight, y_of(best));
    body += fmt::format(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\" stroke-linejoin=\"round\"/>\n",
        steps, kLine);
    body +=
        fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\" fill=\"{}\"/>\n", best_x, y_of(best), kBest);
    body += text_at(kRight + 8, y_of(best) + 4, "start", fmt::format("best {:.4g}", best), " fill=\"#1f6feb\"");
  }
  return picture(kHeight, report.value_name() + ", the best so far", body);
}

std::string draw_importance(const SearchReport &report) {
  constexpr double kRow = 30, kTop = 76, kLeft = 230, kRight = kWidth - 70;
  std::vector<ParameterRow> rows = report.parameters;
  const auto size = [](const ParameterRow &row) {
    return std::isfinite(row.correlation) ? std::fabs(row.correlation) : 0;
  };
  std::stable_sort(rows.begin(), rows.end(), [&](const auto &a, const auto &b) { return size(a) > size(b); });
  const double bottom = kTop + kRow * static_cast<double>(rows.size());
  const auto x_of = [&](double share) { return kLeft + share * (kRight - kLeft); };
  std::string body = text_at(
      24, 48, "start",
      fmt::format(
          "rank correlation with the {}; mark: what a parameter without influence exceeds once in 20 searches",
          report.value_name()));
  for (const double share : {0.0, 0.25, 0.5, 0.75, 1.0})
    body += line_at(x_of(share), kTop - 4, x_of(share), bottom, kGrid) +
            text_at(x_of(share), bottom + 18, "middle", fmt::format("{:g}", share));
  for (size_t i = 0; i < rows.size(); i++) {
    const ParameterRow &row = rows[i];
    const double y = kTop + kRow * static_cast<double>(i);
    const bool counts = size(row) > row.chance;
    body += text_at(kLeft - 10, y + kRow / 2 + 4, "end", row.name, counts ? " fill=\"#1f2328\"" : "");
    if (!std::isfinite(row.correlation)) {
      body += text_at(kLeft + 6, y + kRow / 2 + 4, "start", "too few trials, or nothing varies");
      continue;
    }
    body += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"/>\n",
                        kLeft, y + 6, x_of(size(row)) - kLeft, kRow - 12, counts ? kLine : "#c9d1d9");
    body += line_at(x_of(row.chance), y + 2, x_of(row.chance), y + kRow - 2, kInk, 1.5);
    const std::string text = row.kind == "categorical" ? fmt::format("{:.2f}", row.correlation)
                                                       : fmt::format("{:+.2f}", row.correlation);
    body += text_at(std::max(x_of(size(row)), x_of(row.chance)) + 8, y + kRow / 2 + 4, "start", text);
  }
  return picture(bottom + 36, "What matters", body);
}

void write_pictures(const std::string &run, const SearchReport &report) {
  for (const auto &[name, svg] : {std::pair{"best-so-far.svg", draw_best_so_far(report)},
                                  {"parallel.svg", draw_parallel(report)},
                                  {"importance.svg", draw_importance(report)}}) {
    const std::string path = (std::filesystem::path(run) / name).string();
    std::ofstream file(path, std::ios::binary);
    file << svg;
    file.close();
    if (!file) throw Failure{path + ": cannot be written"};
  }
}

}  // namespace cli
