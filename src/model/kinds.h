// The kinds of model; model.h declares how their names and options are listed.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace ngd {

enum class Kind { linear, mlp, text };

Kind kind_of(std::string_view name);  // throws NGD_E_OPTION with the known names

// "64x32" to sizes; throws NGD_E_RANGE for anything else.
std::vector<size_t> parse_hidden(std::string_view text);

}  // namespace ngd
