// ngd status: numbers of a model on its servers and of a training, once or every second, for people or for Prometheus.
#include <fmt/core.h>

#include <chrono>
#include <cmath>
#include <memory>
#include <thread>

#include "connection.h"
#include "verbs.h"

namespace cli {
namespace {

struct Arguments {
  ConnectionOptions connection;
  bool watch = false, prometheus = false;
  double every = 1;
  uint64_t count = 0;
  Style style = Style::table;
};

struct Picture {
  ngd_client_info info;
  Json shards = Json::array(), servers = Json::array();
  Json training;  // null: there is none
  Json settings;  // null: nobody has changed any

  uint64_t takeovers() const {
    uint64_t count = 0;
    for (const Json &shard : shards) count += shard["epoch"].get<uint64_t>() - 1;
    return count;
  }
  // Copies that are there, of those that are to be.
  uint64_t copies(const char *which) const {
    uint64_t count = 0;
    for (const Json &shard : shards) count += shard[which].size();
    return count;
  }
};

// The last line of the value: "1234 learning_rate=0.01,weight_decay=0.1".
Json newest_settings(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  text.erase(0, text.rfind('\n') + 1);
  const size_t blank = text.find(' ');
  if (blank == std::string::npos) return {};
  return {{"from_version", std::stoull(text.substr(0, blank))}, {"settings", text.substr(blank + 1)}};
}

Picture picture_of(ngd_client *client, const ConnectionOptions &options) {
  Picture picture;
  picture.info = sized<ngd_client_info>();
  call(ngd_client_get_info, client, options.timeout_ms(), &picture.info);
  const Json places = places_of(client, options.timeout_ms());
  picture.servers = places["servers"];
  for (const Json &model : places["models"]) {
    if (model["name"] == options.model) picture.shards = model["shards"];
  }
  const Json training =
      Json::parse(value_of(client, "training.progress", options.timeout_ms()), nullptr, false);
  if (training.is_object()) picture.training = training;
  picture.settings = newest_settings(value_of(client, "optimizer.changes", options.timeout_ms()));
  return picture;
}

// Text exposition format 0.0.4: one gauge after another.
class Metrics {
 public:
  explicit Metrics(const std::string &model) : model_(model) {}
  void begin(const char *name, const char *help) {
    name_ = name;
    fmt::print("# HELP {} {}\n# TYPE {} gauge\n", name, help, name);
  }
  void add(const std::string &labels, const Json &value) const {
    fmt::print("{}{{model=\"{}\"{}}} {}\n", name_, model_, labels, value.is_number() ? value.dump() : "NaN");
  }
  void one(const char *name, const char *help, const Json &value) {
    begin(name, help);
    add("", value);
  }

