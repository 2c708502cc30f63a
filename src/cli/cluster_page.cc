// Gathers what the page of a cluster shows, and serves it.
#include "cluster_page.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "end_signal.h"
#include "handle.h"
#ifdef NGD_HTTP
#include <httplib.h>
#endif

namespace cli {
namespace {

constexpr size_t kHistory = 1200, kEvents = 200;
constexpr double kSpan = 300;  // seconds of history

std::string numbers(const Json &list) {
  std::string out;
  for (const Json &one : list) out += fmt::format("{}{}", out.empty() ? "" : ", ", one.get<uint64_t>());
  return out.empty() ? "nobody" : out;
}

// A label's value, as Prometheus reads it.
std::string label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

}  // namespace

// --- what is seen ---------------------------------------------------------------------------------------------------

void ClusterWatch::note(double time, const char *kind, std::string text) {
  events_.push_back({{"time", time}, {"kind", kind}, {"text", std::move(text)}});
  if (events_.size() > kEvents) events_.pop_front();
}

// Tells what is different from the last look.
void ClusterWatch::compare(double time, const Json &places) {
  for (const Json &server : places["servers"]) {
    const auto node = server["node"].get<uint64_t>();
    const bool alive = server["alive"].get<bool>();
    const auto known = alive_.find(node);
    if (known == alive_.end() ? time_ != 0 || !alive : known->second != alive)
      note(time, alive ? "server" : "away", fmt::format("server {} {}", node, alive ? "is there" : "is away"));
    alive_[node] = alive;
  }
  for (const Json &model : places["models"]) {
    const auto name = model["name"].get<std::string>();
    for (const Json &shard : model["shards"]) {
      const auto index = shard["shard"].get<uint64_t>();
      const auto [place, fresh] = shards_.try_emplace({name, index});
      Shard &known = place->second;
      const Shard now{shard["epoch"].get<uint64_t>(), shard["leader"].get<uint64_t>(), shard["in_sync"]};
      const std::string which = fmt::format("shard {} of {}", index, name);
      if (!fresh && known.epoch != 0 && now.leader != known.leader) {
        takeovers_++;
        note(time, "takeover",
             fmt::format("{}: server {} leads in place of {} (epoch {})", which, now.leader, known.leader,
                         now.epoch));
      }
      if (!fresh && now.in_sync != known.in_sync)
        note(time, "sync", fmt::format("{}: in sync are {}", which, numbers(now.in_sync)));
      known = now;
    }
  }
}

void ClusterWatch::seen(double time, const Json &places, uint64_t version, uint64_t lineage, uint64_t clients,
                        uint64_t workers) {
  const std::lock_guard lock(mutex_);
  if (time_ != 0 && lineage == lineage_ && version >= version_ && time > time_) {
    const double rate = static_cast<double>(version - version_) / (time - time_);
    history_.emplace_back(time, rate);
  }
  while (!history_.empty() && (history_.size() > kHistory || history_.front().first < time - kSpan))
    history_.pop_front();
  if (lineage_ != 0 && lineage != lineage_)
    note(time, "away",
         fmt::format("the model went back to a checkpoint: lineage {}, version {}", lineage, version));
  compare(time, places);
  time_ = time;
  places_ = places;
  version_ = version;
  lineage_ = lineage;
  clients_ = clients;
  workers_ = workers;
  trouble_.clear();
}

void ClusterWatch::failed(const std::string &trouble) {
  const std::lock_guard lock(mutex_);
  trouble_ = trouble;
  failures_++;
}

std::string ClusterWatch::state() const {
  const std::lock_guard lock(mutex_);
  Json state = {{"time", time_},           {"model", model_},          {"version", version_},
                {"lineage", lineage_},     {"clients", clients_},      {"workers", workers_},
                {"takeovers", takeovers_}, {"trouble", trouble_},      {"servers", Json::array()},
                {"models", Json::array()}, {"history", Json::array()}, {"events", events_}};
  if (places_.contains("servers")) {
    state["servers"] = places_["servers"];
    state["models"] = places_["models"];
  }
  for (const auto &[time, rate] : history_) state["history"].push_back({{"time", time}, {"rate", rate}});
  return state.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string ClusterWatch::metrics() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  const auto family = [&](const char *name, const char *kind, const char *help) {
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, kind);
  };
  const std::string model = label(model_);
  const auto one = [&](const char *name, const char *kind, const char *help, uint64_t value) {
    family(name, kind, help);
    out += fmt::format("{}{{model=\"{}\"}} {}\n", name, model, value);
  };
  one("ngd_model_version", "gauge", "Version of the model.", version_);
  one("ngd_model_lineage", "gauge", "Grows when the model goes back to a checkpoint.", lineage_);
  one("ngd_model_clients", "gauge", "Clients with a session.", clients_);
  one("ngd_model_workers", "gauge", "Those among them that are workers.", workers_);
  one("ngd_takeovers_total", "counter",
      "Changes of a shard's leader since this program watches, planned ones too.", takeovers_);
  one("ngd_watch_failures_total", "counter", "Looks at the cluster that came to nothing.", failures_);
  if (!places_.contains("servers")) return out;
  family("ngd_server_alive", "gauge", "Whether the coordinator has heard of the server of late.");
  for (const Json &server : places_["servers"])
    out += fmt::format("ngd_server_alive{{server=\"{}\",zone=\"{}\"}} {}\n", server["node"].get<uint64_t>(),
                       label(server["zone"].get<std::string>()), server["alive"].get<bool>() ? 1 : 0);
  const auto of_shards = [&](const char *name, const char *help, const auto &value) {
    family(name, "gauge", help);
    for (const Json &each : places_["models"]) {
      for (const Json &shard : each["shards"])
        out += fmt::format("{}{{model=\"{}\",shard=\"{}\"}} {}\n", name, label(each["name"].get<std::string>()),
                           shard["shard"].get<uint64_t>(), value(shard));
    }
  };
  of_shards("ngd_shard_epoch", "Time of the shard's leader; grows with each takeover.",
            [](const Json &shard) { return shard["epoch"].get<uint64_t>(); });
  of_shards("ngd_shard_leader", "Server that leads the shard.",
            [](const Json &shard) { return shard["leader"].get<uint64_t>(); });
  of_shards("ngd_shard_in_sync", "Servers that have all that was answered.",
            [](const Json &shard) { return shard["in_sync"].size(); });
  of_shards("ngd_shard_wanted", "Servers that are to have the shard.",
            [](const Json &shard) { return shard["wanted"].size(); });
  return out;
}

