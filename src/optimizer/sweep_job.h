// One thread's part in a sweep: what is done to a piece of work, for arithmetic in T.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "math/reduce.h"
#include "math/screen.h"
#include "optimizer/sweep.h"

namespace ngd {

// Packed numbers pass through arrays of so many elements, which lie in L1 together. A multiple of kBlock8.
inline constexpr size_t kTile = 1024;
inline constexpr size_t kScratchBytes = (2 + kMaximumSlots) * kTile * sizeof(double);
// Stream of the random rounding of parameters; slots have those of their numbers.
inline constexpr uint64_t kParameterStream = kMaximumSlots;

template <class T>
class SweepJob {
 public:
  using Number = T;

  SweepJob(Sweep &sweep, unsigned thread)
      : sweep_(sweep), thread_(thread), scratch_(reinterpret_cast<T *>(sweep.scratch_[thread].data())) {}

  unsigned thread() const { return thread_; }
  uint64_t not_finite() const { return not_finite_; }

  double squares(const Work &work, bool exact);
  void accumulate(const Work &work, double scale);

  // Works of rules on whole tensors are left alone.
  void update(const Work &work) {
    if (group(work).rule->whole() == nullptr) update_with(work, group(work).rule->constants);
  }
  void update(const Work &work, double trust) { update_with(work, with_trust(work, trust)); }
  Norms measure(const Work &work) {
    return walk(work, false, [&](const Piece<T> &piece) {
      return kernel(work).measure[sweep_.target](piece, group(work).rule->constants);
    });
  }
  // May be followed by settle().
  Norms measured_update(const Work &work) {
    zeroing_ = false;
    const Norms norms = walk(work, true, [&](const Piece<T> &piece) {
      return kernel(work).measured_update[sweep_.target](piece, group(work).rule->constants);
    });
    zeroing_ = true;
    return norms;
  }
  // Takes back `share` of the step; and does what measured_update() left undone.
  void settle(const Work &work, double share) {
    if (share > 0) {
      const double *constants = with_trust(work, share);
      walk(work, false, [&](const Piece<T> &piece) {
        return Norms{0, 0, kernel(work).settle[sweep_.target](piece, constants)};
      });
    }
    zero_gradient(work.tensor, work.begin, work.count);
  }
  // What follows an update that was done elsewhere.
  void follow_up(const Work &work) {
    for (size_t at = work.begin; at < work.begin + work.count; at += kTile) {
      const size_t count = std::min(kTile, work.begin + work.count - at);
      T *w = parameter(work.tensor, at, count);
      finish(work.tensor, at, count, w, {}, true);
    }
  }
  // For rules on whole tensors: the gradient as a rule sees it.
  void prepare(const Work &work, T *to);

 private:
  const GroupStep &group(const Work &work) const { return sweep_.groups[sweep_.group_of[work.tensor]]; }
  const KernelOfType<T> &kernel(const Work &work) const { return group(work).rule->kernel().template of<T>(); }
  TensorState &state(size_t tensor) const { return sweep_.states[tensor]; }
  const TensorCall &call(size_t tensor) const { return sweep_.calls[tensor]; }

  const double *with_trust(const Work &work, double trust) {
    const Rule &rule = *group(work).rule;
    std::ranges::copy(rule.constants, constants_);
    constants_[rule.trust_constant()] = trust;
    return constants_;
  }
  void update_with(const Work &work, const double *constants) {
    if (is_half_packed(work)) return update_packed(work, constants);
    walk(work, true, [&](const Piece<T> &piece) {
      return Norms{0, 0, kernel(work).update[sweep_.target](piece, constants)};
    });
  }

