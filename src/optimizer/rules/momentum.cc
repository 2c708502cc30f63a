// Momentum, classical and Nesterov's.
//
//   g <- g + weight_decay * w
//   b <- momentum * b + (1 - dampening) * g             b = 0 before the first step
//   b <- g                                              in the first step, unless first_step=damped
//   w <- w - learning_rate * b                          rule momentum: Polyak 1964
//   w <- w - learning_rate * (g + momentum * b)         rule nesterov: Nesterov 1983, in the form of Sutskever et al.
//                                                       2013 with the look-ahead folded in
// Equal to PyTorch's SGD(momentum, dampening, nesterov), which refuses dampening with nesterov. Keras and the papers have no
// dampening, and the rate in the velocity, b <- momentum * b + learning_rate * g and w <- w - b: the same while the rate
// stands still; when it falls, their steps follow it more slowly. dampening = momentum with first_step=damped is the running
// mean of Adam's first moment.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/momentum.cc"
#include "optimizer/rule.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

template <bool kLookAhead>
struct MomentumFormula {
  enum { kRate, kMomentum, kRest, kDecay, kConstants };
  static constexpr size_t kSlots = 1;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    V &b = s[0];
    const V gradient = g + c[kDecay] * w;
    b = c[kMomentum] * b + c[kRest] * gradient;
    w = w - c[kRate] * (kLookAhead ? gradient + c[kMomentum] * b : b);
  }
};
using MomentumKernel = KernelOf<MomentumFormula<false>>;
using NesterovKernel = KernelOf<MomentumFormula<true>>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr Kernel kMomentumKernel = NGD_KERNEL(MomentumKernel);
constexpr Kernel kNesterovKernel = NGD_KERNEL(NesterovKernel);

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.01"),
    below_option("momentum", "0.9", 0, 1, "Share of the last step's velocity that is kept."),
    number_option("dampening", "0", 0, 1, "The gradient enters the velocity times 1 - this."),
    choice_option("first_step", "gradient", "gradient|damped",
                  "The first velocity: the gradient (as PyTorch), or 1 - dampening of it."),
    coupled_decay_option()};

template <bool kLookAhead>
class Momentum : public Rule {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    momentum_ = options["momentum"];
    dampening_ = options["dampening"];
    first_damped_ = options.choice("first_step") == "damped";
    weight_decay_ = options["weight_decay"];
    slot_ = {"velocity", 0, momentum_, Packing::signed_mean};
  }
  std::span<const Slot> slots() const override { return {&slot_, 1}; }
  const Kernel &kernel() const override { return kLookAhead ? kNesterovKernel : kMomentumKernel; }
  bool squares_gradients() const override { return false; }
  void begin_step(uint64_t step, double) override {
    using C = HWY_STATIC_DISPATCH(MomentumFormula<kLookAhead>);
    constants[C::kRate] = learning_rate_;
    constants[C::kMomentum] = momentum_;
    constants[C::kRest] = step == 1 && !first_damped_ ? 1 : 1 - dampening_;
    constants[C::kDecay] = weight_decay_;
  }

 private:
  double momentum_ = 0, dampening_ = 0, weight_decay_ = 0;
  bool first_damped_ = false;
  Slot slot_ = {};
};

}  // namespace

const RuleEntry kMomentum = {"momentum", kOptions, create_rule<Momentum<false>>};
const RuleEntry kNesterov = {"nesterov", kOptions, create_rule<Momentum<true>>};

}  // namespace ngd
#endif
