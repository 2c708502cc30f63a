// Groups of tensors: a rule of their own, with the optimizer's options except where the group says otherwise.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/option.h"
#include "base/state.h"
#include "optimizer/rule.h"
#include "optimizer/settings.h"

namespace ngd {

struct Group {
  std::string name;
  std::string pattern;
  std::vector<SpecText::Option> overrides;  // in the order they were given
  OptionSet options;                        // the optimizer's, with the overrides
  std::unique_ptr<Rule> rule;
  ClipSettings clip;
  double rate_factor = 1;  // of its learning rate; of the present run, not saved

  bool overrides_option(std::string_view option) const;
  std::string overrides_text() const;  // "weight_decay=0,learning_rate=0.1"
};

// Whether a tensor belongs to a pattern: "@vectors" and "@matrices" by shape; otherwise by name, where * stands for any
// text and ? for any character, and | separates alternatives.
bool pattern_matches(std::string_view pattern, std::string_view name, const Shape &shape);

// Throws when a group may not have an option of its own: it belongs to the whole step.
void check_group_option(const OptionSet &options, std::string_view name);

}  // namespace ngd
