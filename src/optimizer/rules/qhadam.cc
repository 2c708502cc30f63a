// QHAdam: Ma and Yarats 2019, "Quasi-hyperbolic momentum and Adam for deep learning", section 4.
//
//   w <- w - learning_rate * weight_decay * w
//   m <- beta1 * m + (1 - beta1) * g
//   v <- beta2 * v + (1 - beta2) * g^2
//   w <- w - learning_rate * ((1 - nu1) g + nu1 m / (1 - beta1^t))
//                          / (sqrt((1 - nu2) g^2 + nu2 v / (1 - beta2^t)) + epsilon)
// nu1 = nu2 = 1 is Adam; nu1 = beta1, nu2 = 1 is close to NAdam. Decay is decoupled; the authors' program has an option
// for it and couples by default. eps_mode=hat divides epsilon by sqrt(1 - beta2^t), although g^2 needs no correction.
// PyTorch and Keras have no QHAdam.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/qhadam.cc"
#include "optimizer/rules/moments.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

struct QhadamFormula {
  enum {
    kBeta1,
    kRest1,
    kBeta2,
    kRest2,
    kRate,
    kOfMoment,
    kOfGradient,
    kOfSecond,
    kOfSquare,
    kInside,
    kOutside,
    kShrink,
    kConstants
  };
  static constexpr size_t kSlots = 2;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    V &m = s[0], &v = s[1];
    const V square = g * g;
    m = c[kBeta1] * m + c[kRest1] * g;
    v = c[kBeta2] * v + c[kRest2] * square;
    const V n = c[kOfGradient] * g + c[kOfMoment] * m;
    const V divisor = root(c[kOfSquare] * square + c[kOfSecond] * v + c[kInside]) + c[kOutside];
    w = w - (c[kShrink] * w + c[kRate] * n / divisor);
  }
};
using QhadamKernel = KernelOf<QhadamFormula>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.001"),
    below_option("beta1", "0.995", 0, 1, "Decay of the first moment, the running mean of the gradient."),
    beta2_option(),
    number_option("nu1", "0.7", 0, 1, "Weight of the first moment against the gradient itself."),
    number_option("nu2", "1", 0, 1, "Weight of the second moment against the squared gradient itself."),
    epsilon_option("1e-8"),
    eps_mode_option(),
    decoupled_decay_option("0")};
constexpr Kernel kKernel = NGD_KERNEL(QhadamKernel);

class Qhadam : public MomentRule {
 public:
  Qhadam() : MomentRule(kKernel) {}
  void configure(const OptionSet &options) override {
    MomentRule::configure(options);
    nu1_ = options["nu1"];
    nu2_ = options["nu2"];
  }
  void begin_step(uint64_t step, double) override {
    using C = HWY_STATIC_DISPATCH(QhadamFormula);
    const double t = static_cast<double>(step);
    set_moment_constants<C>();
    constants[C::kRate] = learning_rate_;
    constants[C::kOfMoment] = nu1_ / correction1(t);
    constants[C::kOfGradient] = 1 - nu1_;
    constants[C::kOfSecond] = nu2_ / correction2(t);
    constants[C::kOfSquare] = 1 - nu2_;
    const double correction = 1 / correction2(t);
    const Epsilon epsilon = placed_epsilon(epsilon_, epsilon_mode_, correction, correction);
    constants[C::kInside] = epsilon.inside;
    constants[C::kOutside] = epsilon.outside;
    constants[C::kShrink] = learning_rate_ * weight_decay_;
  }

 private:
  double nu1_ = 0, nu2_ = 0;
};

}  // namespace

const RuleEntry kQhadam = {"qhadam", kOptions, create_rule<Qhadam>};

}  // namespace ngd
#endif
