// ngd bench train: steps of a training on one machine beside the same steps with one worker and its servers.
#pragma once

#include <string>
#include <vector>

#include "output.h"

namespace cli {

struct TrainBench {
  std::vector<std::string> models = {"text", "perceptron"};
  std::vector<std::string> modes = {"asynchronous", "bulk"};
  std::string data;     // labelled text for the text model; made up when empty
  std::string trainer;  // further options of the trainer, such as "prefetch=2"
  size_t rounds = 5, replicas = 1, shards = 1;
  double seconds = 1;  // of a turn
  Style style = Style::table;
};
int bench_train(const TrainBench &bench);

}  // namespace cli
