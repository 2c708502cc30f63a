// Adam and AdamW: Kingma and Ba 2015, "Adam: a method for stochastic optimization", algorithm 1; Loshchilov and
// Hutter 2019, "Decoupled weight decay regularization", algorithm 2.
//
//   g <- g + weight_decay * w                               adam
//   w <- w - learning_rate * weight_decay * w               adamw
//   m <- beta1 * m + (1 - beta1) * g
//   v <- beta2 * v + (1 - beta2) * g^2
//   w <- w - learning_rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
// Equal to PyTorch's and the paper's algorithm 1. Keras and the paper's faster form (the end of its section 2) add epsilon
// to the uncorrected root: eps_mode=hat, and epsilon=1e-7 for Keras. optax can add one inside: eps_mode=inside.
// Decay is times the scheduled rate, as in PyTorch; the paper of AdamW multiplies by the schedule's factor alone.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/adam.cc"
#include "optimizer/rules/moments.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

struct AdamFormula {
  enum {
    kBeta1,
    kRest1,
    kBeta2,
    kRest2,
    kRate,
    kCorrection2,
    kInside,
    kOutside,
    kCoupled,
    kShrink,
    kConstants
  };
  static constexpr size_t kSlots = 2;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    V &m = s[0], &v = s[1];
    const V gradient = g + c[kCoupled] * w;
    m = c[kBeta1] * m + c[kRest1] * gradient;
    v = c[kBeta2] * v + c[kRest2] * (gradient * gradient);
    w = w - (c[kShrink] * w + c[kRate] * m / (root(v * c[kCorrection2] + c[kInside]) + c[kOutside]));
  }
};
using AdamKernel = KernelOf<AdamFormula>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr OptionSpec kAdamOptions[] = {
    learning_rate_option("0.001"), beta1_option(),    beta2_option(),
    epsilon_option("1e-8"),        eps_mode_option(), coupled_decay_option()};
constexpr OptionSpec kAdamwOptions[] = {
    learning_rate_option("0.001"), beta1_option(),    beta2_option(),
    epsilon_option("1e-8"),        eps_mode_option(), decoupled_decay_option("0.01")};

constexpr Kernel kKernel = NGD_KERNEL(AdamKernel);

template <bool kDecoupled>
class Adam : public MomentRule {
 public:
  Adam() : MomentRule(kKernel) {}
  void begin_step(uint64_t step, double) override {
    using C = HWY_STATIC_DISPATCH(AdamFormula);
    const double t = static_cast<double>(step);
    set_moment_constants<C>();
    // The first correction is folded into the rate, so that the loop has one division.
    constants[C::kRate] = learning_rate_ / correction1(t);
    set_root_constants<C>(t);
    constants[C::kCoupled] = kDecoupled ? 0 : weight_decay_;
    constants[C::kShrink] = kDecoupled ? learning_rate_ * weight_decay_ : 0;
  }
};

}  // namespace

const RuleEntry kAdam = {"adam", kAdamOptions, create_rule<Adam<false>>};
const RuleEntry kAdamw = {"adamw", kAdamwOptions, create_rule<Adam<true>>};

}  // namespace ngd
#endif
