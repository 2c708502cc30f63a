// Losses: values by the plain formulas, stability at huge logits, meaning of outputs.
#include "model/loss.h"

#include <cmath>
#include <limits>
#include <vector>

#include "model/activation.h"
#include "model/metrics.h"
#include "test.h"

using namespace ngd;

namespace {

template <class T>
double one(Loss loss, std::vector<T> outputs, int32_t target, std::vector<T> &gradient) {
  gradient.assign(outputs.size(), T{7});
  return loss_sum<T>(loss, outputs.data(), 1, outputs.size(), {nullptr, &target}, gradient.data(), 1);
}

bool near(double a, double b, double tolerance = 1e-12) {
  return std::fabs(a - b) <= tolerance * (1 + std::fabs(b));
}

void losses_equal_their_definitions_at_small_logits(void **) {
  std::vector<double> g;
  for (const double z : {-2.0, 0.0, 0.7, 3.0}) {
    const double p = 1 / (1 + std::exp(-z));
    assert_true(near(one<double>(Loss::binary_cross_entropy, {z}, 1, g), -std::log(p)));
    assert_true(near(g[0], p - 1));
    assert_true(near(one<double>(Loss::binary_cross_entropy, {z}, 0, g), -std::log(1 - p)));
    assert_true(near(g[0], p));
  }
  const double sum = std::exp(1.0) + std::exp(-0.5) + std::exp(2.0);
  assert_true(near(one<double>(Loss::cross_entropy, {1, -0.5, 2}, 1, g), -std::log(std::exp(-0.5) / sum)));
  assert_true(near(g[0], std::exp(1.0) / sum));
  assert_true(near(g[1], std::exp(-0.5) / sum - 1));
  const double y[] = {1, 2, 3, 5}, t[] = {0, 4, 3, 1};
  double dy[4];
  assert_true(
      near(loss_sum<double>(Loss::mean_square, y, 2, 2, {t, nullptr}, dy, 2), (1 + 4) / 2.0 + 16 / 2.0));
  assert_true(near(dy[1], -1.0));  // 2 (2 - 4) / 2 outputs / 2 rows
}

template <class T>
void check_huge() {
  std::vector<T> g;
  for (const T z : {T{1000}, T{-1000}}) {
    const int32_t right = z > 0;
    assert_true(one<T>(Loss::binary_cross_entropy, {z}, right, g) == 0);
    assert_true(g[0] == 0);
    assert_true(one<T>(Loss::binary_cross_entropy, {z}, 1 - right, g) == 1000);
    assert_true(g[0] == (z > 0 ? 1 : -1));
    assert_true(one<T>(Loss::cross_entropy, {z, 0}, right ? 0 : 1, g) == 0);
    assert_true(g[0] == 0 && g[1] == 0);
    assert_true(one<T>(Loss::cross_entropy, {z, 0}, right ? 1 : 0, g) == 1000);
    assert_true(std::fabs(g[0]) == 1 && g[1] == -g[0]);
    assert_true(sigmoid(z) == static_cast<T>(right));
    const T outputs[] = {z, 0, z};
    float p[3];
    probabilities<T>(Loss::cross_entropy, outputs, 1, 3, p);
    assert_true(p[0] == p[2] && p[0] == (z > 0 ? 0.5f : 0.0f) && p[1] == (z > 0 ? 0.0f : 1.0f));
    T values[] = {z, z, z};
    activate(Activation::sigmoid, values, 1);
    activate(Activation::tanh, values + 1, 1);
    activate(Activation::relu, values + 2, 1);
    assert_true(values[0] == right && values[1] == (z > 0 ? 1 : -1) && values[2] == (z > 0 ? z : 0));
  }
}

void nothing_overflows_at_logits_of_a_thousand(void **) {
  check_huge<float>();
  check_huge<double>();
}

void nan_is_shown_by_every_loss_and_activation(void **) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> g;
  assert_true(std::isnan(one<double>(Loss::binary_cross_entropy, {nan}, 1, g)));
  assert_true(std::isnan(one<double>(Loss::cross_entropy, {nan, 1}, 1, g)));
  assert_true(std::isnan(one<double>(Loss::cross_entropy, {1, nan}, 0, g)));
  for (const Activation activation : {Activation::sigmoid, Activation::tanh, Activation::relu}) {
    double value = nan;
    activate(activation, &value, 1);
    assert_true(std::isnan(value));
  }
}

void rows_of_unknown_class_count_for_nothing(void **) {
  const double z[] = {1, 2, 3, 4};
  const int32_t classes[] = {kUnknownClass, 0};
  double g[4] = {9, 9, 9, 9};
  std::vector<double> only;
  const double sum = loss_sum<double>(Loss::cross_entropy, z, 2, 2, {nullptr, classes}, g, 1);
  assert_true(sum == one<double>(Loss::cross_entropy, {3, 4}, 0, only));
  assert_true(g[0] == 0 && g[1] == 0 && g[2] == only[0] && g[3] == only[1]);
}

void metrics_count_by_hand(void **) {
  const double z[] = {5, 0, 0, /**/ 0, 5, 0, /**/ 0, 5, 0, /**/ 0, 0, 5, /**/ 1, 1, 0};
  const int32_t classes[] = {0, 1, 2, kUnknownClass, 1};
  MetricsSum sum(Loss::cross_entropy, 3);
  sum.add<double>(z, 5, 3, {nullptr, classes});
  const Metrics metrics = sum.result();
  assert_int_equal(metrics.rows, 4);
  assert_int_equal(metrics.unknown, 1);
  assert_true(metrics.accuracy == 0.5);  // a tie goes to the first
  assert_true(metrics.majority == 0.5);
  assert_true(std::isnan(metrics.r_squared));
  const double y[] = {1, 2, 4}, t[] = {1, 3, 5};
  MetricsSum squares(Loss::mean_square, 2);
  squares.add<double>(y, 3, 1, {t, nullptr});
  assert_true(near(squares.result().r_squared, 1 - 2.0 / 8.0));
  assert_true(near(squares.result().loss, 2.0 / 3.0));
  assert_true(std::isnan(squares.result().accuracy) && std::isnan(squares.result().majority));
  MetricsSum empty(Loss::mean_square, 2);
  assert_true(std::isnan(empty.result().loss));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(losses_equal_their_definitions_at_small_logits),
      cmocka_unit_test(nothing_overflows_at_logits_of_a_thousand),
      cmocka_unit_test(nan_is_shown_by_every_loss_and_activation),
      cmocka_unit_test(rows_of_unknown_class_count_for_nothing),
      cmocka_unit_test(metrics_count_by_hand),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
