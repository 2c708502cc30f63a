// 8-bit state: every code against the formula of the header, encoding by the distance to the codes, averages.
#include "math/block8.h"

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
#include "test.h"

using namespace ngd;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr Block8 kKinds[] = {Block8::first, Block8::second};

// What every target is compared with: the scalar one where the architecture has it.
const Target kReference = *std::ranges::find_if(kTargets, cpu_has);

void on_each_target(const std::function<void(Target)> &body) {
  for (const Target target : kTargets) {
    if (cpu_has(target)) body(target);
  }
}

struct Encoded {
  std::vector<uint8_t> codes;
  std::vector<float> scales;
  bool operator==(const Encoded &) const = default;
};

Encoded nearest(Target target, Block8 kind, const std::vector<float> &x) {
  Encoded e{std::vector<uint8_t>(x.size()), std::vector<float>((x.size() + kBlock8 - 1) / kBlock8)};
  encode_nearest(target, kind, x.data(), e.codes.data(), e.scales.data(), x.size());
  return e;
}
Encoded stochastic(Target target, Block8 kind, const std::vector<float> &x, uint64_t position,
                   uint64_t seed = 1, uint64_t stream = 2) {
  Encoded e{std::vector<uint8_t>(x.size()), std::vector<float>((x.size() + kBlock8 - 1) / kBlock8)};
  encode_stochastic(target, kind, x.data(), e.codes.data(), e.scales.data(), x.size(), seed, stream, position);
  return e;
}
std::vector<float> decoded(Target target, Block8 kind, const Encoded &e) {
  std::vector<float> x(e.codes.size());
  decode(target, kind, e.codes.data(), e.scales.data(), x.data(), x.size());
  return x;
}

// The formula of the header.
double meaning(Block8 kind, int code) {
  const bool first = kind == Block8::first;
  const int top = first ? 15 : 31;
  const int exponent = (first ? code & 0x7F : code) >> 3, mantissa = code & 7;
  const double size =
      exponent == 0 ? std::ldexp(mantissa, -top - 2) : std::ldexp(8 + mantissa, exponent - top - 3);
  return first && code >= 128 ? -size : size;
}

// Numbers of all sizes under 1.9, with signs for first moments; the first one is `most`.
std::vector<float> many_sizes(Block8 kind, size_t count, float most, uint64_t seed) {
  Random random(seed, 0);
  std::vector<float> x(count);
  for (float &value : x) {
    const double size = most * std::exp2(-30 * random.uniform());
    value = static_cast<float>(kind == Block8::first && random.below(2) == 0 ? -size : size);
  }
  x[0] = most;
  return x;
}

void every_code_decodes_by_the_formula(void **) {
  Encoded all;
  for (int code = 0; code < 256; code++) all.codes.push_back(static_cast<uint8_t>(code));
  for (const Block8 kind : kKinds) {
    for (const int exponent : {0, 5, -93, 126}) {
      all.scales = {std::ldexp(1.0f, exponent)};
      on_each_target([&](Target target) {
        const std::vector<float> x = decoded(target, kind, all);
        for (int code = 0; code < 256; code++) {
          const double expected = std::ldexp(meaning(kind, code), exponent);
          if (static_cast<double>(x[code]) != expected || std::signbit(x[code]) != std::signbit(expected))
            fail_msg("code %d is %a, not %a, on %s", code, x[code], expected, target_name(target));
          assert_true(x[code] == 0 || std::isnormal(x[code]));
        }
      });
    }
  }
}

// Also that of fresh memory, or of a damaged file.
void any_scale_decodes_to_finite_numbers(void **) {
  Encoded all;
  for (int code = 0; code < 256; code++) all.codes.push_back(static_cast<uint8_t>(code));
  for (const Block8 kind : kKinds) {
    for (const float scale : {0.0f, -0.0f, kInfinity, -kInfinity, kNan, 3.0f, -1.0f, 1e-45f, 3e38f}) {
      all.scales = {scale};
      on_each_target([&](Target target) {
        for (const float x : decoded(target, kind, all)) assert_true(std::isfinite(x));
        assert_true(decoded(target, kind, all)[0] == 0);
      });
    }
  }
}

