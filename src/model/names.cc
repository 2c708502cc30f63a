// Joining and splitting lists of names.
#include "model/names.h"

#include <algorithm>

#include "base/error.h"

namespace ngd {

std::string join_names(const std::vector<std::string> &names, std::string_view what) {
  std::string text;
  for (const std::string &name : names) {
    if (name.find('\n') != std::string::npos)
      fail(NGD_E_SHAPE, "the ", what, " ", quoted(name),
           " holds a line break, which a saved model cannot express; rename it in the data");
    text += name;
    text += '\n';
  }
  return text;
}

std::vector<std::string> split_names(std::span<const uint8_t> text, std::string_view what) {
  std::vector<std::string> names;
  if (text.empty()) return names;
  if (text.back() != '\n')
    fail(NGD_E_CHECKPOINT, "the checkpoint's list of names for each ", what,
         " does not end with a line break; the file is damaged or foreign");
  const std::string_view all(reinterpret_cast<const char *>(text.data()), text.size() - 1);
  for (const std::string_view name : split(all, '\n')) names.emplace_back(name);
  std::vector<std::string_view> sorted(names.begin(), names.end());
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end())
    fail(NGD_E_CHECKPOINT, "the checkpoint names the ", what, " ", quoted(*twice),
         " twice; the file is damaged or foreign");
  return names;
}

}  // namespace ngd
