// NGD: Nesterov-accelerated, norm-aware, adaptive gradient descent. Neither natural nor normalised gradient
// descent.
//
//   g <- (1-a) g + a grad J(w + r g/||g||)                  a = grad_penalty, r = penalty_radius; done before
//   the step m <- beta1 m + (1-beta1) g v <- beta2 v + (1-beta2) z^2                            z = g
//   (second=raw) | g - m (second=centered, as AdaBelief) n  = m / (1-beta1^t) accel=none: Adam
//      | beta1 m / (1-beta1^(t+1)) + (1-beta1) g / (1-beta1^t)     accel=nesterov: Dozat 2016, constant
//      schedule | (alpha g + k m_old) / (alpha + k (1-beta1^(t-1)))         accel=seed: quasi-hyperbolic, Ma
//      and Yarats 2019,
//                                                           k = alpha beta2/(1-beta1^t) - delta/(delta t - 1)
//   u  = n / sqrt(v/(1-beta2^t) + epsilon) / (1 + damp ||g||)      ||g|| over all tensors; epsilon inside the
//   root q  = 1                                                  trust=none, and for vectors
//      | min(1, tau max(||w||, floor sqrt(count)) / (learning_rate ||u||))    trust=cap
//      | clamp(||w|| / ||u||, lo, hi), 1 if a norm is 0     trust=ratio: You et al. 2020, LAMB
//   w <- (1 - learning_rate weight_decay) w - learning_rate q u
//
// accel=seed-literal, the printed formula, for study: no root, no trust, and v in the numerator:
//   n  = alpha (g + beta2 v_old/(1-beta1^t) m_old) + delta v_old/(1 - delta t) m_old
//   w <- (1 - learning_rate weight_decay) w - learning_rate n / (1 + damp ||g||)
// Norms of a row-sparse table are those of the rows touched in the step.
#include <algorithm>

#include "base/error.h"
#include "optimizer/rule.h"

namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.001"),
    beta1_option(),
    beta2_option(),
    epsilon_option("1e-8",
                   "Added inside the root: a floor of its square root; 1e-16 gives the floor of Adam's 1e-8."),
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
    decoupled_decay_option("0"),
    nonfinite_option()};

enum class Accel { momentum, seed, literal };  // none and nesterov differ in factors only
enum class Trust { none, cap, ratio };

template <class T>
struct Factors {
  T beta1, one_minus_beta1, beta2, one_minus_beta2;
  T of_moment, of_gradient;  // n = of_moment * (m or m_old) + of_gradient * g
  T of_product;              // literal: n = of_gradient * g + of_product * v_old * m_old
  T correction;              // 1 / (1 - beta2^t)
  T epsilon;
};

// The direction before damping; m and v become the new moments.
template <Accel kAccel, bool kCentered, class T>
inline T direction(const Factors<T> &f, T g, T &m, T &v) {
  const T m_old = m, v_old = v;
  m = f.beta1 * m_old + f.one_minus_beta1 * g;
  const T z = kCentered ? g - m : g;
  v = f.beta2 * v_old + f.one_minus_beta2 * z * z;
  if constexpr (kAccel == Accel::literal) return f.of_gradient * g + f.of_product * v_old * m_old;
  const T n = f.of_moment * (kAccel == Accel::seed ? m_old : m) + f.of_gradient * g;
  return n / std::sqrt(v * f.correction + f.epsilon);
}