void the_scale_is_the_least_power_of_two_that_holds_the_largest(void **) {
  const struct {
    float most, scale;
  } rows[] = {{1, 1},
              {1.875f, 1},
              {std::nextafter(1.875f, 2.0f), 2},
              {2, 2},
              {0.5f, 0.5f},
              {0.9375f, 0.5f},
              {0.9376f, 1},
              {1e-45f, 0x1p-93f},
              {0, 0x1p-93f},
              {0x1p-93f, 0x1p-93f},
              {0x1.Ep126f, 0x1p126f},
              {3.4e38f, 0x1p126f},
              {0x1p-92f, 0x1p-92f}};
  for (const Block8 kind : kKinds) {
    for (const auto &row : rows) {
      // Wherever it stands in the block.
      for (const size_t at : {0, 1, 63, 64, 130, 255}) {
        std::vector<float> x(kBlock8, row.most / 4);
        x[at] = kind == Block8::first && at % 2 != 0 ? -row.most : row.most;
        on_each_target([&](Target target) {
          const Encoded e = nearest(target, kind, x);
          if (e.scales[0] != row.scale) fail_msg("%a has scale %a, not %a", row.most, e.scales[0], row.scale);
        });
      }
    }
  }
}

// Against the two codes around a number, found by looking at all of them; and the bounds that the header states.
void check_neighbours(Block8 kind, const std::vector<float> &x) {
  const Encoded code = nearest(kReference, kind, x);
  const std::vector<float> near = decoded(kReference, kind, code);
  const std::vector<float> some = decoded(kReference, kind, stochastic(kReference, kind, x, 0));
  const double scale = code.scales[0];
  const double smallest = meaning(kind, 1) * scale, least = 8 * smallest;
  for (size_t i = 0; i < x.size(); i++) {
    const double size = std::fabs(static_cast<double>(x[i]));
    double below = 0, above = HUGE_VAL;
    for (int c = 0; c < (kind == Block8::first ? 128 : 256); c++) {
      const double value = meaning(kind, c) * scale;
      if (value <= size) below = std::max(below, value);
      if (value >= size) above = std::min(above, value);
    }
    double expected = size - below < above - size ? below : above;
    if (kind == Block8::second) {
      expected = std::max(expected, smallest);
      below = std::max(below, smallest);
    }
    const double got = std::fabs(static_cast<double>(near[i])), other = std::fabs(static_cast<double>(some[i]));
    if (got != expected) fail_msg("%a is encoded as %a, not as %a", x[i], near[i], expected);
    if (other != below && other != above) fail_msg("%a is encoded as %a", x[i], some[i]);
    assert_true(std::signbit(near[i]) == std::signbit(x[i]) && std::signbit(some[i]) == std::signbit(x[i]));
    if (size >= least)
      assert_true(std::fabs(got - size) <= size / 17 && above - below <= size / 8);
    else
      assert_true(std::fabs(got - size) <= smallest / 2 || (kind == Block8::second && got == smallest));
  }
}

void encoding_takes_the_nearest_code_or_one_of_two(void **) {
  for (const Block8 kind : kKinds) {
    for (uint64_t seed = 30; seed < 38; seed++) check_neighbours(kind, many_sizes(kind, kBlock8, 1.9f, seed));
  }
}

void what_was_decoded_is_encoded_to_the_same(void **) {
  for (const Block8 kind : kKinds) {
    // Every code, in a block whose largest number is a code too.
    Encoded all;
    for (int code = 0; code < 256; code++) all.codes.push_back(static_cast<uint8_t>(code));
    for (const int exponent : {0, -60, 126, -93}) {
      all.scales = {std::ldexp(1.0f, exponent)};
      on_each_target([&](Target target) {
        assert_true(nearest(target, kind, decoded(target, kind, all)) == all);
        assert_true(stochastic(target, kind, decoded(target, kind, all), 512) == all);
      });
    }
    // Whatever the largest number rounds to.
    for (const float most : {1.0f, 1.3f, 1.87f, 1.9f, 1.93f, 1.96f, 1.99f}) {
      const Encoded once = nearest(kReference, kind, many_sizes(kind, 700, most, 4));
      const std::vector<float> x = decoded(kReference, kind, once);
      assert_true(decoded(kReference, kind, nearest(kReference, kind, x)) == x);
    }
  }
}

void zero_is_zero_and_second_moments_do_not_vanish(void **) {
  std::vector<float> x(kBlock8, 0.0f);
  for (const Block8 kind : kKinds) {
    on_each_target([&](Target target) {
      for (const float y : decoded(target, kind, nearest(target, kind, x))) assert_true(y == 0);
      for (const float y : decoded(target, kind, stochastic(target, kind, x, 0))) assert_true(y == 0);
    });
  }
  x[0] = 1e30f;
  for (size_t i = 1; i < kBlock8; i += 2) x[i] = i % 3 == 0 ? 1e-45f : 1e-30f;
  on_each_target([&](Target target) {
    for (const Encoded &e : {nearest(target, Block8::second, x), stochastic(target, Block8::second, x, 0)}) {
      for (size_t i = 1; i < kBlock8; i++) assert_int_equal(e.codes[i], i % 2);
    }
    for (size_t i = 1; i < kBlock8; i++) assert_int_equal(nearest(target, Block8::first, x).codes[i], 0);
  });
}

