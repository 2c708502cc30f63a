// What an update rule is: options, state arrays, the constants of one step, and the kernel that updates elements.
//
// A new rule is one file in rules/, a formula and a class derived from Rule (or MomentRule of rules/moments.h), and one
// line in the table of rules.cc.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <span>

#include "base/option.h"
#include "base/state.h"
#include "optimizer/kernel.h"

namespace ngd {

// How a state array may be kept in fewer bits (option state). Sums that only grow stay exact: a sum in few bits stops
// growing as soon as what is added is smaller than its last bit.
enum class Packing : uint8_t { exact, signed_mean, positive_mean };

// A state array of a rule, shaped as the parameters unless Rule::slot_shape says otherwise.
struct Slot {
  const char *name;  // saved as "<tensor>.<name>"
  double initial;    // every element before the first step
  double decay;      // what an element is multiplied by in a step whose gradient is 0: for rows that rest
  Packing packing = Packing::exact;
};

// A number of a rule that depends on the steps before, and is saved with the state.
struct Scalar {
  const char *name;
  double value;
};

class WholeRule;

class Rule {
 public:
  virtual ~Rule() = default;

  // Reads the options; called before the first step and after each change.
  virtual void configure(const OptionSet &options) = 0;
  // The rate of the coming steps: the option times what the schedule makes of it.
  void use_learning_rate(double rate) { learning_rate_ = rate; }
  virtual std::span<const Slot> slots() const = 0;
  virtual std::span<Scalar> scalars() { return {}; }
  virtual const Kernel &kernel() const = 0;
  // For rules that work on whole tensors (whole.h): themselves.
  virtual const WholeRule *whole() const { return nullptr; }
  virtual WholeRule *whole() { return nullptr; }
  // The shape of a state array for a tensor of this shape; an empty array (a size of 0) where the tensor needs none.
  // Only rules on whole tensors may answer anything but the tensor's own shape.
  virtual Shape slot_shape(size_t /*slot*/, const Shape &tensor) const { return tensor; }

  // Computes the constants of a step, in float64. `step` counts from 1, `gradient_norm` is over all tensors and
  // 0 unless wanted.
  virtual bool wants_gradient_norm() const { return false; }
  virtual void begin_step(uint64_t step, double gradient_norm) = 0;
  double constants[kMaximumConstants] = {};

  // Whether the formula squares gradients: then it sees none whose square would overflow.
  virtual bool squares_gradients() const { return true; }

  // Per tensor: whether its norms are wanted, and where the factor that follows from them goes. The kernel then
  // has a measure function, and the constant is 1 for other tensors.
  virtual bool wants_norms(bool /*matrix*/) const { return false; }
  virtual double trust(const Norms &) const { return 1; }
  virtual size_t trust_constant() const { return 0; }
  // A rule whose trust() is mostly 1 may let the engine step first and measure in the same pass: then this tells how
  // near the norms were to a trust below 1 (above 1: trust() = 1 / nearness), and the kernel has settle functions that
  // take back what was too much.
  virtual bool settles() const { return false; }
  virtual double nearness(const Norms &) const { return 0; }

  // Rules that know a better point than the parameters, an average over the steps: how a run of its elements follows from
  // those of the parameters and state arrays. Only after the first step.
  virtual bool averages() const { return false; }
  virtual void average(size_t /*count*/, const float * /*parameter*/, const float *const * /*slots*/,
                       float * /*out*/) const {}
  virtual void average(size_t /*count*/, const double * /*parameter*/, const double *const * /*slots*/,
                       double * /*out*/) const {}

  // The second gradient of the gradient-norm penalty; 0 when it is off.
  virtual double penalty() const { return 0; }
  virtual double penalty_radius() const { return 0; }

 protected:
  double learning_rate_ = 0;
};

// 1 - beta^step without cancellation.
inline double bias_correction(double beta, double step) {
  return beta == 0 ? 1.0 : -std::expm1(step * std::log(beta));
}

// Options that several rules share, so that they read the same everywhere.
constexpr OptionSpec learning_rate_option(const char *default_text) {
  return above_option("learning_rate", default_text, 0, kInfinity, "Step size: the factor of every update.");
}
constexpr OptionSpec beta1_option() {
  return below_option("beta1", "0.9", 0, 1, "Decay of the first moment, the running mean of the gradient.");
}
constexpr OptionSpec beta2_option() {
  return below_option("beta2", "0.999", 0, 1,
                      "Decay of the second moment, the running mean of the squared gradient.");
}
constexpr OptionSpec epsilon_option(
    const char *default_text,
    const char *help = "So that nothing is divided by zero; eps_mode says where it stands.") {
  return above_option("epsilon", default_text, 0, kInfinity, help);
}
constexpr OptionSpec coupled_decay_option() {
  return number_option("weight_decay", "0", 0, kInfinity,
                       "L2 penalty: this times the parameter is added to its gradient.");
}
// Formulas subtract learning_rate * weight_decay * w together with the step. Multiplying by 1 - that instead would lose
// digits of the decay: in float32 the factor has steps of 6e-8.
constexpr OptionSpec decoupled_decay_option(const char *default_text) {
  return number_option("weight_decay", default_text, 0, kInfinity,
                       "Decoupled decay: each step also multiplies the parameter by 1 - learning_rate * this.");
}

// One row of the table in rules.cc.
struct RuleEntry {
  const char *name;
  std::span<const OptionSpec> options;
  std::unique_ptr<Rule> (*create)();
};
const RuleEntry &find_rule(std::string_view name);  // throws NGD_E_OPTION with the nearest name

template <class It>
std::unique_ptr<Rule> create_rule() {
  return std::make_unique<It>();
}

// Each rule's file defines its entry.
extern const RuleEntry kSgd, kMomentum, kNesterov, kAdagrad, kAdadelta, kRmsprop, kAdam, kAdamw, kAmsgrad,
    kAdamax, kNadam, kRadam, kAdabelief, kYogi, kQhadam, kLion, kLars, kLamb, kScheduleFreeAdamw, kAdafactor,
    kMuon, kRprop, kLbfgs, kAsgd, kFtrl, kNgd;

}  // namespace ngd
