// libngd for C++20: move-only classes over the C contract, errors as exceptions, arrays as spans. Header only.
//
//   ngd::Optimizer optimizer("ngd:learning_rate=0.01");
//   optimizer.add<float>("w", {3, 4});
//   optimizer.step({w}, {gradient});
//
// Each class wraps one handle of <ngd.h>, whose comments are the reference for every call; raw() gives the
// handle for calls that are not here. The classes keep the handles' thread rules. A moved-from object may only
// be assigned to or destroyed.
#pragma once

#include "ngd/checkpoint.hpp"
#include "ngd/client.hpp"
#include "ngd/dataset.hpp"
#include "ngd/handle.hpp"
#include "ngd/held.hpp"
#include "ngd/icea.hpp"
#include "ngd/initializer.hpp"
#include "ngd/model.hpp"
#include "ngd/optimizer.hpp"
#include "ngd/pending.hpp"
#include "ngd/search.hpp"
#include "ngd/server.hpp"
#include "ngd/session.hpp"
#include "ngd/tensors.hpp"
#include "ngd/trainer.hpp"
#include "ngd/vectors.hpp"
