// Options that every optimizer has beside those of its rule: what happens to gradients before the rule sees them, and
// to parameters after it.
#pragma once

#include <span>

#include "base/option.h"

namespace ngd {

std::span<const OptionSpec> common_options();

}  // namespace ngd
