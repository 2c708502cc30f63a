// One step as one walk over memory: everything that happens to a piece of a tensor happens while it is in the cache.
//
// The order of what happens to an element: its gradient is widened, scaled, checked and limited; the rule updates state
// and parameter; the average follows; copies are cast; the gradient is zeroed.
#pragma once

#include <span>
#include <vector>

#include "base/memory.h"
#include "base/team.h"
#include "optimizer/element.h"
#include "optimizer/kernel.h"
#include "optimizer/layout.h"
#include "optimizer/settings.h"
#include "optimizer/tensor_state.h"
#include "optimizer/whole.h"

namespace ngd {

// One tensor's arrays in a step, of the optimizer's element type. Tables of rows: `rows` lists the touched rows, rising
// and without repetition, and `gradient` holds just those rows, packed.
struct TensorCall {
  void *parameter = nullptr;
  const void *gradient = nullptr;
  uint16_t *copy = nullptr;  // receives the cast parameters
  std::span<const uint32_t> rows{};
};

// Powers of a decay, so that rows which rested need no pow() each.
class DecayTable {
 public:
  explicit DecayTable(double decay);
  double operator()(uint64_t steps) const;
  double decay() const { return decay_; }

 private:
  double decay_;
  std::vector<double> powers_;
};

// What one group of tensors does in a step.
struct GroupStep {
  Rule *rule = nullptr;
  Clip clip = Clip::none;
  double threshold = 0;
  double scale = 1;                // of gradients: loss scale and clipping
  std::vector<DecayTable> decays;  // one for each slot
};

struct Sweep {
  // What stays between steps.
  Element element = Element::none;
  Target target = best_target();
  std::vector<TensorSpec> specs;
  std::vector<TensorState> states;
  std::vector<uint32_t> group_of;
  std::vector<GroupStep> groups;
  const Settings *settings = nullptr;
  Team *team = nullptr;

  // What belongs to a step.
  std::span<const TensorCall> calls;
  uint64_t step = 0;     // counted from 1
  bool consume = false;  // the gradients may be zeroed
  double follow = 0;     // how far averages follow the parameters in this step
  bool average_begins = false;
  bool from_accumulated = false;  // the gradient is the accumulated one

  // Cuts the tensors into works; to be called when tensors, groups or touched rows changed.
  void lay_out();

  // Begins a step with these arrays: nothing is known of them.
  void begin(std::span<const TensorCall> arrays, bool may_consume);

  // The sum of squares of each tensor's gradient, in float64, of the elements as they are: not finite when one is not.
  // With `exact` false it may also be 0 where all is finite.
  std::span<const double> gradient_squares(bool exact);
  // accumulated += scale * gradient. Returns how many elements were not finite and counted as 0.
  uint64_t accumulate(double scale);
  // What a skipped step still does: gradients are zeroed where the caller and the option say so.
  void zero_gradients();
  // The step itself, after all Rule::begin_step(). Returns how many elements were not finite. Cannot fail.
  uint64_t update();

  size_t width(size_t tensor) const;  // of a row
  size_t gradient_count(size_t tensor) const;
  bool normed(size_t tensor) const;

 private:
  template <class T>
  friend class SweepJob;
  template <class Body>
  void in_parallel(Body body);
  template <class Job>
  void normed_batch(Job &job, std::span<const Work> works);
  uint64_t update_whole();
  template <class T>
  uint64_t update_whole_group(size_t group);
  template <class T>
  std::vector<WholeTensor<T>> &whole_tensors() {
    if constexpr (std::is_same_v<T, float>)
      return whole_f32_;
    else
      return whole_f64_;
  }
  uint64_t not_finite_total() const;
  Norms tensor_norms(size_t tensor) const;
  double trust(size_t tensor) const;
  bool may_settle(size_t tensor) const;

  Layout layout_;
  std::vector<double> squares_, tensor_squares_;  // of each work and each tensor
  std::vector<Norms> norms_;                      // of each work
  std::vector<uint8_t> settling_;                 // of each tensor
  // For rules on whole tensors: their gradients, and the list that they are given.
  std::vector<Memory> prepared_;
  std::vector<WholeTensor<float>> whole_f32_;
  std::vector<WholeTensor<double>> whole_f64_;
  std::vector<uint64_t> not_finite_;   // of each thread
  std::vector<Memory> scratch_;        // of each thread
  bool gradients_are_cached_ = false;  // they were just read from first to last
};

}  // namespace ngd
