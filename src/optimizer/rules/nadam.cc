// NAdam: Dozat 2016, "Incorporating Nesterov momentum into Adam", with its schedule of the momentum.
//
//   g  <- g + weight_decay * w
//   b_t = beta1 * (1 - 0.5 * 0.96^(t * momentum_decay));   p_t = b_1 b_2 ... b_t
//   m  <- beta1 * m + (1 - beta1) * g
//   v  <- beta2 * v + (1 - beta2) * g^2
//   n   = (1 - b_t) / (1 - p_t) * g + b_(t+1) / (1 - p_(t+1)) * m
//   w  <- w - learning_rate * n / (sqrt(v / (1 - beta2^t)) + epsilon)
// Equal to PyTorch's, and to Keras' with momentum_decay=1 and epsilon=1e-7. ngd with accel=nesterov and eps_mode=outside
// is the limit of a large momentum_decay.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/nadam.cc"
#include "optimizer/rules/moments.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

struct NadamFormula {
  enum {
    kBeta1,
    kRest1,
    kBeta2,
    kRest2,
    kOfGradient,
    kOfMoment,
    kCorrection2,
    kInside,
    kOutside,
    kDecay,
    kConstants
  };
  static constexpr size_t kSlots = 2;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    V &m = s[0], &v = s[1];
    const V gradient = g + c[kDecay] * w;
    m = c[kBeta1] * m + c[kRest1] * gradient;
    v = c[kBeta2] * v + c[kRest2] * (gradient * gradient);
    w = w -
        (c[kOfGradient] * gradient + c[kOfMoment] * m) / (root(v * c[kCorrection2] + c[kInside]) + c[kOutside]);
  }
};
using NadamKernel = KernelOf<NadamFormula>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.002"),
    beta1_option(),
    beta2_option(),
    epsilon_option("1e-8"),
    eps_mode_option(),
    number_option("momentum_decay", "0.004", 0, kInfinity,
                  "How fast the look-ahead grows from half of beta1 to all of it."),
    coupled_decay_option()};
constexpr Kernel kKernel = NGD_KERNEL(NadamKernel);

class Nadam : public MomentRule {
 public:
  Nadam() : MomentRule(kKernel) {}
  void configure(const OptionSet &options) override {
    MomentRule::configure(options);
    momentum_decay_ = options["momentum_decay"];
  }
  std::span<Scalar> scalars() override { return {&product_, 1}; }
  void begin_step(uint64_t step, double) override {
    using C = HWY_STATIC_DISPATCH(NadamFormula);
    const double t = static_cast<double>(step);
    const double now = momentum(t), next = momentum(t + 1);
    if (step == 1) product_.value = 1;
    product_.value *= now;
    set_moment_constants<C>();
    constants[C::kOfGradient] = learning_rate_ * (1 - now) / (1 - product_.value);
    constants[C::kOfMoment] = learning_rate_ * next / (1 - product_.value * next);
    set_root_constants<C>(t);
    constants[C::kDecay] = weight_decay_;
  }

 private:
  double momentum(double t) const { return beta1_ * (1 - 0.5 * std::pow(0.96, t * momentum_decay_)); }

  double momentum_decay_ = 0;
  Scalar product_ = {"momentum_product", 1};
};

}  // namespace

const RuleEntry kNadam = {"nadam", kOptions, create_rule<Nadam>};

}  // namespace ngd
#endif
