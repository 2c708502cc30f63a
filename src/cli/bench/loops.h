// What one writes by hand without a library: the loops of three rules, compiled without vectors and with them.
#pragma once

#include <cmath>
#include <cstddef>
#include <string>

namespace cli {

// One step of a rule over `count` elements; m and v are state, of which sgd has none and momentum only m.
using HandLoop = void (*)(float *w, const float *g, float *m, float *v, size_t count);

// The loop of sgd, momentum or adam; nullptr for other rules. Plain: as C is commonly compiled, -O2, one number at
// a time. Vector: for the machine's widest vectors, which is the least that the rule's own arithmetic takes.
HandLoop plain_loop(const std::string &rule);
HandLoop vector_loop(const std::string &rule);

// The loops themselves, for whoever compiles them.
namespace loops {

constexpr float kRate = 1e-6f;  // small: nothing may grow or vanish over thousands of steps

// w -= rate g
[[gnu::always_inline]] inline void sgd(float *__restrict w, const float *__restrict g, size_t count) {
  for (size_t i = 0; i < count; i++) w[i] -= kRate * g[i];
}

// m = 0.9 m + g; w -= rate m
[[gnu::always_inline]] inline void momentum(float *__restrict w, const float *__restrict g, float *__restrict m,
                                            size_t count) {
  for (size_t i = 0; i < count; i++) {
    m[i] = 0.9f * m[i] + g[i];
    w[i] -= kRate * m[i];
  }
}

// m = 0.9 m + 0.1 g; v = 0.999 v + 0.001 g^2; w -= rate m / (sqrt(v) + epsilon), bias corrections in the rate
[[gnu::always_inline]] inline void adam(float *__restrict w, const float *__restrict g, float *__restrict m,
                                        float *__restrict v, size_t count) {
  for (size_t i = 0; i < count; i++) {
    m[i] = 0.9f * m[i] + 0.1f * g[i];
    v[i] = 0.999f * v[i] + 0.001f * g[i] * g[i];
    w[i] -= kRate * m[i] / (std::sqrt(v[i]) + 1e-8f);
  }
}

}  // namespace loops

// NGD_HAND_LOOPS(name, attributes): the three loops with these attributes, and which of them is a rule's.
#define NGD_HAND_LOOPS(name, ...)                                                                   \
  struct name {                                                                                     \
    __VA_ARGS__ static void sgd(float *w, const float *g, float *, float *, size_t count) {         \
      loops::sgd(w, g, count);                                                                      \
    }                                                                                               \
    __VA_ARGS__ static void momentum(float *w, const float *g, float *m, float *, size_t count) {   \
      loops::momentum(w, g, m, count);                                                              \
    }                                                                                               \
    __VA_ARGS__ static void adam(float *w, const float *g, float *m, float *v, size_t count) {      \
      loops::adam(w, g, m, v, count);                                                               \
    }                                                                                               \
    static HandLoop of(const std::string &rule) {                                                   \
      return rule == "sgd" ? sgd : rule == "momentum" ? momentum : rule == "adam" ? adam : nullptr; \
    }                                                                                               \
  };

}  // namespace cli
