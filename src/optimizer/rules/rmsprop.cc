// RMSprop: Tieleman and Hinton 2012, lecture 6.5 of "Neural networks for machine learning".
//
//   g <- g + weight_decay * w
//   v <- rho * v + (1 - rho) * g^2
//   w <- w - learning_rate * g / (sqrt(v) + epsilon)
// Equal to PyTorch's with momentum 0 and centered off, where rho is called alpha. No bias correction: the first
// steps are longer by 1 / sqrt(1 - rho^t).
#include "optimizer/rule.h"

namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.001"),
    below_option("rho", "0.99", 0, 1, "Decay of the running mean of the squared gradient."),
    epsilon_option("1e-8", "Added to the root, so that nothing is divided by zero."), coupled_decay_option(),
    nonfinite_option()};

class Rmsprop : public RuleOf<Rmsprop> {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    rho_ = options["rho"];
    epsilon_ = options["epsilon"];
    weight_decay_ = options["weight_decay"];
    slot_ = {"second_moment", 0, rho_};
  }
  std::span<const Slot> slots() const override { return {&slot_, 1}; }
  void begin_step(uint64_t, double) override {}

  template <class T>
  void sweep(const Piece<T> &piece, T) const {
    const T rate = static_cast<T>(learning_rate_), decay = static_cast<T>(weight_decay_);
    const T rho = static_cast<T>(rho_), one_minus_rho = static_cast<T>(1 - rho_),
            epsilon = static_cast<T>(epsilon_);
    T *__restrict w = piece.parameter;
    T *__restrict v = piece.slot[0];
    const T *__restrict g = piece.gradient;
    for (size_t i = 0; i < piece.count; i++) {
      const T gradient = g[i] + decay * w[i];
      v[i] = rho * v[i] + one_minus_rho * gradient * gradient;
      w[i] -= rate * gradient / (std::sqrt(v[i]) + epsilon);
    }
  }

 private:
  double learning_rate_ = 0, rho_ = 0, epsilon_ = 0, weight_decay_ = 0;
  Slot slot_ = {};
};

}  // namespace

const RuleEntry kRmsprop = {"rmsprop", kOptions, create_rule<Rmsprop>};

}  // namespace ngd
