// Which vector targets this CPU has.
#include "math/simd.h"

namespace ngd {

const char *target_name(Target target) {
  constexpr const char *kNames[] = {"scalar", "sse4", "avx2", "avx512", "neon"};
  return kNames[static_cast<size_t>(target)];
}

bool cpu_has(Target target) {
  switch (target) {
    case Target::scalar:
      return (HWY_TARGETS & (HWY_SCALAR | HWY_EMU128)) != 0;
    case Target::neon:
      return (HWY_TARGETS & HWY_NEON) != 0;
#if defined(__x86_64__)
    // What Highway compiles each target with.
    case Target::sse4:
      return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul") &&
             __builtin_cpu_supports("aes");
    case Target::avx2:
      return cpu_has(Target::sse4) && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
             __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c");
    case Target::avx512:
      return cpu_has(Target::avx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512cd");
#endif
    default:
      return false;
  }
}

Target best_target() {
  Target best = Target::scalar;
  for (const Target target : kTargets) {
    if (cpu_has(target)) best = target;
  }
  return best;
}

}  // namespace ngd
