// What rules on whole tensors have instead of a kernel.
#include "optimizer/whole.h"

namespace ngd {

const Kernel &WholeRule::kernel() const {
  static constexpr Kernel kNone = {};
  return kNone;
}

}  // namespace ngd
