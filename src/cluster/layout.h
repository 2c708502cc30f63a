// Which shard holds what of a model.
#pragma once

#include <vector>

#include "optimizer/optimizer.h"
#include "wire/message.h"

namespace ngd::cluster {

// Throws Error with what is wrong with a model's description: names, shapes, rule, options that need all tensors at once.
void check_model(const wire::ModelSpec &spec);

// The pieces of each shard. Large tensors are cut into equal parts where the rule looks at elements alone, tables between
// rows; the others go whole, the largest first, to the shard that has the least.
std::vector<std::vector<wire::Piece>> layout(const wire::ModelSpec &spec);

// What a shard has of a tensor; nullptr: nothing.
const wire::Piece *find_piece(const std::vector<wire::Piece> &pieces, uint32_t tensor);

// The rows of a rising list that lie in a piece of a table whose rows have `width` elements.
struct RowRange {
  size_t first = 0, count = 0;  // of the list
};
RowRange rows_in(const std::vector<uint32_t> &rows, const wire::Piece &piece, uint64_t width);

void add_groups(Optimizer &optimizer, const wire::ModelSpec &spec);
// Whether all groups look at single elements, so that a dense tensor may be cut anywhere.
bool looks_at_elements(const Optimizer &optimizer);
// Throws when servers cannot have that optimizer for the model's shards.
void check_optimizer(const Optimizer &optimizer, const wire::ModelSpec &spec);

bool same_model(const wire::ModelSpec &a, const wire::ModelSpec &b);

}  // namespace ngd::cluster
