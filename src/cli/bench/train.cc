// ngd bench train: the same model and data on one machine and through servers of this host, in turns.
#include "bench/train.h"

#include <fmt/core.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <random>

#include "allocator.h"
#include "bench/bench.h"
#include "bench/clock.h"
#include "bench/cluster_peers.h"
#include "handle.h"
#include "source.h"

namespace cli {
namespace {

constexpr size_t kBatch = 64;

// A model, its optimizer, and the ratio of times that is wanted in mode asynchronous.
struct Kind {
  const char *name, *model, *optimizer;
  double goal;
};
constexpr Kind kKinds[] = {
    {"text", "text:dimension=50,word_ngrams=2", "ngd:learning_rate=0.01", 1.3},
    {"perceptron", "mlp:hidden=1600x800", "ngd:learning_rate=0.001", 1.5},
};

const Kind &kind_named(const std::string &name) {
  for (const Kind &kind : kKinds) {
    if (name == kind.name) return kind;
  }
  throw Failure{fmt::format("--models cannot be \"{}\"; it takes text and perceptron", name), kExitUsage};
}

// Short texts of words that are as rare as those of a language: word k with a probability of about 1 / k.
Dataset made_up_texts() {
  constexpr int kTexts = 40'000, kClasses = 58, kWords = 8;
  constexpr double kVocabulary = 40'000;
  Dataset texts = create<ngd_dataset>(ngd_dataset_create, "text");
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform(0, 1);
  for (int i = 0; i < kTexts; i++) {
    const int label = static_cast<int>(random() % kClasses);
    std::string text;
    for (int word = 0; word < kWords; word++) {
      const auto rank = static_cast<uint64_t>(std::pow(kVocabulary, uniform(random)));
      // Some words tell of the class.
      text += word == 0 ? fmt::format("c{}w{} ", label, rank % 50) : fmt::format("w{} ", rank);
    }
    call(ngd_dataset_append_text, texts.get(), text.c_str(), fmt::format("class{}", label).c_str());
  }
  return texts;
}

Dataset made_up_images() {
  constexpr size_t kRows = 4096, kColumns = 784;
  Dataset images = create<ngd_dataset>(ngd_dataset_create, "dense:label_type=category");
  std::mt19937_64 random(1);
  std::uniform_real_distribution<float> uniform(0, 1);
  std::vector<float> features(kRows * kColumns), labels(kRows);
  for (float &one : features) one = uniform(random);
  for (float &one : labels) one = static_cast<float>(random() % 10);
  call(ngd_dataset_append_f32, images.get(), static_cast<const float *>(features.data()),
       static_cast<const float *>(labels.data()), kRows, kColumns);
  return images;
}

// The number behind `"key":` in a status: of all its places.
double sum_in(const std::string &status, const std::string &key) {
  double sum = 0;
  const std::string mark = "\"" + key + "\":";
  for (size_t at = 0; (at = status.find(mark, at)) != std::string::npos; at += mark.size())
    sum += std::strtod(status.c_str() + at + mark.size(), nullptr);
  return sum;
}

using Servers = std::vector<std::unique_ptr<Served>>;

// Before this process has threads.
Servers serve(const std::string &folder, const TrainBench &bench) {
  Servers servers;
  for (size_t node = 1; node <= bench.replicas; node++) {
    servers.push_back(std::make_unique<Served>([&](int ready) {
      serve_and_tell(
          fmt::format("server:node={},shards={},replicas={},coordinator=\"local:{}/c\",listen=\"ipc://{}/s{}\"",
                      node, bench.shards, bench.replicas, folder, folder, node),
          ready);
    }));
  }
  return servers;
}

// A run that is advanced turn by turn.
class Training {
 public:
  Training(const Kind &kind, const ngd_dataset *data, const std::string &options)
      : model_(create<ngd_model>(ngd_model_create, kind.model)),
        optimizer_(create<ngd_optimizer>(ngd_optimizer_create, kind.optimizer)),
        trainer_(create<ngd_trainer>(ngd_trainer_create,
                                     fmt::format("trainer:epochs=1000000,batch_size={},checkpoint_epochs=0{}{}",
                                                 kBatch, options.empty() ? "" : ",", options))),
        data_(data) {}
  void connect(const std::string &client, const std::string &addresses) {
    client_ = create<ngd_client>(ngd_client_create, client);
    call(ngd_trainer_connect, trainer_.get(), client_.get(), addresses.c_str(), kPatience);
  }
  void start() {
    call(ngd_trainer_start, trainer_.get(), model_.get(), optimizer_.get(), data_,
         static_cast<const ngd_dataset *>(nullptr));
  }
  void advance(uint64_t steps) {
    int32_t running = 0;
    call(ngd_trainer_advance, trainer_.get(), steps, &running);
  }

