// The optimizer: one rule, its options, groups that differ in some of them, and the state of a list of named tensors.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/option.h"
#include "base/state.h"
#include "math/simd.h"
#include "optimizer/element.h"
#include "optimizer/group.h"
#include "optimizer/settings.h"
#include "optimizer/sweep.h"

namespace ngd {

// One tensor's part in a step, see TensorCall. T is float, double, Bf16 or F16.
template <class T>
struct TensorStep {
  T *parameter = nullptr;
  const T *gradient = nullptr;
  std::span<const uint32_t> rows{};
  uint16_t *copy = nullptr;
};

class Optimizer {
 public:
  explicit Optimizer(std::string_view spec);
  ~Optimizer();

  const OptionSet &options() const { return groups_.front().options; }
  void set(std::string_view name, double value);
  void set_text(std::string_view name, std::string_view value);

  // Tensors whose names match `pattern` follow `options` ("weight_decay=0,learning_rate=0.1"), and for all else the
  // optimizer's. The first group that matches counts. Before the first step.
  void add_group(std::string_view name, std::string_view pattern, std::string_view options);
  void set_group(std::string_view group, std::string_view name, double value);
  void set_group_text(std::string_view group, std::string_view name, std::string_view value);
  const OptionSet &group_options(std::string_view group) const;
  const std::vector<Group> &groups() const { return groups_; }  // the first is all tensors of no other
  size_t group_of(size_t tensor) const { return sweep_.group_of[tensor]; }

  void add(Element element, std::string_view name, std::span<const int64_t> shape);
  // A table whose gradients touch few rows a step. A row rests between its touches: its parameters do not move
  // and its moments decay as if the gradients in between had been zero. Rank 2.
  void add_rows(Element element, std::string_view name, std::span<const int64_t> shape);

  using TensorSpec = ngd::TensorSpec;
  const std::vector<TensorSpec> &tensors() const { return sweep_.specs; }
  Element element() const { return sweep_.element; }

  // `consume`: the gradients may be written, and are zeroed when the option says so.
  template <class T>
  void step(std::span<const TensorStep<T>> tensors, bool consume = false);

  // grad_penalty: whether a second gradient is needed, and the two halves of it. `gradient` of each step is
  // replaced by the combination in restore, so it must point to memory that may be written.
  bool wants_second_gradient() const;
  template <class T>
  void perturb(std::span<const TensorStep<T>> tensors);
  template <class T>
  void restore(std::span<const TensorStep<T>> tensors);

  // The averaged parameters: of the option average, or of a rule that has averages of its own.
  template <class T>
  void average(std::span<const T *const> parameters, std::span<T *const> averages) const;

  // The learning rate of the next step is the option times the schedule times this.
  void use_rate_factor(double factor) { rate_factor_ = factor; }
  // The same for one group beside the others.
  void use_group_rate_factor(size_t group, double factor) { groups_[group].rate_factor = factor; }
  double learning_rate() const;
  void report(double loss);  // for schedule=plateau

  // Which vector instructions to use: by default the widest that the CPU has. All give the same bits.
  void use_target(Target target) { sweep_.target = target; }

  uint64_t step_count() const { return step_count_; }
  uint64_t skip_count() const { return skip_count_; }
  uint64_t zero_count() const { return zero_count_; }  // elements that counted as 0
  double gradient_norm() const { return gradient_norm_; }

  // `in_place`: the arrays as they lie, for a checksum; nothing can be loaded from that.
  void save(StateWriter &writer, bool in_place = false) const;
  void load(const StateReader &reader);
  // Takes the state of those tensors that the file has with the same shape; options stay. Returns their number.
  size_t load_matching(const StateReader &reader);

 private:
  explicit Optimizer(const OptionSet &options_of_spec);
  template <class Change>
  void configure(Change change);  // all or nothing
  void check_support(const Settings &settings, const std::vector<OptionSet> &options) const;
  template <class T>
  void check(std::span<const TensorStep<T>> tensors) const;
  void add_tensor(Element element, std::string_view name, std::span<const int64_t> shape, bool rows);
  size_t find_group(std::string_view name) const;
  void assign_groups();
  Storage storage_of(const Slot &slot, const TensorSpec &spec) const;
  TensorState new_state(const TensorSpec &spec, size_t group);
  void renew_slots();

  void prepare();
  void allocate();
  bool finite_gradients(std::span<const double> squares);
  void skip_step();
  void move_loss_scale(bool good);
  void scale_gradients(std::span<const double> squares);
  void count_averages();
  void fill_initial_state();
  double schedule_rate_factor() const;
  template <class T>
  void give_rule_average(size_t tensor, const T *parameters, T *to) const;
  void load_arrays(const StateReader &reader);
  void swap(Optimizer &other);

  std::vector<Group> groups_;
  Settings settings_;
  Sweep sweep_;
  std::unique_ptr<Team> team_;
  unsigned team_threads_ = 0;
  std::vector<TensorCall> calls_;
  MemoryPool pools_[kMaximumSlots];  // of each slot's arrays
  bool laid_out_ = false;

  ScheduleSettings schedule_;
  Plateau plateau_;
  double rate_factor_ = 1;
  uint64_t step_count_ = 0, skip_count_ = 0, zero_count_ = 0;
  uint64_t accumulated_ = 0;  // calls of step since the last real one
  uint64_t averaged_ = 0;     // updates of the average
  uint64_t good_steps_ = 0;   // since loss_scale last moved
  double gradient_norm_ =
      std::numeric_limits<double>::quiet_NaN();  // of the last step, NaN when it was not measured
  struct Perturbed;
  std::unique_ptr<Perturbed> perturbed_;
  bool combined_ = false;  // restore has been called since the last step
};

// The rules, for listing and describing.
const char *rule_name(size_t index);  // nullptr past the last
OptionTable rule_options(std::string_view rule);

}  // namespace ngd
