// What ngd train and ngd worker share: the data of a command, and a training on servers as the command line tells it.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "handle.h"
#include "run_record.h"

namespace cli {

struct Data {
  Dataset training, held_out;
};

Data load_data(const Command &command);
ngd_dataset_info info_of(const ngd_dataset *dataset);
std::string absolute(const std::string &path);
[[noreturn]] void wrong_usage(const std::string &message);

}  // namespace cli
