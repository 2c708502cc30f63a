// AMSGrad: Reddi, Kale and Kumar 2018, "On the convergence of Adam and beyond", algorithm 2.
//
//   g <- g + weight_decay * w
//   m <- beta1 * m + (1 - beta1) * g
//   v <- beta2 * v + (1 - beta2) * g^2
//   x <- max(x, v)
//   w <- w - learning_rate * (m / (1 - beta1^t)) / (sqrt(x / (1 - beta2^t)) + epsilon)
// Equal to PyTorch's Adam(amsgrad=True). Keras takes the same maximum, with eps_mode=hat. The paper has no bias
// corrections; optax takes the maximum of the corrected moments.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/amsgrad.cc"
#include "optimizer/rules/moments.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

struct AmsgradFormula {
  enum { kBeta1, kRest1, kBeta2, kRest2, kRate, kCorrection2, kInside, kOutside, kDecay, kConstants };
  static constexpr size_t kSlots = 3;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    V &m = s[0], &v = s[1], &x = s[2];
    const V gradient = g + c[kDecay] * w;
    m = c[kBeta1] * m + c[kRest1] * gradient;
    v = c[kBeta2] * v + c[kRest2] * (gradient * gradient);
    x = larger(x, v);
    w = w - c[kRate] * m / (root(x * c[kCorrection2] + c[kInside]) + c[kOutside]);
  }
};
using AmsgradKernel = KernelOf<AmsgradFormula>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {learning_rate_option("0.001"), beta1_option(),    beta2_option(),
                                   epsilon_option("1e-8"),        eps_mode_option(), coupled_decay_option()};
constexpr Kernel kKernel = NGD_KERNEL(AmsgradKernel);

class Amsgrad : public MomentRule {
 public:
  Amsgrad() : MomentRule(kKernel) {
    slots_[2] = {"largest_second_moment", 0, 1, Packing::positive_mean};
    slot_count_ = 3;
  }
  void begin_step(uint64_t step, double) override {
    using C = HWY_STATIC_DISPATCH(AmsgradFormula);
    const double t = static_cast<double>(step);
    set_moment_constants<C>();
    constants[C::kRate] = learning_rate_ / correction1(t);
    set_root_constants<C>(t);
    constants[C::kDecay] = weight_decay_;
  }
};

}  // namespace

const RuleEntry kAmsgrad = {"amsgrad", kOptions, create_rule<Amsgrad>};

}  // namespace ngd
#endif
