// RMSprop: Tieleman and Hinton 2012, lecture 6.5 of "Neural networks for machine learning".
//
//   g <- g + weight_decay * w
//   v <- rho * v + (1 - rho) * g^2
//   w <- w - learning_rate * g / (sqrt(v) + epsilon)
// Equal to PyTorch's with momentum 0 and centered off, where rho is called alpha. No bias correction: the first
// steps are longer by 1 / sqrt(1 - rho^t).
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/rmsprop.cc"
#include "optimizer/rule.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

struct RmspropFormula {
  enum { kRate, kRho, kRest, kEpsilon, kDecay, kConstants };
  static constexpr size_t kSlots = 1;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    V &v = s[0];
    const V gradient = g + c[kDecay] * w;
    v = c[kRho] * v + c[kRest] * (gradient * gradient);
    w = w - c[kRate] * gradient / (root(v) + c[kEpsilon]);
  }
};
using RmspropKernel = KernelOf<RmspropFormula>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr Kernel kKernel = NGD_KERNEL(RmspropKernel);

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.001"),
    below_option("rho", "0.99", 0, 1, "Decay of the running mean of the squared gradient."),
    epsilon_option("1e-8", "Added to the root, so that nothing is divided by zero."), coupled_decay_option()};

class Rmsprop : public Rule {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    rho_ = options["rho"];
    epsilon_ = options["epsilon"];
    weight_decay_ = options["weight_decay"];
    slot_ = {"second_moment", 0, rho_, Packing::positive_mean};
  }
  std::span<const Slot> slots() const override { return {&slot_, 1}; }
  const Kernel &kernel() const override { return kKernel; }
  void begin_step(uint64_t, double) override {
    using C = HWY_STATIC_DISPATCH(RmspropFormula);
    constants[C::kRate] = learning_rate_;
    constants[C::kRho] = rho_;
    constants[C::kRest] = 1 - rho_;
    constants[C::kEpsilon] = epsilon_;
    constants[C::kDecay] = weight_decay_;
  }

 private:
  double rho_ = 0, epsilon_ = 0, weight_decay_ = 0;
  Slot slot_ = {};
};

}  // namespace

const RuleEntry kRmsprop = {"rmsprop", kOptions, create_rule<Rmsprop>};

}  // namespace ngd
#endif