 private:
  std::string model_, name_;
};

void print_prometheus(const Picture &picture, const std::string &model) {
  const ngd_client_info &info = picture.info;
  Metrics metrics(model);
  metrics.one("ngd_model_version", "Newest version of the model: updates that were made, and one.",
              info.version);
  metrics.one("ngd_model_lineage", "How often the model went back to a checkpoint, and one.", info.lineage);
  metrics.one("ngd_model_clients", "Clients that are connected.", info.sessions - 1);
  metrics.one("ngd_model_workers", "Workers among them.", info.workers);
  metrics.one("ngd_model_parameters", "Elements of all tensors.", info.elements);
  const auto by_shard = [&](const char *name, const char *help, auto value) {
    metrics.begin(name, help);
    for (const Json &shard : picture.shards)
      metrics.add(fmt::format(",shard=\"{}\"", shard["shard"].dump()), value(shard));
  };
  by_shard("ngd_shard_takeovers", "How often another server came to lead the shard.",
           [](const Json &shard) { return Json(shard["epoch"].get<uint64_t>() - 1); });
  by_shard("ngd_shard_leader", "Number of the server that leads it.",
           [](const Json &shard) { return shard["leader"]; });
  by_shard("ngd_shard_in_sync", "Servers that have all of it.",
           [](const Json &shard) { return Json(shard["in_sync"].size()); });
  by_shard("ngd_shard_wanted", "Servers that are to have it.",
           [](const Json &shard) { return Json(shard["wanted"].size()); });
  metrics.begin("ngd_server_alive", "Whether the server is there, as far as the coordinator knows.");
  for (const Json &server : picture.servers)
    metrics.add(fmt::format(",server=\"{}\"", server["node"].dump()), server["alive"].get<bool>() ? 1 : 0);
  if (picture.training.is_null()) return;
  metrics.one("ngd_training_rows", "Samples that were trained on.", picture.training["rows"]);
  metrics.one("ngd_training_rows_wanted", "Samples of the whole training.", picture.training["all_rows"]);
  const auto by_partition = [&](const char *name, const char *help, const char *key) {
    metrics.begin(name, help);
    for (const Json &one : picture.training["partitions"])
      metrics.add(fmt::format(",partition=\"{}\",worker=\"{}\"", one["partition"].dump(), one["worker"].dump()),
                  one[key]);
  };
  by_partition("ngd_partition_steps", "Steps on the partition.", "steps");
  by_partition("ngd_worker_rows_per_second", "Samples a second of the worker that has the partition.",
               "rows_per_second");
  by_partition("ngd_worker_staleness",
               "Versions that others made between a worker's read and its update, on average.", "staleness");
  by_partition("ngd_worker_bytes_out", "Bytes of gradients that a step sends, on average.", "bytes_out");
  by_partition("ngd_worker_bytes_in", "Bytes of parameters that a step reads, on average.", "bytes_in");
}

void print_workers(const Json &training) {
  Table workers({{"partition", "partition"},
                 {"worker", "worker"},
                 {"steps", "steps"},
                 {"rows_per_second", "samples/s"},
                 {"staleness", "staleness"},
                 {"bytes_out", "bytes out/step"},
                 {"bytes_in", "bytes in/step"}});
  for (const Json &one : training["partitions"])
    workers.add({integer_cell(one["partition"].get<uint64_t>()), integer_cell(one["worker"].get<uint64_t>()),
                 integer_cell(one["steps"].get<uint64_t>()),
                 number_cell(one["rows_per_second"].get<double>(), 0),
                 number_cell(one["staleness"].get<double>(), 1), number_cell(one["bytes_out"].get<double>(), 0),
                 number_cell(one["bytes_in"].get<double>(), 0)});
  fmt::print("\n");
  workers.print(Style::table);
}

void print_rest(const Picture &picture) {
  if (!picture.settings.is_null())
    fmt::print("\nsettings   {} from version {} on\n", picture.settings["settings"].get<std::string>(),
               picture.settings["from_version"].get<uint64_t>());
  if (!picture.training.is_null()) print_workers(picture.training);
}

int tell(Arguments &arguments) {
  const Client client = connect(arguments.connection);
  Table table({{"version", "version"},
               {"versions_per_second", "versions/s"},
               {"clients", "clients"},
               {"workers", "workers"},
               {"shards", "shards"},
               {"in_sync", "in sync"},
               {"takeovers", "takeovers"},
               {"parameters", "parameters"},
               {"lineage", "lineage"}});
  uint64_t before = 0;
  auto then = std::chrono::steady_clock::now();
  for (uint64_t round = 0;; round++) {
    const Picture picture = picture_of(client.get(), arguments.connection);
    const ngd_client_info &info = picture.info;
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - then).count();
    const double rate = round == 0 ? std::nan("") : static_cast<double>(info.version - before) / seconds;
    // This program is one of the clients.
    const std::vector<Cell> row = {
        integer_cell(info.version),
        number_cell(rate, 0),
        integer_cell(info.sessions - 1),
        integer_cell(info.workers),
        integer_cell(info.shards),
        text_cell(fmt::format("{}/{}", picture.copies("in_sync"), picture.copies("wanted"))),
        integer_cell(picture.takeovers()),
        integer_cell(info.elements),
        integer_cell(info.lineage)};
    if (arguments.prometheus) {
      print_prometheus(picture, arguments.connection.model);
    } else if (arguments.style == Style::json) {
      Json object = table.object(row);
      object["places"] = picture.shards;
      object["training"] = picture.training;
      object["settings"] = picture.settings;
      print_json(object);
    } else {
      table.add(row);
      table.print(arguments.style);
      if (!arguments.watch && arguments.style == Style::table) print_rest(picture);
    }
    std::fflush(stdout);
    if (!arguments.watch || round + 1 == arguments.count) return 0;
    before = info.version;
    then = now;
    std::this_thread::sleep_for(std::chrono::duration<double>(arguments.every));
  }
}

}  // namespace

Verb status_verb(CLI::App &program) {
  CLI::App *app =
      program.add_subcommand("status", "Tell the version of a model on its servers, and who works on it");
  const auto arguments = std::make_shared<Arguments>();
  add_connection_options(*app, arguments->connection);
  app->add_flag("--watch", arguments->watch, "Go on telling");
  app->add_option("--every", arguments->every, "With --watch: seconds between lines (default 1)")
      ->type_name("SECONDS");
  app->add_option("--count", arguments->count, "With --watch: end after so many lines")->type_name("N");
  app->add_flag("--prometheus", arguments->prometheus, "In Prometheus' text format, for a textfile collector");
  add_output_option(*app, arguments->style);
  app->footer(
      "Examples:\n  ngd status --servers tcp://10.0.0.1:7070 --model mnist --watch\n"
      "  ngd status --model mnist --prometheus > /var/lib/prometheus/node-exporter/ngd.prom");
  return {app, "ngd status [--servers ADDRESSES] [--model NAME] [--watch]; see ngd status --help",
          [arguments] { return tell(*arguments); }};
}

}  // namespace cli
