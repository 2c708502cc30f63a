// ngd version: the library that was loaded, and the headers this program was built with.
#include <fmt/core.h>

#include <memory>

#include "handle.h"
#include "verbs.h"

namespace cli {

Verb version_verb(CLI::App &program) {
  CLI::App *app = program.add_subcommand("version", "Tell the version of the program and its library");
  const auto style = std::make_shared<Style>(Style::table);
  add_output_option(*app, *style);
  app->footer("Example:\n  ngd version -o json");
  const auto run = [style] {
    const std::string built = fmt::format("{}.{}.{}", NGD_VERSION_MAJOR, NGD_VERSION_MINOR, NGD_VERSION_PATCH);
    if (*style == Style::json) {
      print_json({{"version", ngd_version()}, {"number", ngd_version_number()}, {"built_with", built}});
    } else if (*style == Style::plain) {
      fmt::print("{}\n", ngd_version());
    } else {
      fmt::print("ngd {}\n", ngd_version());
      if (built != ngd_version()) fmt::print("built with the headers of {}\n", built);
    }
    return 0;
  };
  return {app, "ngd version [-o table|json|plain]", run};
}

}  // namespace cli
