// Averaged stochastic gradient descent: Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging",
// with the rate of Bottou 2010.
//
//   g   <- g + weight_decay * w
//   eta  = learning_rate / (1 + lambda * learning_rate * (t - 1))^power
//   w   <- (1 - lambda * eta) * w - eta * g
//   mu   = 1 / max(1, t - 1 - average_after)
//   a   <- a + mu * (w - a)                                 saved as "<tensor>.average"
// Equal to PyTorch's, where power is called alpha and average_after t0; average() is its ax. Keras has no ASGD.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/asgd.cc"
#include <algorithm>

#include "optimizer/rule.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

struct AsgdFormula {
  enum { kRate, kDecay, kMu, kConstants };
  static constexpr size_t kSlots = 1;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    V &a = s[0];
    w = w - c[kRate] * (g + c[kDecay] * w);
    a = a + c[kMu] * (w - a);
  }
};
using AsgdKernel = KernelOf<AsgdFormula>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.01"),
    number_option("lambda", "0.0001", 0, kInfinity, "Decay of the parameters and of the rate."),
    number_option("power", "0.75", 0, kInfinity, "How fast the rate falls."),
    number_option("average_after", "1e6", 0, kInfinity, "Steps after which the parameters are averaged."),
    coupled_decay_option()};
constexpr Kernel kKernel = NGD_EXACT_KERNEL(AsgdKernel);

class Asgd : public Rule {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    lambda_ = options["lambda"];
    power_ = options["power"];
    average_after_ = options["average_after"];
    weight_decay_ = options["weight_decay"];
    slot_ = {"average", 0, 1};
  }
  std::span<const Slot> slots() const override { return {&slot_, 1}; }
  const Kernel &kernel() const override { return kKernel; }
  bool squares_gradients() const override { return false; }
  void begin_step(uint64_t step, double) override {
    using C = HWY_STATIC_DISPATCH(AsgdFormula);
    const double before = static_cast<double>(step - 1);
    const double rate = learning_rate_ / std::pow(1 + lambda_ * learning_rate_ * before, power_);
    constants[C::kRate] = rate;
    constants[C::kDecay] = weight_decay_ + lambda_;
    constants[C::kMu] = before - average_after_ > 1 ? 1 / (before - average_after_) : 1;
  }
  bool averages() const override { return true; }
  void average(size_t count, const float *, const float *const *slots, float *out) const override {
    std::copy_n(slots[0], count, out);
  }
  void average(size_t count, const double *, const double *const *slots, double *out) const override {
    std::copy_n(slots[0], count, out);
  }

 private:
  double lambda_ = 0, power_ = 0, average_after_ = 0, weight_decay_ = 0;
  Slot slot_ = {};
};

}  // namespace

const RuleEntry kAsgd = {"asgd", kOptions, create_rule<Asgd>};

}  // namespace ngd
#endif
