// NGD: Nesterov-accelerated, norm-aware, adaptive gradient descent. Neither natural nor normalised gradient descent.
//
//   g <- (1-a) g + a grad J(w + r g/||g||)              a = grad_penalty, r = penalty_radius; before the step
//   m <- beta1 m + (1-beta1) g
//   v <- beta2 v + (1-beta2) z^2                        z = g (second=raw) | g - m (second=centered, as AdaBelief)
//   n  = m / (1-beta1^t)                                accel=none: Adam
//      | beta1 m/(1-beta1^(t+1)) + (1-beta1) g/(1-beta1^t)
//                                                       accel=nesterov: Dozat 2016, constant schedule
//      | (alpha g + k m_old) / (alpha + k (1-beta1^(t-1)))
//                                                       accel=seed: quasi-hyperbolic, Ma and Yarats 2019, with
//                                                       k = alpha beta2/(1-beta1^t) - delta/(delta t - 1)
//   u  = n / sqrt(v/(1-beta2^t) + epsilon) / (1 + damp ||g||)
//                                                       ||g|| over all tensors; epsilon.h has eps_mode's other places
//   q  = 1                                              trust=none, and for vectors
//      | min(1, tau max(||w||, floor sqrt(count)) / (learning_rate ||u||))
//                                                       trust=cap
//      | clamp(||w|| / ||u||, lo, hi), 1 if a norm is 0
//                                                       trust=ratio: You et al. 2020, LAMB
//   w <- (1 - learning_rate weight_decay) w - learning_rate q u
//
// accel=seed-literal, the printed formula, for study: no root, no trust, and v in the numerator:
//   n  = alpha (g + beta2 v_old/(1-beta1^t) m_old) + delta v_old/(1 - delta t) m_old
//   w <- (1 - learning_rate weight_decay) w - learning_rate n / (1 + damp ||g||)
// Norms of a row-sparse table are those of the rows touched in the step.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/ngd.cc"
#include <algorithm>

#include "base/error.h"
#include "optimizer/rules/moments.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

// The common form has neither m_old nor centring: they would cost a seventh of its time in cache. The general one has all,
// and multiplies by 0 what is not wanted; accel=seed-literal divides by sqrt(0 v + 0) + 1.
template <bool kCommon>
struct NgdFormula {
  // n = of_moment * m + (of_old + of_product * v_old) * m_old + of_gradient * g
  enum {
    kBeta1,
    kRest1,
    kBeta2,
    kRest2,
    kCentered,
    kOfMoment,
    kOfOld,
    kOfProduct,
    kOfGradient,
    kCorrection2,
    kInside,
    kOutside,
    kStep,
    kTrust,
    kShrink,
    kConstants
  };
  static constexpr size_t kSlots = 2;

  // Before damping; s becomes the new moments.
  template <class V>
  static HWY_INLINE V direction(const V *c, V, V g, V *s) {
    V &m = s[0], &v = s[1];
    const V m_old = m, v_old = v;
    m = c[kBeta1] * m_old + c[kRest1] * g;
    const V z = kCommon ? g : g - c[kCentered] * m;
    v = c[kBeta2] * v_old + c[kRest2] * (z * z);
    V n = c[kOfMoment] * m;
    if constexpr (!kCommon) n = n + (c[kOfOld] + c[kOfProduct] * v_old) * m_old;
    n = n + c[kOfGradient] * g;
    return n / (root(v * c[kCorrection2] + c[kInside]) + c[kOutside]);
  }
  template <class V>
  static HWY_INLINE void apply(const V *c, V &w, V u) {
    w = w - (c[kShrink] * w + c[kStep] * c[kTrust] * u);
  }
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    apply(c, w, direction(c, w, g, s));
  }
  // Where n has no m_old, so that it follows from the new state.
  template <class V>
  static HWY_INLINE void settle(const V *c, V &w, V g, V *s) {
    const V n = c[kOfMoment] * s[0] + c[kOfGradient] * g;
    w = w + c[kStep] * c[kTrust] * (n / (root(s[1] * c[kCorrection2] + c[kInside]) + c[kOutside]));
  }
};
using AnyForm = NgdFormula<true>;
using CommonKernel = KernelOf<NgdFormula<true>>;
using GeneralKernel = KernelOf<NgdFormula<false>>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.001"),
    beta1_option(),
    beta2_option(),
    epsilon_option(
        "1e-8",
        "A floor of the root; inside it, 1e-16 gives the floor of Adam's 1e-8. eps_mode says where it stands."),
    eps_mode_option("inside"),
    choice_option("accel", "nesterov", "none|nesterov|seed|seed-literal",
                  "How the numerator looks ahead; seed-literal is the printed formula, for study only."),
    above_option("alpha", "1", 0, kInfinity, "Weight of the gradient in accel=seed and seed-literal."),
    above_option("delta", "1.5", 1, kInfinity,
                 "How fast accel=seed and seed-literal come to trust the first moment."),
    choice_option("second", "raw", "raw|centered",
                  "What the second moment averages: g^2, or (g - m)^2 as AdaBelief."),
    choice_option(
        "trust", "cap", "none|cap|ratio",
        "Norm rule of a matrix's step: none, at most tau of its norm, or the ratio of norms as LAMB."),
    above_option("tau", "0.1", 0, kInfinity, "trust=cap: longest step, as a share of the matrix's norm."),
    number_option("floor", "0.001", 0, kInfinity,
                  "trust=cap: smallest root mean square that a matrix is taken to have."),
    number_option("lo", "0", 0, kInfinity, "trust=ratio: smallest ratio."),
    number_option("hi", "10", 0, kInfinity, "trust=ratio: largest ratio."),
    number_option("grad_penalty", "0", 0, 1,
                  "Share of a second gradient, taken at penalty_radius along the first; 1 is SAM."),
    above_option("penalty_radius", "0.05", 0, kInfinity, "Distance at which the second gradient is taken."),
    number_option("damp", "0", 0, kInfinity, "Divides the step by 1 + damp * norm of the whole gradient."),
    decoupled_decay_option("0")};

