// Yogi: Zaheer et al. 2018, "Adaptive methods for nonconvex optimization", algorithm 2.
//
//   g <- g + weight_decay * w
//   m <- beta1 * m + (1 - beta1) * g
//   v <- v - (1 - beta2) * sign(v - g^2) * g^2
//   w <- w - learning_rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
// Both moments begin at initial_accumulator, as in the authors' program and optax; the paper's begin at 0 and are not
// corrected. The authors' program has eps_mode=hat. PyTorch and Keras have no Yogi.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/yogi.cc"
#include "optimizer/rules/moments.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

struct YogiFormula {
  enum { kBeta1, kRest1, kRest2, kRate, kCorrection2, kInside, kOutside, kDecay, kConstants };
  static constexpr size_t kSlots = 2;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    V &m = s[0], &v = s[1];
    const V gradient = g + c[kDecay] * w;
    const V square = gradient * gradient;
    m = c[kBeta1] * m + c[kRest1] * gradient;
    v = v - c[kRest2] * (sign(v - square) * square);
    w = w - c[kRate] * m / (root(v * c[kCorrection2] + c[kInside]) + c[kOutside]);
  }
};
using YogiKernel = KernelOf<YogiFormula>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.01"),
    beta1_option(),
    below_option("beta2", "0.999", 0, 1,
                 "1 minus the share of g^2 by which the second moment moves towards it."),
    epsilon_option("0.001"),
    eps_mode_option(),
    fixed(number_option("initial_accumulator", "1e-6", 0, kInfinity, "Both moments before the first step.")),
    coupled_decay_option()};
constexpr Kernel kKernel = NGD_KERNEL(YogiKernel);

class Yogi : public MomentRule {
 public:
  Yogi() : MomentRule(kKernel) {}
  void configure(const OptionSet &options) override {
    MomentRule::configure(options);
    slots_[0].initial = slots_[1].initial = options["initial_accumulator"];
    slots_[1].decay = 1;  // a gradient of 0 moves v by sign(v) 0
  }
  void begin_step(uint64_t step, double) override {
    using C = HWY_STATIC_DISPATCH(YogiFormula);
    const double t = static_cast<double>(step);
    constants[C::kBeta1] = beta1_;
    constants[C::kRest1] = 1 - beta1_;
    constants[C::kRest2] = 1 - beta2_;
    constants[C::kRate] = learning_rate_ / correction1(t);
    set_root_constants<C>(t);
    constants[C::kDecay] = weight_decay_;
  }
};

}  // namespace

const RuleEntry kYogi = {"yogi", kOptions, create_rule<Yogi>};

}  // namespace ngd
#endif
