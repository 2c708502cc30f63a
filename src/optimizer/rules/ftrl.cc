// FTRL-Proximal: McMahan et al. 2013, "Ad click prediction: a view from the trenches", algorithm 1.
//
//   sigma = (sqrt(n + g^2) - sqrt(n)) / learning_rate       learning_rate is the paper's alpha
//   z    <- z + g - sigma * w
//   n    <- n + g^2
//   w    <- 0                                               where |z| <= l1
//         | (sign(z) * l1 - z) / ((beta + sqrt(n)) / learning_rate + l2)
// The parameters follow from z and n alone, so what they begin with fades; l1 makes exact zeros. As in the paper. Keras begins
// n at 0.1, has beta = 0 by default (1e-9 here) and 2 l2 for l2. PyTorch has no FTRL.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/ftrl.cc"
#include "optimizer/rule.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

struct FtrlFormula {
  enum { kPerRate, kBeta, kL1, kL2, kConstants };
  static constexpr size_t kSlots = 2;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    V &z = s[0], &n = s[1];
    const V more = n + g * g;
    z = z + g - (root(more) - root(n)) * c[kPerRate] * w;
    n = more;
    const V size = magnitude(z) - c[kL1];
    const V zero = g - g;
    w = if_greater(size, zero, zero - sign(z) * size / ((c[kBeta] + root(n)) * c[kPerRate] + c[kL2]), zero);
  }
};
using FtrlKernel = KernelOf<FtrlFormula>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.05"),
    above_option("beta", "1", 0, kInfinity,
                 "Added to the root of the sum of squares: how slowly rates begin to fall."),
    number_option("l1", "0", 0, kInfinity, "L1 penalty: parameters that do not pay for it are exactly 0."),
    number_option("l2", "0", 0, kInfinity, "L2 penalty.")};
constexpr Kernel kKernel = NGD_EXACT_KERNEL(FtrlKernel);

class Ftrl : public Rule {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    beta_ = options["beta"];
    l1_ = options["l1"];
    l2_ = options["l2"];
    slots_[0] = {"linear", 0, 1};
    slots_[1] = {"sum_of_squares", 0, 1};
  }
  std::span<const Slot> slots() const override { return slots_; }
  const Kernel &kernel() const override { return kKernel; }
  void begin_step(uint64_t, double) override {
    using C = HWY_STATIC_DISPATCH(FtrlFormula);
    constants[C::kPerRate] = 1 / learning_rate_;
    constants[C::kBeta] = beta_;
    constants[C::kL1] = l1_;
    constants[C::kL2] = l2_;
  }

 private:
  double beta_ = 0, l1_ = 0, l2_ = 0;
  Slot slots_[2] = {};
};

}  // namespace

const RuleEntry kFtrl = {"ftrl", kOptions, create_rule<Ftrl>};

}  // namespace ngd
#endif
