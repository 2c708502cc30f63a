// Sixteen-bit floats: every value widened, narrowing against arithmetic in float64, stochastic rounding by averages.
#include "math/half.h"

#ifdef __SSE2__
#include <xmmintrin.h>
#endif

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "base/random.h"
#include "math/dither.h"
#include "test.h"

using namespace ngd;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr size_t kAll = 65536;

float float_of(uint32_t bits) {
  return std::bit_cast<float>(bits);
}
uint32_t bits_of(float value) {
  return std::bit_cast<uint32_t>(value);
}

// What every target is compared with: the scalar one where the architecture has it.
const Target kReference = *std::ranges::find_if(kTargets, cpu_has);

void on_each_target(const std::function<void(Target)> &body) {
  for (const Target target : kTargets) {
    if (cpu_has(target)) body(target);
  }
}

// What the formats mean, by their definition. NaN is not asked for.
struct Format {
  int exponent_bits, mantissa_bits;

  double value(uint32_t code) const {
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const int exponent = static_cast<int>(code >> mantissa_bits) & ((1 << exponent_bits) - 1);
    const int mantissa = static_cast<int>(code) & ((1 << mantissa_bits) - 1);
    double size = std::ldexp(mantissa, 1 - bias - mantissa_bits);
    if (exponent == (1 << exponent_bits) - 1)
      size = mantissa == 0 ? HUGE_VAL : NAN;
    else if (exponent > 0)
      size = std::ldexp((1 << mantissa_bits) + mantissa, exponent - bias - mantissa_bits);
    return code >> (exponent_bits + mantissa_bits) ? -size : size;
  }
  uint32_t infinity() const { return ((1u << exponent_bits) - 1) << mantissa_bits; }

  // The code just at or below |x|, by bisection; codes of positive numbers are ordered as the numbers are.
  uint32_t below(double size) const {
    uint32_t low = 0, high = infinity();
    while (high - low > 1) {
      const uint32_t middle = (low + high) / 2;
      (value(middle) <= size ? low : high) = middle;
    }
    return low;
  }
  uint32_t nearest(double x) const {
    const uint32_t sign = (std::signbit(x) ? 1u : 0u) << (exponent_bits + mantissa_bits);
    const double size = std::fabs(x);
    if (std::isinf(size)) return sign | infinity();
    const uint32_t low = below(size);
    // Past the largest number counts as the next one would, if the exponent went on.
    const double next = low + 1 == infinity() ? std::ldexp(1, 1 << (exponent_bits - 1)) : value(low + 1);
    const double middle = (value(low) + next) / 2;
    return sign | (size > middle || (size == middle && low % 2 != 0) ? low + 1 : low);
  }
};
constexpr Format kBf16 = {8, 7}, kF16 = {5, 10};

template <class Half>
void check_widen(Format format) {
  std::vector<Half> all(kAll);
  for (uint32_t code = 0; code < kAll; code++) all[code] = static_cast<Half>(code);
  std::vector<float> wide(kAll);
  on_each_target([&](Target target) {
    widen(target, all.data(), wide.data(), kAll);
    for (uint32_t code = 0; code < kAll; code++) {
      const double expected = format.value(code);
      const bool same = std::isnan(expected)
                            ? std::isnan(wide[code]) && std::signbit(wide[code]) == (code >= 0x8000) &&
                                  (bits_of(wide[code]) & 0x7FFFFF) ==
                                      (code & ((1u << format.mantissa_bits) - 1)) << (23 - format.mantissa_bits)
                            : wide[code] == expected && std::signbit(wide[code]) == std::signbit(expected);
      if (!same) fail_msg("%04x widens to %a on %s", code, wide[code], target_name(target));
    }
  });
}

void widening_is_exact_for_every_bf16(void **) {
  check_widen<Bf16>(kBf16);
}
void widening_is_exact_for_every_f16(void **) {
  check_widen<F16>(kF16);
}