// --- serving it -----------------------------------------------------------------------------------------------------

#ifdef NGD_HTTP

int serve_cluster_page(const std::string &address, ClusterWatch &watch, const std::function<void()> &look) {
  const size_t colon = address.rfind(':');
  int port = -1;
  try {
    if (colon != std::string::npos) port = std::stoi(address.substr(colon + 1));
  } catch (const std::exception &) {
  }
  if (port < 0 || port > 65535)
    throw Failure{fmt::format("--page cannot be \"{}\"; it takes host:port, as in 127.0.0.1:7080", address),
                  kExitUsage};
  const std::string host = address.substr(0, colon);
  EndSignal end;
  httplib::Server server;
  server.set_payload_max_length(1024);
  server.Get("/", [](const httplib::Request &, httplib::Response &response) {
    response.set_content(kClusterPage, "text/html; charset=utf-8");
  });
  server.Get("/state", [&](const httplib::Request &, httplib::Response &response) {
    response.set_content(watch.state(), "application/json");
  });
  server.Get("/metrics", [&](const httplib::Request &, httplib::Response &response) {
    response.set_content(watch.metrics(), "text/plain; version=0.0.4");
  });
  const int bound = port == 0 ? server.bind_to_any_port(host) : server.bind_to_port(host, port) ? port : -1;
  if (bound < 0)
    throw Failure{
        fmt::format("cannot listen on {}: another program may have the port; give --page another", address)};
  std::thread listening([&] { server.listen_after_bind(); });
  fmt::print("page\thttp://{}:{}/\n", host, bound);
  std::fflush(stdout);
  do look();
  while (!end.wait(500));
  server.stop();
  listening.join();
  return 0;
}

#else

int serve_cluster_page(const std::string &, ClusterWatch &, const std::function<void()> &) {
  throw Failure{"this program was built without cpp-httplib (libcpp-httplib-dev), which serves the page"};
}

#endif

}  // namespace cli
