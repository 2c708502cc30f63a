// LAMB: You et al. 2020, "Large batch optimization for deep learning: training BERT in 76 minutes", algorithm 2.
//
//   m <- beta1 * m + (1 - beta1) * g
//   v <- beta2 * v + (1 - beta2) * g^2
//   u  = (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon) + weight_decay * w
//   q  = clamp(||w|| / ||u||, lo, hi)                       1 when either norm is 0
//   w <- w - learning_rate * q * u
// Norms are of a whole tensor; vectors (biases, scales) have q = 1. The paper scales ||w|| by a function that it leaves
// open; Keras and optax scale vectors too, and do not limit the ratio (hi=1e30). PyTorch has no LAMB.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/lamb.cc"
#include <algorithm>

#include "base/error.h"
#include "optimizer/rules/moments.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

struct LambFormula {
  enum {
    kBeta1,
    kRest1,
    kBeta2,
    kRest2,
    kCorrection1,
    kCorrection2,
    kInside,
    kOutside,
    kDecay,
    kRate,
    kTrust,
    kConstants
  };
  static constexpr size_t kSlots = 2;
  template <class V>
  static HWY_INLINE V direction(const V *c, V w, V g, V *s) {
    V &m = s[0], &v = s[1];
    m = c[kBeta1] * m + c[kRest1] * g;
    v = c[kBeta2] * v + c[kRest2] * (g * g);
    return c[kCorrection1] * m / (root(v * c[kCorrection2] + c[kInside]) + c[kOutside]) + c[kDecay] * w;
  }
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    const V u = direction(c, w, g, s);
    w = w - c[kRate] * c[kTrust] * u;
  }
};
using LambKernel = KernelOf<LambFormula>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.001"),
    beta1_option(),
    beta2_option(),
    epsilon_option("1e-6"),
    eps_mode_option(),
    number_option("lo", "0", 0, kInfinity, "Smallest ratio of norms."),
    number_option("hi", "10", 0, kInfinity, "Largest ratio of norms."),
    number_option("weight_decay", "0", 0, kInfinity,
                  "This times the parameter is added to the step before its norm is taken.")};
constexpr Kernel kKernel = NGD_MEASURED_KERNEL(LambKernel);

class Lamb : public MomentRule {
 public:
  Lamb() : MomentRule(kKernel) {}
  void configure(const OptionSet &options) override {
    MomentRule::configure(options);
    lo_ = options["lo"];
    hi_ = options["hi"];
    if (lo_ > hi_)
      fail(NGD_E_RANGE, "options \"lo\" and \"hi\" of rule \"lamb\" are ", lo_, " and ", hi_,
           "; lo must not exceed hi");
  }
  bool wants_norms(bool matrix) const override { return matrix; }
  size_t trust_constant() const override { return C::kTrust; }
  double trust(const Norms &norms) const override {
    if (norms.parameter_squares == 0 || norms.direction_squares == 0) return 1;
    return std::clamp(std::sqrt(norms.parameter_squares / norms.direction_squares), lo_, hi_);
  }
  void begin_step(uint64_t step, double) override {
    const double t = static_cast<double>(step);
    set_moment_constants<C>();
    constants[C::kCorrection1] = 1 / correction1(t);
    set_root_constants<C>(t);
    constants[C::kDecay] = weight_decay_;
    constants[C::kRate] = learning_rate_;
    constants[C::kTrust] = 1;
  }

 private:
  using C = HWY_STATIC_DISPATCH(LambFormula);

  double lo_ = 0, hi_ = 0;
};

}  // namespace

const RuleEntry kLamb = {"lamb", kOptions, create_rule<Lamb>};

}  // namespace ngd
#endif
