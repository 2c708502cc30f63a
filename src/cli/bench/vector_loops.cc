// The hand-written loops with the machine's widest vectors.
#include "bench/loops.h"
#include "bench/targets.h"

namespace cli {
namespace {

NGD_HAND_LOOPS(Baseline)
#ifdef __x86_64__
NGD_HAND_LOOPS(Avx2, NGD_AVX2)
NGD_HAND_LOOPS(Avx512, NGD_AVX512)
#endif

}  // namespace

HandLoop vector_loop(const std::string &rule) {
#ifdef __x86_64__
  if (has_avx512()) return Avx512::of(rule);
  if (has_avx2()) return Avx2::of(rule);
#endif
  return Baseline::of(rule);
}

}  // namespace cli
