// Adagrad: Duchi, Hazan and Singer 2011, "Adaptive subgradient methods".
//
//   g <- g + weight_decay * w
//   h <- h + g^2                                            h = initial_accumulator before the first step
//   w <- w - learning_rate * g / (sqrt(h) + epsilon)
// Equal to PyTorch's with lr_decay 0. Keras starts from an accumulator of 0.1.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/adagrad.cc"
#include "optimizer/rule.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

struct AdagradFormula {
  enum { kRate, kEpsilon, kDecay, kConstants };
  static constexpr size_t kSlots = 1;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    V &h = s[0];
    const V gradient = g + c[kDecay] * w;
    h = h + gradient * gradient;
    w = w - c[kRate] * gradient / (root(h) + c[kEpsilon]);
  }
};
using AdagradKernel = KernelOf<AdagradFormula>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr Kernel kKernel = NGD_KERNEL(AdagradKernel);

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.01"),
    epsilon_option("1e-10", "Added to the root, so that nothing is divided by zero."),
    fixed(number_option("initial_accumulator", "0", 0, kInfinity, "Sum of squares before the first step.")),
    coupled_decay_option()};

class Adagrad : public Rule {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    epsilon_ = options["epsilon"];
    weight_decay_ = options["weight_decay"];
    slot_ = {"sum_of_squares", options["initial_accumulator"], 1};
  }
  std::span<const Slot> slots() const override { return {&slot_, 1}; }
  const Kernel &kernel() const override { return kKernel; }
  void begin_step(uint64_t, double) override {
    using C = HWY_STATIC_DISPATCH(AdagradFormula);
    constants[C::kRate] = learning_rate_;
    constants[C::kEpsilon] = epsilon_;
    constants[C::kDecay] = weight_decay_;
  }

 private:
  double epsilon_ = 0, weight_decay_ = 0;
  Slot slot_ = {};
};

}  // namespace

const RuleEntry kAdagrad = {"adagrad", kOptions, create_rule<Adagrad>};

}  // namespace ngd
#endif
