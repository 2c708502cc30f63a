// QHAdam: Ma and Yarats 2019, "Quasi-hyperbolic momentum and Adam for deep learning", section 4.
//
//   w <- w - learning_rate * weight_decay * w
//   m <- beta1 * m + (1 - beta1) * g
//   v <- beta2 * v + (1 - beta2) * g^2
//   w <- w - learning_rate * ((1 - nu1) g + nu1 m / (1 - beta1^t))
//                          / (sqrt((1 - nu2) g^2 + nu2 v / (1 - beta2^t)) + epsilon)
// nu1 = nu2 = 1 is Adam; nu1 = beta1, nu2 = 1 is close to NAdam.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/qhadam.cc"
#include "optimizer/rule.h"
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
    kEpsilon,
    kKeep,
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
    w = c[kKeep] * w - c[kRate] * n / (root(c[kOfSquare] * square + c[kOfSecond] * v) + c[kEpsilon]);
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
    epsilon_option("1e-8", "Added to the root, so that nothing is divided by zero."),
    decoupled_decay_option("0"),
    nonfinite_option()};
constexpr Kernel kKernel = NGD_KERNEL(QhadamKernel);

class Qhadam : public Rule {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    beta1_ = options["beta1"];
    beta2_ = options["beta2"];
    nu1_ = options["nu1"];
    nu2_ = options["nu2"];
    epsilon_ = options["epsilon"];
    weight_decay_ = options["weight_decay"];
    slots_[0] = {"first_moment", 0, beta1_};
    slots_[1] = {"second_moment", 0, beta2_};
  }
  std::span<const Slot> slots() const override { return slots_; }
  const Kernel &kernel() const override { return kKernel; }
  void begin_step(uint64_t step, double) override {
    using C = HWY_STATIC_DISPATCH(QhadamFormula);
    const double t = static_cast<double>(step);
    constants[C::kBeta1] = beta1_;
    constants[C::kRest1] = 1 - beta1_;
    constants[C::kBeta2] = beta2_;
    constants[C::kRest2] = 1 - beta2_;
    constants[C::kRate] = learning_rate_;
    constants[C::kOfMoment] = nu1_ / bias_correction(beta1_, t);
    constants[C::kOfGradient] = 1 - nu1_;
    constants[C::kOfSecond] = nu2_ / bias_correction(beta2_, t);
    constants[C::kOfSquare] = 1 - nu2_;
    constants[C::kEpsilon] = epsilon_;
    constants[C::kKeep] = 1 - learning_rate_ * weight_decay_;
  }

 private:
  double learning_rate_ = 0, beta1_ = 0, beta2_ = 0, nu1_ = 0, nu2_ = 0, epsilon_ = 0, weight_decay_ = 0;
  Slot slots_[2] = {};
};

}  // namespace

const RuleEntry kQhadam = {"qhadam", kOptions, create_rule<Qhadam>};

}  // namespace ngd
#endif
