// Where epsilon stands in the divisor of the adaptive rules, root(v * correction + inside) + outside.
//
//   outside   sqrt(v / (1 - beta2^t)) + epsilon             the corrected root: PyTorch
//   hat       sqrt(v / (1 - beta2^t)) + epsilon / sqrt(1 - beta2^t)
//                                                           the uncorrected root, (sqrt(v) + epsilon) / sqrt(1 - beta2^t):
//                                                           epsilon-hat of Kingma and Ba 2015, section 2; Keras
//   inside    sqrt(v / (1 - beta2^t) + epsilon)             optax's eps_root; Keras' RMSprop and Adagrad
#pragma once

#include "optimizer/rule.h"

namespace ngd {

enum class EpsilonMode { outside, hat, inside };

inline EpsilonMode epsilon_mode(const OptionSet &options) {
  const std::string &mode = options.choice("eps_mode");
  return mode == "outside" ? EpsilonMode::outside : mode == "hat" ? EpsilonMode::hat : EpsilonMode::inside;
}

constexpr OptionSpec eps_mode_option(const char *default_text = "outside") {
  return choice_option(
      "eps_mode", default_text, "outside|hat|inside",
      "Epsilon is added to the corrected root (as PyTorch), to the root before its correction (as Keras), "
      "or inside the corrected root.");
}
// For rules whose second moment is not corrected.
constexpr OptionSpec uncorrected_eps_mode_option() {
  return choice_option("eps_mode", "outside", "outside|inside",
                       "Epsilon is added to the root (as PyTorch), or inside it (as Keras).");
}

struct Epsilon {
  double inside, outside;
};

// `correction` is 1 / (1 - beta2^t). A formula whose root lacks it, because its rate has it, says that it applies 1.
inline Epsilon placed_epsilon(double epsilon, EpsilonMode mode, double correction, double applied) {
  const double share = applied / correction;
  if (mode == EpsilonMode::outside) return {0, epsilon * std::sqrt(share)};
  if (mode == EpsilonMode::hat) return {0, epsilon * std::sqrt(applied)};
  return {epsilon * share, 0};
}

}  // namespace ngd
