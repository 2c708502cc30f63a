// ngd bench: lists the benchmarks.
#include <fmt/core.h>

#include "bench_icea.h"
#include "verbs.h"

namespace cli {

Verb bench_verb(CLI::App &program) {
  CLI::App *app =
      program.add_subcommand("bench", "Measure the buffer of hard samples: speed, gradients to an accuracy");
  app->require_subcommand(1);
  app->footer("Examples:\n  ngd bench icea\n  ngd bench icea --task letters --data DIR");
  const Verb icea = icea_bench(*app);
  return {app, "ngd bench icea [options]; see ngd bench icea --help", [icea] { return icea.run(); }};
}

}  // namespace cli
