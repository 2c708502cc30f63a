// The averaged parameters, as they are asked for.
#include <algorithm>

#include "base/error.h"
#include "optimizer/optimizer.h"

namespace ngd {
namespace {

template <class T>
void give(const StateArray &array, Target target, T *to) {
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>)
    std::copy_n(array.values<const T>(), array.count(), to);
  else
    narrow(target, array.values<const float>(), to, array.count());
}

}  // namespace

template <class T>
void Optimizer::average(std::span<const T *const> parameters, std::span<T *const> averages) const {
  if (element() != element_of<T>)
    fail(NGD_E_STATE, "the tensors were declared as ", element_word(element()), "; use the functions of that type");
  if (parameters.size() != sweep_.specs.size() || averages.size() != sweep_.specs.size())
    fail(NGD_E_SHAPE, "there are ", averages.size(), " arrays for averages, but ", sweep_.specs.size(),
         " tensors were declared");
  if (settings_.average == Average::none)
    fail(NGD_E_STATE, "no average is kept; set the option average before the first step");
  for (size_t i = 0; i < averages.size(); i++) {
    // Before the average begins, it is the parameters.
    if (averaged_ == 0)
      std::copy_n(parameters[i], element_count(sweep_.specs[i].shape), averages[i]);
    else
      give(sweep_.states[i].average, sweep_.target, averages[i]);
  }
}

template void Optimizer::average(std::span<const float *const>, std::span<float *const>) const;
template void Optimizer::average(std::span<const double *const>, std::span<double *const>) const;
template void Optimizer::average(std::span<const Bf16 *const>, std::span<Bf16 *const>) const;
template void Optimizer::average(std::span<const F16 *const>, std::span<F16 *const>) const;

}  // namespace ngd