 private:
  Client client_;
  Model model_;
  Optimizer optimizer_;
  Trainer trainer_;
  const ngd_dataset *data_;
};

// Of one step, one value a turn.
struct Cost {
  Times wall;
  std::vector<double> own, servers;  // processor seconds of this process, and of the servers
};

void take_turn(Training &training, const Servers &servers, uint64_t steps, Cost &cost) {
  const auto cpu_of_servers = [&] {
    double all = 0;
    for (const auto &one : servers) all += one->cpu_seconds();
    return all;
  };
  const double own = own_cpu_seconds(), other = cpu_of_servers();
  const auto begin = std::chrono::steady_clock::now();
  training.advance(steps);
  const auto count = static_cast<double>(steps);
  cost.wall.seconds.push_back(seconds_since(begin) / count);
  cost.own.push_back((own_cpu_seconds() - own) / count);
  cost.servers.push_back((cpu_of_servers() - other) / count);
}

// So many steps as take the time of a turn.
uint64_t steps_of_turn(Training &training, double seconds) {
  uint64_t steps = 4;
  training.advance(steps);  // connects, gives the model its first values, fills caches
  for (;;) {
    const auto begin = std::chrono::steady_clock::now();
    training.advance(steps);
    const double took = seconds_since(begin);
    if (took >= seconds / 4 || steps >= 1'000'000)
      return std::max<uint64_t>(1, static_cast<uint64_t>(static_cast<double>(steps) * seconds / took));
    steps *= 4;
  }
}

std::string status_of(const Servers &servers) {
  std::string all;
  for (const auto &one : servers) all += one->status();
  return all;
}

Table result_table() {
  return Table({{"model", "model", false},
                {"mode", "mode", false},
                {"seconds_alone", "us/step alone"},
                {"seconds", "us/step served"},
                {"ratio", "ratio"},
                {"goal", "goal"},
                {"cpu_alone", "CPU us alone"},
                {"cpu_worker", "worker"},
                {"cpu_servers", "servers"},
                {"bytes_out", "KB/step out"},
                {"bytes_in", "in"}});
}

void measure(const TrainBench &bench, const Kind &kind, const std::string &mode, const Servers &servers,
             const ngd_dataset *data, Table &table) {
  Training alone(kind, data, ""), served(kind, data, bench.trainer);
  std::string addresses;
  for (const auto &one : servers) addresses += (addresses.empty() ? "" : ",") + one->address();
  served.connect(fmt::format("client:model={}-{},consistency={},workers=1,rank=1", kind.name, mode, mode),
                 addresses);
  alone.start();
  served.start();
  // Turns are as long for one as for the other.
  const uint64_t steps_alone = steps_of_turn(alone, bench.seconds),
                 steps_served = steps_of_turn(served, bench.seconds);
  Cost without, with;
  const std::string before = status_of(servers);
  for (size_t round = 0; round < bench.rounds; round++) {
    take_turn(alone, servers, steps_alone, without);
    take_turn(served, servers, steps_served, with);
  }
  const std::string after = status_of(servers);
  const double updates = static_cast<double>(steps_served * bench.rounds);
  const auto grown = [&](const char *key) { return (sum_in(after, key) - sum_in(before, key)) / updates; };
  const auto microseconds = [](double seconds) { return Cell{seconds, fmt::format("{:.0f}", seconds * 1e6)}; };
  const auto kilobytes = [](double bytes) { return Cell{bytes, fmt::format("{:.1f}", bytes / 1e3)}; };
  table.add({text_cell(kind.name), text_cell(mode), microseconds(without.wall.median()),
             microseconds(with.wall.median()), number_cell(ratio_of(with.wall, without.wall), 2),
             number_cell(mode == "asynchronous" ? kind.goal : std::nan(""), 1),
             microseconds(median_of(without.own)), microseconds(median_of(with.own)),
             microseconds(median_of(with.servers)), kilobytes(grown("bytes_received")),
             kilobytes(grown("bytes_sent"))});
}

}  // namespace

int bench_train(const TrainBench &bench) {
  std::string folder = (std::filesystem::temp_directory_path() / "ngd-bench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) throw Failure{"no directory for the benchmark's sockets"};
  const std::shared_ptr<void> cleanup(nullptr, [&](void *) { std::filesystem::remove_all(folder); });
  const Servers servers = serve(folder, bench);
  keep_freed_memory();  // as a worker
  Table table = result_table();
  BenchProgress progress(static_cast<double>(bench.models.size() * bench.modes.size()));
  for (const std::string &name : bench.models) {
    const Kind &kind = kind_named(name);
    const bool text = name == "text";
    const Dataset data = !text                ? made_up_images()
                         : bench.data.empty() ? made_up_texts()
                                              : load({{bench.data}, "text", ""});
    for (const std::string &mode : bench.modes) {
      progress.begin(fmt::format("{} {}", name, mode));
      measure(bench, kind, mode, servers, data.get(), table);
      progress.end(1);
      progress.clear();
      if (bench.style != Style::json) table.print(bench.style);
    }
  }
  if (bench.style == Style::json)
    print_json({{"benchmark", "train"},
                {"processor", processor_name()},
                {"rounds", bench.rounds},
                {"replicas", bench.replicas},
                {"shards", bench.shards},
                {"results", table.json()}});
  return 0;
}

Verb train_bench(CLI::App &bench) {
  CLI::App *app =
      bench.add_subcommand("train", "Training on servers: a step beside the same step on one machine");
  const auto arguments = std::make_shared<TrainBench>();
  app->add_option("--models", arguments->models, "text, perceptron, or both (default both)")
      ->delimiter(',')
      ->type_name("NAMES");
  app->add_option("--modes", arguments->modes,
                  "asynchronous, stale, bulk, or several (default asynchronous,bulk)")
      ->delimiter(',')
      ->type_name("MODES");
  app->add_option("--data", arguments->data, "Labelled text for the text model (default: made up)")
      ->type_name("FILE");
  app->add_option("--trainer", arguments->trainer,
                  "Further options of the worker's trainer, such as prefetch=0")
      ->type_name("OPTIONS");
  app->add_option("--shards", arguments->shards, "Parts into which the model is cut (default 1)")
      ->type_name("N");
  app->add_option("--replicas", arguments->replicas, "Servers, all of which hold each part (default 1)")
      ->type_name("K");
  app->add_option("--rounds", arguments->rounds, "Rounds of which the median counts (default 5)")
      ->type_name("N");
  app->add_option("--seconds", arguments->seconds, "Time of each turn (default 1)")->type_name("SECONDS");
  add_output_option(*app, arguments->style);
  app->footer("Example:\n  ngd bench train --models text --modes asynchronous");
  const auto run = [arguments] {
    for (const std::string &name : arguments->models) kind_named(name);
    for (const std::string &mode : arguments->modes) {
      if (mode != "asynchronous" && mode != "stale" && mode != "bulk")
        throw Failure{fmt::format("--modes cannot be \"{}\"; it takes asynchronous, stale and bulk", mode),
                      kExitUsage};
    }
    if (arguments->rounds < 1 || arguments->shards < 1 || arguments->replicas < 1 || arguments->replicas > 16 ||
        !(arguments->seconds > 0))
      throw Failure{"--rounds and --shards are at least 1, --replicas 1 to 16, --seconds above 0", kExitUsage};
    return bench_train(*arguments);
  };
  return {app, "ngd bench train [options]; see ngd bench train --help", run};
}

}  // namespace cli
