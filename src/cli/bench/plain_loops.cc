// The hand-written loops without vectors: src/cli/CMakeLists.txt gives this file its own flags.
#include "bench/loops.h"

namespace cli {
namespace {

NGD_HAND_LOOPS(Plain)

}  // namespace

HandLoop plain_loop(const std::string &rule) {
  return Plain::of(rule);
}

}  // namespace cli