// Every number of the format, the middles between neighbours, the floats beside both, and bits at random.
std::vector<float> narrow_cases(Format format) {
  std::vector<float> cases = {kInfinity, -kInfinity, 3.4028235e38f, -3.4028235e38f,
                              0x1p-149f, 0x1p-126f,  -0.0f};
  for (uint32_t code = 0; code < format.infinity(); code++) {
    const float here = static_cast<float>(format.value(code));
    const float middle = static_cast<float>((format.value(code) + format.value(code + 1)) / 2);
    for (const float x : {here, middle}) {
      if (!std::isfinite(x)) continue;
      for (const float y : {x, std::nextafter(x, 0.0f), std::nextafter(x, kInfinity)}) {
        cases.push_back(y);
        cases.push_back(-y);
      }
    }
  }
  // Where rounding to the nearest begins to give infinity.
  for (uint32_t bits = bits_of(65504) - 9; bits < bits_of(65536) + 9; bits++) cases.push_back(float_of(bits));
  for (uint32_t bits = 0x7F7F0000 - 9; bits < 0x7F800000; bits += 7) cases.push_back(float_of(bits));
  Random random(11, 0);
  for (int i = 0; i < 200000; i++) {
    const float x = float_of(static_cast<uint32_t>(random.next()));
    if (!std::isnan(x)) cases.push_back(x);
  }
  return cases;
}

template <class Half>
void check_narrow(Format format) {
  const std::vector<float> cases = narrow_cases(format);
  std::vector<uint32_t> expected;
  for (const float x : cases) expected.push_back(format.nearest(x));
  std::vector<Half> got(cases.size());
  on_each_target([&](Target target) {
    narrow(target, cases.data(), got.data(), cases.size());
    for (size_t i = 0; i < cases.size(); i++) {
      if (static_cast<uint32_t>(got[i]) != expected[i])
        fail_msg("%a narrows to %04x, not %04x, on %s", cases[i], static_cast<uint32_t>(got[i]), expected[i],
                 target_name(target));
    }
  });
}

void narrowing_to_bf16_takes_the_nearest_and_ties_to_even(void **) {
  check_narrow<Bf16>(kBf16);
}
void narrowing_to_f16_takes_the_nearest_and_ties_to_even(void **) {
  check_narrow<F16>(kF16);
}

void nan_stays_a_quiet_nan(void **) {
  std::vector<float> nans;
  for (uint32_t payload = 1; payload < 0x800000; payload = payload * 2 + 1) {
    nans.push_back(float_of(0x7F800000 | payload));
    nans.push_back(float_of(0xFF800000 | payload));
  }
  on_each_target([&](Target target) {
    std::vector<Bf16> b(nans.size()), s(nans.size());
    std::vector<F16> h(nans.size());
    narrow(target, nans.data(), b.data(), nans.size());
    narrow_stochastic(target, nans.data(), s.data(), nans.size(), 1, 2, 3);
    narrow(target, nans.data(), h.data(), nans.size());
    for (size_t i = 0; i < nans.size(); i++) {
      const uint32_t sign = bits_of(nans[i]) >> 31 << 15;
      for (const Bf16 code : {b[i], s[i]})
        assert_int_equal(static_cast<uint32_t>(code) & 0xFFC0, sign | 0x7FC0);
      assert_int_equal(static_cast<uint32_t>(h[i]) & 0xFE00, sign | 0x7E00);
    }
  });
}

// As hosts with "fast" arithmetic set their threads: subnormal numbers are taken for zero.
void a_host_that_flushes_subnormal_numbers_gets_the_same_bits(void **) {
#ifdef __SSE2__
  const unsigned mode = _mm_getcsr();
  const auto with_flushing = [&](const auto &body) {
    _mm_setcsr(mode | 0x8040);
    body();
    _mm_setcsr(mode);
  };
  const std::vector<float> x = narrow_cases(kF16);
  std::vector<F16> all(kAll);
  for (uint32_t code = 0; code < kAll; code++) all[code] = static_cast<F16>(code);
  on_each_target([&](Target target) {
    std::vector<float> wide(kAll), wide_flushed(kAll);
    widen(target, all.data(), wide.data(), kAll);
    with_flushing([&] { widen(target, all.data(), wide_flushed.data(), kAll); });
    assert_memory_equal(wide.data(), wide_flushed.data(), kAll * sizeof(float));
    std::vector<F16> h(x.size()), h_flushed(x.size());
    std::vector<Bf16> b(x.size()), b_flushed(x.size());
    narrow(target, x.data(), h.data(), x.size());
    narrow(target, x.data(), b.data(), x.size());
    with_flushing([&] {
      narrow(target, x.data(), h_flushed.data(), x.size());
      narrow(target, x.data(), b_flushed.data(), x.size());
    });
    assert_memory_equal(h.data(), h_flushed.data(), x.size() * sizeof(F16));
    assert_memory_equal(b.data(), b_flushed.data(), x.size() * sizeof(Bf16));
  });
#else
  skip();
#endif
}

