// What the handles of servers and clients share: options that any thread may read and set, in the process that made them.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "base/option.h"
#include "transport/system.h"

namespace ngd::transport {

// `mutex` guards the options and whatever the handle adds.
struct Handle {
  // `kind` is the word that its spec begins with.
  Handle(OptionTable table, const char *word) : kind(word), options(table, word, word) {}

  void read_spec(std::string_view spec) {
    const SpecText parsed = parse_spec(spec);
    if (parsed.kind != kind) fail_unknown(concat("kind of ", kind), parsed.kind, {kind});
    options.set_all(parsed);
  }
  void check_owner() const { owner.check(kind); }
  void set(std::string_view name, double value) {
    check_owner();
    const std::lock_guard lock(mutex);
    options.set(name, value);
  }
  void set_text(std::string_view name, std::string_view value) {
    check_owner();
    const std::lock_guard lock(mutex);
    options.set_text(name, value);
  }
  double number(std::string_view name) const {
    check_owner();
    const std::lock_guard lock(mutex);
    return options.number(name);
  }
  std::string text(std::string_view name) const {
    check_owner();
    const std::lock_guard lock(mutex);
    return options.text(name);
  }

  const char *kind;
  Owner owner;
  mutable std::mutex mutex;
  OptionSet options;
};

}  // namespace ngd::transport
