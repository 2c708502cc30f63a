// Hyper-parameters of a model's optimizer that are values which its clients share: "learning_rate" and "optimizer.<option>".
//
// They count from a version on, for all shards: the root puts them into each decision. The value "optimizer.changes" is written
// by the root itself; it tells since which version which settings count, the newest last, a line each:
//   1234 learning_rate=0.01,weight_decay=0.1
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wire/message.h"

namespace ngd::cluster {

inline constexpr std::string_view kRate = "learning_rate", kSettingPrefix = "optimizer.";
inline constexpr const char *kChanges = "optimizer.changes";

bool is_setting(std::string_view name);

struct Settings {
  double rate = 0;  // 0: the optimizer's own
  std::string
      options;  // "beta1=0.8,weight_decay=0.1", by name; those that are not here are the optimizer's own
  std::string text() const;  // as in the lines of changes
  bool operator==(const Settings &) const = default;
};

// Throws, in the optimizer's words, when the optimizer of that model cannot train with them.
void check_settings(const wire::ModelSpec &model, const Settings &settings);

// The value after a change that counts from a version on. Changes long gone are left out.
std::string with_change(std::string_view changes, uint64_t version, const Settings &settings);

struct Change {
  uint64_t version = 0;  // 0: nothing was changed until then
  Settings settings;
};
std::vector<Change> changes_of(std::string_view text);
// The change that counts for a version.
Change change_at(std::string_view text, uint64_t version);

}  // namespace ngd::cluster
