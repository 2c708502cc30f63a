// The kernel of rules on whole tensors: none.
#include "optimizer/whole.h"

namespace ngd {

const Kernel &WholeRule::kernel() const {
  static constexpr Kernel kNone = {};
  return kNone;
}

}  // namespace ngd
