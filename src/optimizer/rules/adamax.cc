// Adamax: Kingma and Ba 2015, "Adam: a method for stochastic optimization", algorithm 2.
//
//   g <- g + weight_decay * w
//   m <- beta1 * m + (1 - beta1) * g
//   u <- max(beta2 * u, |g| + epsilon)
//   w <- w - learning_rate / (1 - beta1^t) * m / u
// Equal to PyTorch's. The paper has no epsilon; Keras adds it to u where it divides, w <- w - rate m / (u + epsilon).
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/adamax.cc"
#include "optimizer/rules/moments.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

struct AdamaxFormula {
  enum { kBeta1, kRest1, kBeta2, kRate, kEpsilon, kDecay, kConstants };
  static constexpr size_t kSlots = 2;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    V &m = s[0], &u = s[1];
    const V gradient = g + c[kDecay] * w;
    m = c[kBeta1] * m + c[kRest1] * gradient;
    u = larger(c[kBeta2] * u, magnitude(gradient) + c[kEpsilon]);
    w = w - c[kRate] * m / u;
  }
};
using AdamaxKernel = KernelOf<AdamaxFormula>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.002"), beta1_option(),
    below_option("beta2", "0.999", 0, 1, "Decay of the largest gradient seen."),
    epsilon_option("1e-8", "Added to the gradient's magnitude, so that nothing is divided by zero."),
    coupled_decay_option()};
constexpr Kernel kKernel = NGD_KERNEL(AdamaxKernel);

class Adamax : public MomentRule {
 public:
  Adamax() : MomentRule(kKernel, "infinity_norm") {}
  void configure(const OptionSet &options) override { configure_moments(options); }
  void begin_step(uint64_t step, double) override {
    using C = HWY_STATIC_DISPATCH(AdamaxFormula);
    constants[C::kBeta1] = beta1_;
    constants[C::kRest1] = 1 - beta1_;
    constants[C::kBeta2] = beta2_;
    constants[C::kRate] = learning_rate_ / correction1(static_cast<double>(step));
    constants[C::kEpsilon] = epsilon_;
    constants[C::kDecay] = weight_decay_;
  }
};

}  // namespace

const RuleEntry kAdamax = {"adamax", kOptions, create_rule<Adamax>};

}  // namespace ngd
#endif
