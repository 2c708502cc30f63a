// Adadelta: Zeiler 2012, "ADADELTA: an adaptive learning rate method", algorithm 1.
//
//   g <- g + weight_decay * w
//   v <- rho * v + (1 - rho) * g^2
//   d  = g * sqrt(u + epsilon) / sqrt(v + epsilon)
//   u <- rho * u + (1 - rho) * d^2
//   w <- w - learning_rate * d                              the paper has learning_rate = 1
// Equal to PyTorch's, and to Keras' with learning_rate=0.001, rho=0.95, epsilon=1e-7.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/adadelta.cc"
#include "optimizer/rule.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

struct AdadeltaFormula {
  enum { kRate, kRho, kRest, kEpsilon, kDecay, kConstants };
  static constexpr size_t kSlots = 2;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    V &v = s[0], &u = s[1];
    const V gradient = g + c[kDecay] * w;
    v = c[kRho] * v + c[kRest] * (gradient * gradient);
    const V step = gradient * root(u + c[kEpsilon]) / root(v + c[kEpsilon]);
    u = c[kRho] * u + c[kRest] * (step * step);
    w = w - c[kRate] * step;
  }
};
using AdadeltaKernel = KernelOf<AdadeltaFormula>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr Kernel kKernel = NGD_KERNEL(AdadeltaKernel);

constexpr OptionSpec kOptions[] = {
    learning_rate_option("1"), below_option("rho", "0.9", 0, 1, "Decay of both running means."),
    epsilon_option("1e-6", "Added inside both roots; sets the size of the first step."),
    coupled_decay_option()};

class Adadelta : public Rule {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    rho_ = options["rho"];
    epsilon_ = options["epsilon"];
    weight_decay_ = options["weight_decay"];
    slots_[0] = {"second_moment", 0, rho_, Packing::positive_mean};
    slots_[1] = {"step_second_moment", 0, rho_, Packing::positive_mean};
  }
  std::span<const Slot> slots() const override { return slots_; }
  const Kernel &kernel() const override { return kKernel; }
  void begin_step(uint64_t, double) override {
    using C = HWY_STATIC_DISPATCH(AdadeltaFormula);
    constants[C::kRate] = learning_rate_;
    constants[C::kRho] = rho_;
    constants[C::kRest] = 1 - rho_;
    constants[C::kEpsilon] = epsilon_;
    constants[C::kDecay] = weight_decay_;
  }

 private:
  double rho_ = 0, epsilon_ = 0, weight_decay_ = 0;
  Slot slots_[2] = {};
};

}  // namespace

const RuleEntry kAdadelta = {"adadelta", kOptions, create_rule<Adadelta>};

}  // namespace ngd
#endif
