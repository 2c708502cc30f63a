// The directories of a run of several restarts.
#include "restarts.h"

#include <fmt/core.h>

#include <cmath>
#include <filesystem>
#include <limits>

namespace cli {
namespace {

namespace fs = std::filesystem;

bool is_copied(const std::string &name) {
  return name == "config.json" || name == "log.jsonl" || fs::path(name).extension() == ".safetensors";
}

}  // namespace

std::string restart_directory(const std::string &run, uint64_t restart) {
  return (fs::path(run) / fmt::format("restart-{}", restart + 1)).string();
}

void begin_restarts(const std::string &run, const Command &command) {
  if (fs::exists(fs::path(run) / "command.json")) refuse_held_run(run);
  begin_run(run, command);
}

bool has_checkpoint(const std::string &run) {
  std::error_code code;
  for (fs::directory_iterator entry(run, code), end; !code && entry != end; entry.increment(code)) {
    if (entry->path().extension() == ".safetensors") return true;
  }
  return false;
}

void remove_run(const std::string &run) {
  std::error_code code;
  fs::remove_all(run, code);
  if (code) throw Failure{fmt::format("{}: cannot be removed: {}", run, code.message())};
}

bool run_has_ended(const std::string &run) {
  if (!fs::exists(fs::path(run) / "log.jsonl")) return false;
  return has_ended(read_log(run));
}

double last_held_out_loss(const std::string &run) {
  const std::vector<Json> epochs = epochs_of(read_log(run));
  if (epochs.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto loss = epochs.back().find("held_out_loss");
  return loss != epochs.back().end() && loss->is_number() ? loss->get<double>()
                                                          : std::numeric_limits<double>::quiet_NaN();
}

void adopt_run(const std::string &best, const std::string &run) {
  std::error_code code;
  for (const fs::directory_entry &entry : fs::directory_iterator(best, code)) {
    const std::string name = entry.path().filename().string();
    if (!code && is_copied(name))
      fs::copy_file(entry.path(), fs::path(run) / name, fs::copy_options::overwrite_existing, code);
    if (code)
      throw Failure{fmt::format("{}: cannot be copied to {}: {}", entry.path().string(), run, code.message())};
  }
}

}  // namespace cli