// Runs of every length write their elements and no others, whatever the alignment.
template <class From, class To, class Convert>
void check_lengths(const Convert &convert) {
  constexpr size_t kMost = 150;
  std::vector<From> from(kMost);
  Random random(12, 0);
  for (From &x : from)
    x = std::is_same_v<From, float> ? From(random.normal()) : From(0x3F80 + random.below(64));
  std::vector<To> whole(kMost);
  convert(kReference, from.data(), whole.data(), kMost, size_t{0});
  on_each_target([&](Target target) {
    for (size_t begin = 0; begin < 40; begin++) {
      for (size_t count = 0; begin + count <= kMost - 4; count += 1 + count / 20) {
        // Exactly as long as the run, so that a sanitizer sees a read past the end.
        const std::vector<From> exact(from.begin() + begin, from.begin() + begin + count);
        std::vector<To> to(kMost, To(7));
        convert(target, exact.data(), to.data() + 2, count, begin);
        for (size_t i = 0; i < kMost; i++) {
          const bool inside = i >= 2 && i < 2 + count;
          if (to[i] != (inside ? whole[begin + i - 2] : To(7)))
            fail_msg("%d elements from %d: element %d is wrong on %s", static_cast<int>(count),
                     static_cast<int>(begin), static_cast<int>(i) - 2, target_name(target));
        }
      }
    }
  });
}

void runs_of_every_length_touch_their_elements_alone(void **) {
  const auto widened = [](Target t, const auto *from, float *to, size_t count, size_t) {
    widen(t, from, to, count);
  };
  const auto narrowed = [](Target t, const float *from, auto *to, size_t count, size_t) {
    narrow(t, from, to, count);
  };
  check_lengths<Bf16, float>(widened);
  check_lengths<F16, float>(widened);
  check_lengths<float, Bf16>(narrowed);
  check_lengths<float, F16>(narrowed);
}

// Also where the position passes 2^32 and 2^33, and on every target as on the scalar one.
void stochastic_rounding_depends_on_the_position_and_not_on_the_run(void **) {
  for (const uint64_t base :
       {uint64_t{0}, (uint64_t{1} << 32) - 75, (uint64_t{1} << 33) - 11, ~uint64_t{0} - 400}) {
    check_lengths<float, Bf16>([&](Target t, const float *from, Bf16 *to, size_t count, size_t begin) {
      narrow_stochastic(t, from, to, count, 5, 6, base + begin);
    });
  }
}

void stochastic_rounding_takes_one_of_the_two_neighbours(void **) {
  std::vector<float> x = narrow_cases(kBf16);
  std::vector<Bf16> got(x.size());
  on_each_target([&](Target target) {
    narrow_stochastic(target, x.data(), got.data(), x.size(), 1, 2, 3);
    for (size_t i = 0; i < x.size(); i++) {
      const uint32_t below = bits_of(x[i]) >> 16, code = static_cast<uint32_t>(got[i]);
      const bool exact = (bits_of(x[i]) & 0xFFFF) == 0;
      if (code != below && (exact || code != below + 1)) fail_msg("%a rounds to %04x", x[i], code);
    }
  });
}

void stochastic_rounding_is_right_on_average(void **) {
  constexpr size_t kCount = 200000;
  for (const float value : {1.0012f, -1.0012f, 3e-5f, 1.00003f, -7.99f, 0x1.2468ACp-127f, 0x1p-149f * 12345}) {
    const std::vector<float> x(kCount, value);
    std::vector<Bf16> narrow(kCount);
    std::vector<float> back(kCount);
    narrow_stochastic(best_target(), x.data(), narrow.data(), kCount, 21, 22, 1);
    widen(best_target(), narrow.data(), back.data(), kCount);
    double sum = 0;
    for (const float y : back) sum += y;
    const double step = std::fabs(static_cast<double>(float_of((bits_of(value) & 0xFFFF0000) + 0x10000)) -
                                  static_cast<double>(float_of(bits_of(value) & 0xFFFF0000)));
    const double up = (bits_of(value) & 0xFFFF) / 65536.0;
    // Five standard errors, in steps.
    assert_true(up > 0 && step > 0);
    const double error = std::fabs(sum / kCount - static_cast<double>(value)) / step;
    if (error > 5 * std::sqrt(up * (1 - up) / kCount)) fail_msg("%a is off by %g steps", value, error);
  }
}

