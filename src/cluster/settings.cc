// Checking settings, and the value that tells of their changes.
#include "cluster/settings.h"

#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "cluster/layout.h"
#include "optimizer/live_options.h"

namespace ngd::cluster {
namespace {

constexpr size_t kChangesKept = 32;

}  // namespace

bool is_setting(std::string_view name) {
  return name == kRate || name.starts_with(kSettingPrefix);
}

std::string Settings::text() const {
  const std::string rate_text = rate > 0 ? concat(kRate, "=", number_text(rate)) : std::string();
  return concat(rate_text, rate_text.empty() || options.empty() ? "" : ",", options);
}

void check_settings(const wire::ModelSpec &model, const Settings &settings) {
  if (!(settings.rate >= 0) || !std::isfinite(settings.rate))
    fail(NGD_E_RANGE, "the learning rate ", number_text(settings.rate), " is not a number above 0");
  Optimizer optimizer(model.optimizer);
  add_groups(optimizer, model);
  check_live_options(optimizer.options(), settings.options);
  const bool cut = looks_at_elements(optimizer);
  LiveOptions(optimizer).bring(optimizer, settings.options);
  check_optimizer(optimizer, model);
  if (cut && !looks_at_elements(optimizer) && model.shards > 1)
    fail(NGD_E_UNSUPPORTED, "with ", settings.options,
         " the optimizer needs whole tensors, but the shards have parts of them; it can be so from the start "
         "only");
}

std::string with_change(std::string_view changes, uint64_t version, const Settings &settings) {
  std::vector<std::string_view> lines = split(changes, '\n');
  std::erase(lines, std::string_view());
  const std::string line = concat(version, " ", settings.text());
  // Nothing was made with what was set a moment ago.
  if (!lines.empty() && lines.back().starts_with(concat(version, " "))) lines.pop_back();
  lines.push_back(line);
  if (lines.size() > kChangesKept) lines.erase(lines.begin());
  std::string text;
  for (const std::string_view one : lines) text += concat(one, "\n");
  return text;
}

std::vector<Change> changes_of(std::string_view text) {
  std::vector<Change> changes;
  for (const std::string_view line : split(text, '\n')) {
    int64_t since = 0;
    const size_t blank = line.find(' ');
    if (blank == std::string_view::npos || !parse_integer(line.substr(0, blank), since) || since < 1) continue;
    Change &change = changes.emplace_back(Change{static_cast<uint64_t>(since), {}});
    for (const std::string_view one : split(line.substr(blank + 1), ',')) {
      std::string &options = change.settings.options;
      if (one.starts_with(concat(kRate, "=")))
        parse_number(one.substr(kRate.size() + 1), change.settings.rate);
      else
        options += concat(options.empty() ? "" : ",", one);
    }
  }
  return changes;
}

Change change_at(std::string_view text, uint64_t version) {
  Change last;
  for (const Change &change : changes_of(text)) {
    if (change.version > version) break;
    last = change;
  }
  return last;
}

}  // namespace ngd::cluster
