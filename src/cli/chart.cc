// Ranges and round numbers of charts.
#include "chart.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace cli {

Range range_of(const std::vector<Series> &series, bool of_x) {
  Range range = {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (const Series &one : series) {
    for (size_t i = 0; i < one.x.size(); i++) {
      if (!std::isfinite(one.x[i]) || !std::isfinite(one.y[i])) continue;
      const double value = of_x ? one.x[i] : one.y[i];
      range.low = std::min(range.low, value);
      range.high = std::max(range.high, value);
    }
  }
  if (range.low > range.high) return {0, 1};
  // A flat line stands in the middle.
  const double smallest = std::max(std::fabs(range.high) * 1e-6, 1e-12);
  if (range.high - range.low < smallest) {
    const double margin = std::max(std::fabs(range.high) * 0.05, smallest);
    return {range.low - margin, range.high + margin};
  }
  return range;
}

std::vector<double> ticks(Range range, size_t about) {
  const double rough = (range.high - range.low) / static_cast<double>(std::max<size_t>(about, 1));
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> result;
  // Whole multiples of the step, so that no rounding error adds up.
  for (double multiple = std::ceil(range.low / step - 1e-9); multiple * step <= range.high + 1e-9 * step;
       multiple++)
    result.push_back(multiple * step);
  return result;
}

std::string tick_text(double value, double step) {
  if (std::fabs(value) < step * 1e-6) return "0";
  if (std::fabs(value) >= 1e6 || step < 1e-5) return fmt::format("{:.3g}", value);
  const int decimals = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  return fmt::format("{:.{}f}", value, decimals);
}

}  // namespace cli
