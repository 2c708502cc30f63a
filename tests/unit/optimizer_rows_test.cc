// Tables of rows: a step on touched rows equals the dense step; rested rows decay their moments and stay where
// they are.
#include <cmath>
#include <vector>

#include "base/random.h"
#include "optimizer/optimizer.h"
#include "optimizer/rule.h"
#include "raises.h"

using namespace ngd;

namespace {

constexpr int64_t kRows = 5, kWidth = 3;
constexpr int64_t kShape[] = {kRows, kWidth};

// The rules that take tables of rows.
std::vector<const char *> row_rules() {
  std::vector<const char *> rules;
  for (size_t r = 0; rule_name(r) != nullptr; r++) {
    if (find_rule(rule_name(r)).create()->whole() == nullptr) rules.push_back(rule_name(r));
  }
  return rules;
}

std::vector<double> initial_table() {
  Random random(1, 0);
  std::vector<double> table(kRows * kWidth);
  for (double &value : table) value = random.normal();
  return table;
}

void step_rows(Optimizer &optimizer, std::vector<double> &table, const std::vector<uint32_t> &rows,
               const std::vector<double> &gradient) {
  const TensorStep<double> step[] = {{table.data(), gradient.data(), rows}};
  optimizer.step(std::span<const TensorStep<double>>(step));
}

void touching_every_row_equals_the_dense_step(void **) {
  for (const char *rule : row_rules()) {
    Optimizer dense(rule), sparse(rule);
    dense.add(Element::f64, "table", kShape);
    sparse.add_rows(Element::f64, "table", kShape);
    std::vector<double> a = initial_table(), b = a, gradient(a.size());
    Random random(2, 0);
    for (int t = 0; t < 20; t++) {
      for (double &value : gradient) value = random.normal();
      const TensorStep<double> step[] = {{a.data(), gradient.data(), {}}};
      dense.step(std::span<const TensorStep<double>>(step));
      step_rows(sparse, b, {0, 1, 2, 3, 4}, gradient);
    }
    for (size_t i = 0; i < a.size(); i++) assert_true(std::fabs(a[i] - b[i]) <= 1e-13 * (1 + std::fabs(a[i])));
  }
}

void untouched_rows_do_not_move(void **) {
  for (const char *rule : row_rules()) {
    Optimizer optimizer(rule);
    optimizer.add_rows(Element::f64, "table", kShape);
    std::vector<double> table = initial_table();
    const std::vector<double> before = table;
    step_rows(optimizer, table, {1, 3}, {1, 2, 3, 4, 5, 6});
    for (int64_t row = 0; row < kRows; row++) {
      for (int64_t column = 0; column < kWidth; column++) {
        const size_t i = static_cast<size_t>(row * kWidth + column);
        assert_int_equal(table[i] != before[i], row == 1 || row == 3);
      }
    }
  }
}

// By hand for adam: a row touched at steps 1 and 4 has at step 4 the moments of gradients g, 0, 0, h.
void moments_of_a_rested_row_decay_as_under_zero_gradients(void **) {
  Optimizer optimizer("adam:learning_rate=0.1");
  optimizer.add_rows(Element::f64, "table", kShape);
  std::vector<double> table(kRows * kWidth, 1.0);
  step_rows(optimizer, table, {0}, {2, 2, 2});
  step_rows(optimizer, table, {1}, {1, 1, 1});
  step_rows(optimizer, table, {1}, {1, 1, 1});
  const double rested = table[0];
  step_rows(optimizer, table, {0}, {3, 3, 3});
  const double m = std::pow(0.9, 3) * 0.1 * 2 + 0.1 * 3, v = std::pow(0.999, 3) * 0.001 * 4 + 0.001 * 9;
  const double expected =
      rested - 0.1 * (m / (1 - std::pow(0.9, 4))) / (std::sqrt(v / (1 - std::pow(0.999, 4))) + 1e-8);
  assert_true(std::fabs(table[0] - expected) < 1e-13);
}

void saved_tables_resume_bit_for_bit(void **) {
  for (const char *rule : row_rules()) {
    Optimizer first(rule);
    first.add_rows(Element::f64, "table", kShape);
    std::vector<double> a = initial_table();
    const auto rows_at = [](uint32_t t) {
      return t % 2 ? std::vector<uint32_t>{0, 4} : std::vector<uint32_t>{2, 3};
    };
    const auto gradient_at = [](uint32_t t) { return std::vector<double>(6, std::sin(t)); };
    for (uint32_t t = 1; t < 8; t++) step_rows(first, a, rows_at(t), gradient_at(t));
    StateWriter writer;
    first.save(writer);
    StateReader reader;
    reader.tensors = writer.tensors;
    reader.texts = writer.texts;
    Optimizer second(rule);
    second.load(reader);
    std::vector<double> b = a;
    for (uint32_t t = 8; t < 20; t++) {
      step_rows(first, a, rows_at(t), gradient_at(t));
      step_rows(second, b, rows_at(t), gradient_at(t));
    }
    assert_memory_equal(a.data(), b.data(), a.size() * sizeof(double));
  }
}

void rules_on_whole_tensors_refuse_tables_of_rows(void **) {
  for (const char *rule : {"adafactor", "muon", "lbfgs"}) {
    Optimizer optimizer(rule);
    check_raises(NGD_E_UNSUPPORTED,
                 concat("rule ", quoted(rule), " works on whole tensors; it takes no table of rows (\"table\")"),
                 [&] { optimizer.add_rows(Element::f64, "table", kShape); });
  }
}

void the_penalty_moves_and_restores_only_touched_rows(void **) {
  Optimizer optimizer("ngd:grad_penalty=0.25,penalty_radius=1");
  optimizer.add_rows(Element::f64, "table", kShape);
  std::vector<double> table = initial_table(), gradient = {3, 0, 0, 0, 4, 0};
  const std::vector<double> before = table;
  const std::vector<uint32_t> rows = {1, 2};
  const TensorStep<double> step[] = {{table.data(), gradient.data(), rows}};
  const std::span<const TensorStep<double>> steps(step);
  optimizer.perturb(steps);
  assert_true(std::fabs(table[3] - before[3] - 0.6) < 1e-15 && std::fabs(table[7] - before[7] - 0.8) < 1e-15);
  assert_true(table[0] == before[0] && table[14] == before[14]);
  gradient = {7, 0, 0, 0, 0, 0};
  optimizer.restore(steps);
  assert_memory_equal(table.data(), before.data(), table.size() * sizeof(double));
  assert_true(gradient[0] == 0.75 * 3 + 0.25 * 7 && gradient[4] == 0.75 * 4);
  optimizer.step(steps);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(touching_every_row_equals_the_dense_step),
      cmocka_unit_test(untouched_rows_do_not_move),
      cmocka_unit_test(moments_of_a_rested_row_decay_as_under_zero_gradients),
      cmocka_unit_test(saved_tables_resume_bit_for_bit),
      cmocka_unit_test(rules_on_whole_tensors_refuse_tables_of_rows),
      cmocka_unit_test(the_penalty_moves_and_restores_only_touched_rows),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
