// Laying out a step, its passes over gradients, and its walk over the batches.
#include "optimizer/sweep.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "math/reduce.h"
#include "optimizer/sweep_job.h"
#include "optimizer/whole.h"

namespace ngd {
namespace {

// Elements of a piece of work: a few arrays of that many lie in L2 together.
constexpr size_t kPiece = 8192;
constexpr size_t kPowers = 1024;

}  // namespace

DecayTable::DecayTable(double decay) : decay_(decay) {
  if (decay == 1) return;
  powers_.resize(kPowers);
  for (size_t k = 0; k < kPowers; k++) powers_[k] = std::pow(decay, static_cast<double>(k));
}

double DecayTable::operator()(uint64_t steps) const {
  if (steps < powers_.size()) return powers_[steps];
  return std::pow(decay_, static_cast<double>(steps));
}

size_t Sweep::width(size_t tensor) const {
  return static_cast<size_t>(specs[tensor].shape[1]);
}

size_t Sweep::gradient_count(size_t tensor) const {
  if (!specs[tensor].rows) return element_count(specs[tensor].shape);
  return calls[tensor].rows.size() * width(tensor);
}

bool Sweep::normed(size_t tensor) const {
  return groups[group_of[tensor]].rule->wants_norms(is_matrix(specs[tensor].shape));
}

void Sweep::lay_out() {
  layout_.clear();
  for (size_t i = 0; i < specs.size(); i++) {
    const uint32_t tensor = static_cast<uint32_t>(i);
    const TensorSpec &spec = specs[i];
    const bool adaptive = groups[group_of[i]].clip == Clip::adaptive;
    // What must not be divided: a row, or, where clipping looks at rows, a row of a matrix, and all of a vector.
    size_t units = element_count(spec.shape), unit = 1;
    if (spec.rows) {
      units = calls[i].rows.size();
      unit = width(i);
    } else if (adaptive) {
      unit = unit_size(spec.shape);
      units /= unit;
    }
    const size_t step_units = std::max<size_t>(1, kPiece / unit);
    // Positions of rows are counted, but elements of other tensors.
    const size_t counted = spec.rows ? 1 : unit;
    for (size_t begin = 0; begin < units; begin += step_units) {
      const size_t count = std::min(step_units, units - begin);
      layout_.add(tensor, begin * counted, count * counted, count * unit);
    }
    layout_.close(normed(i), units * unit * element_size(element) * (2 + states[i].slots.size()));
  }
  norms_.resize(layout_.works.size());
  squares_.resize(layout_.works.size());
  tensor_squares_.resize(specs.size());
  settling_.resize(specs.size());
  prepared_.resize(specs.size());
  for (size_t i = 0; i < specs.size(); i++) {
    const bool whole = groups[group_of[i]].rule->whole() != nullptr;
    const size_t bytes =
        element_count(specs[i].shape) * (element == Element::f64 ? sizeof(double) : sizeof(float));
    if (whole && prepared_[i].bytes() != bytes) prepared_[i] = Memory(bytes);
  }
  whole_f32_.resize(specs.size());
  whole_f64_.resize(specs.size());
  not_finite_.resize(team->size());
  scratch_.resize(team->size());
  for (Memory &memory : scratch_) {
    if (memory.bytes() == 0) memory = Memory(kScratchBytes);
  }
}

void Sweep::begin(std::span<const TensorCall> arrays, bool may_consume) {
  calls = arrays;
  consume = may_consume;
  from_accumulated = false;
  gradients_are_cached_ = false;
}

uint64_t Sweep::not_finite_total() const {
  uint64_t total = 0;
  for (const uint64_t count : not_finite_) total += count;
  return total;
}

std::span<const double> Sweep::gradient_squares(bool exact) {
  in_parallel([&](auto &job) {
    for (const Work &work : layout_.share(0, layout_.works.size(), job.thread(), team->size()))
      squares_[layout_.index(work)] = job.squares(work, exact);
  });
  for (size_t i = 0; i < specs.size(); i++) {
    tensor_squares_[i] = 0;
    for (size_t w = layout_.first_work[i]; w < layout_.first_work[i + 1]; w++)
      tensor_squares_[i] += squares_[w];
  }
  gradients_are_cached_ = true;
  return tensor_squares_;
}

uint64_t Sweep::accumulate(double scale) {
  in_parallel([&](auto &job) {
    for (const Work &work : layout_.share(0, layout_.works.size(), job.thread(), team->size()))
      job.accumulate(work, scale);
  });
  return not_finite_total();
}

void Sweep::zero_gradients() {
  if (!consume || !settings->zero_gradient) return;
  for (size_t i = 0; i < specs.size(); i++)
    std::memset(const_cast<void *>(calls[i].gradient), 0, gradient_count(i) * element_size(element));
}

Norms Sweep::tensor_norms(size_t tensor) const {
  Norms norms;
  for (size_t w = layout_.first_work[tensor]; w < layout_.first_work[tensor + 1]; w++) norms.add(norms_[w]);
  return norms;
}

double Sweep::trust(size_t tensor) const {
  const Norms norms = tensor_norms(tensor);
  // A parameter that is not finite spoils its own element, not its whole tensor.
  if (!std::isfinite(norms.parameter_squares) || !std::isfinite(norms.direction_squares)) return 1;
  return groups[group_of[tensor]].rule->trust(norms);
}

uint64_t Sweep::update() {
  for (size_t i = 0; i < specs.size(); i++) {
    settling_[i] = normed(i) && groups[group_of[i]].rule->settles() && may_settle(i) &&
                   states[i].nearness <= TensorState::kSettleBelow;
  }
  in_parallel([&](auto &job) {
    for (const WorkBatch &batch : layout_.batches) {
      const std::span<const Work> works = layout_.share(batch.first, batch.last, job.thread(), team->size());
      if (batch.normed) {
        normed_batch(job, works);
      } else if (gradients_are_cached_) {
        // What the pass over the gradients read last is still in the cache.
        for (size_t w = works.size(); w > 0; w--) job.update(works[w - 1]);
      } else {
        for (const Work &work : works) job.update(work);
      }
    }
  });
  uint64_t not_finite = not_finite_total();
  for (size_t i = 0; i < specs.size(); i++) {
    if (normed(i) && groups[group_of[i]].rule->settles())
      states[i].nearness = groups[group_of[i]].rule->nearness(tensor_norms(i));
  }
  return not_finite + update_whole();
}

// The norms of all of a tensor are known only when every thread has been over it: measure, wait, step. A tensor that
// settles is stepped while it is measured, and mended after in the rare case that its norms ask for it.
template <class Job>
void Sweep::normed_batch(Job &job, std::span<const Work> works) {
  for (const Work &work : works) {
    Norms &norms = norms_[layout_.index(work)];
    norms = settling_[work.tensor] ? job.measured_update(work) : job.measure(work);
  }
  team->barrier();
  size_t known = specs.size();
  double factor = 1;
  for (const Work &work : works) {
    if (work.tensor != known) factor = trust(known = work.tensor);
    if (settling_[work.tensor])
      job.settle(work, 1 - factor);
    else
      job.update(work, factor);
  }
}

// Whether a step may be mended afterwards: nothing else has looked at the parameters in between.
bool Sweep::may_settle(size_t tensor) const {
  const TensorState &state = states[tensor];
  if (specs[tensor].rows || element > Element::f64 || settings->average != Average::none) return false;
  if (calls[tensor].copy != nullptr || groups[group_of[tensor]].clip == Clip::adaptive) return false;
  return std::ranges::none_of(state.slots, [](const StateArray &slot) { return slot.packed(); });
}

}  // namespace ngd
