// The inner loop of a rule: functions over a run of elements, one per element type and vector target.
#pragma once

#include <limits>
#include <type_traits>

#include "math/dither.h"
#include "math/half.h"
#include "math/simd.h"

namespace ngd {

inline constexpr size_t kMaximumSlots = 4;
inline constexpr size_t kMaximumConstants = 20;

// The largest magnitude of a gradient's element that a rule which squares it sees: its square, and sums of many such squares, are finite.
template <class T>
inline constexpr T kLargestGradient = std::is_same_v<T, float> ? T(0x1p62) : T(0x1p510);

// A contiguous run of elements of one tensor. The state arrays are in the order of Rule::slots().
template <class T>
struct Piece {
  size_t count;
  T *parameter;
  const T *gradient;
  T *slot[kMaximumSlots];
  // A rule sees the gradient times `scale`, and nothing that is not finite or whose magnitude is above `bound`: a kernel
  // stops before the cache line of gradients where it would. See math/screen.h for what follows.
  T scale = 1;
  T bound = std::numeric_limits<T>::max();

  // What is left of it after its first `done` elements.
  Piece after(size_t done) const {
    Piece rest = *this;
    rest.count -= done;
    rest.parameter += done;
    rest.gradient += done;
    for (T *&array : rest.slot) {
      if (array != nullptr) array += done;
    }
    return rest;
  }
};

// The slots of a piece of float32 elements that are kept as bf16, in groups (math/half.h) of which the piece begins one; the
// others stand in the piece.
struct PackedSlots {
  Bf16 *slot[kMaximumSlots];     // null for those that are not
  DitherKey key[kMaximumSlots];  // kNoDither: rounded to the nearest
  uint32_t counter;              // of the piece's first element, which begins a group of the dither
};

// Norms of a whole tensor, of its touched rows, or of the `count` elements that a kernel came to.
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

// `constants` are a rule's numbers for one step, in the order its formula names them. An update returns how many
// elements it came to.
template <class T>
using UpdateFunction = size_t (*)(const Piece<T> &piece, const double *constants);
template <class T>
using MeasureFunction = Norms (*)(const Piece<T> &piece, const double *constants);

using PackedUpdateFunction = size_t (*)(const Piece<float> &piece, const PackedSlots &packed,
                                        const double *constants);

template <class T>
struct KernelOfType {
  PerTarget<UpdateFunction<T>> update;
  // Only for formulas with a direction: the norms of the step to come; nothing is changed.
  PerTarget<MeasureFunction<T>> measure;
  // Only for formulas that settle: an update that also measures the step it takes, and the correction after it.
  PerTarget<MeasureFunction<T>> measured_update;
  PerTarget<UpdateFunction<T>> settle;
};

struct Kernel {
  KernelOfType<float> f32;
  KernelOfType<double> f64;
  // Only for rules that have slots which may be packed, on wide vectors; elsewhere packed slots pass through arrays.
  PerTarget<PackedUpdateFunction> packed_update;

  template <class T>
  const KernelOfType<T> &of() const {
    if constexpr (std::is_same_v<T, float>)
      return f32;
    else
      return f64;
  }
};

}  // namespace ngd
