// Initialisers: golden first values, moments, independence of tensors, orthogonality.
#include "model/initializer.h"

#include <cmath>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "test.h"

using namespace ngd;

namespace {

constexpr size_t kInputs = 300, kOutputs = 200;

std::vector<double> filled(Initializer initializer, double scale = 0, uint64_t seed = 1, uint64_t tensor = 0,
                           size_t inputs = kInputs, size_t outputs = kOutputs) {
  std::vector<double> values(inputs * outputs);
  initialize<double>(initializer, scale, inputs, outputs, seed, tensor, values);
  return values;
}

double mean_of(const std::vector<double> &values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double deviation_of(const std::vector<double> &values) {
  const double mean = mean_of(values);
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return std::sqrt(sum / static_cast<double>(values.size()));
}

void mean_and_deviation_are_those_of_the_definition(void **) {
  const double fans = kInputs + kOutputs;
  const struct {
    Initializer initializer;
    double scale, deviation, bound;  // bound 0: a normal distribution
  } cases[] = {
      {Initializer::uniform, 0.3, 0.3 / std::sqrt(3), 0.3},
      {Initializer::uniform, 0, 0.05 / std::sqrt(3), 0.05},
      {Initializer::normal, 0.2, 0.2, 0},
      {Initializer::truncated_normal, 0.2, 0.2, 2 * 0.2 / 0.8796256610342398},
      {Initializer::xavier_normal, 0, std::sqrt(2 / fans), 0},
      {Initializer::xavier_uniform, 0, std::sqrt(2 / fans), std::sqrt(6 / fans)},
      {Initializer::kaiming_normal, 0, std::sqrt(2.0 / kInputs), 0},
      {Initializer::kaiming_uniform, 0, std::sqrt(2.0 / kInputs), std::sqrt(6.0 / kInputs)},
      {Initializer::kaiming_normal, 1, std::sqrt(1.0 / kInputs), 0},
  };
  for (const auto &c : cases) {
    const std::vector<double> values = filled(c.initializer, c.scale);
    const double error = 5 / std::sqrt(static_cast<double>(values.size()));  // 5 standard errors of the mean
    assert_true(std::fabs(mean_of(values)) < error * c.deviation);
    assert_true(std::fabs(deviation_of(values) / c.deviation - 1) < error);
    double largest = 0;
    for (const double value : values) largest = std::max(largest, std::fabs(value));
    if (c.bound > 0)
      assert_true(largest <= c.bound && largest > 0.999 * c.bound);
    else
      assert_true(largest > 3.5 * c.deviation && largest < 6 * c.deviation);
  }
  for (const double value : filled(Initializer::zeros)) assert_true(value == 0);
}

void tensors_and_seeds_are_independent(void **) {
  const std::vector<double> one = filled(Initializer::normal, 1, 1, 0);
  for (const auto &other : {filled(Initializer::normal, 1, 1, 1), filled(Initializer::normal, 1, 2, 0)}) {
    double product = 0;
    for (size_t i = 0; i < one.size(); i++) product += one[i] * other[i];
    assert_true(std::fabs(product) < 5 * std::sqrt(static_cast<double>(one.size())));
  }
  assert_true(one == filled(Initializer::normal, 1, 1, 0));
}

void elements_depend_on_seed_and_tensor_index_alone(void **) {
  // The first elements are the same whatever follows, and in float the rounding of those in double.
  const std::vector<double> whole = filled(Initializer::uniform, 1, 42, 3);
  const std::vector<double> small = filled(Initializer::uniform, 1, 42, 3, 2, 2);
  std::vector<float> floats(4);
  initialize<float>(Initializer::uniform, 1, 2, 2, 42, 3, floats);
  for (size_t i = 0; i < 4; i++) {
    assert_true(small[i] == whole[i]);
    assert_true(floats[i] == static_cast<float>(whole[i]));
  }
}

void first_values_never_change(void **) {
  // Philox4x32-10 is fixed, so these are too: a change here changes every user's runs.
  const std::vector<double> uniform = filled(Initializer::uniform, 1, 1, 0, 1, 4);
  const std::vector<double> normal = filled(Initializer::normal, 1, 1, 0, 1, 4);
  const double golden_uniform[] = {0.7893694326701848, 0.42253615315338866, 0.7482238703742614,
                                   0.3122063369842214};
  const double golden_normal[] = {-0.5112540909508035, -1.1326241915725068, 1.1235348471496454,
                                  0.2573918531537358};
  for (size_t i = 0; i < 4; i++) {
    if (uniform[i] != golden_uniform[i]) print_error("uniform %zu is %s\n", i, number_text(uniform[i]).c_str());
    if (std::fabs(normal[i] - golden_normal[i]) > 1e-15)
      print_error("normal %zu is %s\n", i, number_text(normal[i]).c_str());
    assert_true(uniform[i] == golden_uniform[i]);
    assert_true(std::fabs(normal[i] - golden_normal[i]) <= 1e-15);
  }
}

void check_orthogonal(size_t inputs, size_t outputs, double gain) {
  const std::vector<double> q = filled(Initializer::orthogonal, gain, 5, 2, inputs, outputs);
  const bool tall = inputs >= outputs;
  const size_t count = tall ? outputs : inputs, length = tall ? inputs : outputs;
  for (size_t a = 0; a < count; a++) {
    for (size_t b = 0; b < count; b++) {
      double dot = 0;
      for (size_t k = 0; k < length; k++)
        dot += tall ? q[k * outputs + a] * q[k * outputs + b] : q[a * outputs + k] * q[b * outputs + k];
      assert_true(std::fabs(dot - (a == b ? gain * gain : 0)) < 1e-12);
    }
  }
}

void orthogonal_matrices_are_orthogonal_to_1e_12(void **) {
  check_orthogonal(60, 40, 1);
  check_orthogonal(40, 60, 1);
  check_orthogonal(50, 50, 1);
  check_orthogonal(1, 7, 1);
  check_orthogonal(30, 30, 2);
}

void orthogonal_is_the_q_of_the_gaussian_with_positive_diagonal_r(void **) {
  // R = Q^T A has a positive diagonal and zeros below it.
  const size_t rows = 12, columns = 7;
  std::vector<double> a(rows * columns);  // column by column, as the initialiser draws them
  Random random(5, 2);
  for (double &value : a) value = random.normal();
  const std::vector<double> q = filled(Initializer::orthogonal, 1, 5, 2, rows, columns);
  for (size_t i = 0; i < columns; i++) {
    for (size_t j = 0; j <= i; j++) {
      double r = 0;
      for (size_t k = 0; k < rows; k++) r += q[k * columns + i] * a[j * rows + k];
      assert_true(i == j ? r > 0 : std::fabs(r) < 1e-12);
    }
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(mean_and_deviation_are_those_of_the_definition),
      cmocka_unit_test(tensors_and_seeds_are_independent),
      cmocka_unit_test(elements_depend_on_seed_and_tensor_index_alone),
      cmocka_unit_test(first_values_never_change),
      cmocka_unit_test(orthogonal_matrices_are_orthogonal_to_1e_12),
      cmocka_unit_test(orthogonal_is_the_q_of_the_gaussian_with_positive_diagonal_r),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
