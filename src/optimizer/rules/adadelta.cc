// Adadelta: Zeiler 2012, "ADADELTA: an adaptive learning rate method", algorithm 1.
//
//   g <- g + weight_decay * w
//   v <- rho * v + (1 - rho) * g^2
//   d  = g * sqrt(u + epsilon) / sqrt(v + epsilon)
//   u <- rho * u + (1 - rho) * d^2
//   w <- w - learning_rate * d                              the paper has learning_rate = 1
#include "optimizer/rule.h"

namespace ngd {
namespace {

constexpr OptionSpec kOptions[] = {
    learning_rate_option("1"), below_option("rho", "0.9", 0, 1, "Decay of both running means."),
    epsilon_option("1e-6", "Added inside both roots; sets the size of the first step."), coupled_decay_option(),
    nonfinite_option()};

class Adadelta : public RuleOf<Adadelta> {
 public:
  void configure(const OptionSet &options) override {
    learning_rate_ = options["learning_rate"];
    rho_ = options["rho"];
    epsilon_ = options["epsilon"];
    weight_decay_ = options["weight_decay"];
    slots_[0] = {"second_moment", 0, rho_};
    slots_[1] = {"step_second_moment", 0, rho_};
  }
  std::span<const Slot> slots() const override { return slots_; }
  void begin_step(uint64_t, double) override {}

  template <class T>
  void sweep(const Piece<T> &piece, T) const {
    const T rate = static_cast<T>(learning_rate_), decay = static_cast<T>(weight_decay_);
    const T rho = static_cast<T>(rho_), one_minus_rho = static_cast<T>(1 - rho_),
            epsilon = static_cast<T>(epsilon_);
    T *__restrict w = piece.parameter;
    T *__restrict v = piece.slot[0];
    T *__restrict u = piece.slot[1];
    const T *__restrict g = piece.gradient;
    for (size_t i = 0; i < piece.count; i++) {
      const T gradient = g[i] + decay * w[i];
      v[i] = rho * v[i] + one_minus_rho * gradient * gradient;
      const T step = gradient * std::sqrt(u[i] + epsilon) / std::sqrt(v[i] + epsilon);
      u[i] = rho * u[i] + one_minus_rho * step * step;
      w[i] -= rate * step;
    }
  }

 private:
  double learning_rate_ = 0, rho_ = 0, epsilon_ = 0, weight_decay_ = 0;
  Slot slots_[2] = {};
};

}  // namespace

const RuleEntry kAdadelta = {"adadelta", kOptions, create_rule<Adadelta>};

}  // namespace ngd