  // Parameters, and from 1 the slots.
  T *scratch(size_t index) const { return scratch_ + index * kTile; }
  T *gradient_scratch() const { return scratch(1 + kMaximumSlots); }
  bool is_plain(size_t tensor) const;
  // Whether the state is bf16 and all else plain, so that the kernel converts it in its registers.
  bool is_half_packed(const Work &work) const;
  void update_packed(const Work &work, const double *constants);
  T *parameter(size_t tensor, size_t at, size_t count);
  // The caller's numbers as T, in `to` unless they are that already.
  const T *gradient(size_t tensor, size_t at, size_t count, T *to) const;
  // The largest magnitude that a rule sees.
  T bound(const Work &work) const {
    const T most = group(work).rule->squares_gradients() ? kLargestGradient<T> : std::numeric_limits<T>::max();
    return group(work).clip == Clip::value ? std::min(most, static_cast<T>(group(work).threshold)) : most;
  }
  Dither dither(size_t tensor, uint64_t stream) const;

  // Calls body(piece) for all of a work, cut into pieces of what the kernel reads directly or through scratch.
  template <class Body>
  Norms walk(const Work &work, bool updates, Body body);
  // Calls body(part, offset) for a piece: as it is where its gradients are fit to be seen, and screened where not, which
  // is counted when the step is taken.
  template <class Body>
  Norms run_screened(Piece<T> piece, bool updates, Body body);
  template <class Body>
  Norms walk_elements(const Work &work, size_t begin, size_t end, double scale, bool updates, Body body);
  template <class Body>
  Norms walk_rows(const Work &work, bool updates, Body body);
  // Rows between the table and scratch: all of them, columns `column` to `column + wide`.
  void gather(size_t tensor, std::span<const uint32_t> all, size_t first, size_t count, size_t column,
              size_t wide);
  void scatter(size_t tensor, std::span<const uint32_t> rows, size_t column, size_t wide);
  double unit_scale(const Work &work, size_t begin, size_t count, size_t gradient_begin);

  // Lookahead's slow weights start where the parameters do.
  void begin_lookahead(size_t tensor, size_t at, size_t count, const T *w) {
    if (sweep_.average_begins && sweep_.settings->average == Average::lookahead)
      std::copy_n(w, count, state(tensor).average.template values<T>() + at);
  }
  // The averages, copies and zeros that follow an update of w, elements at to at + count.
  void finish(size_t tensor, size_t at, size_t count, T *w, std::span<T *const> slots, bool updates);
  void zero_gradient(size_t tensor, size_t at, size_t count);

