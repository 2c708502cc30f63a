// Reading and writing what lies in a run directory.
#include "run_record.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>

namespace cli {
namespace {

constexpr const char *kCommandFile = "command.json";
constexpr const char *kLogFile = "log.jsonl";

double number_of(const Json &object, const char *key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>()
                                                     : std::numeric_limits<double>::quiet_NaN();
}

void make_run_directory(const std::string &run) {
  std::error_code code;
  std::filesystem::create_directories(run, code);
  if (code) throw Failure{fmt::format("{}: cannot be made: {}", run, code.message())};
}

bool has_number(const Series &series) {
  for (const double y : series.y) {
    if (std::isfinite(y)) return true;
  }
  return false;
}

}  // namespace

std::optional<double> fraction(const std::string &text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || std::filesystem::exists(text)) return {};
  return value;
}

std::string command_text(const Command &command) {
  Json document = {{"data", command.data.files},
                   {"format", command.data.format},
                   {"labels", command.data.labels},
                   {"held_out", command.held_out},
                   {"held_out_labels", command.held_out_labels},
                   {"model", command.model},
                   {"optimizer", command.optimizer},
                   {"trainer", command.trainer},
                   {"split_seed", command.split_seed},
                   {"restarts", command.restarts}};
  const ClusterCommand &cluster = command.cluster;
  if (cluster.given())
    document["cluster"] = {{"workers", cluster.workers},
                           {"shards", cluster.shards},
                           {"replicas", cluster.replicas},
                           {"servers", cluster.servers},
                           {"mode", cluster.mode},
                           {"bound", cluster.bound},
                           {"connect", cluster.connect},
                           {"model_name", cluster.model_name},
                           {"client", cluster.client},
                           {"lease", cluster.lease},
                           {"checkpoint_every", cluster.checkpoint_every}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

RunLock::RunLock(const std::string &run) {
  make_run_directory(run);
  directory_ = open(run.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // A file system that has no locks of directories cannot tell.
  if (directory_ < 0 || flock(directory_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  close(directory_);
  throw Failure{
      fmt::format("another ngd train is at work in the run directory \"{}\"; let it end, or end it", run)};
}

RunLock::~RunLock() {
  if (directory_ >= 0) close(directory_);
}

bool run_is_begun(const std::string &run) {
  return std::filesystem::exists(std::filesystem::path(run) / "config.json");
}

void refuse_held_run(const std::string &run) {
  throw Failure{fmt::format(
      "the run directory \"{}\" already holds a run; go on with it by --resume {}, or choose another directory",
      run, run)};
}

void begin_run(const std::string &run, const Command &command) {
  if (run_is_begun(run)) refuse_held_run(run);
  make_run_directory(run);
  write_command(run, command);
}

void write_command(const std::string &run, const Command &command) {
  const std::string path = (std::filesystem::path(run) / kCommandFile).string(), fresh = path + ".tmp";
  std::ofstream file(fresh);
  file << command_text(command);
  file.close();
  std::error_code code;
  if (file) std::filesystem::rename(fresh, path, code);
  if (!file || code) throw Failure{path + ": cannot be written"};
}

Command read_command(const std::string &run) {
  const std::string path = (std::filesystem::path(run) / kCommandFile).string();
  std::ifstream file(path);
  if (!file)
    throw Failure{fmt::format("{}: no run of ngd train to resume: {} cannot be read", run, kCommandFile)};
  return parse_command({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()}, path);
}

Command parse_command(const std::string &text, const std::string &path) {
  try {
    const Json document = Json::parse(text);
    Command command;
    document.at("data").get_to(command.data.files);
    document.at("format").get_to(command.data.format);
    document.at("labels").get_to(command.data.labels);
    document.at("held_out").get_to(command.held_out);
    document.at("held_out_labels").get_to(command.held_out_labels);
    document.at("model").get_to(command.model);
    document.at("optimizer").get_to(command.optimizer);
    document.at("trainer").get_to(command.trainer);
    document.at("split_seed").get_to(command.split_seed);
    command.restarts = document.value("restarts", uint64_t{1});  // runs of before there were any
    if (const auto found = document.find("cluster"); found != document.end()) {
      ClusterCommand &cluster = command.cluster;
      found->at("workers").get_to(cluster.workers);
      found->at("shards").get_to(cluster.shards);
      found->at("replicas").get_to(cluster.replicas);
      found->at("servers").get_to(cluster.servers);
      found->at("mode").get_to(cluster.mode);
      found->at("bound").get_to(cluster.bound);
      found->at("connect").get_to(cluster.connect);
      found->at("model_name").get_to(cluster.model_name);
      found->at("client").get_to(cluster.client);
      found->at("lease").get_to(cluster.lease);
      found->at("checkpoint_every").get_to(cluster.checkpoint_every);
    }
    return command;
  } catch (const Json::exception &error) {
    throw Failure{fmt::format("{}: damaged: {}", path, error.what())};
  }
}

std::vector<Json> read_log(const std::string &run) {
  const std::string path = (std::filesystem::path(run) / kLogFile).string();
  std::ifstream file(path);
  if (!file) throw Failure{fmt::format("{}: no run directory: {} cannot be read", run, kLogFile)};
  std::vector<Json> log;
  for (std::string line; std::getline(file, line);) {
    Json object = Json::parse(line, nullptr, false);
    if (object.is_object()) log.push_back(std::move(object));
  }
  return log;
}

bool has_ended(const std::vector<Json> &log) {
  for (auto line = log.rbegin(); line != log.rend(); ++line) {
    const std::string event = line->value("event", ""), reason = line->value("reason", "");
    if (event == "begin") return false;
    if (event == "end") return reason == "epochs" || reason == "patience";
  }
  return false;
}

std::vector<Json> epochs_of(const std::vector<Json> &log) {
  std::map<uint64_t, Json> epochs;
  for (const Json &object : log) {
    if (object.value("event", "") == "epoch") epochs[object.value("epoch", uint64_t{0})] = object;
  }
  std::vector<Json> result;
  for (auto &[epoch, object] : epochs) result.push_back(std::move(object));
  return result;
}

void mark_takeovers(std::vector<Chart> &charts, const std::vector<Json> &log) {
  for (const Json &object : log) {
    if (object.value("event", "") != "takeover") continue;
    const Mark mark = {
        number_of(object, "epochs_done"),
        fmt::format("server {} takes over shard {}", object.value("leader", 0), object.value("shard", 0))};
    for (Chart &chart : charts) chart.marks.push_back(mark);
  }
}

std::vector<Chart> charts_of(const std::vector<Json> &epochs) {
  Series loss{"training", {}, {}, 0}, held_out_loss{"held out", {}, {}, 1};
  Series accuracy{"held out", {}, {}, 1}, majority{"largest class", {}, {}, 0, true};
  for (const Json &object : epochs) {
    const double epoch = number_of(object, "epoch");
    for (Series *series : {&loss, &held_out_loss, &accuracy, &majority}) series->x.push_back(epoch);
    loss.y.push_back(number_of(object, "loss"));
    held_out_loss.y.push_back(number_of(object, "held_out_loss"));
    accuracy.y.push_back(number_of(object, "held_out_accuracy"));
    majority.y.push_back(number_of(object, "majority"));
  }
  std::vector<Chart> charts;
  if (!has_number(loss)) return charts;
  charts.push_back({"loss", "epoch", {loss}});
  if (has_number(held_out_loss)) charts.back().series.push_back(held_out_loss);
  if (has_number(accuracy)) charts.push_back({"accuracy", "epoch", {accuracy, majority}});
  return charts;
}

}  // namespace cli
