// What the command line of ngd train says, and the command of a run directory that it makes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "embedded.h"
#include "job.h"
#include "run_record.h"

namespace cli {

struct TrainArguments {
  std::string data, format, labels, held_out, held_out_labels;
  std::string model, optimizer, trainer, icea, compress, run, resumed_run, vectors, vectors_spec;
  std::optional<uint64_t> epochs, batch_size, seed;
  uint64_t restarts = 1;
  bool resume = false;
  ClusterCommand cluster;
  std::string progress = "auto";
  Style style = Style::table;
};

Command new_command(const TrainArguments &arguments);
// What a resumed run may change: where its data lies, and how long it trains.
Command resumed_command(const TrainArguments &arguments);
// The specs with what --epochs, --batch-size, --icea and --seed say. They are checked at once, while data may take a while.
void complete_specs(Command &command, const TrainArguments &arguments);
// Has a text model begin with the vectors of a file; a spec that says no dimension gets theirs.
void give_vectors(ngd_model *model, const TrainArguments &arguments);

}  // namespace cli
