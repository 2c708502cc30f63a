// What config.json and the lines of log.jsonl say, as JSON text. run_directory.h lists the keys.
#pragma once

#include <string>

#include "data/dataset.h"
#include "model/model.h"
#include "ngd/trainer.h"
#include "optimizer/optimizer.h"

namespace ngd {

std::string config_record(const Model &model, const Optimizer &optimizer, const OptionSet &trainer,
                          const Dataset &training, const Dataset *held_out);
std::string begin_record(const ngd_event &event);
std::string step_record(const ngd_event &event, double loss);
// `icea`: whether the run has a buffer to tell of.
std::string epoch_record(const ngd_event &event, bool icea);
std::string warning_record(const ngd_event &event);
std::string settings_record(const ngd_event &event, uint64_t version, const std::string &settings);
std::string checkpoint_record(const ngd_event &event);
std::string end_record(const ngd_event &event, const char *reason, const char *message);

}  // namespace ngd
