// The part of a step that belongs to rules on whole tensors.
#include <algorithm>

#include "optimizer/sweep.h"
#include "optimizer/sweep_job.h"
#include "optimizer/whole.h"

namespace ngd {

uint64_t Sweep::update_whole() {
  uint64_t not_finite = 0;
  for (size_t g = 0; g < groups.size(); g++) {
    if (groups[g].rule->whole() == nullptr) continue;
    not_finite += element == Element::f64 ? update_whole_group<double>(g) : update_whole_group<float>(g);
  }
  return not_finite;
}

// The gradients are prepared into arrays of their own, the rule makes its step, and what follows every step follows.
template <class T>
uint64_t Sweep::update_whole_group(size_t group) {
  const auto own_works = [&](auto &job, auto body) {
    for (const Work &work : layout_.share(0, layout_.works.size(), job.thread(), team->size())) {
      if (group_of[work.tensor] == group) body(work);
    }
  };
  in_parallel([&](auto &job) {
    own_works(job, [&](const Work &work) {
      using Number = typename std::remove_reference_t<decltype(job)>::Number;
      job.prepare(work, reinterpret_cast<Number *>(prepared_[work.tensor].data()));
    });
  });
  const uint64_t not_finite = not_finite_total();

  std::vector<WholeTensor<T>> &tensors = whole_tensors<T>();
  size_t count = 0;
  for (size_t i = 0; i < specs.size(); i++) {
    if (group_of[i] != group) continue;
    TensorState &state = states[i];
    WholeTensor<T> &tensor = tensors[count++];
    tensor = {&specs[i].shape,
              element_count(specs[i].shape),
              static_cast<T *>(calls[i].parameter),
              reinterpret_cast<const T *>(prepared_[i].data()),
              {}};
    if (!state.master.empty()) tensor.parameter = state.master.values<T>();
    for (size_t s = 0; s < state.slots.size(); s++)
      tensor.slot[s] = state.slots[s].empty() ? nullptr : state.slots[s].values<T>();
  }
  groups[group].rule->whole()->step(*team, target, std::span<const WholeTensor<T>>(tensors.data(), count));

  in_parallel([&](auto &job) { own_works(job, [&](const Work &work) { job.follow_up(work); }); });
  return not_finite;
}

template uint64_t Sweep::update_whole_group<float>(size_t group);
template uint64_t Sweep::update_whole_group<double>(size_t group);

}  // namespace ngd
