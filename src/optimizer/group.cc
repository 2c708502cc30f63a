// Patterns of tensor names, and which options a group may have of its own.
#include "optimizer/group.h"

#include <algorithm>

#include "base/error.h"
#include "optimizer/common_options.h"
#include "optimizer/tensor_state.h"

namespace ngd {
namespace {

// * and ?, without backtracking beyond the last star.
bool glob_matches(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      p++;
      t++;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') p++;
  return p == pattern.size();
}

}  // namespace

bool Group::overrides_option(std::string_view option) const {
  return std::ranges::any_of(overrides, [&](const SpecText::Option &one) { return one.name == option; });
}

std::string Group::overrides_text() const {
  std::string text;
  for (const SpecText::Option &one : overrides)
    text += concat(text.empty() ? "" : ",", one.name, "=", options.text(one.name));
  return text;
}

bool pattern_matches(std::string_view pattern, std::string_view name, const Shape &shape) {
  for (const std::string_view one : split(pattern, '|')) {
    if (one == "@vectors" ? !is_matrix(shape) : one == "@matrices" ? is_matrix(shape) : glob_matches(one, name))
      return true;
  }
  return false;
}

void check_group_option(const OptionSet &options, std::string_view name) {
  if (options.is_own(name) || name == "clip" || name == "clip_threshold") return;
  fail(NGD_E_UNSUPPORTED, "option ", quoted(name),
       " belongs to the whole step; a group may have its own options of the rule, clip and clip_threshold");
}

}  // namespace ngd
