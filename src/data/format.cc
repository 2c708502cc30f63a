// The list of formats, and the two that are filled from arrays only.
#include "data/format.h"

#include <vector>

namespace ngd {
namespace {

constexpr OptionSpec kArrayOptions[] = {
    kLabelTypeOption,
    fixed(text_option("classes", "",
                      "Names of the classes 0, 1, ..., separated by commas; empty: their numbers."))};
constexpr const Format *kFormats[] = {&kCsv, &kLibsvm, &kText, &kIdx, &kDense, &kSparse};

}  // namespace

constinit const Format kDense = {"dense", FeatureKind::dense, kArrayOptions, nullptr, nullptr};
constinit const Format kSparse = {"sparse", FeatureKind::sparse, kArrayOptions, nullptr, nullptr};

const Format *format_at(size_t index) {
  return index < std::size(kFormats) ? kFormats[index] : nullptr;
}

const Format &format_named(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Format *format : kFormats) {
    if (name == format->name) return *format;
    names.push_back(format->name);
  }
  fail_unknown("format", name, names);
}

}  // namespace ngd
