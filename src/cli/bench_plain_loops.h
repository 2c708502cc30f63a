// What one writes by hand without a library: scalar loops, compiled as plain C usually is (-O2, no vectors).
#pragma once

#include <cstddef>
#include <string>

namespace cli {

// One step of a rule over `count` elements; m and v are state, of which sgd has none and momentum only m.
using PlainLoop = void (*)(float *w, const float *g, float *m, float *v, size_t count);

// The loop of sgd, momentum or adam; nullptr for other rules.
PlainLoop plain_loop(const std::string &rule);

}  // namespace cli
