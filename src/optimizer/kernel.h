// The inner loop of a rule: functions over a run of elements, one per element type and vector target.
#pragma once

#include "math/simd.h"

namespace ngd {

inline constexpr size_t kMaximumSlots = 4;
inline constexpr size_t kMaximumConstants = 20;

// A contiguous run of elements of one tensor. The state arrays are in the order of Rule::slots().
template <class T>
struct Piece {
  size_t count;
  T *parameter;
  const T *gradient;
  T *slot[kMaximumSlots];
};

// Norms of a whole tensor (or of its touched rows), for rules that scale a step by them.
struct Norms {
  double parameter_squares = 0;
  double direction_squares = 0;
  size_t count = 0;

  void add(const Norms &other) {
    parameter_squares += other.parameter_squares;
    direction_squares += other.direction_squares;
    count += other.count;
  }
};

// `constants` are a rule's numbers for one step, in the order its formula names them.
template <class T>
using UpdateFunction = void (*)(const Piece<T> &piece, const double *constants);
template <class T>
using MeasureFunction = Norms (*)(const Piece<T> &piece, const double *constants);

struct Kernel {
  PerTarget<UpdateFunction<float>> update_f32;
  PerTarget<UpdateFunction<double>> update_f64;
  // Only for formulas with a direction; the state is not changed.
  PerTarget<MeasureFunction<float>> measure_f32;
  PerTarget<MeasureFunction<double>> measure_f64;

  template <class T>
  UpdateFunction<T> update(Target target) const {
    if constexpr (std::is_same_v<T, float>)
      return update_f32[target];
    else
      return update_f64[target];
  }
  template <class T>
  MeasureFunction<T> measure(Target target) const {
    if constexpr (std::is_same_v<T, float>)
      return measure_f32[target];
    else
      return measure_f64[target];
  }
};

}  // namespace ngd