void what_is_not_finite_becomes_the_largest_code_of_its_block(void **) {
  for (const Block8 kind : kKinds) {
    std::vector<float> x = many_sizes(kind, kBlock8, 1.5f, 5);
    on_each_target([&](Target target) {
      const std::vector<float> before = decoded(target, kind, nearest(target, kind, x));
      std::vector<float> y = x;
      y[7] = kInfinity, y[8] = -kInfinity, y[9] = kNan, y[10] = -kNan;
      for (const Encoded &e : {nearest(target, kind, y), stochastic(target, kind, y, 0)}) {
        const std::vector<float> after = decoded(target, kind, e);
        for (size_t i = 7; i <= 10; i++) {
          const bool negative = kind == Block8::first && std::signbit(y[i]);
          assert_true(after[i] == (negative ? -1.875f : 1.875f));
        }
        assert_true(e.scales[0] == 1);
      }
      const std::vector<float> after = decoded(target, kind, nearest(target, kind, y));
      for (size_t i = 0; i < kBlock8; i++) assert_true((i >= 7 && i <= 10) || after[i] == before[i]);
      for (const float z : decoded(target, kind, nearest(target, kind, std::vector<float>(300, kNan))))
        assert_true(std::isfinite(z));
    });
  }
}

void runs_of_every_length_give_the_same_on_every_target(void **) {
  for (const Block8 kind : kKinds) {
    const std::vector<float> x = many_sizes(kind, 1100, 1.7f, 6);
    for (const size_t count :
         {0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, 255, 256, 257, 300, 511, 512, 1024, 1100}) {
      // Exactly as long as the run, so that a sanitizer sees a read or write past the end.
      const std::vector<float> part(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(count));
      const Encoded near = nearest(kReference, kind, part);
      const Encoded some = stochastic(kReference, kind, part, 256);
      // A short block is as a whole one that ends with zeros.
      std::vector<float> padded = part;
      padded.resize(near.scales.size() * kBlock8);
      Encoded whole = nearest(kReference, kind, padded);
      whole.codes.resize(count);
      assert_true(near == whole);
      on_each_target([&](Target target) {
        assert_true(nearest(target, kind, part) == near && stochastic(target, kind, part, 256) == some);
        const std::vector<float> y = decoded(target, kind, some), expected = decoded(kReference, kind, some);
        assert_memory_equal(y.data(), expected.data(), count * sizeof(float));
      });
    }
  }
}

// As hosts with "fast" arithmetic set their threads: subnormal numbers are taken for zero.
void a_host_that_flushes_subnormal_numbers_gets_the_same_bits(void **) {
#ifdef __SSE2__
  for (const Block8 kind : kKinds) {
    for (const float most : {1.0f, 0x1p-92f, 0x1p-126f, 0x1p-130f}) {
      const std::vector<float> x = many_sizes(kind, 600, most, 8);
      on_each_target([&](Target target) {
        const Encoded e = stochastic(target, kind, x, 0);
        const std::vector<float> y = decoded(target, kind, e);
        const unsigned mode = _mm_getcsr();
        _mm_setcsr(mode | 0x8040);
        const Encoded e_flushed = stochastic(target, kind, x, 0);
        const std::vector<float> y_flushed = decoded(target, kind, e);
        _mm_setcsr(mode);
        assert_memory_equal(e.codes.data(), e_flushed.codes.data(), e.codes.size());
        assert_memory_equal(y.data(), y_flushed.data(), y.size() * sizeof(float));
      });
    }
  }
#else
  skip();
#endif
}

// Block by block or all at once, also where the position passes 2^33.
void stochastic_codes_depend_on_the_position_and_not_on_the_run(void **) {
  for (const Block8 kind : kKinds) {
    const std::vector<float> x = many_sizes(kind, 4 * kBlock8, 1.7f, 7);
    for (const uint64_t base : {uint64_t{0}, (uint64_t{1} << 32) - 512, (uint64_t{1} << 33) - 512}) {
      const Encoded whole = stochastic(best_target(), kind, x, base);
      for (size_t i = 0; i < x.size(); i += kBlock8) {
        const std::vector<float> block(x.begin() + static_cast<std::ptrdiff_t>(i),
                                       x.begin() + static_cast<std::ptrdiff_t>(i + kBlock8));
        assert_memory_equal(stochastic(best_target(), kind, block, base + i).codes.data(),
                            whole.codes.data() + i, kBlock8);
      }
    }
    const Encoded here = stochastic(best_target(), kind, x, 0);
    assert_false(stochastic(best_target(), kind, x, kBlock8) == here);
    assert_false(stochastic(best_target(), kind, x, 0, 3) == here);
    assert_false(stochastic(best_target(), kind, x, 0, 1, 3) == here);
  }
}

