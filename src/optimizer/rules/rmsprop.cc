// RMSprop: Tieleman and Hinton 2012, lecture 6.5 of "Neural networks for machine learning"; centred, and with momentum:
// Graves 2013, "Generating sequences with recurrent neural networks", equations 38 to 45.
//
//   g <- g + weight_decay * w
//   v <- rho * v + (1 - rho) * g^2
//   m <- rho * m + (1 - rho) * g                            centered=1; else m = 0
//   u  = g / (sqrt(v - m^2) + epsilon)                      or g / sqrt(v - m^2 + epsilon): eps_mode=inside
//   b <- momentum * b + u
//   w <- w - learning_rate * b
// Equal to PyTorch's, where rho is called alpha. Keras: rho=0.9, epsilon=1e-7, eps_mode=inside; it has the rate in the
// velocity, so that after a change of the rate its steps follow more slowly. Graves has eps_mode=inside, the lecture
// neither m, b nor epsilon. No bias correction: the first steps are longer by 1 / sqrt(1 - rho^t).
// m and b are kept when centered or momentum is on, both for either.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/rmsprop.cc"
#include "optimizer/rules/epsilon.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

// Plain: without m and b. Otherwise both are there, and what an option turns off is multiplied by 0.
template <bool kPlain>
struct RmspropFormula {
  enum { kRate, kRho, kRest, kInside, kOutside, kDecay, kMomentum, kCentered, kConstants };
  static constexpr size_t kSlots = kPlain ? 1 : 3;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    V &v = s[0];
    const V gradient = g + c[kDecay] * w;
    v = c[kRho] * v + c[kRest] * (gradient * gradient);
    if constexpr (kPlain) {
      w = w - c[kRate] * gradient / (root(v + c[kInside]) + c[kOutside]);
    } else {
      V &m = s[1], &b = s[2];
      m = c[kRho] * m + c[kRest] * gradient;
      const V variance = larger(v - c[kCentered] * (m * m), g - g);  // rounding may take it below 0
      b = c[kMomentum] * b + gradient / (root(variance + c[kInside]) + c[kOutside]);
      w = w - c[kRate] * b;
    }
  }
};
using PlainKernel = KernelOf<RmspropFormula<true>>;
using FullKernel = KernelOf<RmspropFormula<false>>;
using AnyRmsprop = RmspropFormula<false>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr Kernel kPlainKernel = NGD_KERNEL(PlainKernel);
constexpr Kernel kFullKernel = NGD_KERNEL(FullKernel);

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.001"),
    below_option("rho", "0.99", 0, 1, "Decay of the running mean of the squared gradient."),
    epsilon_option("1e-8"),
    uncorrected_eps_mode_option(),
    fixed(
        flag_option("centered", "0", "Divide by the root of the gradient's variance, not of its mean square.")),
    fixed(below_option("momentum", "0", 0, 1, "Share of the last step's velocity that is kept.")),
    coupled_decay_option()};

class Rmsprop : public Rule {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    rho_ = options["rho"];
    epsilon_ = placed_epsilon(options["epsilon"], epsilon_mode(options), 1, 1);
    centered_ = options["centered"] != 0;
    momentum_ = options["momentum"];
    weight_decay_ = options["weight_decay"];
    slots_[0] = {"second_moment", 0, rho_, Packing::positive_mean};
    slots_[1] = {"first_moment", 0, rho_, Packing::signed_mean};
    slots_[2] = {"velocity", 0, momentum_, Packing::signed_mean};
  }
  std::span<const Slot> slots() const override { return {slots_, plain() ? size_t{1} : size_t{3}}; }
  const Kernel &kernel() const override { return plain() ? kPlainKernel : kFullKernel; }
  void begin_step(uint64_t, double) override {
    using C = HWY_STATIC_DISPATCH(AnyRmsprop);
    constants[C::kRate] = learning_rate_;
    constants[C::kRho] = rho_;
    constants[C::kRest] = 1 - rho_;
    constants[C::kInside] = epsilon_.inside;
    constants[C::kOutside] = epsilon_.outside;
    constants[C::kDecay] = weight_decay_;
    constants[C::kMomentum] = momentum_;
    constants[C::kCentered] = centered_;
  }

 private:
  bool plain() const { return !centered_ && momentum_ == 0; }

  double rho_ = 0, momentum_ = 0, weight_decay_ = 0;
  Epsilon epsilon_ = {};
  bool centered_ = false;
  Slot slots_[3] = {};
};

}  // namespace

const RuleEntry kRmsprop = {"rmsprop", kOptions, create_rule<Rmsprop>};

}  // namespace ngd
#endif
