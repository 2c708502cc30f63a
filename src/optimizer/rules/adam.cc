// Adam and AdamW: Kingma and Ba 2015, "Adam: a method for stochastic optimization", algorithm 1; Loshchilov and
// Hutter 2019, "Decoupled weight decay regularization", algorithm 2.
//
//   g <- g + weight_decay * w                               adam
//   w <- w - learning_rate * weight_decay * w               adamw
//   m <- beta1 * m + (1 - beta1) * g
//   v <- beta2 * v + (1 - beta2) * g^2
//   w <- w - learning_rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
// Equal to PyTorch's. Epsilon stands outside the root and is added to the corrected root.
#include "optimizer/rule.h"

namespace ngd {
namespace {

constexpr const char *kEpsilonHelp = "Added to the corrected root, so that nothing is divided by zero.";
constexpr OptionSpec kAdamOptions[] = {
    learning_rate_option("0.001"),        beta1_option(),         beta2_option(),
    epsilon_option("1e-8", kEpsilonHelp), coupled_decay_option(), nonfinite_option()};
constexpr OptionSpec kAdamwOptions[] = {
    learning_rate_option("0.001"),  beta1_option(),    beta2_option(), epsilon_option("1e-8", kEpsilonHelp),
    decoupled_decay_option("0.01"), nonfinite_option()};

template <bool kDecoupled>
class Adam : public RuleOf<Adam<kDecoupled>> {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    beta1_ = options["beta1"];
    beta2_ = options["beta2"];
    epsilon_ = options["epsilon"];
    weight_decay_ = options["weight_decay"];
    slots_[0] = {"first_moment", 0, beta1_};
    slots_[1] = {"second_moment", 0, beta2_};
  }
  std::span<const Slot> slots() const override { return slots_; }
  void begin_step(uint64_t step, double) override {
    const double t = static_cast<double>(step);
    correction1_ = bias_correction(beta1_, t);
    correction2_ = bias_correction(beta2_, t);
  }

  template <class T>
  void sweep(const Piece<T> &piece, T) const {
    // The first correction is folded into the rate, so that the loop has one division.
    const T rate = static_cast<T>(learning_rate_ / correction1_), second = static_cast<T>(1 / correction2_);
    const T beta1 = static_cast<T>(beta1_), one_minus_beta1 = static_cast<T>(1 - beta1_);
    const T beta2 = static_cast<T>(beta2_), one_minus_beta2 = static_cast<T>(1 - beta2_);
    const T epsilon = static_cast<T>(epsilon_), decay = static_cast<T>(kDecoupled ? 0 : weight_decay_);
    const T keep = static_cast<T>(kDecoupled ? 1 - learning_rate_ * weight_decay_ : 1);
    T *__restrict w = piece.parameter;
    T *__restrict m = piece.slot[0];
    T *__restrict v = piece.slot[1];
    const T *__restrict g = piece.gradient;
    for (size_t i = 0; i < piece.count; i++) {
      const T gradient = kDecoupled ? g[i] : g[i] + decay * w[i];
      m[i] = beta1 * m[i] + one_minus_beta1 * gradient;
      v[i] = beta2 * v[i] + one_minus_beta2 * gradient * gradient;
      w[i] = keep * w[i] - rate * m[i] / (std::sqrt(v[i] * second) + epsilon);
    }
  }

 private:
  double learning_rate_ = 0, beta1_ = 0, beta2_ = 0, epsilon_ = 0, weight_decay_ = 0;
  double correction1_ = 1, correction2_ = 1;
  Slot slots_[2] = {};
};

}  // namespace

const RuleEntry kAdam = {"adam", kAdamOptions, create_rule<Adam<false>>};
const RuleEntry kAdamw = {"adamw", kAdamwOptions, create_rule<Adam<true>>};

}  // namespace ngd
