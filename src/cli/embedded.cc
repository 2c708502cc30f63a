// The processes of a training on this host, and what they are told.
#include "embedded.h"

#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "job.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

constexpr double kServersMs = 60'000;  // how long nothing may go forward
constexpr double kStopSeconds = 20;

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
  folder_ = private_folder();
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
}

EmbeddedCluster::~EmbeddedCluster() {
  processes_.stop("", SIGKILL, 5);
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

std::string EmbeddedCluster::client_spec(uint64_t rank) const {
  const Client client =
      create<ngd_client>(ngd_client_create, command_.client.empty() ? "client" : command_.client);
  const auto set = [&](const char *name, const std::string &value) {
    call(ngd_client_set_text, client.get(), name, value.c_str());
  };
  set("model", command_.model_name);
  set("consistency", command_.mode);
  set("bound", std::to_string(command_.bound));
  set("workers", std::to_string(std::max<uint64_t>(1, command_.workers)));
  set("shards", std::to_string(command_.shards));
  set("lease", fmt::format("{}", command_.lease));
  set("worker", rank == 0 ? "0" : "1");
  set("rank", std::to_string(rank));
  return text_of(ngd_client_get_text, client.get(), "spec");
}

void EmbeddedCluster::connect(ngd_trainer *trainer) {
  client_ = create<ngd_client>(ngd_client_create, client_spec(0));
  call(ngd_trainer_connect, trainer, client_.get(), addresses_.c_str(), static_cast<int64_t>(kServersMs));
}

void EmbeddedCluster::start_workers() {
  for (uint64_t rank = 1; rank <= command_.workers; rank++)
    processes_.start(
        fmt::format("worker {}", rank),
        {"worker", run_, "--servers", addresses_, "--client", client_spec(rank), "--progress", "off"},
        fmt::format("{}/servers/worker-{}.log", run_, rank), false);
}

std::vector<std::string> EmbeddedCluster::news(double seconds, uint64_t epoch) {
  std::vector<std::string> lines;
  const auto now = std::chrono::steady_clock::now();
  for (const ProcessEvent &event : processes_.events()) {
    const double at = seconds - std::chrono::duration<double>(now - event.when).count();
    std::ofstream log(run_ + "/log.jsonl", std::ios::app);
    log << Json{{"event", "process"}, {"process", event.name}, {"what", event.what},
                {"pid", event.pid},   {"epoch", epoch},        {"seconds", std::max(0.0, at)}}
                   .dump() +
               "\n";
    if (event.what != "started" && event.what != "ended with exit code 0")
      lines.push_back(fmt::format("{} {}", event.name, event.what));
  }
  const std::vector<std::string> lost = processes_.given_up();
  if (lost.empty()) return lines;
  std::string file = lost.front();
  std::replace(file.begin(), file.end(), ' ', '-');
  throw Failure{fmt::format("{} ended again and again; {}/servers/{}.log says why", lost.front(), run_, file)};
}

void EmbeddedCluster::end(bool finished) {
  if (finished) {
    // Workers find out by themselves.
    processes_.stop("worker", 0, 5);
    processes_.stop("", SIGKILL, 5);
    std::error_code ignored;
    if (command_.connect.empty()) {
      for (uint64_t node = 1; node <= command_.server_count(); node++)
        fs::remove_all(fmt::format("{}/servers/{}", run_, node), ignored);
      fs::remove_all(run_ + "/servers/coordinator", ignored);
    }
    return;
  }
  processes_.stop("worker", SIGTERM, 5);
  processes_.stop("server", SIGTERM, kStopSeconds);
}

}  // namespace cli