// The random number behind each rounding, found by bisection: 1 + t/2^16 steps rounds up when it is 2^16 - t or more.
std::vector<uint32_t> random_numbers(size_t count, uint64_t seed, uint64_t stream) {
  std::vector<uint32_t> numbers(count);
  std::vector<float> x(count);
  std::vector<Bf16> rounded(count);
  for (uint32_t bit = 0x8000; bit != 0; bit /= 2) {
    for (size_t i = 0; i < count; i++) x[i] = float_of(0x3F800000 + 0x10000 - (numbers[i] | bit));
    narrow_stochastic(best_target(), x.data(), rounded.data(), count, seed, stream, 0);
    for (size_t i = 0; i < count; i++) numbers[i] |= static_cast<uint32_t>(rounded[i]) == 0x3F81 ? bit : 0;
  }
  return numbers;
}

// Chi-square of 65536 cells, in standard deviations from its mean.
double unevenness(const std::vector<uint32_t> &cells) {
  std::vector<int> counts(kAll);
  for (const uint32_t cell : cells) counts[cell]++;
  const double expected = static_cast<double>(cells.size()) / kAll;
  double sum = 0;
  for (const int times : counts) sum += (times - expected) * (times - expected) / expected;
  return (sum - (kAll - 1)) / std::sqrt(2.0 * (kAll - 1));
}

void random_numbers_are_uniform_and_uncorrelated(void **) {
  constexpr size_t kCount = 1 << 20;
  const std::vector<uint32_t> numbers = random_numbers(kCount, 1, 1);
  const auto check = [&](const char *what, const std::vector<uint32_t> &cells) {
    if (std::fabs(unevenness(cells)) > 5) fail_msg("%s: %g deviations", what, unevenness(cells));
  };
  check("single numbers", numbers);
  // The upper bytes of two numbers as one cell: neighbours, the two halves of one hash, the next hash, the next block.
  const auto pairs = [&](const std::vector<uint32_t> &others, size_t apart, int shift) {
    std::vector<uint32_t> cells;
    for (size_t i = 0; i + apart < kCount; i++)
      cells.push_back((numbers[i] >> shift & 0xFF) << 8 | (others[i + apart] >> shift & 0xFF));
    return cells;
  };
  for (const size_t apart : {1, 2, 8, 16, 17, 31, 32, 256, 1024, 65536}) {
    check("pairs of a run, upper bytes", pairs(numbers, apart, 8));
    check("pairs of a run, lower bytes", pairs(numbers, apart, 0));
  }
  const uint64_t others[][2] = {
      {1, 2}, {2, 1}, {1, 3}, {0, 1}, {1, uint64_t{1} << 32 | 1}, {uint64_t{1} << 32 | 1, 1}};
  for (const auto &other : others)
    check("another seed or stream", pairs(random_numbers(kCount, other[0], other[1]), 0, 8));
}

// The first half of the key alone would make every stream the same sequence, begun elsewhere.
void streams_are_not_one_sequence_begun_elsewhere(void **) {
  const uint32_t apart = dither_key(1, 1, 0).before ^ dither_key(1, 2, 0).before;
  int same = 0;
  for (uint32_t counter = 0; counter < 1024; counter++) {
    Bf16 rounded[2];
    for (const uint32_t stream : {1, 2}) {
      const uint64_t other = stream == 1 ? counter : counter ^ apart;
      const float x = float_of(0x3F808000);
      narrow_stochastic(kReference, &x, &rounded[stream - 1], 1, 1, stream,
                        other / kDitherLanes * 2 * kDitherLanes + other % kDitherLanes);
    }
    same += rounded[0] == rounded[1];
  }
  assert_true(std::abs(same - 512) < 5 * 16);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(widening_is_exact_for_every_bf16),
      cmocka_unit_test(widening_is_exact_for_every_f16),
      cmocka_unit_test(narrowing_to_bf16_takes_the_nearest_and_ties_to_even),
      cmocka_unit_test(narrowing_to_f16_takes_the_nearest_and_ties_to_even),
      cmocka_unit_test(nan_stays_a_quiet_nan),
      cmocka_unit_test(a_host_that_flushes_subnormal_numbers_gets_the_same_bits),
      cmocka_unit_test(runs_of_every_length_touch_their_elements_alone),
      cmocka_unit_test(stochastic_rounding_depends_on_the_position_and_not_on_the_run),
      cmocka_unit_test(stochastic_rounding_takes_one_of_the_two_neighbours),
      cmocka_unit_test(stochastic_rounding_is_right_on_average),
      cmocka_unit_test(random_numbers_are_uniform_and_uncorrelated),
      cmocka_unit_test(streams_are_not_one_sequence_begun_elsewhere),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
