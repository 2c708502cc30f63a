// Every vector target gives the same bits as the scalar one, for every rule, element type and length of tensor.
#include <cmath>
#include <string>
#include <vector>

#include "base/random.h"
#include "optimizer/optimizer.h"
#include "test.h"

using namespace ngd;

namespace {

const char *const kSpecs[] = {"ngd:accel=none,trust=none",
                              "ngd:accel=seed,second=centered,trust=ratio",
                              "ngd:accel=seed-literal",
                              "ngd:second=centered,tau=0.001,weight_decay=0.1",
                              "ngd:damp=1,tau=0.0001",
                              "adam:weight_decay=0.1",
                              "momentum:weight_decay=0.01",
                              "adagrad:initial_accumulator=0.1",
                              "adam:eps_mode=hat,epsilon=0.01",
                              "qhadam:eps_mode=inside,epsilon=0.01,nu2=0.5",
                              "ngd:eps_mode=outside,epsilon=0.01",
                              "lamb:eps_mode=inside,epsilon=0.01",
                              "rmsprop:centered=1,momentum=0.5",
                              "nesterov:dampening=0.3,first_step=damped",
                              "schedule_free_adamw:eps_mode=hat,weight_decay=0.1",
                              "adafactor:beta1=0.5",
                              "muon:matrices=adamw",
                              "lbfgs:line_search=none"};

std::vector<std::string> all_specs() {
  std::vector<std::string> specs(std::begin(kSpecs), std::end(kSpecs));
  for (size_t r = 0; rule_name(r) != nullptr; r++) specs.push_back(rule_name(r));
  return specs;
}

template <class T>
std::vector<T> trained(const std::string &spec, Target target, int64_t columns) {
  Optimizer optimizer(spec);
  optimizer.use_target(target);
  const int64_t shape[] = {2, columns};
  optimizer.add(element_of<T>, "w", shape);
  const size_t count = 2 * static_cast<size_t>(columns);
  std::vector<T> w(count), g(count);
  Random random(7, static_cast<uint64_t>(columns));
  for (T &value : w) value = static_cast<T>(random.normal());
  for (int t = 0; t < 5; t++) {
    for (T &value : g) value = static_cast<T>(random.normal());
    const TensorStep<T> step[] = {{w.data(), g.data(), {}}};
    optimizer.step(std::span<const TensorStep<T>>(step));
  }
  return w;
}

template <class T>
void check_targets() {
  size_t compared = 0;
  for (const std::string &spec : all_specs()) {
    for (const int64_t columns : {1, 2, 3, 7, 8, 9, 31, 33, 100}) {
      const std::vector<T> expected = trained<T>(spec, Target::scalar, columns);
      for (const Target target : kTargets) {
        if (!cpu_has(target) || target == Target::scalar) continue;
        const std::vector<T> got = trained<T>(spec, target, columns);
        if (memcmp(expected.data(), got.data(), expected.size() * sizeof(T)) != 0)
          fail_msg("%s of %d columns differs on %s", spec.c_str(), static_cast<int>(columns),
                   target_name(target));
        compared++;
      }
    }
  }
  if (compared == 0) skip();
}

void float32_bits_are_the_same_on_every_target(void **) {
  check_targets<float>();
}
void float64_bits_are_the_same_on_every_target(void **) {
  check_targets<double>();
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {cmocka_unit_test(float32_bits_are_the_same_on_every_target),
                              cmocka_unit_test(float64_bits_are_the_same_on_every_target)};
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
