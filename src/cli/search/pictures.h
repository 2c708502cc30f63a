// Pictures of a search, as SVG that needs nothing else: the best so far, parallel coordinates, importance.
#pragma once

#include <string>

#include "search/report.h"

namespace cli {

std::string draw_best_so_far(const SearchReport &report);
std::string draw_parallel(const SearchReport &report);
std::string draw_importance(const SearchReport &report);

// Writes all three into the run directory.
void write_pictures(const std::string &run, const SearchReport &report);

}  // namespace cli
