// The library against itself and against another library: many small tensors, smaller state, norms of matrices.
#include <fmt/core.h>

#include <algorithm>

#include "bench/cases.h"
#include "bench/subject.h"

namespace cli {
namespace {

struct Arrays {
  explicit Arrays(size_t count)
      : parameters(count, Floats::Content::parameters), gradients(count, Floats::Content::gradients) {}
  Floats parameters, gradients;
};

// Steps of an optimizer of its own over arrays that others may sweep too.
Burst steps_of(const std::shared_ptr<Arrays> &arrays, const std::string &spec, size_t tensors,
               const std::vector<int64_t> &shape, double burst) {
  const auto subject = std::make_shared<Subject>(spec, tensors, shape);
  return burst_of([arrays, subject] { subject->step(arrays->parameters, arrays->gradients); }, burst);
}

// Both sides of a comparison make one sweep wherever their rule can.
std::string swept(const std::string &rule, size_t threads, const std::string &option = "") {
  return spec_on(rule, threads, {one_sweep(rule), option});
}

double swept_bytes(const std::string &spec) {
  return 4 + 8 + 2 * state_size(spec).bytes;
}

}  // namespace

void add_peer_cases(const OptimizerBench &bench, std::vector<Case> &cases) {
  struct Peered {
    const char *rule;
    size_t tensors, elements;
  };
  std::vector<Peered> wanted;
  for (const char *rule : {"sgd", "momentum", "adam"}) {
    for (const size_t size : bench.sizes) wanted.push_back({rule, 1, size});
  }
  wanted.push_back({"adam", 1000, 1000});
  for (const size_t threads : bench.threads) {
    for (const Peered &peered : wanted) {
      if (bench.peer == nullptr || !bench.wants(peered.rule) || !can_use(peered.rule, threads)) continue;
      const auto prepare = [=, peer = bench.peer, burst = bench.burst] {
        const auto arrays = std::make_shared<Arrays>(peered.tensors * peered.elements);
        Comparison comparison;
        comparison.spec = spec_on(peered.rule, threads, {});
        comparison.ours =
            steps_of(arrays, comparison.spec, peered.tensors, {static_cast<int64_t>(peered.elements)}, burst);
        comparison.against = peer->name();
        comparison.other = [=] {
          return peer->seconds_a_step(peered.rule, peered.tensors, peered.elements, threads);
        };
        if (std::string_view(peered.rule) == "adam") comparison.goal = Goal{8, true};
        return comparison;
      };
      cases.push_back(
          {"peer", peered.rule, peered.tensors, peered.tensors * peered.elements, threads, prepare});
    }
  }
}

void add_small_cases(const OptimizerBench &bench, std::vector<Case> &cases) {
  constexpr size_t kTensors = 1000;
  constexpr int64_t kElements = 1000;
  for (const size_t threads : bench.threads) {
    if (!bench.wants("adam") || !can_use("adam", threads)) continue;
    const auto prepare = [=, burst = bench.burst] {
      const auto arrays = std::make_shared<Arrays>(kTensors * kElements);
      Comparison comparison;
      comparison.spec = swept("adam", threads);
      comparison.bytes = swept_bytes(comparison.spec);
      comparison.ours = steps_of(arrays, comparison.spec, kTensors, {kElements}, burst);
      comparison.against = "one flat tensor";
      comparison.other = steps_of(arrays, comparison.spec, 1, {kTensors * kElements}, burst);
      comparison.goal = Goal{1.3};
      return comparison;
    };
    cases.push_back({"small", "adam", kTensors, kTensors * kElements, threads, prepare});
  }
}

void add_state_cases(const OptimizerBench &bench, std::vector<Case> &cases) {
  struct Kind {
    std::string state;
    double goal;
  };
  const size_t size = bench.largest_size();
  for (const size_t threads : bench.threads) {
    for (const Kind &kind : {Kind{"bf16", 0.75}, Kind{"8bit", 0.65}}) {
      if (!bench.wants("adam") || !can_use("adam", threads) || !has_option("adam", "state", kind.state))
        continue;
      const auto prepare = [=, burst = bench.burst] {
        const auto arrays = std::make_shared<Arrays>(size);
        const std::vector<int64_t> shape = {static_cast<int64_t>(size)};
        Comparison comparison;
        comparison.spec = swept("adam", threads, "state=" + kind.state);
        comparison.bytes = swept_bytes(comparison.spec);
        comparison.ours = steps_of(arrays, comparison.spec, 1, shape, burst);
        comparison.against = "float32 state";
        comparison.other = steps_of(arrays, swept("adam", threads), 1, shape, burst);
        comparison.goal = Goal{kind.goal};
        return comparison;
      };
      cases.push_back({"state", "adam " + kind.state, 1, size, threads, prepare});
    }
  }
}

void add_trust_cases(const OptimizerBench &bench, std::vector<Case> &cases) {
  struct Matrices {
    size_t tensors;
    int64_t rows, columns;
    double goal;
  };
  // One large matrix, several, and many that fit into the second cache: there the second look is cheap.
  const auto size = static_cast<int64_t>(bench.largest_size());
  const Matrices shapes[] = {{1, size / 1024, 1024, 1.3},
                             {16, size / 16 / 1024, 1024, 1.3},
                             {static_cast<size_t>(size / (128 * 128)), 128, 128, 1.1}};
  for (const size_t threads : bench.threads) {
    for (const std::string rule : {"ngd", "lamb"}) {
      for (const Matrices &matrices : shapes) {
        if (matrices.tensors == 0 || matrices.rows < 2 || !bench.wants(rule) || !can_use(rule, threads))
          continue;
        const std::vector<int64_t> shape = {matrices.rows, matrices.columns};
        const size_t count = matrices.tensors * static_cast<size_t>(matrices.rows * matrices.columns);
        const auto prepare = [=, burst = bench.burst] {
          const auto arrays = std::make_shared<Arrays>(count);
          Comparison comparison;
          comparison.spec = swept(rule, threads);
          comparison.ours = steps_of(arrays, comparison.spec, matrices.tensors, shape, burst);
          comparison.against = "adam";
          comparison.other = steps_of(arrays, swept("adam", threads), matrices.tensors, shape, burst);
          comparison.goal = Goal{matrices.goal};
          return comparison;
        };
        cases.push_back({"trust", rule, matrices.tensors, count, threads, prepare});
      }
    }
  }
}

}  // namespace cli
