// RAdam: Liu et al. 2020, "On the variance of the adaptive learning rate and beyond", algorithm 2.
//
//   g <- g + weight_decay * w
//   m <- beta1 * m + (1 - beta1) * g
//   v <- beta2 * v + (1 - beta2) * g^2
//   p  = p_inf - 2 t beta2^t / (1 - beta2^t),   p_inf = 2 / (1 - beta2) - 1
//   r  = sqrt((p - 4) (p - 2) p_inf / ((p_inf - 4) (p_inf - 2) p))
//   w <- w - learning_rate * m / (1 - beta1^t) * r * sqrt(1 - beta2^t) / (sqrt(v) + epsilon)     while p > 5
//   w <- w - learning_rate * m / (1 - beta1^t)                                                    before
// Equal to PyTorch's: epsilon is added to the root before its correction. The paper switches at p > 4.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/radam.cc"
#include "optimizer/rule.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

struct RadamFormula {
  enum { kBeta1, kRest1, kBeta2, kRest2, kRate, kRoot, kOffset, kDecay, kConstants };
  static constexpr size_t kSlots = 2;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    V &m = s[0], &v = s[1];
    const V gradient = g + c[kDecay] * w;
    m = c[kBeta1] * m + c[kRest1] * gradient;
    v = c[kBeta2] * v + c[kRest2] * (gradient * gradient);
    w = w - c[kRate] * m / (c[kRoot] * root(v) + c[kOffset]);
  }
};
using RadamKernel = KernelOf<RadamFormula>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.001"),
    beta1_option(),
    beta2_option(),
    epsilon_option("1e-8", "Added to the root, so that nothing is divided by zero."),
    coupled_decay_option(),
    nonfinite_option()};
constexpr Kernel kKernel = NGD_KERNEL(RadamKernel);

class Radam : public Rule {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    beta1_ = options["beta1"];
    beta2_ = options["beta2"];
    epsilon_ = options["epsilon"];
    weight_decay_ = options["weight_decay"];
    slots_[0] = {"first_moment", 0, beta1_};
    slots_[1] = {"second_moment", 0, beta2_};
  }
  std::span<const Slot> slots() const override { return slots_; }
  const Kernel &kernel() const override { return kKernel; }
  void begin_step(uint64_t step, double) override {
    using C = HWY_STATIC_DISPATCH(RadamFormula);
    const double t = static_cast<double>(step);
    const double correction2 = bias_correction(beta2_, t);
    const double limit = 2 / (1 - beta2_) - 1;
    const double p = limit - 2 * t * (1 - correction2) / correction2;
    constants[C::kBeta1] = beta1_;
    constants[C::kRest1] = 1 - beta1_;
    constants[C::kBeta2] = beta2_;
    constants[C::kRest2] = 1 - beta2_;
    constants[C::kDecay] = weight_decay_;
    double rate = learning_rate_ / bias_correction(beta1_, t);
    // Before the variance can be told, the divisor is 1.
    constants[C::kRoot] = 0;
    constants[C::kOffset] = 1;
    if (p > 5) {
      rate *= std::sqrt((p - 4) * (p - 2) * limit / ((limit - 4) * (limit - 2) * p)) * std::sqrt(correction2);
      constants[C::kRoot] = 1;
      constants[C::kOffset] = epsilon_;
    }
    constants[C::kRate] = rate;
  }

 private:
  double learning_rate_ = 0, beta1_ = 0, beta2_ = 0, epsilon_ = 0, weight_decay_ = 0;
  Slot slots_[2] = {};
};

}  // namespace

const RuleEntry kRadam = {"radam", kOptions, create_rule<Radam>};

}  // namespace ngd
#endif
