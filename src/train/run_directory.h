// A run directory: config.json, log.jsonl, and the checkpoints with their rotation.
//
// config.json, written when a run begins and again when it resumes:
//   {"format": 1, "library": "0.1.0",
//    "model": "<spec>", "optimizer": "<spec>", "trainer": "<spec without run_directory and resume>",
//    "training": {"spec": "<dataset spec>", "sources": ["<path>", ...], "rows": 0, "columns": 0, "classes": 0},
//    "held_out": null, or as "training"}
//
// log.jsonl, appended to, one object a line; a number that is not known is null:
//   {"event":"begin","time","resumed","epoch","epochs","step","steps","rows","learning_rate"}
//   {"event":"step","epoch","step","rows","loss","learning_rate","seconds","rows_per_second"}
//   {"event":"epoch","epoch","step","rows","loss","held_out_loss","held_out_accuracy","majority",
//    "learning_rate","skipped","seconds","rows_per_second"}, with icea also "hard_set","quarantined","hard_share"
//   {"event":"warning","epoch","step","message"}
//   {"event":"settings","time","step","version","learning_rate","settings"}     settings: "learning_rate=0.01,beta1=0.8"
//   {"event":"checkpoint","epoch","step","path"}
//   {"event":"end","time","reason","epoch","step","rows","seconds","message"}
// "loss" of a step line is the mean over the rows since the line before; of an epoch line, over the epoch.
//
// docs/formats.md says the same at length.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/state.h"

namespace ngd {

class RunDirectory {
 public:
  // Opens the directory at `path`, which is created when it is not there; an empty path means none, and then
  // every call below does nothing. Throws NGD_E_STATE when it holds a run and `resume` is false, or holds none
  // and `resume` is true.
  RunDirectory(const std::string &path, bool resume, uint64_t keep_checkpoints);
  ~RunDirectory();
  RunDirectory(const RunDirectory &) = delete;
  RunDirectory &operator=(const RunDirectory &) = delete;

  bool given() const { return !path_.empty(); }
  const std::string &path() const { return path_; }

  // Moves newer files than the checkpoint that a run resumes from out of the way (they are damaged: to
  // <name>.damaged), and what an interrupted write left.
  void resume_from(const std::string &checkpoint);

  void write_config(const std::string &text);
  void log(std::string line);

  // Writes checkpoint-<step>.safetensors, then removes all but the newest. Returns its path.
  std::string save(uint64_t step, const StateWriter &writer);
  // Writes best.safetensors, which no rotation removes. Returns its path.
  std::string save_best(const StateWriter &writer);

 private:
  std::string path_;
  uint64_t keep_ = 0;
  int log_ = -1;
};

// The newest checkpoint of a run directory that is whole. Throws NGD_E_CHECKPOINT when none is, saying what was
// wrong with the newest.
std::string latest_good(const std::string &directory);

// The checkpoint that `path` means: a file is itself; a run directory stands for its newest good checkpoint.
std::string checkpoint_path(const std::string &path);

}  // namespace ngd