  Sweep &sweep_;
  unsigned thread_;
  T *scratch_;
  uint64_t not_finite_ = 0;
  bool zeroing_ = true;
  double constants_[kMaximumConstants];
};

extern template class SweepJob<float>;
extern template class SweepJob<double>;

// Elements of a row of a matrix, and of all of a vector: what clip=adaptive takes together.
size_t unit_size(std::span<const int64_t> shape);

// A slot's numbers of touched rows, brought up to date: as many decays as steps in which the row rested.
inline uint64_t rested(uint64_t touched, uint64_t step) {
  return touched == 0 || touched >= step ? 0 : step - touched - 1;
}

template <class T>
template <class Body>
Norms SweepJob<T>::walk(const Work &work, bool updates, Body body) {
  if (sweep_.specs[work.tensor].rows) return walk_rows(work, updates, body);
  if (group(work).clip != Clip::adaptive)
    return walk_elements(work, work.begin, work.begin + work.count, group(work).scale, updates, body);
  Norms norms;
  const size_t unit = unit_size(sweep_.specs[work.tensor].shape);
  for (size_t at = work.begin; at < work.begin + work.count; at += unit)
    norms.add(walk_elements(work, at, at + unit, unit_scale(work, at, unit, at), updates, body));
  return norms;
}

template <class T>
template <class Body>
Norms SweepJob<T>::run_screened(Piece<T> piece, bool updates, Body body) {
  Norms norms;
  for (size_t offset = 0;;) {
    const Norms seen = body(piece, offset);
    norms.add(seen);
    if (seen.count == piece.count) return norms;
    piece = piece.after(seen.count);
    offset += seen.count;
    Piece<T> part = piece;
    part.count = std::min(kTile, piece.count);
    part.gradient = gradient_scratch();
    part.scale = 1;
    part.bound = std::numeric_limits<T>::max();
    const uint64_t not_finite =
        screen(sweep_.target, piece.gradient, part.count, piece.scale, piece.bound, gradient_scratch());
    if (updates) not_finite_ += not_finite;
    norms.add(body(part, offset));
    if (part.count == piece.count) return norms;
    piece = piece.after(part.count);
    offset += part.count;
  }
}

template <class T>
template <class Body>
Norms SweepJob<T>::walk_elements(const Work &work, size_t begin, size_t end, double scale, bool updates,
                                 Body body) {
  Norms norms;
  const size_t tensor = work.tensor;
  TensorState &arrays = state(tensor);
  const size_t segment = is_plain(tensor) ? end - begin : kTile;
  T *slots[kMaximumSlots] = {};
  for (size_t at = begin; at < end; at += segment) {
    const size_t count = std::min(segment, end - at);
    Piece<T> one = {count, parameter(tensor, at, count), gradient(tensor, at, count, gradient_scratch()),
                    {},    static_cast<T>(scale),        bound(work)};
    for (size_t s = 0; s < arrays.slots.size(); s++) {
      if (arrays.slots[s].packed())
        arrays.slots[s].load(sweep_.target, at, count, slots[s] = scratch(1 + s));
      else
        slots[s] = arrays.slots[s].template values<T>() + at;
      one.slot[s] = slots[s];
    }
    if (updates) begin_lookahead(tensor, at, count, one.parameter);
    norms.add(run_screened(one, updates, [&](const Piece<T> &part, size_t) { return body(part); }));
    finish(tensor, at, count, one.parameter, {slots, arrays.slots.size()}, updates);
  }
  return norms;
}

template <class T>
template <class Body>
Norms SweepJob<T>::walk_rows(const Work &work, bool updates, Body body) {
  Norms norms;
  TensorState &arrays = state(work.tensor);
  const std::span<const uint32_t> rows = call(work.tensor).rows;
  const size_t width = sweep_.width(work.tensor);
  const bool adaptive = group(work).clip == Clip::adaptive;
  // Long rows are cut, short ones gathered; a row by itself where each has a scale of its own.
  const size_t columns = std::min(width, kTile);
  const size_t together = adaptive ? 1 : std::max<size_t>(1, kTile / width);
  for (size_t position = work.begin; position < work.begin + work.count; position += together) {
    const size_t count = std::min(together, work.begin + work.count - position);
    const double scale =
        adaptive ? unit_scale(work, rows[position] * width, width, position * width) : group(work).scale;
    for (size_t column = 0; column < width; column += columns) {
      const size_t wide = std::min(columns, width - column);
      const T *given = gradient(work.tensor, position * width + column, count * wide, gradient_scratch());
      Piece<T> one = {count * wide, scratch(0), given, {}, static_cast<T>(scale), bound(work)};
      for (size_t s = 0; s < arrays.slots.size(); s++) one.slot[s] = scratch(1 + s);
      gather(work.tensor, rows, position, count, column, wide);
      norms.add(run_screened(one, updates, [&](const Piece<T> &part, size_t) { return body(part); }));
      if (updates) scatter(work.tensor, rows.subspan(position, count), column, wide);
    }
    if (!updates) continue;
    for (const uint32_t row : rows.subspan(position, count)) arrays.touched[row] = sweep_.step;
    zero_gradient(work.tensor, position * width, count * width);
  }
  return norms;
}

// Runs body(job) on every thread, with a job for the element type's arithmetic.
template <class Body>
void Sweep::in_parallel(Body body) {
  std::ranges::fill(not_finite_, 0);
  auto on_thread = [&](unsigned thread) noexcept {
    if (element == Element::f64) {
      SweepJob<double> job(*this, thread);
      body(job);
      not_finite_[thread] = job.not_finite();
    } else {
      SweepJob<float> job(*this, thread);
      body(job);
      not_finite_[thread] = job.not_finite();
    }
  };
  team->run(on_thread);
}

}  // namespace ngd
