// RAdam: Liu et al. 2020, "On the variance of the adaptive learning rate and beyond", algorithm 2.
//
//   g <- g + weight_decay * w
//   m <- beta1 * m + (1 - beta1) * g
//   v <- beta2 * v + (1 - beta2) * g^2
//   p  = p_inf - 2 t beta2^t / (1 - beta2^t),   p_inf = 2 / (1 - beta2) - 1
//   r  = sqrt((p - 4) (p - 2) p_inf / ((p_inf - 4) (p_inf - 2) p))
//   w <- w - learning_rate * m / (1 - beta1^t) * r * sqrt(1 - beta2^t) / (sqrt(v) + epsilon)     while p > 5
//   w <- w - learning_rate * m / (1 - beta1^t)                                                    before
// Equal to PyTorch's: epsilon is added to the root before its correction (eps_mode=hat). The paper has no epsilon and
// switches at p > 4; optax switches at p >= 5 and has eps_mode=outside.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/radam.cc"
#include "optimizer/rules/moments.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

struct RadamFormula {
  enum { kBeta1, kRest1, kBeta2, kRest2, kRate, kInside, kRoot, kOffset, kDecay, kConstants };
  static constexpr size_t kSlots = 2;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    V &m = s[0], &v = s[1];
    const V gradient = g + c[kDecay] * w;
    m = c[kBeta1] * m + c[kRest1] * gradient;
    v = c[kBeta2] * v + c[kRest2] * (gradient * gradient);
    w = w - c[kRate] * m / (c[kRoot] * root(v + c[kInside]) + c[kOffset]);
  }
};
using RadamKernel = KernelOf<RadamFormula>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.001"), beta1_option(),         beta2_option(),
    epsilon_option("1e-8"),        eps_mode_option("hat"), coupled_decay_option()};
constexpr Kernel kKernel = NGD_KERNEL(RadamKernel);

class Radam : public MomentRule {
 public:
  Radam() : MomentRule(kKernel) {}
  void begin_step(uint64_t step, double) override {
    using C = HWY_STATIC_DISPATCH(RadamFormula);
    const double t = static_cast<double>(step);
    const double limit = 2 / (1 - beta2_) - 1;
    const double p = limit - 2 * t * (1 - correction2(t)) / correction2(t);
    set_moment_constants<C>();
    constants[C::kDecay] = weight_decay_;
    double rate = learning_rate_ / correction1(t);
    // Before the variance can be told, the divisor is 1.
    constants[C::kInside] = 0;
    constants[C::kRoot] = 0;
    constants[C::kOffset] = 1;
    if (p > 5) {
      rate *=
          std::sqrt((p - 4) * (p - 2) * limit / ((limit - 4) * (limit - 2) * p)) * std::sqrt(correction2(t));
      constants[C::kRoot] = 1;
      const Epsilon epsilon = placed_epsilon(epsilon_, epsilon_mode_, 1 / correction2(t), 1);
      constants[C::kInside] = epsilon.inside;
      constants[C::kOffset] = epsilon.outside;
    }
    constants[C::kRate] = rate;
  }
};

}  // namespace

const RuleEntry kRadam = {"radam", kOptions, create_rule<Radam>};

}  // namespace ngd
#endif
