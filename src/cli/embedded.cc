// The processes of a training on this host, and what they are told.
#include "embedded.h"

#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "connection.h"
#include "job.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kAnswerMs = 10'000;
constexpr double kServersMs = 60'000;  // how long nothing may go forward
constexpr double kStopSeconds = 20;

constexpr const char *kFolderFile = "/servers/folder", *kRunFile = "/run";  // each names the other's place
constexpr const char *kAddressesFile = "/servers/addresses";                // for who looks on

std::string text_in(const std::string &path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// What a launcher that was killed left. The run knows its name, and it the run's.
void remove_folder(const std::string &run) {
  std::error_code ignored;
  const std::string folder = text_in(run + kFolderFile);
  if (!folder.empty() && text_in(folder + kRunFile) == run) fs::remove_all(folder, ignored);
  fs::remove(run + kFolderFile, ignored);
  fs::remove(run + kAddressesFile, ignored);
}

std::string private_folder() {
  const char *base = std::getenv("TMPDIR");
  std::string name = (fs::path(base != nullptr && *base != '\0' ? base : "/tmp") / "ngd-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
    throw Failure{name + ": no folder for the servers' sockets could be made"};
  return name;
}

}  // namespace

void add_cluster_options(CLI::App &app, ClusterCommand &options) {
  app.add_option("--workers", options.workers, "Train on servers, with so many worker processes on this host")
      ->type_name("W");
  app.add_option("--shards", options.shards, "Parts into which the model is cut (default 1)")->type_name("N");
  app.add_option("--replicas", options.replicas, "Servers that hold each part: all but one may die (default 1)")
      ->type_name("K");
  app.add_option("--server-processes", options.servers,
                 "Server processes on this host (default: as many as replicas)")
      ->type_name("M");
  app.add_option("--mode", options.mode,
                 "asynchronous: gradients count as they come (default); stale: no worker more than --bound "
                 "ahead; bulk: "
                 "one step a round of all workers")
      ->type_name("MODE");
  app.add_option("--bound", options.bound, "Of --mode stale: updates (default 4)")->type_name("N");
  app.add_option("--connect", options.connect, "Train on servers that run already, at these addresses")
      ->type_name("ADDRESSES");
  app.add_option("--model-name", options.model_name,
                 "Of --connect: what the model is called there (default training)")
      ->type_name("NAME");
  app.add_option("--client", options.client,
                 "Further options of clients, such as client:key=alice,server_key=s")
      ->type_name("SPEC");
  app.add_option("--lease", options.lease, "Seconds of silence after which a worker counts as dead (default 3)")
      ->type_name("SECONDS");
  app.add_option(
         "--fire-drill", options.fire_drill,
         "Kill a server that leads a shard (SIGKILL) at this share of the way, to see that training goes on")
      ->type_name("SHARE");
  app.add_option("--servers-checkpoint-every", options.checkpoint_every,
                 "Seconds between checkpoints of the servers, from which --resume goes on (default 30)")
      ->type_name("SECONDS");
}

EmbeddedCluster::EmbeddedCluster(const ClusterCommand &command, const std::string &run)
    : command_(command), run_(absolute(run)) {
  fs::create_directories(fs::path(run_) / "servers");
  setenv("OPENBLAS_NUM_THREADS", "1", 0);  // of the workers: processes share the processors
  if (!command.connect.empty()) {
    addresses_ = command.connect;
    return;
  }
  make_folder();
  for (uint64_t node = 1; node <= command.server_count(); node++) {
    const std::string address = fmt::format("ipc://{}/s{}", folder_, node);
    addresses_ += (addresses_.empty() ? "" : ",") + address;
    const std::string data = fmt::format("{}/servers/{}", run_, node);
    processes_.start(
        fmt::format("server {}", node),
        {"server", "--listen", address, "--node", std::to_string(node), "--coordinator",
         "local:" + run_ + "/servers/coordinator", "--data-dir", data, "--shards",
         std::to_string(command.shards), "--replicas", std::to_string(command.replicas), "--checkpoint-every",
         fmt::format("{}", command.checkpoint_every), "--stop-timeout", "15", "-o", "json"},
        fmt::format("{}/servers/server-{}.log", run_, node), true);
  }
  std::ofstream(run_ + kAddressesFile) << addresses_;
}

EmbeddedCluster::~EmbeddedCluster() {
  processes_.stop("", SIGKILL, 5);
  if (!folder_.empty()) remove_folder(run_);
}

// For sockets, whose paths must be short.
void EmbeddedCluster::make_folder() {
  remove_folder(run_);
  folder_ = private_folder();
  std::ofstream(folder_ + kRunFile) << run_;
  std::ofstream(run_ + kFolderFile) << folder_;
}

void EmbeddedCluster::remove_servers(const std::string &run) {
  std::error_code ignored;
  remove_folder(absolute(run));
  for (fs::directory_iterator entry(fs::path(run) / "servers", ignored), end; !ignored && entry != end;
       entry.increment(ignored)) {
    if (entry->is_directory(ignored)) fs::remove_all(entry->path(), ignored);
  }
}

std::string EmbeddedCluster::client_spec(const ClusterCommand &command, uint64_t rank) {
  const Client client =
      create<ngd_client>(ngd_client_create, command.client.empty() ? "client" : command.client);
  const auto set = [&](const char *name, const std::string &value) {
    call(ngd_client_set_text, client.get(), name, value.c_str());
  };
  set("model", command.model_name);
  set("consistency", command.mode);
  set("bound", std::to_string(command.bound));
  set("workers", std::to_string(std::max<uint64_t>(1, command.workers)));
  set("shards", std::to_string(command.shards));
  set("lease", fmt::format("{}", command.lease));
  set("worker", rank == 0 ? "0" : "1");
  set("rank", std::to_string(rank));
  return text_of(ngd_client_get_text, client.get(), "spec");
}

void EmbeddedCluster::check_new(const ClusterCommand &command) {
  if (command.connect.empty()) return;
  const auto connected = [&](const std::string &model) {
    Client client = create<ngd_client>(ngd_client_create, client_spec(command, 0));
    call(ngd_client_set_text, client.get(), "model", model.c_str());
    call(ngd_client_connect, client.get(), command.connect.c_str(), kAnswerMs);
    return client;
  };
  const Json models = places_of(connected("").get(), kAnswerMs)["models"];
  const auto named = [&](const Json &model) { return model["name"] == command.model_name; };
  if (std::none_of(models.begin(), models.end(), named)) return;
  if (value_of(connected(command.model_name).get(), "command", kAnswerMs).empty()) return;
  throw Failure{
      fmt::format(
          "the servers have begun to train a model \"{}\" already; take another --model-name, look on with "
          "ngd status --model {}, or go on from the run directory of that training: ngd train --resume RUN",
          command.model_name, command.model_name),
      kExitFailed, NGD_E_CONFLICT};
}

void EmbeddedCluster::connect(ngd_trainer *trainer) {
  client_ = create<ngd_client>(ngd_client_create, client_spec(command_, 0));
  call(ngd_trainer_connect, trainer, client_.get(), addresses_.c_str(), static_cast<int64_t>(kServersMs));
}

void EmbeddedCluster::start_workers() {
  takeovers_.emplace(client_spec(command_, 0), addresses_, command_.model_name);
  {
    // For workers of other hosts.
    const Client client = create<ngd_client>(ngd_client_create, client_spec(command_, 0));
    call(ngd_client_connect, client.get(), addresses_.c_str(), int64_t{10'000});
    const std::string text = text_in(run_ + "/command.json");
    call(ngd_client_set_value, client.get(), "command", text.data(), text.size(), ~uint64_t{0}, int64_t{10'000},
         nullptr);
  }
  for (uint64_t rank = 1; rank <= command_.workers; rank++)
    processes_.start(
        fmt::format("worker {}", rank),
        {"worker", run_, "--servers", addresses_, "--client", client_spec(command_, rank), "--progress", "off"},
        fmt::format("{}/servers/worker-{}.log", run_, rank), false);
}

void EmbeddedCluster::log(const Json &line) const {
  std::ofstream log(run_ + "/log.jsonl", std::ios::app);
  log << line.dump() + "\n";
}

void EmbeddedCluster::drill(const ngd_event &event) {
  if (command_.fire_drill <= 0 || !drilled_.empty() || event.steps == 0 || !command_.connect.empty()) return;
  if (static_cast<double>(event.step) < command_.fire_drill * static_cast<double>(event.steps)) return;
  const uint64_t leader = takeovers_ ? takeovers_->leader(0) : 0;
  // A drill shows that a death loses nothing, which needs the copies that were asked for.
  if (leader == 0 || !takeovers_->in_sync(std::min<size_t>(command_.replicas, command_.server_count()))) return;
  drilled_ = fmt::format("server {}", leader);
  processes_.kill_one(drilled_);
}

std::vector<std::string> EmbeddedCluster::news(const ngd_event &event) {
  std::vector<std::string> lines;
  const auto now = std::chrono::steady_clock::now();
  const auto seconds_at = [&](std::chrono::steady_clock::time_point when) {
    return std::max(0.0, event.seconds - std::chrono::duration<double>(now - when).count());
  };
  if (event.steps > 0)
    done_ =
        static_cast<double>(event.step) / static_cast<double>(event.steps) * static_cast<double>(event.epochs);
  if (event.rows > rows_) processes_.went_forward();
  rows_ = event.rows;
  drill(event);
  for (const ProcessEvent &one : processes_.events()) {
    const bool good = one.what == "started" || one.what == "ended with exit code 0";
    log({{"event", "process"},
         {"process", one.name},
         {"what", one.what},
         {"pid", one.pid},
         {"epochs_done", done_},
         {"seconds", seconds_at(one.when)}});
    if (!good) {
      death_ = one.when;
      lines.push_back(
          fmt::format("{} {}{}", one.name, one.what, one.name == drilled_ ? " (the fire drill)" : ""));
    }
  }
  if (takeovers_) {
    for (const PlaceEvent &one : takeovers_->events()) {
      log({{"event", one.takeover ? "takeover" : "in_sync"},
           {"shard", one.shard},
           {"leader", one.leader},
           {"epoch_of_leader", one.epoch},
           {"in_sync", one.in_sync},
           {"epochs_done", done_},
           {"seconds", seconds_at(one.when)}});
      const double after = std::chrono::duration<double>(one.when - death_).count();
      const bool told = death_ != std::chrono::steady_clock::time_point{};
      if (one.takeover)
        lines.push_back(fmt::format("server {} leads shard {} from now on{}", one.leader, one.shard,
                                    told ? fmt::format(", {:.1f} s after the death", after) : ""));
      else if (told && one.in_sync.size() == command_.replicas)
        lines.push_back(fmt::format("shard {} is on {} servers again, {:.1f} s after the death", one.shard,
                                    one.in_sync.size(), after));
    }
  }
  const std::vector<std::string> lost = processes_.given_up();
  if (lost.empty()) return lines;
  std::string file = lost.front();
  std::replace(file.begin(), file.end(), ' ', '-');
  throw Failure{fmt::format("{} ended again and again; {}/servers/{}.log says why", lost.front(), run_, file)};
}

// The account of the partitions is part of the updates, and goes with them from worker to worker.
std::string EmbeddedCluster::account() try {
  const Client client = create<ngd_client>(ngd_client_create, client_spec(command_, 0));
  call(ngd_client_connect, client.get(), addresses_.c_str(), int64_t{10'000});
  auto info = sized<ngd_client_info>();
  call(ngd_client_get_info, client.get(), int64_t{10'000}, &info);
  // It is there; on a machine that is overloaded the answer takes its time.
  const Json told =
      Json::parse(present_value_of(client.get(), "training.progress", int64_t{10'000}), nullptr, false);
  uint64_t acknowledged = 0;
  for (const Json &one : told.is_object() ? told.value("partitions", Json::array()) : Json::array()) {
    acknowledged += one.value("updates", uint64_t{0});
  }
  const uint64_t made = info.version - 1, takeovers = takeovers_ ? takeovers_->count() : 0;
  log({{"event", "updates"},
       {"acknowledged", acknowledged},
       {"applied", made},
       {"version", info.version},
       {"lineage", info.lineage},
       {"takeovers", takeovers}});
  if (info.lineage > 1)
    return fmt::format(
        "updates    {} count; the model went back to a checkpoint {} time{}, and to the samples of then",
        acknowledged, info.lineage - 1, info.lineage == 2 ? "" : "s");
  // A round adds one of each worker.
  return fmt::format("updates    {} acknowledged, {} {} (version {}), takeovers {}", acknowledged, made,
                     command_.mode == "bulk" ? "rounds" : "applied", info.version, takeovers);
} catch (const Failure &failure) {
  // The training has ended well; only the servers cannot be asked any more.
  return fmt::format("updates    the servers did not tell how many they have made: {}", failure.message);
}

void EmbeddedCluster::end(bool finished) {
  takeovers_.reset();
  if (finished) {
    // Workers find out by themselves.
    processes_.stop("worker", 0, 5);
    processes_.stop("", SIGKILL, 5);
    if (command_.connect.empty()) remove_servers(run_);
    return;
  }
  processes_.stop("worker", SIGTERM, 5);
  processes_.stop("server", SIGTERM, kStopSeconds);
}

}  // namespace cli
