// Ranks, Spearman's correlation (1904), and the correlation ratio of ranks (Kruskal and Wallis 1952).
#include "search/importance.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <numeric>

namespace ngd {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kNormal95 = 1.959963984540054;  // of both sides
constexpr double kNormal95OneSide = 1.6448536269514722;

// Ranks from 0, less their mean; equal values share the mean of their ranks.
std::vector<double> centered_ranks(const std::vector<double> &values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t i) { return values[i]; });
  std::vector<double> ranks(values.size());
  const double middle = (static_cast<double>(values.size()) - 1) / 2;
  for (size_t first = 0, last = 0; first < order.size(); first = last) {
    while (last < order.size() && values[order[last]] == values[order[first]]) last++;
    for (size_t i = first; i < last; i++)
      ranks[order[i]] = (static_cast<double>(first) + static_cast<double>(last - 1)) / 2 - middle;
  }
  return ranks;
}

double dot(const std::vector<double> &a, const std::vector<double> &b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// The 95 % point of chi square by Wilson and Hilferty 1931.
double chi_square_95(double freedom) {
  const double spread = 2 / (9 * freedom);
  return freedom * std::pow(1 - spread + kNormal95OneSide * std::sqrt(spread), 3);
}

}  // namespace

Importance rank_correlation(const std::vector<double> &parameter, const std::vector<double> &value) {
  const std::vector<double> a = centered_ranks(parameter), b = centered_ranks(value);
  const double scale = std::sqrt(dot(a, a) * dot(b, b));
  if (a.size() < 3 || scale == 0) return {kNone, kNone};
  return {std::clamp(dot(a, b) / scale, -1.0, 1.0),
          std::min(1.0, kNormal95 / std::sqrt(static_cast<double>(a.size() - 1)))};
}

Importance rank_ratio(const std::vector<double> &group, const std::vector<double> &value) {
  const std::vector<double> ranks = centered_ranks(value);
  struct Sum {
    double sum = 0, count = 0;
  };
  std::map<double, Sum> groups;
  for (size_t i = 0; i < ranks.size(); i++) {
    groups[group[i]].sum += ranks[i];
    groups[group[i]].count++;
  }
  const double all = dot(ranks, ranks);
  if (ranks.size() < 3 || all == 0 || groups.size() < 2) return {kNone, kNone};
  double between = 0;
  for (const auto &[name, of] : groups) between += of.sum * of.sum / of.count;
  return {std::sqrt(std::min(1.0, between / all)),
          std::min(1.0, std::sqrt(chi_square_95(static_cast<double>(groups.size() - 1)) /
                                  static_cast<double>(ranks.size() - 1)))};
}

}  // namespace ngd
