// The widths of vectors that loops of benchmarks are compiled for, and which of them the machine has.
#pragma once

#ifdef __x86_64__
#define NGD_AVX2 [[gnu::target("avx2")]]
#define NGD_AVX512 [[gnu::target("avx512f,avx512vl,avx512bw,avx512dq,prefer-vector-width=512")]]

namespace cli {

inline bool has_avx2() {
  return __builtin_cpu_supports("avx2");
}

inline bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
}

}  // namespace cli
#endif
