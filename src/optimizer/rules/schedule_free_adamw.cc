// Schedule-free AdamW: Defazio et al. 2024, "The road less scheduled", algorithm 1.
//
//   The paper's three sequences: gradients are taken at y, z is stepped, x is the average of z and what is used.
//     y = (1 - beta1) z + beta1 x,   z <- z - learning_rate u,   x <- (1 - c) x + c z
//     u = g / (sqrt(v / (1 - beta2^t)) + epsilon) + weight_decay y
//   Here the parameters are y, and the state is d = z - y, so that it begins at 0:
//   v <- beta2 * v + (1 - beta2) * g^2
//   w <- w + c * d - learning_rate * (1 - beta1 * (1 - c)) * u
//   d <- (1 - c) * (d - learning_rate * beta1 * u)
//   x  = w - (1 - beta1) / beta1 * d                        average()
//   c  = p_t / (p_1 + ... + p_t),   p_t = t^step_power * (largest rate so far)^rate_power
// Equal to the authors' program (AdamWScheduleFree 1.3 and later) with its r = step_power, weight_lr_power = rate_power,
// and warm-up by schedule_warmup; no other schedule is needed. The paper has eps_mode=hat and the rate times
// sqrt(1 - beta2^t), in p_t too. Keras: rate_power=0. PyTorch has none.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/schedule_free_adamw.cc"
#include <algorithm>

#include "optimizer/rules/moments.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

struct ScheduleFreeFormula {
  enum {
    kBeta2,
    kRest2,
    kCorrection2,
    kInside,
    kOutside,
    kDecay,
    kOfOffset,
    kStep,
    kKeptOffset,
    kOffsetStep,
    kConstants
  };
  static constexpr size_t kSlots = 2;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    V &d = s[0], &v = s[1];
    v = c[kBeta2] * v + c[kRest2] * (g * g);
    const V u = g / (root(v * c[kCorrection2] + c[kInside]) + c[kOutside]) + c[kDecay] * w;
    w = w + c[kOfOffset] * d - c[kStep] * u;
    d = c[kKeptOffset] * d - c[kOffsetStep] * u;
  }
};
using ScheduleFreeKernel = KernelOf<ScheduleFreeFormula>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.0025"),
    {"beta1", NGD_OPTION_NUMBER, "0.9",
     "Where gradients are taken between the stepped point (0) and the average (1).", 0, 1, true, true},
    beta2_option(),
    epsilon_option("1e-8"),
    eps_mode_option(),
    number_option("step_power", "0", 0, 100,
                  "A point's weight in the average grows with this power of its step."),
    number_option("rate_power", "2", 0, 100, "And with this power of the largest rate so far, for warm-ups."),
    number_option("weight_decay", "0", 0, kInfinity,
                  "Decoupled decay: this times the parameter is added to the step.")};
constexpr Kernel kKernel = NGD_KERNEL(ScheduleFreeKernel);

class ScheduleFreeAdamw : public MomentRule {
 public:
  ScheduleFreeAdamw() : MomentRule(kKernel) { slots_[0] = {"offset", 0, 1}; }
  void configure(const OptionSet &options) override {
    MomentRule::configure(options);
    slots_[0].decay = 1;
    step_power_ = options["step_power"];
    rate_power_ = options["rate_power"];
  }
  std::span<Scalar> scalars() override { return scalars_; }
  void begin_step(uint64_t step, double) override {
    using C = HWY_STATIC_DISPATCH(ScheduleFreeFormula);
    const double t = static_cast<double>(step);
    double &largest = scalars_[0].value, &sum = scalars_[1].value;
    if (step == 1) largest = sum = 0;
    largest = std::max(largest, learning_rate_);
    const double weight = std::pow(t, step_power_) * std::pow(largest, rate_power_);
    sum += weight;
    const double share = sum > 0 ? weight / sum : 0;
    constants[C::kBeta2] = beta2_;
    constants[C::kRest2] = 1 - beta2_;
    set_root_constants<C>(t);
    constants[C::kDecay] = weight_decay_;
    constants[C::kOfOffset] = share;
    constants[C::kStep] = learning_rate_ * (1 - beta1_ * (1 - share));
    constants[C::kKeptOffset] = 1 - share;
    constants[C::kOffsetStep] = learning_rate_ * beta1_ * (1 - share);
  }

  bool averages() const override { return true; }
  void average(size_t count, const float *parameter, const float *const *slots, float *out) const override {
    between(count, parameter, slots[0], out);
  }
  void average(size_t count, const double *parameter, const double *const *slots, double *out) const override {
    between(count, parameter, slots[0], out);
  }

 private:
  template <class T>
  void between(size_t count, const T *parameter, const T *offset, T *out) const {
    const T beyond = static_cast<T>((1 - beta1_) / beta1_);
    for (size_t i = 0; i < count; i++) out[i] = parameter[i] - beyond * offset[i];
  }

  double step_power_ = 0, rate_power_ = 0;
  Scalar scalars_[2] = {{"largest_rate", 0}, {"weight_sum", 0}};
};

}  // namespace

const RuleEntry kScheduleFreeAdamw = {"schedule_free_adamw", kOptions, create_rule<ScheduleFreeAdamw>};

}  // namespace ngd
#endif
