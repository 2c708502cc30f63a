// What the program keeps in a run directory (command.json), and what it reads of the trainer's log.jsonl.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chart.h"
#include "output.h"
#include "source.h"

namespace cli {

// A training on servers.
struct ClusterCommand {
  uint64_t workers = 0, shards = 1, replicas = 1, servers = 0, bound = 4;
  std::string mode = "asynchronous", connect, model_name = "training", client;
  double lease = 3, checkpoint_every = 30, fire_drill = 0;

  bool given() const { return workers > 0 || !connect.empty(); }
  uint64_t server_count() const { return servers > 0 ? servers : replicas; }
};

// All that a run was asked to do, so that `ngd train --resume` can ask it again. Paths are absolute.
struct Command {
  Source data;
  std::string held_out;  // "" none, a fraction such as "0.1", or a file
  std::string held_out_labels;
  std::string model, optimizer, trainer;  // specs
  uint64_t split_seed = 0;
  ClusterCommand cluster;
  uint64_t restarts = 1;  // of a run of several: read_command() takes it from the directory that holds them
};

std::string command_text(const Command &command);  // JSON
Command parse_command(const std::string &text, const std::string &where);

// --held-out as a share rather than a file: a number's text that names no file.
std::optional<double> fraction(const std::string &text);

// Makes the directory of a new run and notes the command in it, so that it can be resumed from then on. Throws a Failure when it
// holds a run.
void begin_run(const std::string &run, const Command &command);
bool run_is_begun(const std::string &run);  // by the trainer
[[noreturn]] void refuse_held_run(const std::string &run);

// The run directory, which is made where it is not there, is for one process; throws a Failure when another has it.
class RunLock {
 public:
  explicit RunLock(const std::string &run);
  ~RunLock();
  RunLock(const RunLock &) = delete;
  RunLock &operator=(const RunLock &) = delete;

 private:
  int directory_ = -1;  // the kernel frees it when its holder dies
};

void write_command(const std::string &run, const Command &command);  // whole, or not at all
Command read_command(const std::string &run);                        // throws a Failure that says why it cannot

// The objects of log.jsonl; a last line that was cut short by a crash is left out.
std::vector<Json> read_log(const std::string &run);
// Whether the run has come to its end, rather than to a stop: by its epochs, or its patience.
bool has_ended(const std::vector<Json> &log);
// Of these, the ends of epochs, each epoch once: a resumed run may have logged one again.
std::vector<Json> epochs_of(const std::vector<Json> &log);
// Loss and, for classes, accuracy over the epochs.
std::vector<Chart> charts_of(const std::vector<Json> &epochs);
// Servers that took over while a run on servers went on.
void mark_takeovers(std::vector<Chart> &charts, const std::vector<Json> &log);

}  // namespace cli
