// Dense products against three plain loops.
#include "math/product.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "test.h"

using namespace ngd;

namespace {

template <class T>
void check(Transpose ta, Transpose tb, size_t rows, size_t columns, size_t inner, T alpha, T beta) {
  Random random(3, rows * 100 + columns);
  std::vector<T> a(rows * inner), b(inner * columns), c(rows * columns);
  for (auto *matrix : {&a, &b, &c}) {
    for (T &value : *matrix) value = static_cast<T>(random.normal());
  }
  std::vector<double> expected(c.size());
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < columns; j++) {
      double sum = 0;
      for (size_t k = 0; k < inner; k++) {
        const T left = ta == Transpose::yes ? a[k * rows + i] : a[i * inner + k];
        const T right = tb == Transpose::yes ? b[j * inner + k] : b[k * columns + j];
        sum += static_cast<double>(left) * static_cast<double>(right);
      }
      expected[i * columns + j] = static_cast<double>(alpha) * sum +
                                  static_cast<double>(beta) * static_cast<double>(c[i * columns + j]);
    }
  }
  multiply(ta, tb, rows, columns, inner, alpha, a.data(), b.data(), beta, c.data());
  const double tolerance = 40 * static_cast<double>(std::numeric_limits<T>::epsilon());
  for (size_t i = 0; i < c.size(); i++)
    assert_true(std::fabs(static_cast<double>(c[i]) - expected[i]) < tolerance * (1 + std::fabs(expected[i])));
}

void products_equal_plain_loops_for_every_transpose(void **) {
  for (const Transpose ta : {Transpose::no, Transpose::yes}) {
    for (const Transpose tb : {Transpose::no, Transpose::yes}) {
      check<float>(ta, tb, 3, 5, 7, 1, 0);
      check<float>(ta, tb, 1, 9, 2, 2, -1);
      check<double>(ta, tb, 6, 1, 4, 0.5, 1);
      check<double>(ta, tb, 33, 17, 65, -1, 0.25);
    }
  }
}

void beta_zero_does_not_read_the_old_result(void **) {
  const double a[] = {2}, b[] = {3};
  double c[] = {std::numeric_limits<double>::quiet_NaN()};
  multiply(Transpose::no, Transpose::no, 1, 1, 1, 1.0, a, b, 0.0, c);
  assert_true(c[0] == 6);
}

void size_past_blas_is_refused(void **) {
  double x = 0;
  try {
    multiply(Transpose::no, Transpose::no, 1, 1, size_t{1} << 31, 1.0, &x, &x, 0.0, &x);
    assert_true(false);
  } catch (const Error &error) {
    assert_int_equal(error.status(), NGD_E_RANGE);
    assert_string_equal(error.what(),
                        "a matrix with a side of 2147483648 is larger than BLAS can express, 2147483647");
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(products_equal_plain_loops_for_every_transpose),
      cmocka_unit_test(beta_zero_does_not_read_the_old_result),
      cmocka_unit_test(size_past_blas_is_refused),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
