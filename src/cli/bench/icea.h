// ngd bench icea: what the buffer of hard samples costs, and what it is worth.
#pragma once

#include <string>
#include <vector>

#include "output.h"

namespace cli {

// Time of recording and drawing beside a loop that makes the same number of dependent reads and writes; memory;
// threads.
struct IceaSpeed {
  uint64_t samples = 10000000;
  size_t batch = 256, rounds = 2000;
  double thread_seconds = 0.4;  // of each measurement with threads
  Style style = Style::table;
};
int bench_icea_speed(const IceaSpeed &bench);

// Gradients to an accuracy against shuffled passes, with the same seeds.
struct IceaWorth {
  std::vector<std::string> tasks;
  std::string data, svg;
  std::vector<std::string> specs;  // beside those that always run
  size_t seeds = 10, tuning_seeds = 3;
  double noise = 0;  // share of the training labels that are replaced by wrong ones
  bool own_rates = false;
  Style style = Style::table;
};
int bench_icea_worth(const IceaWorth &bench);

}  // namespace cli