// In both halves of each 32 elements, and where the codes are evenly spaced around zero.
void stochastic_rounding_is_right_on_average(void **) {
  constexpr size_t kBlocks = 2000;
  for (const Block8 kind : kKinds) {
    const double least = kind == Block8::first ? 0x1p-14 : 0x1p-30;
    for (const double value : {1.01, 0.77, 1.8, 1.126e-3, least * 1.01, least * 0.55, least * 0.13}) {
      std::vector<float> x(kBlock8 * kBlocks, static_cast<float>(value));
      for (size_t i = 0; i < x.size(); i += kBlock8) x[i] = 1;
      const std::vector<float> y = decoded(best_target(), kind, stochastic(best_target(), kind, x, 0));
      for (const size_t half : {0, 16}) {
        double sum = 0, squares = 0, count = 0;
        for (size_t i = 0; i < y.size(); i++) {
          if (i % kBlock8 == 0 || (i & 16) != half) continue;
          const double error = static_cast<double>(y[i]) - value;
          sum += error, squares += error * error, count++;
        }
        const double deviation = std::sqrt(squares / count / count);
        if (std::fabs(sum / count) > 5 * deviation)
          fail_msg("%g is off by %g deviations", value, sum / count / deviation);
      }
    }
  }
}

// Of two elements any distance apart half should be rounded the same way.
void elements_are_rounded_independently(void **) {
  constexpr size_t kCount = 64 * kBlock8;
  for (const Block8 kind : kKinds) {
    const Encoded e = stochastic(best_target(), kind, std::vector<float>(kCount, 1.0625f), 0);
    for (size_t apart = 1; apart <= 4 * kBlock8; apart++) {
      size_t same = 0;
      for (size_t i = 0; i + apart < kCount; i++) same += e.codes[i] == e.codes[i + apart];
      const double pairs = static_cast<double>(kCount - apart);
      const double deviations = (static_cast<double>(same) - pairs / 2) / std::sqrt(pairs / 4);
      if (std::fabs(deviations) > 5) fail_msg("%d apart: %g deviations", static_cast<int>(apart), deviations);
    }
  }
}

// What rounding to the nearest cannot do: a second moment that rises or falls by a thousandth of itself a step.
void a_moving_average_moves(void **) {
  for (const double target : {4.0, 0.25}) {
    std::vector<float> v(kBlock8 * 4, 1.0f);
    for (uint64_t step = 0; step < 4000; step++) {
      for (size_t i = 0; i < v.size(); i++)
        v[i] =
            static_cast<float>(0.999 * static_cast<double>(v[i]) + 0.001 * (i % kBlock8 == 0 ? 1.0 : target));
      v = decoded(best_target(), Block8::second, stochastic(best_target(), Block8::second, v, 0, 1, step));
    }
    const double expected = target + (1 - target) * std::pow(0.999, 4000);
    double sum = 0;
    for (size_t i = 0; i < v.size(); i++) sum += i % kBlock8 == 0 ? 0 : static_cast<double>(v[i]) / expected;
    // A single one is off by some 20 %.
    assert_true(std::fabs(sum / static_cast<double>(v.size() - 4) - 1) < 5 * 0.2 / 32);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_code_decodes_by_the_formula),
      cmocka_unit_test(any_scale_decodes_to_finite_numbers),
      cmocka_unit_test(the_scale_is_the_least_power_of_two_that_holds_the_largest),
      cmocka_unit_test(encoding_takes_the_nearest_code_or_one_of_two),
      cmocka_unit_test(what_was_decoded_is_encoded_to_the_same),
      cmocka_unit_test(zero_is_zero_and_second_moments_do_not_vanish),
      cmocka_unit_test(what_is_not_finite_becomes_the_largest_code_of_its_block),
      cmocka_unit_test(runs_of_every_length_give_the_same_on_every_target),
      cmocka_unit_test(a_host_that_flushes_subnormal_numbers_gets_the_same_bits),
      cmocka_unit_test(stochastic_codes_depend_on_the_position_and_not_on_the_run),
      cmocka_unit_test(stochastic_rounding_is_right_on_average),
      cmocka_unit_test(elements_are_rounded_independently),
      cmocka_unit_test(a_moving_average_moves),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
