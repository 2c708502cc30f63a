// Short loops over arrays that the compiler turns into vector code.
#pragma once

#include <cstddef>

namespace ngd {

// y += scale * x
template <class T>
inline void add_scaled(T scale, const T *__restrict x, T *__restrict y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] += scale * x[i];
}

// y += x
template <class T>
inline void add(const T *__restrict x, T *__restrict y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] += x[i];
}

// y = scale * y
template <class T>
inline void multiply_by(T scale, T *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] *= scale;
}

}  // namespace ngd
