// ngd bench rules
#include "bench.h"
namespace cli {
Verb rules_bench(CLI::App &bench) {
  CLI::App *app = bench.add_subcommand("rules", "Steps to an accuracy");
  return {app, "ngd bench rules --data DIR [options]; see ngd bench rules --help", [] { return 0; }};
}
}  // namespace cli
