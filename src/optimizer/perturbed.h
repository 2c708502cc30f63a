// What perturb keeps until restore.
#pragma once

#include <vector>

#include "optimizer/optimizer.h"

namespace ngd {

struct Optimizer::Perturbed {
  std::vector<StateArray> parameters, gradients;
};

}  // namespace ngd
