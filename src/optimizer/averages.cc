// The averaged parameters, as they are asked for.
#include <algorithm>

#include "base/error.h"
#include "optimizer/optimizer.h"
#include "optimizer/rule.h"

namespace ngd {
namespace {

template <class T>
constexpr bool kWide = std::is_same_v<T, float> || std::is_same_v<T, double>;

template <class T>
void give(const StateArray &array, Target target, T *to) {
  if constexpr (kWide<T>)
    std::copy_n(array.values<const T>(), array.count(), to);
  else
    narrow(target, array.values<const float>(), to, array.count());
}

}  // namespace

// The rule's own average of a tensor, in pieces that a packed state passes through.
template <class T>
void Optimizer::give_rule_average(size_t tensor, const T *parameters, T *to) const {
  using Number = std::conditional_t<std::is_same_v<T, double>, double, float>;
  constexpr size_t kPart = 1024;
  const TensorState &state = sweep_.states[tensor];
  const Rule &rule = *groups_[sweep_.group_of[tensor]].rule;
  const size_t count = element_count(sweep_.specs[tensor].shape);
  const size_t run = sweep_.specs[tensor].rows ? sweep_.width(tensor) : count;
  std::vector<Number> slots(state.slots.size() * kPart), wide(kPart), averages(kPart);
  for (size_t begin = 0; begin < count; begin += run) {
    for (size_t at = begin; at < begin + run; at += kPart) {
      const size_t some = std::min(kPart, begin + run - at);
      const Number *pointers[kMaximumSlots] = {};
      for (size_t s = 0; s < state.slots.size(); s++) {
        pointers[s] = slots.data() + s * kPart;
        if (state.slots[s].packed())
          state.slots[s].load(sweep_.target, at, some, slots.data() + s * kPart);
        else
          pointers[s] = state.slots[s].values<const Number>() + at;
      }
      if constexpr (kWide<T>) {
        rule.average(some, parameters + at, pointers, to + at);
      } else {
        if (state.master.empty())
          widen(sweep_.target, parameters + at, wide.data(), some);
        else
          std::copy_n(state.master.values<const float>() + at, some, wide.data());
        rule.average(some, wide.data(), pointers, averages.data());
        narrow(sweep_.target, averages.data(), to + at, some);
      }
    }
  }
}

template <class T>
void Optimizer::average(std::span<const T *const> parameters, std::span<T *const> averages) const {
  if (element() != element_of<T>)
    fail(NGD_E_STATE, "the tensors were declared as ", element_word(element()),
         "; use the functions of that type");
  if (parameters.size() != sweep_.specs.size() || averages.size() != sweep_.specs.size())
    fail(NGD_E_SHAPE, "there are ", averages.size(), " arrays for averages, but ", sweep_.specs.size(),
         " tensors were declared");
  const bool of_rule = settings_.average == Average::none && groups_.front().rule->averages();
  if (settings_.average == Average::none && !of_rule)
    fail(NGD_E_STATE, "no average is kept; set the option average, or use a rule that has one");
  for (size_t i = 0; i < averages.size(); i++) {
    if (of_rule && step_count_ > 0)
      give_rule_average(i, parameters[i], averages[i]);
    else if (averaged_ > 0)
      give(sweep_.states[i].average, sweep_.target, averages[i]);
    else  // before the average begins, it is the parameters
      std::copy_n(parameters[i], element_count(sweep_.specs[i].shape), averages[i]);
  }
}

template void Optimizer::average(std::span<const float *const>, std::span<float *const>) const;
template void Optimizer::average(std::span<const double *const>, std::span<double *const>) const;
template void Optimizer::average(std::span<const Bf16 *const>, std::span<Bf16 *const>) const;
template void Optimizer::average(std::span<const F16 *const>, std::span<F16 *const>) const;

}  // namespace ngd
