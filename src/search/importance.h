// How much of the results goes by a parameter: rank correlation, and what chance alone gives.
#pragma once

#include <vector>

namespace ngd {

struct Importance {
  double correlation, chance;  // NaN below three samples or when nothing varies
};

// Spearman's rank correlation of two lists.
Importance rank_correlation(const std::vector<double> &parameter, const std::vector<double> &value);
// The correlation ratio of the ranks of `value` over groups.
Importance rank_ratio(const std::vector<double> &group, const std::vector<double> &value);

}  // namespace ngd
