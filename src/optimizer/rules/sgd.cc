// Stochastic gradient descent: Robbins and Monro 1951, "A stochastic approximation method".
//
//   g <- g + weight_decay * w
//   w <- w - learning_rate * g
// Equal to PyTorch's and Keras' SGD without momentum.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/sgd.cc"
#include "optimizer/rule.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

struct SgdFormula {
  enum { kRate, kDecay, kConstants };
  static constexpr size_t kSlots = 0;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *) {
    w = w - c[kRate] * (g + c[kDecay] * w);
  }
};
using SgdKernel = KernelOf<SgdFormula>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr Kernel kKernel = NGD_EXACT_KERNEL(SgdKernel);

constexpr OptionSpec kOptions[] = {learning_rate_option("0.01"), coupled_decay_option()};

class Sgd : public Rule {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    weight_decay_ = options["weight_decay"];
  }
  std::span<const Slot> slots() const override { return {}; }
  const Kernel &kernel() const override { return kKernel; }
  bool squares_gradients() const override { return false; }
  void begin_step(uint64_t, double) override {
    using C = HWY_STATIC_DISPATCH(SgdFormula);
    constants[C::kRate] = learning_rate_;
    constants[C::kDecay] = weight_decay_;
  }

 private:
  double weight_decay_ = 0;
};

}  // namespace

const RuleEntry kSgd = {"sgd", kOptions, create_rule<Sgd>};

}  // namespace ngd
#endif
