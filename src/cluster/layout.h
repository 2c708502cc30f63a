// Which shard holds what of a model.
#pragma once

#include <vector>

#include "wire/message.h"

namespace ngd::cluster {

// Throws Error with what is wrong with a model's description: names, shapes, rule, options that need all tensors at once.
void check_model(const wire::ModelSpec &spec);

// The pieces of each shard. Large tensors are cut into equal parts where the rule looks at elements alone, tables between
// rows; the others go whole, the largest first, to the shard that has the least.
std::vector<std::vector<wire::Piece>> layout(const wire::ModelSpec &spec);

bool same_model(const wire::ModelSpec &a, const wire::ModelSpec &b);

}  // namespace ngd::cluster
