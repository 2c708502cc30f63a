// The cases of `ngd bench optimizer`: what is compared with what, and which ratio is wanted.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/clock.h"
#include "bench/peer.h"

namespace cli {

struct OptimizerBench {
  std::vector<size_t> sizes = {size_t{1} << 20, size_t{1} << 24};  // numbers in a flat tensor
  std::vector<size_t> rows = {100000, 1000000, 10000000};          // of a table
  std::vector<size_t> threads;
  std::vector<std::string> rules, groups;  // all when empty
  size_t rounds = 9;
  double burst = 0.02;         // seconds
  std::shared_ptr<Peer> peer;  // may be null

  size_t largest_size() const;
  bool wants(const std::string &rule) const;
};

// A ratio that is wanted: of our time to the other's at most this, or of the other's to ours at least this.
struct Goal {
  double ratio = 0;
  bool at_least = false;
};

// Two subjects that take turns, and perhaps hand-written loops beside them. What they need lives in the bursts.
struct Comparison {
  std::string spec;                  // of our optimizer
  double bytes = 0;                  // moved for a parameter; 0 where nobody counts
  std::string against;               // what `other` is
  Burst ours, other, plain, vector;  // all but ours may be empty
  std::optional<Goal> goal;
};

struct Case {
  const char *group;
  std::string rule;  // and what is special about it
  size_t tensors, parameters, threads;
  std::function<Comparison()> prepare;  // makes the arrays, so that only one case's are there at a time
};

// Each adds the cases of one group.
void add_flat_cases(const OptimizerBench &bench, std::vector<Case> &cases);
void add_checked_cases(const OptimizerBench &bench, std::vector<Case> &cases);
void add_peer_cases(const OptimizerBench &bench, std::vector<Case> &cases);
void add_small_cases(const OptimizerBench &bench, std::vector<Case> &cases);
void add_state_cases(const OptimizerBench &bench, std::vector<Case> &cases);
void add_clip_cases(const OptimizerBench &bench, std::vector<Case> &cases);
void add_trust_cases(const OptimizerBench &bench, std::vector<Case> &cases);
void add_rows_cases(const OptimizerBench &bench, std::vector<Case> &cases);

}  // namespace cli
