// A histogram of a buffer's scores: how many samples have which, and which of them are hard, or in quarantine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "handle.h"

namespace cli {

struct ScoreBin {
  double from = 0, to = 0;  // scores of at least `from` and below `to`; of the last bin up to `to`
  uint64_t samples = 0, hard = 0, quarantined = 0;
};

// What a buffer holds, sample by sample, as far as a histogram and lists need it.
struct Scores {
  explicit Scores(const ngd_icea *icea);

  std::vector<float> scores;
  std::vector<uint32_t> seen, errors, miss_runs;
  std::vector<uint64_t> hard, quarantined;  // sample numbers
  double largest = 0;                       // that the options allow
};

std::vector<ScoreBin> bins_of(const Scores &scores, size_t count);

// One SVG document: for each bin all samples, those in the hard set, those in quarantine, on a logarithmic axis.
std::string draw_bins_svg(const std::vector<ScoreBin> &bins, const std::string &title);

}  // namespace cli
