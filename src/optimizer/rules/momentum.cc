// Momentum, classical and Nesterov's.
//
//   g <- g + weight_decay * w
//   b <- momentum * b + g                               b = 0 before the first step: its first value is g
//   w <- w - learning_rate * b                          rule momentum: Polyak 1964
//   w <- w - learning_rate * (g + momentum * b)         rule nesterov: Nesterov 1983, in the form of Sutskever et al.
//                                                       2013 with the look-ahead folded in
// Equal to PyTorch's SGD(momentum, nesterov) with dampening 0.
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
  enum { kRate, kMomentum, kDecay, kConstants };
  static constexpr size_t kSlots = 1;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    V &b = s[0];
    const V gradient = g + c[kDecay] * w;
    b = c[kMomentum] * b + gradient;
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
    coupled_decay_option()};

template <bool kLookAhead>
class Momentum : public Rule {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    momentum_ = options["momentum"];
    weight_decay_ = options["weight_decay"];
    slot_ = {"velocity", 0, momentum_, Packing::signed_mean};
  }
  std::span<const Slot> slots() const override { return {&slot_, 1}; }
  const Kernel &kernel() const override { return kLookAhead ? kNesterovKernel : kMomentumKernel; }
  void begin_step(uint64_t, double) override {
    using C = HWY_STATIC_DISPATCH(MomentumFormula<kLookAhead>);
    constants[C::kRate] = learning_rate_;
    constants[C::kMomentum] = momentum_;
    constants[C::kDecay] = weight_decay_;
  }

 private:
  double momentum_ = 0, weight_decay_ = 0;
  Slot slot_ = {};
};

}  // namespace

const RuleEntry kMomentum = {"momentum", kOptions, create_rule<Momentum<false>>};
const RuleEntry kNesterov = {"nesterov", kOptions, create_rule<Momentum<true>>};

}  // namespace ngd
#endif
