// What the rules with Adam's two moments share: their options, their state, and the constants that update the moments.
#pragma once

#include "optimizer/rules/epsilon.h"

namespace ngd {

class MomentRule : public Rule {
 public:
  explicit MomentRule(const Kernel &kernel, const char *second = "second_moment")
      : kernel_(kernel),
        slots_{{"first_moment", 0, 0, Packing::signed_mean}, {second, 0, 0, Packing::positive_mean}} {}

  void configure(const OptionSet &options) override {
    configure_moments(options);
    epsilon_mode_ = epsilon_mode(options);
  }
  std::span<const Slot> slots() const override { return {slots_, slot_count_}; }
  const Kernel &kernel() const override { return kernel_; }

 protected:
  void configure_moments(const OptionSet &options) {
    learning_rate_ = options["learning_rate"];
    beta1_ = options["beta1"];
    beta2_ = options["beta2"];
    epsilon_ = options["epsilon"];
    weight_decay_ = options["weight_decay"];
    slots_[0].decay = beta1_;
    slots_[1].decay = beta2_;
  }
  // m <- beta1 m + (1 - beta1) g,  v <- beta2 v + (1 - beta2) g^2, by the names of formula C.
  template <class C>
  void set_moment_constants() {
    constants[C::kBeta1] = beta1_;
    constants[C::kRest1] = 1 - beta1_;
    constants[C::kBeta2] = beta2_;
    constants[C::kRest2] = 1 - beta2_;
  }
  // root(v * correction + inside) + outside.
  template <class C>
  void set_root_constants(double t) {
    const double correction = 1 / correction2(t);
    const Epsilon epsilon = placed_epsilon(epsilon_, epsilon_mode_, correction, correction);
    constants[C::kCorrection2] = correction;
    constants[C::kInside] = epsilon.inside;
    constants[C::kOutside] = epsilon.outside;
  }
  // 1 - beta1^t and 1 - beta2^t.
  double correction1(double t) const { return bias_correction(beta1_, t); }
  double correction2(double t) const { return bias_correction(beta2_, t); }

  double beta1_ = 0, beta2_ = 0, epsilon_ = 0, weight_decay_ = 0;
  EpsilonMode epsilon_mode_ = EpsilonMode::outside;
  const Kernel &kernel_;
  Slot slots_[3];  // a third one for rules that have it
  size_t slot_count_ = 2;
};

}  // namespace ngd
