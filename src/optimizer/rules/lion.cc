// Lion: Chen et al. 2023, "Symbolic discovery of optimization algorithms", program 1.
//
//   u  = sign(beta1 * m + (1 - beta1) * g)                  sign(0) = 0
//   w <- w - learning_rate * (u + weight_decay * w)
//   m <- beta2 * m + (1 - beta2) * g
// Its rate is three to ten times smaller than Adam's. Equal to the authors' program, and to Keras' with learning_rate=0.001.
// PyTorch has no Lion.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/lion.cc"
#include "optimizer/rule.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

struct LionFormula {
  enum { kBeta1, kRest1, kBeta2, kRest2, kRate, kShrink, kConstants };
  static constexpr size_t kSlots = 1;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    V &m = s[0];
    w = w - (c[kShrink] * w + c[kRate] * sign(c[kBeta1] * m + c[kRest1] * g));
    m = c[kBeta2] * m + c[kRest2] * g;
  }
};
using LionKernel = KernelOf<LionFormula>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.0001"),
    below_option("beta1", "0.9", 0, 1, "Weight of the momentum in the direction of a step."),
    below_option("beta2", "0.99", 0, 1, "Decay of the momentum, the running mean of the gradient."),
    decoupled_decay_option("0")};
constexpr Kernel kKernel = NGD_KERNEL(LionKernel);

class Lion : public Rule {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    beta1_ = options["beta1"];
    beta2_ = options["beta2"];
    weight_decay_ = options["weight_decay"];
    slot_ = {"momentum", 0, beta2_, Packing::signed_mean};
  }
  std::span<const Slot> slots() const override { return {&slot_, 1}; }
  const Kernel &kernel() const override { return kKernel; }
  bool squares_gradients() const override { return false; }
  void begin_step(uint64_t, double) override {
    using C = HWY_STATIC_DISPATCH(LionFormula);
    constants[C::kBeta1] = beta1_;
    constants[C::kRest1] = 1 - beta1_;
    constants[C::kBeta2] = beta2_;
    constants[C::kRest2] = 1 - beta2_;
    constants[C::kRate] = learning_rate_;
    constants[C::kShrink] = learning_rate_ * weight_decay_;
  }

 private:
  double beta1_ = 0, beta2_ = 0, weight_decay_ = 0;
  Slot slot_ = {};
};

}  // namespace

const RuleEntry kLion = {"lion", kOptions, create_rule<Lion>};

}  // namespace ngd
#endif
