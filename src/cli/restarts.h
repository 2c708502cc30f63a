// A run of several restarts: RUN/restart-1, RUN/restart-2 and so on are runs; RUN becomes a copy of the best of them.
#pragma once

#include <cstdint>
#include <string>

#include "run_record.h"

namespace cli {

std::string restart_directory(const std::string &run, uint64_t restart);  // from 0

// Makes the directory and notes the command in it. Throws a Failure when it holds a run.
void begin_restarts(const std::string &run, const Command &command);

bool has_checkpoint(const std::string &run);
bool run_has_ended(const std::string &run);  // by its epochs or its patience
void remove_run(const std::string &run);     // what was ended before its first checkpoint
double last_held_out_loss(const std::string &run);

// Copies log, config and checkpoints, so that `run` can be used as any other; its command stays.
void adopt_run(const std::string &best, const std::string &run);

}  // namespace cli
