// The loops of the limit, once for each width of vectors; the machine's widest is taken.
#include "bench_limit.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace cli {
namespace {

// One loop body for each number of streams: with the number known, the compiler makes vectors of it.
template <size_t... kStream>
[[gnu::always_inline]] inline void add_loop(const float *__restrict gradient, float *const *streams,
                                            size_t begin, size_t end, std::index_sequence<kStream...>) {
  float *const s[] = {streams[kStream]...};
#pragma GCC ivdep
  for (size_t i = begin; i < end; i++) {
    const float g = gradient[i];
    ((s[kStream][i] += g), ...);
  }
}

[[gnu::always_inline]] inline void add_any(const float *gradient, float *const *streams, size_t stream_count,
                                           size_t begin, size_t end) {
  switch (stream_count) {
    case 1:
      return add_loop(gradient, streams, begin, end, std::make_index_sequence<1>());
    case 2:
      return add_loop(gradient, streams, begin, end, std::make_index_sequence<2>());
    case 3:
      return add_loop(gradient, streams, begin, end, std::make_index_sequence<3>());
    case 4:
      return add_loop(gradient, streams, begin, end, std::make_index_sequence<4>());
    case 5:
      return add_loop(gradient, streams, begin, end, std::make_index_sequence<5>());
    case 6:
      return add_loop(gradient, streams, begin, end, std::make_index_sequence<6>());
  }
}

[[gnu::always_inline]] inline uint32_t bits_loop(const float *values, size_t begin, size_t end) {
  uint32_t bits = 0;
  for (size_t i = begin; i < end; i++) bits |= std::bit_cast<uint32_t>(values[i]);
  return bits;
}

[[gnu::always_inline]] inline void rows_loop(const float *gradient, float *const *streams, size_t stream_count,
                                             const uint32_t *rows, size_t width, size_t begin, size_t end) {
  for (size_t i = begin; i < end; i++) {
    float *at[kMaximumStreams];
    for (size_t s = 0; s < stream_count; s++) at[s] = streams[s] + rows[i] * width;
    add_any(gradient + i * width, at, stream_count, 0, width);
  }
}

struct Loops {
  decltype(&add_to_streams) add;
  decltype(&bits_of_all) bits;
  decltype(&add_to_rows) rows;
};

// NGD_LOOPS(name, attributes): the three loops compiled for one target.
#define NGD_LOOPS(name, ...)                                                                               \
  struct name {                                                                                            \
    __VA_ARGS__ static void add(const float *g, float *const *s, size_t count, size_t begin, size_t end) { \
      add_any(g, s, count, begin, end);                                                                    \
    }                                                                                                      \
    __VA_ARGS__ static uint32_t bits(const float *v, size_t begin, size_t end) {                           \
      return bits_loop(v, begin, end);                                                                     \
    }                                                                                                      \
    __VA_ARGS__ static void rows(const float *g, float *const *s, size_t count, const uint32_t *r,         \
                                 size_t width, size_t begin, size_t end) {                                 \
      rows_loop(g, s, count, r, width, begin, end);                                                        \
    }                                                                                                      \
  };
NGD_LOOPS(Baseline)
#ifdef __x86_64__
NGD_LOOPS(Avx2, [[gnu::target("avx2")]])
NGD_LOOPS(Avx512, [[gnu::target("avx512f,avx512vl,avx512bw,avx512dq,prefer-vector-width=512")]])
#endif
#undef NGD_LOOPS

template <class Target>
constexpr Loops kLoops = {Target::add, Target::bits, Target::rows};

const Loops &loops() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
    return kLoops<Avx512>;
  if (__builtin_cpu_supports("avx2")) return kLoops<Avx2>;
#endif
  return kLoops<Baseline>;
}

// Where part `part` of `parts` begins: a multiple of a page's floats, so that no two threads share a line.
size_t part_begin(size_t count, size_t part, size_t parts) {
  return part == parts ? count : count / 1024 * part / parts * 1024;
}

}  // namespace

void add_to_streams(const float *gradient, float *const *streams, size_t stream_count, size_t begin,
                    size_t end) {
  loops().add(gradient, streams, stream_count, begin, end);
}

uint32_t bits_of_all(const float *values, size_t begin, size_t end) {
  return loops().bits(values, begin, end);
}

void add_to_rows(const float *gradient, float *const *streams, size_t stream_count, const uint32_t *rows,
                 size_t width, size_t begin, size_t end) {
  loops().rows(gradient, streams, stream_count, rows, width, begin, end);
}

Limit::Limit(size_t streams, size_t count, size_t threads) : crew_(threads) {
  for (size_t s = 0; s < streams; s++) streams_.emplace_back(count, Floats::Content::parameters);
}

void Limit::step(const Floats &gradient, bool look) {
  float *streams[kMaximumStreams];
  std::ranges::transform(streams_, streams, &Floats::data);
  const size_t count = gradient.size(), parts = crew_.threads();
  if (look) {
    crew_.run([&](size_t part) {
      seen_ |= bits_of_all(gradient.data(), part_begin(count, part, parts), part_begin(count, part + 1, parts));
    });
  }
  crew_.run([&](size_t part) {
    add_to_streams(gradient.data(), streams, streams_.size(), part_begin(count, part, parts),
                   part_begin(count, part + 1, parts));
  });
}

}  // namespace cli
