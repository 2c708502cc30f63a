// The hand-written loops; src/cli/CMakeLists.txt gives this file the flags that bench_plain_loops.h names.
#include "bench_plain_loops.h"

#include <cmath>

namespace cli {
namespace {

constexpr float kRate = 1e-6f;  // small: nothing may grow or vanish over thousands of steps

// w -= rate g
void sgd(float *w, const float *g, float *, float *, size_t count) {
  for (size_t i = 0; i < count; i++) w[i] -= kRate * g[i];
}

// m = 0.9 m + g; w -= rate m
void momentum(float *w, const float *g, float *m, float *, size_t count) {
  for (size_t i = 0; i < count; i++) {
    m[i] = 0.9f * m[i] + g[i];
    w[i] -= kRate * m[i];
  }
}

// m = 0.9 m + 0.1 g; v = 0.999 v + 0.001 g^2; w -= rate m / (sqrt(v) + epsilon), bias corrections in the rate
void adam(float *w, const float *g, float *m, float *v, size_t count) {
  for (size_t i = 0; i < count; i++) {
    m[i] = 0.9f * m[i] + 0.1f * g[i];
    v[i] = 0.999f * v[i] + 0.001f * g[i] * g[i];
    w[i] -= kRate * m[i] / (std::sqrt(v[i]) + 1e-8f);
  }
}

}  // namespace

PlainLoop plain_loop(const std::string &rule) {
  return rule == "sgd" ? sgd : rule == "momentum" ? momentum : rule == "adam" ? adam : nullptr;
}

}  // namespace cli