class NgdRule : public RuleOf<NgdRule> {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    beta1_ = options["beta1"];
    beta2_ = options["beta2"];
    epsilon_ = options["epsilon"];
    alpha_ = options["alpha"];
    delta_ = options["delta"];
    tau_ = options["tau"];
    floor_ = options["floor"];
    lo_ = options["lo"];
    hi_ = options["hi"];
    penalty_ = options["grad_penalty"];
    radius_ = options["penalty_radius"];
    damp_ = options["damp"];
    weight_decay_ = options["weight_decay"];
    const std::string &accel = options.choice("accel"), &trust = options.choice("trust");
    nesterov_ = accel == "nesterov";
    accel_ = accel == "seed" ? Accel::seed : accel == "seed-literal" ? Accel::literal : Accel::momentum;
    centered_ = options.choice("second") == "centered";
    trust_ = accel_ == Accel::literal || trust == "none" ? Trust::none
             : trust == "cap"                            ? Trust::cap
                                                         : Trust::ratio;
    slots_[0] = {"first_moment", 0, beta1_};
    slots_[1] = {"second_moment", 0, beta2_};
    if (lo_ > hi_)
      fail(NGD_E_RANGE, "options \"lo\" and \"hi\" of rule \"ngd\" are ", lo_, " and ", hi_,
           "; lo must not exceed hi");
  }
  std::span<const Slot> slots() const override { return slots_; }
  bool wants_gradient_norm() const override { return damp_ > 0; }
  bool wants_norms(bool matrix) const override { return matrix && trust_ != Trust::none; }
  double penalty() const override { return penalty_; }
  double penalty_radius() const override { return radius_; }

  void begin_step(uint64_t step, double gradient_norm) override {
    const double t = static_cast<double>(step);
    const double now = bias_correction(beta1_, t);
    factors_ = {beta1_,  1 - beta1_, beta2_, 1 - beta2_, 1 / now, 0, 0, 1 / bias_correction(beta2_, t),
                epsilon_};
    if (accel_ == Accel::literal) {
      factors_.of_gradient = alpha_;
      factors_.of_product = alpha_ * beta2_ / now + delta_ / (1 - delta_ * t);
    } else if (accel_ == Accel::seed) {
      const double k = alpha_ * beta2_ / now - delta_ / (delta_ * t - 1);
      const double sum = step == 1 ? alpha_ : alpha_ + k * bias_correction(beta1_, t - 1);
      if (!(sum > 0))
        fail(NGD_E_RANGE, "accel=seed has no positive weights at step ", step, " with alpha ", alpha_,
             ", delta ", delta_, ", beta1 ", beta1_, ", beta2 ", beta2_, "; raise alpha or delta");
      factors_.of_gradient = alpha_ / sum;
      factors_.of_moment = k / sum;
    } else if (nesterov_) {
      factors_.of_moment = beta1_ / bias_correction(beta1_, t + 1);
      factors_.of_gradient = (1 - beta1_) / now;
    }
    damping_ = 1 / (1 + damp_ * gradient_norm);
  }

  void measure(const Piece<float> &piece, Norms &norms) const override { measure_piece(piece, norms); }
  void measure(const Piece<double> &piece, Norms &norms) const override { measure_piece(piece, norms); }

  double trust(const Norms &norms) const override {
    const double w = std::sqrt(norms.parameter_squares), u = damping_ * std::sqrt(norms.direction_squares);
    if (trust_ == Trust::ratio) return w > 0 && u > 0 ? std::clamp(w / u, lo_, hi_) : 1;
    const double length = learning_rate_ * u;
    if (length == 0) return 1;
    return std::min(1.0, tau_ * std::max(w, floor_ * std::sqrt(static_cast<double>(norms.count))) / length);
  }

  template <class T>
  void sweep(const Piece<T> &piece, T trust) const {
    const T step = static_cast<T>(learning_rate_ * damping_) * trust;
    const T keep = static_cast<T>(1 - learning_rate_ * weight_decay_);
    T *__restrict w = piece.parameter;
    T *__restrict m = piece.slot[0];
    T *__restrict v = piece.slot[1];
    const T *__restrict g = piece.gradient;
    const Factors<T> f = factors<T>();
    with_form([&](auto accel, auto centered) {
      for (size_t i = 0; i < piece.count; i++) {
        const T u = direction<accel.value, centered.value>(f, g[i], m[i], v[i]);
        w[i] = keep * w[i] - step * u;
      }
    });
  }

 private:
  template <Accel kAccel>
  using Form = std::integral_constant<Accel, kAccel>;

  // Calls `body` with the form of the direction as types, so that each loop is compiled for one form.
  template <class Body>
  void with_form(Body body) const {
    const auto centering = [&](auto accel) {
      return centered_ ? body(accel, std::true_type()) : body(accel, std::false_type());
    };
    if (accel_ == Accel::literal) return centering(Form<Accel::literal>());
    if (accel_ == Accel::seed) return centering(Form<Accel::seed>());
    return centering(Form<Accel::momentum>());
  }

  template <class T>
  Factors<T> factors() const {
    const Factors<double> &f = factors_;
    return {static_cast<T>(f.beta1),           static_cast<T>(f.one_minus_beta1), static_cast<T>(f.beta2),
            static_cast<T>(f.one_minus_beta2), static_cast<T>(f.of_moment),       static_cast<T>(f.of_gradient),
            static_cast<T>(f.of_product),      static_cast<T>(f.correction),      static_cast<T>(f.epsilon)};
  }

  // Adds ||w||^2 and ||u||^2 of the piece, before damping; the moments are not changed.
  template <class T>
  void measure_piece(const Piece<T> &piece, Norms &norms) const {
    constexpr size_t kLanes = 8;  // running sums in a fixed shape, for vector instructions
    double w_squares[kLanes] = {}, u_squares[kLanes] = {};
    const Factors<T> f = factors<T>();
    const T *__restrict w = piece.parameter;
    const T *__restrict m = piece.slot[0];
    const T *__restrict v = piece.slot[1];
    const T *__restrict g = piece.gradient;
    with_form([&](auto accel, auto centered) {
      const auto add = [&](size_t i, size_t lane) {
        T m_new = m[i], v_new = v[i];
        const double u = direction<accel.value, centered.value>(f, g[i], m_new, v_new);
        w_squares[lane] += static_cast<double>(w[i]) * w[i];
        u_squares[lane] += u * u;
      };
      size_t i = 0;
      for (; i + kLanes <= piece.count; i += kLanes) {
        for (size_t lane = 0; lane < kLanes; lane++) add(i + lane, lane);
      }
      for (size_t lane = 0; i < piece.count; i++, lane++) add(i, lane);
    });
    for (size_t lane = 0; lane < kLanes; lane++) {
      norms.parameter_squares += w_squares[lane];
      norms.direction_squares += u_squares[lane];
    }
    norms.count += piece.count;
  }

  double learning_rate_ = 0, beta1_ = 0, beta2_ = 0, epsilon_ = 0, alpha_ = 0, delta_ = 0, tau_ = 0, floor_ = 0;
  double lo_ = 0, hi_ = 0, penalty_ = 0, radius_ = 0, damp_ = 0, weight_decay_ = 0;
  bool nesterov_ = false, centered_ = false;
  Accel accel_ = Accel::momentum;
  Trust trust_ = Trust::none;
  Factors<double> factors_ = {};
  double damping_ = 1;
  Slot slots_[2] = {};
};

}  // namespace

const RuleEntry kNgd = {"ngd", kOptions, create_rule<NgdRule>};

}  // namespace ngd
