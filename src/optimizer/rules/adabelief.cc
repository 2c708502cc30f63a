// AdaBelief: Zhuang et al. 2020, "AdaBelief optimizer: adapting stepsizes by the belief in observed gradients",
// algorithm 2.
//
//   w <- w - learning_rate * weight_decay * w
//   m <- beta1 * m + (1 - beta1) * g
//   s <- beta2 * s + (1 - beta2) * (g - m)^2 + epsilon
//   w <- w - learning_rate * (m / (1 - beta1^t)) / (sqrt(s / (1 - beta2^t)) + epsilon)
// As in the paper epsilon stands in both places; eps_mode is about the second. Decay is decoupled, as in the authors'
// program by default. PyTorch and Keras have no AdaBelief; optax calls the first epsilon eps_root.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/adabelief.cc"
#include "optimizer/rules/moments.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

struct AdabeliefFormula {
  enum {
    kBeta1,
    kRest1,
    kBeta2,
    kRest2,
    kRate,
    kCorrection2,
    kEpsilon,
    kInside,
    kOutside,
    kShrink,
    kConstants
  };
  static constexpr size_t kSlots = 2;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *state) {
    V &m = state[0], &s = state[1];
    m = c[kBeta1] * m + c[kRest1] * g;
    const V surprise = g - m;
    s = c[kBeta2] * s + c[kRest2] * (surprise * surprise) + c[kEpsilon];
    w = w - (c[kShrink] * w + c[kRate] * m / (root(s * c[kCorrection2] + c[kInside]) + c[kOutside]));
  }
};
using AdabeliefKernel = KernelOf<AdabeliefFormula>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.001"),
    beta1_option(),
    below_option("beta2", "0.999", 0, 1, "Decay of the running mean of the squared surprise."),
    epsilon_option("1e-16", "Added to the squared surprise in each step, and to its root as eps_mode says."),
    eps_mode_option(),
    decoupled_decay_option("0")};
constexpr Kernel kKernel = NGD_KERNEL(AdabeliefKernel);

class Adabelief : public MomentRule {
 public:
  Adabelief() : MomentRule(kKernel, "surprise") {}
  void begin_step(uint64_t step, double) override {
    using C = HWY_STATIC_DISPATCH(AdabeliefFormula);
    const double t = static_cast<double>(step);
    set_moment_constants<C>();
    constants[C::kRate] = learning_rate_ / correction1(t);
    constants[C::kEpsilon] = epsilon_;
    set_root_constants<C>(t);
    constants[C::kShrink] = learning_rate_ * weight_decay_;
  }
};

}  // namespace

const RuleEntry kAdabelief = {"adabelief", kOptions, create_rule<Adabelief>};

}  // namespace ngd
#endif
