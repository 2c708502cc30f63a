// The loops of the limit, once for each width of vectors; the machine's widest is taken.
#include "bench/limit.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "bench/targets.h"

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

[[gnu::always_inline]] inline uint32_t bits_loop(const float *values, size_t begin, size_t end) {
  uint32_t bits = 0;
  for (size_t i = begin; i < end; i++) bits |= std::bit_cast<uint32_t>(values[i]);
  return bits;
}

// Rows that are asked for ahead of their turn: the processor cannot guess where they lie.
constexpr size_t kRowsAhead = 8;

[[gnu::always_inline]] inline void fetch(const float *row, size_t width) {
  constexpr size_t kLine = 64 / sizeof(float);
  for (size_t i = 0; i < width; i += kLine) __builtin_prefetch(row + i, 1);
}

// The switch over the number of streams stands outside of the loop over rows, which may be short.
template <size_t kStreams>
[[gnu::always_inline]] inline void rows_loop(const float *gradient, float *const *streams, const uint32_t *rows,
                                             size_t width, size_t begin, size_t end) {
  for (size_t i = begin; i < end; i++) {
    if (i + kRowsAhead < end) {
      for (size_t s = 0; s < kStreams; s++) fetch(streams[s] + rows[i + kRowsAhead] * width, width);
    }
    float *at[kStreams];
    for (size_t s = 0; s < kStreams; s++) at[s] = streams[s] + rows[i] * width;
    add_loop(gradient + i * width, at, 0, width, std::make_index_sequence<kStreams>());
  }
}

[[gnu::always_inline]] inline void rows_any(const float *gradient, float *const *streams, size_t stream_count,
                                            const uint32_t *rows, size_t width, size_t begin, size_t end) {
  switch (stream_count) {
    case 1:
      return rows_loop<1>(gradient, streams, rows, width, begin, end);
    case 2:
      return rows_loop<2>(gradient, streams, rows, width, begin, end);
    case 3:
      return rows_loop<3>(gradient, streams, rows, width, begin, end);
    case 4:
      return rows_loop<4>(gradient, streams, rows, width, begin, end);
    case 5:
      return rows_loop<5>(gradient, streams, rows, width, begin, end);
    case 6:
      return rows_loop<6>(gradient, streams, rows, width, begin, end);
  }
}

struct Loops {
  decltype(&add_to_rows) rows;
  decltype(&bits_of_all) bits;
};

// NGD_LOOPS(name, attributes): both loops compiled for one target.
#define NGD_LOOPS(name, ...)                                                                       \
  struct name {                                                                                    \
    __VA_ARGS__ static void rows(const float *g, float *const *s, size_t count, const uint32_t *r, \
                                 size_t width, size_t begin, size_t end) {                         \
      rows_any(g, s, count, r, width, begin, end);                                                 \
    }                                                                                              \
    __VA_ARGS__ static uint32_t bits(const float *v, size_t begin, size_t end) {                   \
      return bits_loop(v, begin, end);                                                             \
    }                                                                                              \
  };
NGD_LOOPS(Baseline)
#ifdef __x86_64__
NGD_LOOPS(Avx2, NGD_AVX2)
NGD_LOOPS(Avx512, NGD_AVX512)
#endif
#undef NGD_LOOPS

template <class Target>
constexpr Loops kLoops = {Target::rows, Target::bits};

const Loops &loops() {
#ifdef __x86_64__
  if (has_avx512()) return kLoops<Avx512>;
  if (has_avx2()) return kLoops<Avx2>;
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
  // One long row.
  float *at[kMaximumStreams];
  for (size_t s = 0; s < stream_count; s++) at[s] = streams[s] + begin;
  const uint32_t row = 0;
  loops().rows(gradient + begin, at, stream_count, &row, end - begin, 0, 1);
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
