// Stochastic gradient descent: Robbins and Monro 1951, "A stochastic approximation method".
//
//   g <- g + weight_decay * w
//   w <- w - learning_rate * g
#include "optimizer/rule.h"

namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {learning_rate_option("0.01"), coupled_decay_option(), nonfinite_option()};

class Sgd : public RuleOf<Sgd> {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    weight_decay_ = options["weight_decay"];
  }
  std::span<const Slot> slots() const override { return {}; }
  void begin_step(uint64_t, double) override {}

  template <class T>
  void sweep(const Piece<T> &piece, T) const {
    const T rate = static_cast<T>(learning_rate_), decay = static_cast<T>(weight_decay_);
    T *__restrict w = piece.parameter;
    const T *__restrict g = piece.gradient;
    for (size_t i = 0; i < piece.count; i++) w[i] -= rate * (g[i] + decay * w[i]);
  }

 private:
  double learning_rate_ = 0, weight_decay_ = 0;
};

}  // namespace

const RuleEntry kSgd = {"sgd", kOptions, create_rule<Sgd>};

}  // namespace ngd
