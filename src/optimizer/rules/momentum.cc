// Momentum, classical and Nesterov's.
//
//   g <- g + weight_decay * w
//   b <- momentum * b + g                                   b = 0 before the first step, so that its first
//   value is g w <- w - learning_rate * b                              rule momentum: Polyak 1964 w <- w -
//   learning_rate * (g + momentum * b)             rule nesterov: Nesterov 1983, in the form of
//                                                           Sutskever et al. 2013 with the look-ahead folded in
// Equal to PyTorch's SGD(momentum, nesterov) with dampening 0.
#include "optimizer/rule.h"

namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("0.01"),
    below_option("momentum", "0.9", 0, 1, "Share of the last step's velocity that is kept."),
    coupled_decay_option(), nonfinite_option()};

template <bool kLookAhead>
class Momentum : public RuleOf<Momentum<kLookAhead>> {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    momentum_ = options["momentum"];
    weight_decay_ = options["weight_decay"];
    slot_ = {"velocity", 0, momentum_};
  }
  std::span<const Slot> slots() const override { return {&slot_, 1}; }
  void begin_step(uint64_t, double) override {}

  template <class T>
  void sweep(const Piece<T> &piece, T) const {
    const T rate = static_cast<T>(learning_rate_), decay = static_cast<T>(weight_decay_);
    const T momentum = static_cast<T>(momentum_);
    T *__restrict w = piece.parameter;
    T *__restrict b = piece.slot[0];
    const T *__restrict g = piece.gradient;
    for (size_t i = 0; i < piece.count; i++) {
      const T gradient = g[i] + decay * w[i];
      b[i] = momentum * b[i] + gradient;
      w[i] -= rate * (kLookAhead ? gradient + momentum * b[i] : b[i]);
    }
  }

 private:
  double learning_rate_ = 0, momentum_ = 0, weight_decay_ = 0;
  Slot slot_ = {};
};

}  // namespace

const RuleEntry kMomentum = {"momentum", kOptions, create_rule<Momentum<false>>};
const RuleEntry kNesterov = {"nesterov", kOptions, create_rule<Momentum<true>>};

}  // namespace ngd
