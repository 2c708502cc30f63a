// The program ngd.
#include <fmt/core.h>

#include "ngd.h"

int main() {
  fmt::print("ngd {}\n", ngd_version());
  return 0;
}
