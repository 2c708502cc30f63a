// What a thread does to elements around the rule's kernel: fetching, storing, averaging, casting.
#include "optimizer/sweep_job.h"

namespace ngd {

size_t unit_size(std::span<const int64_t> shape) {
  const size_t count = element_count(shape);
  return is_matrix(Shape(shape.begin(), shape.end())) ? count / static_cast<size_t>(shape[0]) : count;
}

// --- arrays -----------------------------------------------------------------------------------------------------

// Whether the kernel may work on the tensor's own arrays.
template <class T>
bool SweepJob<T>::is_plain(size_t tensor) const {
  if (sweep_.element != element_of<T>) return false;
  return std::ranges::none_of(state(tensor).slots, [](const StateArray &slot) { return slot.packed(); });
}

template <class T>
bool SweepJob<T>::is_half_packed(const Work &work) const {
  if (!std::is_same_v<T, float> || sweep_.element != Element::f32 || sweep_.specs[work.tensor].rows)
    return false;
  if (sweep_.settings->state != StateFormat::bf16 || group(work).clip == Clip::adaptive) return false;
  return group(work).rule->kernel().packed_update[sweep_.target] != nullptr &&
         std::ranges::any_of(state(work.tensor).slots, &StateArray::packed);
}

template <class T>
void SweepJob<T>::update_packed(const Work &work, const double *constants) {
  if constexpr (std::is_same_v<T, float>) {
    const size_t tensor = work.tensor, begin = work.begin;
    TensorState &arrays = state(tensor);
    Piece<float> all = {
        work.count, parameter(tensor, begin, work.count),  gradient(tensor, begin, work.count, nullptr),
        {},         static_cast<float>(group(work).scale), bound(work)};
    for (size_t s = 0; s < arrays.slots.size(); s++)
      all.slot[s] = arrays.slots[s].packed() ? nullptr : arrays.slots[s].template values<float>() + begin;
    begin_lookahead(tensor, begin, work.count, all.parameter);
    run_screened(all, true, [&](const Piece<float> &part, size_t offset) {
      const size_t at = begin + offset;
      PackedSlots packed = {};
      packed.counter = dither_counter(at);
      for (size_t s = 0; s < arrays.slots.size(); s++) {
        if (!arrays.slots[s].packed()) continue;
        packed.slot[s] = arrays.slots[s].template values<Bf16>() + at;
        const Dither random = dither(tensor, s);
        packed.key[s] = random.on ? dither_key(random.seed, random.stream, at) : kNoDither;
      }
      return Norms{0, 0, group(work).rule->kernel().packed_update[sweep_.target](part, packed, constants)};
    });
    finish(tensor, begin, work.count, all.parameter, {}, true);
  }
}

template <class T>
T *SweepJob<T>::parameter(size_t tensor, size_t at, size_t count) {
  const TensorState &arrays = state(tensor);
  if (!arrays.master.empty()) return arrays.master.template values<T>() + at;
  void *from = call(tensor).parameter;
  if (sweep_.element == element_of<T>) return static_cast<T *>(from) + at;
  if constexpr (std::is_same_v<T, float>) {
    if (sweep_.element == Element::bf16)
      widen(sweep_.target, static_cast<const Bf16 *>(from) + at, scratch(0), count);
    else
      widen(sweep_.target, static_cast<const F16 *>(from) + at, scratch(0), count);
  }
  return scratch(0);
}

template <class T>
const T *SweepJob<T>::gradient(size_t tensor, size_t at, size_t count, T *to) const {
  if (sweep_.from_accumulated) return state(tensor).accumulated.template values<const T>() + at;
  const void *from = call(tensor).gradient;
  if (sweep_.element == element_of<T>) return static_cast<const T *>(from) + at;
  if constexpr (std::is_same_v<T, float>) {
    if (sweep_.element == Element::bf16)
      widen(sweep_.target, static_cast<const Bf16 *>(from) + at, to, count);
    else
      widen(sweep_.target, static_cast<const F16 *>(from) + at, to, count);
  }
  return to;
}

// Numbers of a tensor's stream in this step are used for nothing else. A bf16 mean that moves by more than its last
// bit in a step needs no random rounding.
template <class T>
Dither SweepJob<T>::dither(size_t tensor, uint64_t stream) const {
  const TensorState &arrays = state(tensor);
  const auto is_bf16 = [](Storage storage) {
    return storage == Storage::bf16 || storage == Storage::bf16_grouped;
  };
  const bool fast = stream != kParameterStream && is_bf16(arrays.slots[stream].storage()) &&
                    sweep_.groups[sweep_.group_of[tensor]].rule->slots()[stream].decay < 1 - 1.0 / 64;
  return {sweep_.settings->stochastic_rounding && !fast, sweep_.settings->seed,
          (sweep_.step << 24) ^ (tensor * (kMaximumSlots + 1) + stream)};
}

// --- gradients --------------------------------------------------------------------------------------------------

// The sum of squares of what is finite; the rest will count as 0.
template <class T>
double finite_squares(Target target, const T *values, size_t count) {
  const double all = sum_of_squares(target, values, count);
  if (std::isfinite(all)) return all;
  double sum = 0;
  for (size_t i = 0; i < count; i++) {
    const double value = std::clamp<double>(values[i], -kLargestGradient<T>, kLargestGradient<T>);
    if (std::isfinite(values[i])) sum += value * value;
  }
  return sum;
}

template <class T>
double SweepJob<T>::squares(const Work &work, bool exact) {
  const bool rows = sweep_.specs[work.tensor].rows;
  const size_t width = rows ? sweep_.width(work.tensor) : 1;
  const size_t begin = work.begin * width, end = begin + work.count * width;
  double sum = 0;
  const size_t segment = sweep_.from_accumulated || sweep_.element == element_of<T> ? end - begin : kTile;
  for (size_t at = begin; at < end; at += segment) {
    const size_t count = std::min(segment, end - at);
    const T *values = gradient(work.tensor, at, count, gradient_scratch());
    if (exact && sweep_.settings->nonfinite == NonFinite::zero)
      sum += finite_squares(sweep_.target, values, count);
    else if (exact)
      sum += sum_of_squares(sweep_.target, values, count);
    else if (!all_within(sweep_.target, values, count, std::numeric_limits<T>::max()))
      return std::numeric_limits<double>::infinity();
  }
  return sum;
}

template <class T>
void SweepJob<T>::accumulate(const Work &work, double scale) {
  const T factor = static_cast<T>(scale);
  T *sums = state(work.tensor).accumulated.template values<T>();
  for (size_t at = work.begin; at < work.begin + work.count; at += kTile) {
    const size_t count = std::min(kTile, work.begin + work.count - at);
    const T *raw = gradient(work.tensor, at, count, gradient_scratch());
    T *values = gradient_scratch();
    not_finite_ += screen(sweep_.target, raw, count, factor, kLargestGradient<T>, values);
    for (size_t i = 0; i < count; i++) sums[at + i] += values[i];
  }
  zero_gradient(work.tensor, work.begin, work.count);
}

template <class T>
void SweepJob<T>::prepare(const Work &work, T *to) {
  for (size_t at = work.begin; at < work.begin + work.count; at += kTile) {
    const size_t count = std::min(kTile, work.begin + work.count - at);
    if (sweep_.average_begins) begin_lookahead(work.tensor, at, count, parameter(work.tensor, at, count));
    const T *raw = gradient(work.tensor, at, count, gradient_scratch());
    const T factor = static_cast<T>(group(work).scale);
    not_finite_ += screen(sweep_.target, raw, count, factor, bound(work), to + at);
  }
}

// clip=adaptive, Brock et al. 2021, "High-performance large-scale image recognition without normalization", equation 3:
// g <- threshold max(||w||, 0.001) / ||g|| g where ||g|| / max(||w||, 0.001) > threshold.
template <class T>
double SweepJob<T>::unit_scale(const Work &work, size_t begin, size_t count, size_t gradient_begin) {
  const double scale = group(work).scale;
  double w = 0, g = 0;
  for (size_t at = 0; at < count; at += kTile) {
    const size_t some = std::min(kTile, count - at);
    w += sum_of_squares(sweep_.target, parameter(work.tensor, begin + at, some), some);
    g += finite_squares(sweep_.target, gradient(work.tensor, gradient_begin + at, some, gradient_scratch()),
                        some);
  }
  const double allowed = group(work).threshold * std::max(std::sqrt(w), 1e-3), norm = scale * std::sqrt(g);
  return norm > allowed ? scale * (allowed / norm) : scale;
}

template <class T>
void SweepJob<T>::zero_gradient(size_t tensor, size_t at, size_t count) {
  if (sweep_.from_accumulated) {
    std::fill_n(state(tensor).accumulated.template values<T>() + at, count, T(0));
  } else if (zeroing_ && sweep_.consume && sweep_.settings->zero_gradient) {
    const size_t size = element_size(sweep_.element);
    // The caller said that the array may be written.
    void *gradient = const_cast<void *>(call(tensor).gradient);
    std::memset(static_cast<std::byte *>(gradient) + at * size, 0, count * size);
  }
}

// --- after the rule ---------------------------------------------------------------------------------------------

template <class T>
void SweepJob<T>::finish(size_t tensor, size_t at, size_t count, T *w, std::span<T *const> slots,
                         bool updates) {
  TensorState &arrays = state(tensor);
  if (!updates) return;  // settling happens in the parameter's own array
  for (size_t s = 0; s < slots.size(); s++) {
    if (arrays.slots[s].packed()) arrays.slots[s].store(sweep_.target, at, count, slots[s], dither(tensor, s));
  }
  if (sweep_.follow > 0) {
    T *average = arrays.average.template values<T>() + at;
    const T follow = static_cast<T>(sweep_.follow);
    const bool lookahead = sweep_.settings->average == Average::lookahead;
    if (sweep_.average_begins && !lookahead) {
      std::copy_n(w, count, average);
    } else {
      for (size_t i = 0; i < count; i++) average[i] += follow * (w[i] - average[i]);
    }
    if (lookahead) std::copy_n(average, count, w);
  }
  if constexpr (std::is_same_v<T, float>) {
    if (sweep_.element == Element::bf16) {
      Bf16 *to = static_cast<Bf16 *>(call(tensor).parameter) + at;
      const Dither random = dither(tensor, kParameterStream);
      if (arrays.master.empty() && random.on)
        narrow_stochastic(sweep_.target, w, to, count, random.seed, random.stream, at);
      else
        narrow(sweep_.target, w, to, count);
    } else if (sweep_.element == Element::f16) {
      narrow(sweep_.target, w, static_cast<F16 *>(call(tensor).parameter) + at, count);
    }
    if (uint16_t *copy = call(tensor).copy; copy != nullptr) {
      if (sweep_.settings->copy == CopyFormat::bf16)
        narrow(sweep_.target, w, reinterpret_cast<Bf16 *>(copy) + at, count);
      else if (sweep_.settings->copy == CopyFormat::f16)
        narrow(sweep_.target, w, reinterpret_cast<F16 *>(copy) + at, count);
    }
  }
  zero_gradient(tensor, at, count);
}

template class SweepJob<float>;
template class SweepJob<double>;

}  // namespace ngd
