// Adagrad: Duchi, Hazan and Singer 2011, "Adaptive subgradient methods".
//
//   g <- g + weight_decay * w
//   h <- h + g^2                                            h = initial_accumulator before the first step
//   w <- w - learning_rate * g / (sqrt(h) + epsilon)
// Equal to PyTorch's with lr_decay 0. Keras starts from an accumulator of 0.1.
#include "optimizer/rule.h"

namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.01"),
    epsilon_option("1e-10", "Added to the root, so that nothing is divided by zero."),
    fixed(number_option("initial_accumulator", "0", 0, kInfinity, "Sum of squares before the first step.")),
    coupled_decay_option(), nonfinite_option()};

class Adagrad : public RuleOf<Adagrad> {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    epsilon_ = options["epsilon"];
    weight_decay_ = options["weight_decay"];
    slot_ = {"sum_of_squares", options["initial_accumulator"], 1};
  }
  std::span<const Slot> slots() const override { return {&slot_, 1}; }
  void begin_step(uint64_t, double) override {}

  template <class T>
  void sweep(const Piece<T> &piece, T) const {
    const T rate = static_cast<T>(learning_rate_), decay = static_cast<T>(weight_decay_);
    const T epsilon = static_cast<T>(epsilon_);
    T *__restrict w = piece.parameter;
    T *__restrict h = piece.slot[0];
    const T *__restrict g = piece.gradient;
    for (size_t i = 0; i < piece.count; i++) {
      const T gradient = g[i] + decay * w[i];
      h[i] += gradient * gradient;
      w[i] -= rate * gradient / (std::sqrt(h[i]) + epsilon);
    }
  }

 private:
  double learning_rate_ = 0, epsilon_ = 0, weight_decay_ = 0;
  Slot slot_ = {};
};

}  // namespace

const RuleEntry kAdagrad = {"adagrad", kOptions, create_rule<Adagrad>};

}  // namespace ngd
