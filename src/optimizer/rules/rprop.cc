// Rprop: Riedmiller and Braun 1993, "A direct adaptive method for faster backpropagation learning", in the form without
// weight-backtracking (iRprop-, Igel and Huesken 2000).
//
//   s  = g * p                                              p = the gradient of the step before
//   d <- min(max(d * (eta_plus if s > 0, eta_minus if s < 0, 1 if s = 0), step_minimum), step_maximum)
//   g <- 0 where s < 0
//   w <- w - sign(g) * d
//   p <- g
// d begins at learning_rate. For full batches: only the signs of gradients count. Equal to PyTorch's. Keras has no Rprop.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/rprop.cc"
#include "optimizer/rule.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

struct RpropFormula {
  enum { kPlus, kMinus, kMinimum, kMaximum, kConstants };
  static constexpr size_t kSlots = 2;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    V &p = s[0], &d = s[1];
    const V zero = g - g, one = c[kPlus] / c[kPlus];
    const V product = g * p;
    const V factor = if_greater(product, zero, c[kPlus], if_greater(zero, product, c[kMinus], one));
    d = smaller(larger(d * factor, c[kMinimum]), c[kMaximum]);
    p = if_greater(zero, product, zero, g);
    w = w - sign(p) * d;
  }
};
using RpropKernel = KernelOf<RpropFormula>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    fixed(learning_rate_option("0.01")),
    above_option("eta_plus", "1.2", 1, kInfinity,
                 "Factor of an element's step while its gradient keeps its sign."),
    {"eta_minus", NGD_OPTION_NUMBER, "0.5", "Factor of an element's step when its gradient changes sign.", 0, 1,
     true, true},
    above_option("step_minimum", "1e-6", 0, kInfinity, "Smallest step of an element."),
    above_option("step_maximum", "50", 0, kInfinity, "Largest step of an element.")};
constexpr Kernel kKernel = NGD_EXACT_KERNEL(RpropKernel);

class Rprop : public Rule {
 public:
  void configure(const OptionSet &options) override {
    plus_ = options["eta_plus"];
    minus_ = options["eta_minus"];
    minimum_ = options["step_minimum"];
    maximum_ = options["step_maximum"];
    slots_[0] = {"last_gradient", 0, 1};
    slots_[1] = {"step", options["learning_rate"], 1};
  }
  std::span<const Slot> slots() const override { return slots_; }
  const Kernel &kernel() const override { return kKernel; }
  bool squares_gradients() const override { return false; }
  void begin_step(uint64_t, double) override {
    using C = HWY_STATIC_DISPATCH(RpropFormula);
    constants[C::kPlus] = plus_;
    constants[C::kMinus] = minus_;
    constants[C::kMinimum] = minimum_;
    constants[C::kMaximum] = maximum_;
  }

 private:
  double plus_ = 0, minus_ = 0, minimum_ = 0, maximum_ = 0;
  Slot slots_[2] = {};
};

}  // namespace

const RuleEntry kRprop = {"rprop", kOptions, create_rule<Rprop>};

}  // namespace ngd
#endif
