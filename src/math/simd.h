// Choosing vector instructions when the program runs: code is compiled once per target with Highway, and called
// through a table with one entry per target.
//
// Highway's own run-time dispatch lives in a shared library; choosing among its compiled namespaces takes no
// more than this header, so the library needs Highway's headers only.
#pragma once

// Before Highway is included: leave out targets that would add size and no speed, and those of ARM whose vectors have
// no size known to the compiler, and so neither operators nor arrays.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#endif
#include <hwy/detect_targets.h>

#include <cstddef>
#include <cstdint>

namespace ngd {

enum class Target : uint8_t { scalar, sse4, avx2, avx512, neon };
inline constexpr Target kTargets[] = {Target::scalar, Target::sse4, Target::avx2, Target::avx512, Target::neon};

const char *target_name(Target target);
bool cpu_has(Target target);  // compiled for this architecture and present in this CPU
Target best_target();         // the widest that the CPU has

// One function per target; null where it was not compiled.
template <class Function>
struct PerTarget {
  Function entries[5];
  Function operator[](Target target) const { return entries[static_cast<size_t>(target)]; }
};

}  // namespace ngd

// PER_TARGET(f): the PerTarget table of ngd::N_*::f, for use after all targets have been compiled (HWY_ONCE).
#if HWY_TARGETS & HWY_SCALAR
#define NGD_OF_SCALAR(function) &N_SCALAR::function
#elif HWY_TARGETS & HWY_EMU128
#define NGD_OF_SCALAR(function) &N_EMU128::function
#else
#define NGD_OF_SCALAR(function) nullptr
#endif
#if HWY_TARGETS & HWY_SSE4
#define NGD_OF_SSE4(function) &N_SSE4::function
#else
#define NGD_OF_SSE4(function) nullptr
#endif
#if HWY_TARGETS & HWY_AVX2
#define NGD_OF_AVX2(function) &N_AVX2::function
#else
#define NGD_OF_AVX2(function) nullptr
#endif
#if HWY_TARGETS & HWY_AVX3
#define NGD_OF_AVX512(function) &N_AVX3::function
#else
#define NGD_OF_AVX512(function) nullptr
#endif
#if HWY_TARGETS & HWY_NEON
#define NGD_OF_NEON(function) &N_NEON::function
#else
#define NGD_OF_NEON(function) nullptr
#endif
#define NGD_PER_TARGET(function)                                                                      \
  {                                                                                                   \
    {                                                                                                 \
      NGD_OF_SCALAR(function), NGD_OF_SSE4(function), NGD_OF_AVX2(function), NGD_OF_AVX512(function), \
          NGD_OF_NEON(function)                                                                       \
    }                                                                                                 \
  }
// For float64, whose loops are as fast as memory on AVX2 already: AVX-512 takes the same code, and the library is smaller.
#define NGD_PER_TARGET_F64(function)                                                                \
  {                                                                                                 \
    {                                                                                               \
      NGD_OF_SCALAR(function), NGD_OF_SSE4(function), NGD_OF_AVX2(function), NGD_OF_AVX2(function), \
          NGD_OF_NEON(function)                                                                     \
    }                                                                                               \
  }
// For what the narrow targets do in another way.
#define NGD_PER_WIDE_TARGET(function)                                                           \
  {                                                                                             \
    { nullptr, nullptr, NGD_OF_AVX2(function), NGD_OF_AVX512(function), NGD_OF_NEON(function) } \
  }
