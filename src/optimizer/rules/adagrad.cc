// Adagrad: Duchi, Hazan and Singer 2011, "Adaptive subgradient methods".
//
//   g <- g + weight_decay * w
//   h <- h + g^2                                            h = initial_accumulator before the first step
//   w <- w - learning_rate / (1 + (t - 1) * lr_decay) * g / (sqrt(h) + epsilon)
//                                                         or sqrt(h + epsilon): eps_mode=inside
// Equal to PyTorch's. Keras: initial_accumulator=0.1, epsilon=1e-7, eps_mode=inside. The paper adds epsilon as here, has
// no decay of the rate, and begins at 0.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/rules/adagrad.cc"
#include "optimizer/rules/epsilon.h"
// After our headers: reads this file once per vector target.
#include <hwy/foreach_target.h>

#include "optimizer/kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ngd::HWY_NAMESPACE {

struct AdagradFormula {
  enum { kRate, kInside, kOutside, kDecay, kConstants };
  static constexpr size_t kSlots = 1;
  template <class V>
  static HWY_INLINE void update(const V *c, V &w, V g, V *s) {
    V &h = s[0];
    const V gradient = g + c[kDecay] * w;
    h = h + gradient * gradient;
    w = w - c[kRate] * gradient / (root(h + c[kInside]) + c[kOutside]);
  }
};
using AdagradKernel = KernelOf<AdagradFormula>;

}  // namespace ngd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ngd {
namespace {

constexpr Kernel kKernel = NGD_EXACT_KERNEL(AdagradKernel);

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.01"),
    epsilon_option("1e-10"),
    uncorrected_eps_mode_option(),
    fixed(number_option("initial_accumulator", "0", 0, kInfinity, "Sum of squares before the first step.")),
    number_option("lr_decay", "0", 0, kInfinity, "The rate of step t is divided by 1 + (t - 1) * this."),
    coupled_decay_option()};

class Adagrad : public Rule {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    epsilon_ = placed_epsilon(options["epsilon"], epsilon_mode(options), 1, 1);
    rate_decay_ = options["lr_decay"];
    weight_decay_ = options["weight_decay"];
    slot_ = {"sum_of_squares", options["initial_accumulator"], 1};
  }
  std::span<const Slot> slots() const override { return {&slot_, 1}; }
  const Kernel &kernel() const override { return kKernel; }
  void begin_step(uint64_t step, double) override {
    using C = HWY_STATIC_DISPATCH(AdagradFormula);
    constants[C::kRate] = learning_rate_ / (1 + static_cast<double>(step - 1) * rate_decay_);
    constants[C::kInside] = epsilon_.inside;
    constants[C::kOutside] = epsilon_.outside;
    constants[C::kDecay] = weight_decay_;
  }

 private:
  Epsilon epsilon_ = {};
  double rate_decay_ = 0, weight_decay_ = 0;
  Slot slot_ = {};
};

}  // namespace

const RuleEntry kAdagrad = {"adagrad", kOptions, create_rule<Adagrad>};

}  // namespace ngd
#endif
