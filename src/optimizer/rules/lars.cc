// LARS: You, Gitman and Ginsburg 2017, "Large batch training of convolutional networks", algorithm 1.
//
//   q  = trust * ||w|| / (||g|| + weight_decay * ||w||)     1 for vectors, and when either norm is 0
//   b <- momentum * b + learning_rate * q * (g + weight_decay * w)
//   w <- w - b
// Norms are of a whole tensor. As in the paper, where learning_rate times a schedule is gamma, and trust eta. optax divides by
// ||g + weight_decay * w|| instead. PyTorch and Keras have no LARS.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/lars.cc"
#include "optimizer/rule.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

struct LarsFormula {
  enum { kMomentum, kRate, kTrust, kDecay, kConstants };
  static constexpr size_t kSlots = 1;
  template <class V>
  static HWY_INLINE V direction(const V *, V, V g, V *) {
    return g;
  }
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    V &b = s[0];
    b = c[kMomentum] * b + c[kRate] * c[kTrust] * (g + c[kDecay] * w);
    w = w - b;
  }
};
using LarsKernel = KernelOf<LarsFormula>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.1"),
    below_option("momentum", "0.9", 0, 1, "Share of the last step's velocity that is kept."),
    above_option("trust", "0.001", 0, kInfinity,
                 "Length of a step as a share of the matrix's norm, at learning_rate 1."),
    number_option("weight_decay", "0", 0, kInfinity,
                  "L2 penalty: this times the parameter is added to its gradient.")};
constexpr Kernel kKernel = NGD_MEASURED_KERNEL(LarsKernel);

class Lars : public Rule {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    momentum_ = options["momentum"];
    trust_ = options["trust"];
    weight_decay_ = options["weight_decay"];
    slot_ = {"velocity", 0, momentum_, Packing::signed_mean};
  }
  std::span<const Slot> slots() const override { return {&slot_, 1}; }
  const Kernel &kernel() const override { return kKernel; }
  bool squares_gradients() const override { return false; }
  bool wants_norms(bool matrix) const override { return matrix; }
  size_t trust_constant() const override { return C::kTrust; }
  double trust(const Norms &norms) const override {
    const double w = std::sqrt(norms.parameter_squares), g = std::sqrt(norms.direction_squares);
    return w == 0 || g == 0 ? 1 : trust_ * w / (g + weight_decay_ * w);
  }
  void begin_step(uint64_t, double) override {
    constants[C::kMomentum] = momentum_;
    constants[C::kRate] = learning_rate_;
    constants[C::kTrust] = 1;
    constants[C::kDecay] = weight_decay_;
  }

 private:
  using C = HWY_STATIC_DISPATCH(LarsFormula);

  double momentum_ = 0, trust_ = 0, weight_decay_ = 0;
  Slot slot_ = {};
};

}  // namespace

const RuleEntry kLars = {"lars", kOptions, create_rule<Lars>};

}  // namespace ngd
#endif
