// Checking and cutting models.
#include "cluster/layout.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "optimizer/rule.h"
#include "wire/codec.h"
#include "wire/limits.h"

namespace ngd::cluster {
namespace {

// Parts of dense tensors begin at multiples of this, whatever state formats pack together.
constexpr uint64_t kGrain = 16384;

bool elements_alone(const wire::ModelSpec &spec) {
  Optimizer optimizer(spec.optimizer);
  add_groups(optimizer, spec);
  return looks_at_elements(optimizer);
}

uint64_t part_begin(uint64_t units, uint64_t shards, uint64_t index) {
  return units / shards * index + std::min(index, units % shards);
}

}  // namespace

bool looks_at_elements(const Optimizer &optimizer) {
  return std::ranges::all_of(optimizer.groups(), [](const Group &group) {
    return group.rule->whole() == nullptr && !group.rule->wants_norms(true) &&
           group.clip.clip != Clip::adaptive;
  });
}

void check_model(const wire::ModelSpec &spec) {
  if (spec.name.empty() || spec.name.size() > wire::kTextBytes)
    fail(NGD_E_ARGUMENT, "a model's name has 1 to ", wire::kTextBytes, " bytes, not ", spec.name.size());
  if (spec.name.find('/') != std::string::npos || spec.name[0] == '.')
    fail(NGD_E_ARGUMENT, "a model's name names files: ", quoted(spec.name),
         " may not begin with a point or hold a slash");
  if (spec.shards < 1 || spec.shards > wire::kShards)
    fail(NGD_E_RANGE, "a model has 1 to ", wire::kShards, " shards, not ", spec.shards);
  if (spec.tensors.empty() || spec.tensors.size() > wire::kTensors)
    fail(NGD_E_RANGE, "a model has 1 to ", wire::kTensors, " tensors, not ", spec.tensors.size());
  Optimizer dense(spec.optimizer), tables(spec.optimizer);
  add_groups(dense, spec);
  add_groups(tables, spec);
  for (const wire::TensorSpec &tensor : spec.tensors) {
    if (element_count(tensor.shape) > wire::kElements)
      fail(NGD_E_SHAPE, "tensor ", quoted(tensor.name), " is ", shape_text(tensor.shape),
           "; at most 2^40 elements are possible");
    if (tensor.table && tensor.shape.size() == 2 && tensor.shape[0] > int64_t{UINT32_MAX})
      fail(NGD_E_SHAPE, "table ", quoted(tensor.name), " has ", tensor.shape[0],
           " rows; at most 2^32 - 1 are possible");
    if (!(tensor.initial.scale >= 0 || tensor.initial.kind == wire::Initial::Kind::constant) ||
        !std::isfinite(tensor.initial.scale))
      fail(NGD_E_RANGE, "the initialiser of tensor ", quoted(tensor.name), " has the scale ",
           static_cast<double>(tensor.initial.scale), "; it must be finite and not negative");
    tensor.table ? tables.add_rows(Element::f32, tensor.name, tensor.shape)
                 : dense.add(Element::f32, tensor.name, tensor.shape);
  }
  check_optimizer(dense, spec);
}

void check_optimizer(const Optimizer &optimizer, const wire::ModelSpec &spec) {
  for (const Group &group : optimizer.groups()) {
    if (spec.shards > 1 && (group.clip.clip == Clip::norm || group.clip.clip == Clip::group_norm ||
                            group.rule->wants_gradient_norm()))
      fail(NGD_E_UNSUPPORTED, "the optimizer ", quoted(spec.optimizer, 100),
           " needs the norm of all gradients, but each of ", spec.shards,
           " shards sees its own; use one shard, or clip=value and no damping by the norm");
    if (group.rule->penalty() > 0)
      fail(NGD_E_UNSUPPORTED,
           "grad_penalty needs a second gradient at other parameters, which servers do not hold; set it to 0");
  }
}

std::vector<std::vector<wire::Piece>> layout(const wire::ModelSpec &spec) {
  const uint64_t shards = spec.shards;
  std::vector<std::vector<wire::Piece>> pieces(shards);
  std::vector<uint64_t> load(shards, 0);
  const bool cut = elements_alone(spec);
  std::vector<std::pair<uint64_t, uint32_t>> whole;
  for (uint32_t t = 0; t < spec.tensors.size(); t++) {
    const wire::TensorSpec &tensor = spec.tensors[t];
    const uint64_t count = element_count(tensor.shape);
    const uint64_t unit = tensor.table ? static_cast<uint64_t>(tensor.shape[1]) : kGrain;
    const uint64_t units = count / unit;
    if (shards == 1 || units < shards || !(tensor.table || cut)) {
      whole.emplace_back(count, t);
      continue;
    }
    for (uint64_t s = 0; s < shards; s++) {
      const uint64_t begin = part_begin(units, shards, s) * unit;
      const uint64_t end = s + 1 == shards ? count : part_begin(units, shards, s + 1) * unit;
      pieces[s].push_back({t, begin, end - begin});
      load[s] += end - begin;
    }
  }
  std::ranges::stable_sort(whole, [](const auto &a, const auto &b) { return a.first > b.first; });
  for (const auto &[count, t] : whole) {
    const size_t s = static_cast<size_t>(std::ranges::min_element(load) - load.begin());
    pieces[s].push_back({t, 0, count});
    load[s] += count;
  }
  for (auto &list : pieces) std::ranges::sort(list, {}, &wire::Piece::tensor);
  return pieces;
}

const wire::Piece *find_piece(const std::vector<wire::Piece> &pieces, uint32_t tensor) {
  const auto found = std::ranges::find(pieces, tensor, &wire::Piece::tensor);
  return found == pieces.end() ? nullptr : &*found;
}

RowRange rows_in(const std::vector<uint32_t> &rows, const wire::Piece &piece, uint64_t width) {
  const auto begin = std::ranges::lower_bound(rows, piece.first / width);
  const auto end = std::ranges::lower_bound(rows, (piece.first + piece.count) / width);
  return {static_cast<size_t>(begin - rows.begin()), static_cast<size_t>(end - begin)};
}

void add_groups(Optimizer &optimizer, const wire::ModelSpec &spec) {
  for (const wire::GroupSpec &group : spec.groups)
    optimizer.add_group(group.name, group.pattern, group.options);
}

bool same_model(const wire::ModelSpec &a, const wire::ModelSpec &b) {
  const wire::Bytes x = wire::encode(wire::CreateModel{a}), y = wire::encode(wire::CreateModel{b});
  return x.text() == y.text();
}

}  // namespace ngd::cluster
