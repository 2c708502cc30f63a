// Changing options between steps.
#include "optimizer/live_options.h"

#include <algorithm>

#include "base/error.h"
#include "optimizer/rule.h"

namespace ngd {
namespace {

bool is_live(const OptionSpec &spec) {
  const std::string_view name = spec.name;
  return spec.type == NGD_OPTION_NUMBER && !spec.fixed && name != "learning_rate" && name != "loss_scale";
}

std::vector<SpecText::Option> parsed(std::string_view text) {
  return text.empty() ? std::vector<SpecText::Option>() : parse_spec(concat("live:", text)).options;
}

}  // namespace

void check_live_options(const OptionSet &options, std::string_view text) {
  OptionSet trial = options;
  trial.lock();
  const OptionTable table = rule_options(options.kind());
  for (const SpecText::Option &one : parsed(text)) {
    trial.set_text(one.name, one.value);
    for (size_t i = 0; i < table.size(); i++) {
      if (table[i].name != one.name || is_live(table[i])) continue;
      std::string known;
      for (size_t k = 0; k < table.size(); k++) {
        if (is_live(table[k])) known += concat(known.empty() ? "" : ", ", table[k].name);
      }
      fail(NGD_E_UNSUPPORTED, "option ", quoted(one.name), " of rule ", quoted(options.kind()),
           " cannot change while it trains; these can: ", known);
    }
  }
}

void LiveOptions::bring(Optimizer &optimizer, std::string_view text) {
  if (last_ && *last_ == text) return;
  const std::vector<SpecText::Option> given = parsed(text);
  const OptionTable table = rule_options(first_.kind());
  for (size_t i = 0; i < table.size(); i++) {
    if (!is_live(table[i])) continue;
    const std::string_view name = table[i].name;
    const auto one = std::ranges::find(given, name, &SpecText::Option::name);
    const std::string value = one == given.end() ? first_.text(name) : one->value;
    if (optimizer.options().text(name) != value) optimizer.set_text(name, value);
  }
  last_ = text;
}

}  // namespace ngd
