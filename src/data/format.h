// What a format is: a name, options, and a function that reads a file of it. And the options they have in
// common.
#pragma once

#include <span>

#include "base/option.h"
#include "base/samples.h"

namespace ngd {

class Loading;

struct Format {
  const char *name;
  FeatureKind features;
  std::span<const OptionSpec> options;
  void (*check)(const OptionSet &options);  // throws when a text makes no sense; nullptr: nothing to check
  void (*load)(Loading &loading);           // nullptr: filled from arrays only
};

extern const Format kCsv, kLibsvm, kText, kIdx, kDense, kSparse;

// nullptr past the last.
const Format *format_at(size_t index);
// Throws NGD_E_OPTION with the nearest name.
const Format &format_named(std::string_view name);

inline constexpr double kMaxColumns = 2147483647;

inline constexpr OptionSpec kLabelTypeOption =
    fixed(choice_option("label_type", "auto", "auto|number|category",
                        "What labels are; auto: numbers when all are numbers and one is not whole."));
inline constexpr OptionSpec kMalformedOption = choice_option(
    "malformed", "error", "error|skip", "What to do with a malformed line or sample: skip counts it.");
inline constexpr OptionSpec kNonfiniteOption =
    choice_option("nonfinite", "error", "error|zero", "What to do with a NaN or infinite value: zero reads 0.");
inline constexpr OptionSpec kMaxLineBytesOption = integer_option(
    "max_line_bytes", "1073741824", 1, 1099511627776, "Longest line, or quoted record, in bytes.");

}  // namespace ngd