enum class Accel { none, nesterov, seed, literal };
enum class Trust { none, cap, ratio };

constexpr Kernel kCommonKernel = NGD_SETTLED_KERNEL(CommonKernel);
constexpr Kernel kGeneralKernel = NGD_SETTLED_KERNEL(GeneralKernel);

class NgdRule : public MomentRule {
 public:
  NgdRule() : MomentRule(kCommonKernel) {}
  void configure(const OptionSet &options) override {
    MomentRule::configure(options);
    alpha_ = options["alpha"];
    delta_ = options["delta"];
    tau_ = options["tau"];
    floor_ = options["floor"];
    lo_ = options["lo"];
    hi_ = options["hi"];
    penalty_ = options["grad_penalty"];
    radius_ = options["penalty_radius"];
    damp_ = options["damp"];
    const std::string &accel = options.choice("accel"), &trust = options.choice("trust");
    accel_ = accel == "none"       ? Accel::none
             : accel == "nesterov" ? Accel::nesterov
             : accel == "seed"     ? Accel::seed
                                   : Accel::literal;
    centered_ = options.choice("second") == "centered";
    trust_ = accel_ == Accel::literal || trust == "none" ? Trust::none
             : trust == "cap"                            ? Trust::cap
                                                         : Trust::ratio;
    if (lo_ > hi_)
      fail(NGD_E_RANGE, "options \"lo\" and \"hi\" of rule \"ngd\" are ", lo_, " and ", hi_,
           "; lo must not exceed hi");
  }
  const Kernel &kernel() const override { return without_old() && !centered_ ? kCommonKernel : kGeneralKernel; }
  bool wants_gradient_norm() const override { return damp_ > 0; }
  bool wants_norms(bool matrix) const override { return matrix && trust_ != Trust::none; }
  double penalty() const override { return penalty_; }
  double penalty_radius() const override { return radius_; }

  void begin_step(uint64_t step, double gradient_norm) override {
    const double t = static_cast<double>(step);
    const double now = correction1(t);
    double of_moment = 1 / now, of_old = 0, of_product = 0, of_gradient = 0;
    if (accel_ == Accel::nesterov) {
      of_moment = beta1_ / correction1(t + 1);
      of_gradient = (1 - beta1_) / now;
    } else if (accel_ == Accel::seed) {
      const double k = alpha_ * beta2_ / now - delta_ / (delta_ * t - 1);
      const double sum = step == 1 ? alpha_ : alpha_ + k * correction1(t - 1);
      if (!(sum > 0))
        fail(NGD_E_RANGE, "accel=seed has no positive weights at step ", step, " with alpha ", alpha_,
             ", delta ", delta_, ", beta1 ", beta1_, ", beta2 ", beta2_, "; raise alpha or delta");
      of_moment = 0;
      of_old = k / sum;
      of_gradient = alpha_ / sum;
    } else if (accel_ == Accel::literal) {
      of_moment = 0;
      of_product = alpha_ * beta2_ / now + delta_ / (1 - delta_ * t);
      of_gradient = alpha_;
    }
    damping_ = 1 / (1 + damp_ * gradient_norm);
    set_moment_constants<C>();
    constants[C::kCentered] = centered_;
    constants[C::kOfMoment] = of_moment;
    constants[C::kOfOld] = of_old;
    constants[C::kOfProduct] = of_product;
    constants[C::kOfGradient] = of_gradient;
    set_root_constants<C>(t);
    if (accel_ == Accel::literal) {
      constants[C::kCorrection2] = constants[C::kInside] = 0;
      constants[C::kOutside] = 1;
    }
    constants[C::kStep] = learning_rate_ * damping_;
    constants[C::kTrust] = 1;
    constants[C::kShrink] = learning_rate_ * weight_decay_;
  }

  double trust(const Norms &norms) const override {
    if (trust_ == Trust::cap) return 1 / std::max(1.0, nearness(norms));
    const double w = std::sqrt(norms.parameter_squares), u = damping_ * std::sqrt(norms.direction_squares);
    return w > 0 && u > 0 ? std::clamp(w / u, lo_, hi_) : 1;
  }
  // trust=cap: the step's length over the longest that is allowed.
  double nearness(const Norms &norms) const override {
    const double w = std::sqrt(norms.parameter_squares), u = damping_ * std::sqrt(norms.direction_squares);
    return learning_rate_ * u / (tau_ * std::max(w, floor_ * std::sqrt(static_cast<double>(norms.count))));
  }
  bool settles() const override { return trust_ == Trust::cap && without_old(); }
  size_t trust_constant() const override { return C::kTrust; }

 private:
  using C = HWY_STATIC_DISPATCH(AnyForm);  // the names of the constants

  // The numerator has no m_old.
  bool without_old() const { return accel_ == Accel::none || accel_ == Accel::nesterov; }

  double alpha_ = 0, delta_ = 0, tau_ = 0, floor_ = 0, lo_ = 0, hi_ = 0, penalty_ = 0, radius_ = 0, damp_ = 0;
  bool centered_ = false;
  Accel accel_ = Accel::none;
  Trust trust_ = Trust::none;
  double damping_ = 1;
};

}  // namespace

const RuleEntry kNgd = {"ngd", kOptions, create_rule<NgdRule>};

}  // namespace ngd
#endif
