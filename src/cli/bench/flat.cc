// Flat tensors: each rule against a loop that moves the same bytes.
#include <algorithm>

#include "bench/cases.h"
#include "bench/limit.h"
#include "bench/loops.h"
#include "bench/subject.h"

namespace cli {
namespace {

using Content = Floats::Content;

// Rules that need norms or products of whole tensors before they change anything: no single sweep is their limit,
// and their bytes are not counted.
bool needs_whole_tensors(const std::string &rule) {
  constexpr const char *kRules[] = {"lars", "lamb", "adafactor", "muon", "lbfgs"};
  return std::find(std::begin(kRules), std::end(kRules), rule) != std::end(kRules);
}

struct Flat {
  std::string rule, spec;
  size_t parameters, threads;
  bool looks;    // the rule reads the gradient once more, to refuse what is not finite
  bool by_hand;  // with hand-written loops beside it, where there are some
};

struct FlatArrays {
  Floats parameters, gradients, m, v;
  Subject subject;
  Limit limit;
};

Burst hand_burst(const std::shared_ptr<FlatArrays> &arrays, HandLoop loop, double burst) {
  return burst_of(
      [arrays, loop] {
        const Floats &w = arrays->parameters;
        loop(w.data(), arrays->gradients.data(), arrays->m.data(), arrays->v.data(), w.size());
      },
      burst);
}

Comparison against_limit(const Flat &flat, double burst) {
  const StateSize state = state_size(flat.spec);
  const bool sweeps_once = !needs_whole_tensors(flat.rule);
  const bool limited = state.arrays < kMaximumStreams && state.bytes == 4 * static_cast<double>(state.arrays);
  const bool by_hand = flat.by_hand && plain_loop(flat.rule) != nullptr;
  const size_t count = flat.parameters, hand_count = by_hand ? count : 0;
  const auto arrays = std::shared_ptr<FlatArrays>(new FlatArrays{
      Floats(count, Content::parameters), Floats(count, Content::gradients), Floats(hand_count, Content::zeros),
      Floats(hand_count, Content::zeros), Subject(flat.spec, 1, {static_cast<int64_t>(count)}),
      Limit(limited ? 1 + state.arrays : 0, count, flat.threads)});
  Comparison comparison;
  comparison.spec = flat.spec;
  if (sweeps_once) comparison.bytes = 4 + 8 + 2 * state.bytes + (flat.looks ? 4 : 0);
  comparison.ours = burst_of([arrays] { arrays->subject.step(arrays->parameters, arrays->gradients); }, burst);
  if (limited) {
    comparison.against = "limit";
    const auto step = [arrays, looks = flat.looks] { arrays->limit.step(arrays->gradients, looks); };
    comparison.other = burst_of(step, burst);
    if (sweeps_once) comparison.goal = Goal{1.05};
  }
  if (by_hand) {
    comparison.plain = hand_burst(arrays, plain_loop(flat.rule), burst);
    comparison.vector = hand_burst(arrays, vector_loop(flat.rule), burst);
  }
  return comparison;
}

// For each wanted rule, size and number of threads that the rule can use.
template <class Add>
void for_each_flat(const OptimizerBench &bench, const std::vector<std::string> &rules, Add add) {
  for (const size_t size : bench.sizes) {
    for (const size_t threads : bench.threads) {
      for (const std::string &rule : rules) {
        if (bench.wants(rule) && can_use(rule, threads)) add(rule, size, threads);
      }
    }
  }
}

void add_case(const OptimizerBench &bench, const char *group, const Flat &flat, std::vector<Case> &cases) {
  cases.push_back({group, flat.rule, 1, flat.parameters, flat.threads,
                   [flat, burst = bench.burst] { return against_limit(flat, burst); }});
}

}  // namespace

void add_flat_cases(const OptimizerBench &bench, std::vector<Case> &cases) {
  for_each_flat(bench, all_rules(), [&](const std::string &rule, size_t size, size_t threads) {
    // Where a rule cannot do without the look, the look is part of its step and of its limit.
    const std::string sweep = one_sweep(rule);
    add_case(bench, "flat", {rule, spec_on(rule, threads, {sweep}), size, threads, sweep.empty(), threads == 1},
             cases);
  });
}

void add_checked_cases(const OptimizerBench &bench, std::vector<Case> &cases) {
  for_each_flat(bench, {"adam", "adamw", "ngd"}, [&](const std::string &rule, size_t size, size_t threads) {
    if (one_sweep(rule).empty()) return;
    add_case(bench, "checked", {rule, spec_on(rule, threads, {"nonfinite=skip"}), size, threads, true, false},
             cases);
  });
}

}  // namespace cli
