// Loading the data of a command.
#include "job.h"

#include <filesystem>

namespace cli {

std::string absolute(const std::string &path) {
  return path.empty() ? path : std::filesystem::absolute(path).lexically_normal().string();
}

void wrong_usage(const std::string &message) {
  throw Failure{message, kExitUsage};
}

Data load_data(const Command &command) {
  Dataset all = load(command.data);
  if (command.held_out.empty()) return {std::move(all), nullptr};
  if (const auto share = fraction(command.held_out)) {
    ngd_dataset *rest = nullptr, *held_out = nullptr;
    call(ngd_dataset_split, all.get(), *share, command.split_seed, &rest, &held_out);
    return {Dataset(rest), Dataset(held_out)};
  }
  Source source = {{command.held_out}, command.data.format, command.held_out_labels};
  // The label file belongs to the training file; the held-out file has its own.
  if (!command.data.labels.empty()) complete(source, true);
  return {std::move(all), load(source)};
}

ngd_dataset_info info_of(const ngd_dataset *dataset) {
  auto info = sized<ngd_dataset_info>();
  call(ngd_dataset_get_info, dataset, &info);
  return info;
}

}  // namespace cli
