// What rules on whole tensors promise the engine: nothing is allocated in a step, every thread count gives the same bits, what
// they cannot do is said before it, and numbers of a damaged file do no harm.
#include <cmath>
#include <cstdlib>
#include <new>
#include <vector>

#include "base/random.h"
#include "base/team.h"
#include "optimizer/optimizer.h"
#include "optimizer/whole.h"
#include "raises.h"

using namespace ngd;

namespace {

size_t allocations = 0;

}  // namespace

// Not inlined: the compiler would warn that what new gave is freed by free().
__attribute__((noinline)) void *operator new(size_t bytes) {
  allocations++;
  void *memory = std::malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
__attribute__((noinline)) void operator delete(void *memory) noexcept {
  std::free(memory);
}
__attribute__((noinline)) void operator delete(void *memory, size_t) noexcept {
  std::free(memory);
}

namespace {

const std::vector<Shape> kShapes = {{40, 700}, {700, 40}, {50000}, {3, 4, 5}, {}};
const char *const kSpecs[] = {"adafactor",           "adafactor:beta1=0.5", "muon",
                              "muon:matrices=adamw", "lbfgs:history=3",     "lbfgs:history=3,line_search=none"};

// A rule, its tensors and state, stepped without the engine.
class Bench {
 public:
  explicit Bench(const char *spec) {
    const SpecText text = parse_spec(spec);
    const RuleEntry &entry = find_rule(text.kind);
    OptionSet options(entry.options, "rule", text.kind);
    options.set_all(text);
    rule_ = entry.create();
    rule_->configure(options);
    Random random(1, 0);
    for (const Shape &shape : kShapes) {
      parameters_.emplace_back(element_count(shape));
      gradients_.emplace_back(element_count(shape));
      for (float &value : parameters_.back()) value = static_cast<float>(random.normal());
      for (size_t s = 0; s < rule_->slots().size(); s++) {
        const Shape slot = rule_->slot_shape(s, shape);
        states_.emplace_back(!slot.empty() && slot[0] == 0 ? 0 : element_count(slot));
      }
    }
    for (size_t i = 0; i < kShapes.size(); i++) {
      WholeTensor<float> tensor = {
          &kShapes[i], parameters_[i].size(), parameters_[i].data(), gradients_[i].data(), {}};
      for (size_t s = 0; s < rule_->slots().size(); s++) {
        std::vector<float> &state = states_[i * rule_->slots().size() + s];
        tensor.slot[s] = state.empty() ? nullptr : state.data();
      }
      tensors_.push_back(tensor);
    }
    rule_->whole()->prepare(kShapes, sizeof(float));
  }
  // The slope of a sum of fourth powers and squares.
  void step(Team &team) {
    for (size_t i = 0; i < parameters_.size(); i++) {
      for (size_t k = 0; k < parameters_[i].size(); k++) {
        const float w = parameters_[i][k];
        gradients_[i][k] = w * w * w + static_cast<float>(1 + k % 7) * w - 1;
      }
    }
    rule_->begin_step(++steps_, 0);
    rule_->whole()->step(team, best_target(), std::span<const WholeTensor<float>>(tensors_));
  }
  const std::vector<std::vector<float>> &parameters() const { return parameters_; }

 private:
  std::unique_ptr<Rule> rule_;
  std::vector<std::vector<float>> parameters_, gradients_, states_;
  std::vector<WholeTensor<float>> tensors_;
  uint64_t steps_ = 0;
};

void a_step_allocates_nothing(void **) {
  Team team(1);
  for (const char *spec : kSpecs) {
    Bench bench(spec);
    const size_t before = allocations;
    for (int t = 0; t < 10; t++) bench.step(team);
    if (allocations != before) fail_msg("%s allocates %zu times in 10 steps", spec, allocations - before);
  }
}

void threads_share_the_work_without_changing_bits(void **) {
  Team one(1), three(3);
  for (const char *spec : kSpecs) {
    Bench alone(spec), shared(spec);
    for (int t = 0; t < 10; t++) {
      alone.step(one);
      shared.step(three);
    }
    for (size_t i = 0; i < kShapes.size(); i++) {
      if (alone.parameters()[i] != shared.parameters()[i]) fail_msg("%s differs in tensor %zu", spec, i);
    }
  }
}

void muon_refuses_sides_that_blas_cannot_express(void **) {
  const std::unique_ptr<Rule> rule = find_rule("muon").create();
  const Shape shapes[] = {{2, int64_t{1} << 31}};
  check_raises(NGD_E_RANGE,
               "rule \"muon\" cannot step a tensor of shape [2, 2147483648]: its products have sides below "
               "2^31; put it in a "
               "group with matrices=adamw",
               [&] { rule->whole()->prepare(shapes, sizeof(float)); });
}

// Whatever the counts of L-BFGS's pairs are in a file, they address nothing outside of its arrays, and steps end.
void damaged_counts_do_no_harm(void **) {
  for (const char *key : {"scalar.pairs", "scalar.newest", "scalar.trials", "scalar.product0"}) {
    for (const char *value : {"1e18", "-1e18", "0.5", "3"}) {
      Optimizer first("lbfgs:history=3"), second("lbfgs:history=3");
      const int64_t shape[] = {5};
      std::vector<double> w = {1, 2, 3, 4, 5}, g(5);
      const TensorStep<double> step[] = {{w.data(), g.data(), {}}};
      first.add(Element::f64, "w", shape);
      const auto go = [&](Optimizer &optimizer) {
        for (size_t i = 0; i < 5; i++) g[i] = w[i] * static_cast<double>(i + 1);
        optimizer.step(std::span<const TensorStep<double>>(step));
      };
      for (int t = 0; t < 6; t++) go(first);
      StateWriter writer;
      first.save(writer);
      StateReader reader;
      reader.tensors = writer.tensors;
      reader.texts = writer.texts;
      assert_true(reader.texts.count(key) == 1);
      reader.texts[key] = value;
      second.load(reader);
      for (int t = 0; t < 40; t++) go(second);
      for (const double value_of : w) assert_true(std::fabs(value_of) < 1e-3);
    }
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {cmocka_unit_test(a_step_allocates_nothing),
                              cmocka_unit_test(threads_share_the_work_without_changing_bits),
                              cmocka_unit_test(muon_refuses_sides_that_blas_cannot_express),
                              cmocka_unit_test(damaged_counts_do_no_harm)};
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
